"""Tickets for the bench: texts as citizens tell them, and work offered at a steady rate."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

UNITS = tuple(f"4501{n:02}-{name}" for n in range(1, 21) for name in ("water", "roads", "parks"))
_STREETS = tuple(
    a + b
    for a in ("民族", "友爱", "长湖", "星光", "科园", "白沙", "桂雅", "凤岭", "江南", "壮锦")
    for b in ("大道", "路", "一街", "二街", "三巷", "东路", "西路", "新村", "花园", "小区")
)
_MATTERS = (
    ("路灯", "路灯不亮,晚上出行很不方便"), ("停水", "已经停水两天,没有收到任何通知"),
    ("噪音", "工地夜间施工噪音扰民,无法入睡"), ("积水", "一下雨就积水,车辆无法通行"),
    ("占道", "商贩占道经营,行人只能走机动车道"), ("垃圾", "垃圾堆放多日无人清运,气味难闻"),
    ("公交", "公交车久等不来,班次太少"), ("物业", "物业收费不透明,电梯经常故障"),
    ("井盖", "井盖缺失,存在安全隐患"), ("油烟", "餐饮店油烟直排,影响楼上居民"),
    ("社保", "咨询社保转移需要什么材料"), ("停车", "收费停车场乱收费,没有公示标准"),
)  # fmt: skip
_TAILS = (
    "请相关部门尽快处理。", "之前反映过一次,没有结果。", "希望给予书面答复。",
    "老人和孩子出行都受影响。", "望核实并督促整改。",
)  # fmt: skip
WORDS = (*(word for word, _ in _MATTERS), "施工噪音", "没有结果", "无法通行", "书面答复")


def told(random: Random) -> tuple[str, str]:
    """Title and text of a request, some 60 characters."""
    street, (word, matter) = random.choice(_STREETS), random.choice(_MATTERS)
    house = random.randrange(1, 400)
    return (
        f"{street}{word}问题",
        f"{street}{house}号附近{matter},{random.choice(_TAILS)}{random.choice(_TAILS)}",
    )


def sought(random: Random) -> str:
    """What somebody searches for: a matter, a street, or both as they stand in a text."""
    kind = random.randrange(3)
    if kind == 0:
        return random.choice(WORDS)
    street = random.choice(_STREETS)
    return street if kind == 1 else f"{street}{random.randrange(1, 400)}号"


async def offered(
    rate: float, seconds: float, act: Callable[[int], Awaitable[object]], *, after_s: float = 0.0
) -> list[float]:
    """Begin `act` `rate` times a second whether or not the earlier ones have ended; how long each
    took in ms, counted from when it was to begin."""
    begin = time.perf_counter() + after_s  # the loop's own clock is that of its turn, in whole ms

    async def one(n: int, at: float) -> float:
        await act(n)
        return (time.perf_counter() - at) * 1000

    running = []
    for n in range(round(rate * seconds)):
        at = begin + n / rate
        if (wait := at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        running.append(asyncio.ensure_future(one(n, at)))
    return list(await asyncio.gather(*running))


async def in_turn(times: int, act: Callable[[int], Awaitable[object]]) -> list[float]:
    """How long each took in ms, one after the other."""
    took = []
    for n in range(times):
        began = time.perf_counter()
        await act(n)
        took.append((time.perf_counter() - began) * 1000)
    return took


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
