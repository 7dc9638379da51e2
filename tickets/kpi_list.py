"""Every figure a hotline publishes, as data: its formula in words and as two counts, its targets.

A ticket belongs to the day of its number: its whole life counts there, whenever things happened,
so that no numerator outgrows its denominator. docs/kpi.md is made of this list.
"""

from collections.abc import Mapping
from fractions import Fraction

from tickets.kpi import Kpi, Measure, Source, Target

TICKET_COUNTS: Mapping[str, tuple[str, str]] = {
    "received": ("收到工单", "tickets of calls, web and letters; parts of another are not counted"),
    "draft": ("未提交", "not submitted (yet), abandoned calls among them"),
    "not_accepted": ("不予受理", "refused for one of the ten reasons"),
    "transferred": ("紧急转接", "handed to 110, 119, 120, 122, 12395"),
    "void": ("作废", "empty, wrong number, test"),
    "accepted": ("受理", "received, without the four above"),
    "withdrawn": ("撤回", "accepted, then withdrawn by the citizen"),
    "to_close": ("应办结", "accepted and not withdrawn"),
    "closed": ("办结", "archived; a reopened one is open again until it is archived anew"),
    "direct": ("直接办结", "answered by the seat on the call, archived, given to no unit"),
    "to_call": ("应回访", "closed, but not directly on the call"),
    "called": ("已回访", "of those: a callback was tried"),
    "reached": ("回访接通", "of those: the citizen answered a callback"),
    "unrated": ("默认满意", "of those: no rating at all; elsewhere taken for satisfied"),
    "handled": ("派单工单", "tickets given to a unit"),
    "second_round": ("重办工单", "of those: handled again after a citizen's no, or an appeal"),
    "yellow_carded": ("黄牌工单", "of those: had a yellow card"),
    "red_carded": ("红牌工单", "of those: had a red card"),
    "dispatches": ("派单次数", "dispatched, reassigned, ruled, handed down as a part"),
    "returns": ("退单次数", "units asked to give it back"),
    "dispatched_right": ("派单准确次数", "dispatches without those whose return was granted"),
    "sign_due": ("应签收", "sign clocks that ended or are past due"),
    "sign_in_time": ("按时签收", "of those: ended by their due time"),
    "contact_due": ("应响应", "contact clocks that ended or are past due"),
    "contact_in_time": ("按时响应", "of those: ended by their due time"),
    "finish_due": ("应办结时限", "finish clocks, one per round, that ended or are past due"),
    "finish_in_time": ("按时办结", "of those: ended by their due time"),
    "rated": ("实际评价", "callbacks in which the citizen said whether satisfied"),
    "satisfied": ("满意", "of those: satisfied"),
    "solved_known": ("答复是否解决", "callbacks in which the citizen said whether solved"),
    "solved": ("已解决", "of those: solved"),
}
"""What `storage.kpi` counts, with the words for it."""

CALL_COUNTS: Mapping[str, tuple[str, str]] = {
    "offered": ("进入人工队列", "calls that entered the human queue"),
    "answered": ("接通", "of those: answered by a seat"),
    "answered_in_time": ("时限内接通", "of those: within the queue's service level (15 s)"),
    "abandoned": ("放弃", "hung up unserved"),
    "abandoned_long": ("放弃(5秒以上)", "of those: after 5 s or more"),
    "offered_long": ("进入队列(除5秒内放弃)", "entered the queue, without those gone within 5 s"),
    "waits": ("等待时长已知的接通", "answered calls whose wait is known"),
    "wait_ms": ("等待毫秒", "their wait for a seat, in milliseconds"),
    "wait_with_menu_ms": ("含语音导航的等待毫秒", "the same with the menu before"),
    "talks": ("通话", "talks whose length is known"),
    "handling_ms": ("通话与话后毫秒", "talk and wrap-up, in milliseconds"),
    "wrap_ups": ("话后处理", "wrap-ups whose length is known"),
    "wrap_up_ms": ("话后毫秒", "their length, in milliseconds"),
}
"""What the queue counts (`queue_manager.counts`), with the words for it."""

_T, _C = Source.TICKETS, Source.CALLS
_P33358 = "GB/T 33358-2016"


def _published(text: str) -> Target:
    return Target(text)


def _floor(percent: int, text: str) -> Target:
    return Target(text, Fraction(percent, 100))


KPIS: tuple[Kpi, ...] = (
    Kpi(
        "connection", "接通率", "Connection rate", "answered", "offered",
        "人工接通 ÷ 进入人工队列", "answered ÷ entered the human queue", _C,
        targets=(
            _floor(95, f"任意24小时 ≥ 95 % ({_P33358})"), _published("349 城 2024 年均值 95.9 %"),
        ),
    ),
    Kpi(
        "within_15_s", "15秒接通率", "Answered within 15 s", "answered_in_time", "answered",
        "15 秒内接通 ÷ 接通", "answered within 15 s ÷ answered", _C,
        targets=(_published(f"15 秒内应答 ({_P33358})"), _published("杭州 91.3 %")),
    ),
    Kpi(
        "within_15_s_of_offered", "15秒接通率(占进入队列)", "Answered within 15 s, of all offered",
        "answered_in_time", "offered",
        "15 秒内接通 ÷ 进入人工队列", "answered within 15 s ÷ entered the queue", _C,
    ),
    Kpi(
        "asa", "平均等待", "Average speed of answer", "wait_ms", "waits",
        "等待时长之和 ÷ 接通", "sum of waits ÷ answered", _C, Measure.SECONDS,
        (_published("常州 12 秒"),), fewer=True,
    ),
    Kpi(
        "asa_with_menu", "平均等待(含语音导航)", "Average speed of answer with the menu",
        "wait_with_menu_ms", "waits",
        "语音导航与等待时长之和 ÷ 接通", "sum of menu and wait ÷ answered", _C, Measure.SECONDS,
        fewer=True,
    ),
    Kpi(
        "abandonment", "放弃率", "Abandonment", "abandoned", "offered",
        "排队中挂机 ÷ 进入人工队列", "hung up while queued ÷ queued", _C, fewer=True,
    ),
    Kpi(
        "abandonment_long", "放弃率(除5秒内)", "Abandonment without short ones",
        "abandoned_long", "offered_long",
        "5 秒以上放弃 ÷ (进入队列 − 5 秒内放弃)",
        "abandoned after 5 s or more ÷ queued without those gone within 5 s", _C, fewer=True,
    ),
    Kpi(
        "aht", "平均处理时长", "Average handling time", "handling_ms", "talks",
        "(通话 + 话后)时长 ÷ 通话", "talk and wrap-up ÷ talks", _C, Measure.SECONDS, fewer=True,
    ),
    Kpi(
        "acw", "平均话后处理", "Average after-call work", "wrap_up_ms", "wrap_ups",
        "话后时长 ÷ 话后处理次数", "wrap-up ÷ wrap-ups", _C, Measure.SECONDS, fewer=True,
    ),
    Kpi(
        "direct_answer", "直接答复率", "First-call answer", "direct", "accepted",
        "通话中直接办结 ÷ 受理", "closed on the call ÷ accepted", _T,
        targets=(_published("杭州 83.9 %"), _published("盘锦 75.0 %")),
    ),
    Kpi(
        "signed_in_time", "按时签收率", "Signed in time", "sign_in_time", "sign_due",
        "按时签收 ÷ 应签收(已结束或已超时)", "on time ÷ due (ended, or past due)", _T,
        targets=(_published("海南 98.6 %"),),
    ),
    Kpi(
        "finished_in_time", "按时办结率", "Finished in time", "finish_in_time", "finish_due",
        "按时办结 ÷ 应办结(每轮一个时限)", "on time ÷ due; each round has its own limit", _T,
        targets=(_published("上海 99.5 %"),),
    ),
    Kpi(
        "returned", "退单率", "Returns", "returns", "dispatches",
        "申请退单 ÷ 派单次数", "returns asked for ÷ dispatches", _T, fewer=True,
    ),
    Kpi(
        "dispatched_right", "派单准确率", "Dispatched right", "dispatched_right", "dispatches",
        "1 − 同意退单 ÷ 派单次数", "1 − upheld returns ÷ dispatches", _T,
    ),
    Kpi(
        "reached", "回访率", "Called back and reached", "reached", "to_call",
        "回访接通 ÷ 办结(直接办结除外)", "reached ÷ closed, other than on the call", _T,
        targets=(_published("鄂州 100 %"),),
    ),
    Kpi(
        "called", "回访拨打率", "Called back", "called", "to_call",
        "已拨打回访 ÷ 办结(直接办结除外)", "called ÷ closed, other than on the call", _T,
    ),
    Kpi(
        "contacted_in_time", "响应率", "Contacted in time", "contact_in_time", "contact_due",
        "按时联系市民 ÷ 应联系(政策有联系时限时)",
        "contacted in time ÷ due, where the policy has a limit for it", _T,
        targets=(_published("北京“三率” 99.7 %"),),
    ),
    Kpi(
        "solved", "解决率", "Solved", "solved", "solved_known",
        "市民说已解决 ÷ 市民说了是否解决", "citizen says solved ÷ citizen said whether", _T,
        targets=(_published("北京“三率” 92.3 %"),),
    ),
    Kpi(
        "satisfied", "满意率", "Satisfied", "satisfied", "rated",
        "满意 ÷ 实际评价(每次回访各计)", "satisfied ÷ actually rated, each callback by itself", _T,
        targets=(_floor(85, "底线 85 %"), _published("北京“三率” 94.5 %")),
    ),
    Kpi(
        "unrated", "默认满意(单列)", "Default satisfied, apart", "unrated", "to_call",
        "办结而无任何评价 ÷ 办结(直接办结除外);从不计入满意率",
        "closed without any rating ÷ closed other than on the call; never in 满意率", _T,
        fewer=True, aside=True,
    ),
    Kpi(
        "closed", "办结率", "Closed", "closed", "to_close",
        "已归档 ÷ 受理(撤回除外)", "archived ÷ accepted and not withdrawn", _T,
        targets=(_floor(96, "宝鸡 > 96 %"),),
    ),
    Kpi(
        "second_round", "重办率", "Handled again", "second_round", "handled",
        "不满意或申诉后重办 ÷ 派单工单", "again after a no or an appeal ÷ given to a unit", _T,
        fewer=True,
    ),
    Kpi(
        "yellow_carded", "黄牌率", "Yellow cards", "yellow_carded", "handled",
        "有黄牌 ÷ 派单工单", "with a yellow card ÷ given to a unit", _T, fewer=True,
    ),
    Kpi(
        "red_carded", "红牌率", "Red cards", "red_carded", "handled",
        "有红牌 ÷ 派单工单", "with a red card ÷ given to a unit", _T, fewer=True,
    ),
)  # fmt: skip

BY_ID: Mapping[str, Kpi] = {kpi.id: kpi for kpi in KPIS}
TICKET_KPIS = tuple(kpi for kpi in KPIS if kpi.source is Source.TICKETS)
CALL_KPIS = tuple(kpi for kpi in KPIS if kpi.source is Source.CALLS)
RANKED_BY = tuple(BY_ID[name] for name in ("finished_in_time", "satisfied", "closed"))
"""What units are ranked by: the first; who is equal there, by the next."""
THREE_RATES = tuple(BY_ID[name] for name in ("contacted_in_time", "solved", "satisfied"))
"""三率, as Beijing publishes them."""
OUTCOMES = ("accepted", "not_accepted", "transferred", "void", "draft")
"""What becomes of what was received: these add up to it."""
LEAST = 10
"""With fewer than this to be measured by, a unit has no place in the ranking."""
