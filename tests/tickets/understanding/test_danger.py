"""Danger breaks off at once; talk about danger doesn't."""

import pytest

from tickets.understanding.understand import Context, danger_in

LIVE = Context(live=True)


@pytest.mark.parametrize(
    ("text", "danger", "line"),
    [
        ("煤气泄漏了", "gas", "119"),
        ("我家里一股煤气味", "gas", "119"),
        ("着火了", "fire", "119"),
        ("楼上冒浓烟", "fire", "119"),
        ("有人落水", "water", "119"),
        ("有人晕倒了", "medical", "120"),
        ("我被困在电梯里", "trapped", "119"),
        ("爆炸了", "explosion", "119"),
        ("有人要跳楼", "suicide", "110"),
        ("他拿着刀追我", "violence", "110"),
        ("前面车祸有人流了好多血", "medical", "120"),
        ("救命啊", "cry", "110"),
        ("刚才不是着火，现在真的着火了", "fire", "119"),
        ("去年着火过，现在又着火了快来", "fire", "119"),
        ("我要投诉，啊，救命，起火了快来人", "fire", "119"),
        ("煤 气 泄 漏 了", "gas", "119"),
    ],
)
def test_danger_now_is_told_with_its_line(text: str, danger: str, line: str) -> None:
    found = danger_in(text)
    assert found is not None
    assert (found.danger, found.line) == (danger, line)
    for hit in found.hits:
        assert text[hit.start : hit.end] == hit.words


@pytest.mark.parametrize(
    "text",
    [
        "消防通道堵塞，我要投诉",
        "去年着火过",
        "防火宣传做得好",
        "没有着火，你放心",
        "煤气没有泄漏",
        "这个天气热得要爆炸了",
        "气得我要跳楼了",
        "燃气灶打不着火",
        "建议装个泄漏报警器",
        "请问着火了要打什么电话",
        "万一爆炸了怎么办",
        "跳楼价大甩卖",
        "感谢医生，上个月我晕倒是他们救的",
        "这里经常出车祸",
        "一只受伤的猫头鹰",
        "你打我儿子的电话",
        "这是我的救命钱",
        "",
    ],
)
def test_talk_about_danger_breaks_nothing_off(text: str) -> None:
    assert danger_in(text) is None


def test_a_partial_result_waits_for_the_word_that_may_take_it_back() -> None:
    assert danger_in("小区着火", LIVE) is None
    assert danger_in("小区着火过", LIVE) is None
    assert danger_in("小区着火了", LIVE) is not None
    assert danger_in("小区着火") is not None


def test_what_a_live_partial_tells_the_whole_text_tells_too() -> None:
    text = "喂你好我们小区着火了快来人啊"
    for end in range(len(text) + 1):
        if danger_in(text[:end], LIVE):
            assert danger_in(text[:end]) is not None
