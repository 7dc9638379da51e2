"""Script in a text: what would run is found, whatever else people write is not."""

import pytest

from tickets.script import has_script, scriptless

RUNS = (
    "<script>alert('x')</script>",
    "路灯坏了<SCRIPT SRC=//x.invalid/a.js>",
    "< / script >",
    "<script\n>",
    "<iframe src='//x.invalid'>",
    "<img src=x onerror=alert(1)>",
    "<a href=x\nonclick = 'a()'>这里</a>",
    "<b/onmouseover=a()>",
    "<svg/onload=a()>",
    "[这里](javascript:alert(1))",
    "JavaScript :alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "<meta http-equiv=refresh content=0>",
)
WRITTEN = (
    "",
    "路灯坏了三天,3<5,5>3",
    "<b>重要</b>",
    "温度<10,湿度on=高",
    "短信里的网址 https://x.invalid/?a=1&b=2#c",
    "《剧本 script》,javascript 课退费",
    "店名是<ABC商场>,在一楼",
    "描述:<照片on三张>",
    "写着 <scripture> 的书",
)


@pytest.mark.parametrize("text", RUNS)
def test_what_would_run_is_refused(text: str) -> None:
    assert has_script(text)
    with pytest.raises(ValueError, match="script"):
        scriptless(text)


@pytest.mark.parametrize("text", WRITTEN)
def test_what_people_write_is_taken_as_it_is(text: str) -> None:
    assert scriptless(text) == text


@pytest.mark.parametrize("part", [" ", "/", "<", "<a on", "on=", " onx", "javascript ", "data:"])
def test_a_long_text_is_read_in_one_go(part: str) -> None:
    """Time grows with the length: with its square a request of 100,000 signs would end in hours."""
    assert has_script("<a" + part * (100_000 // len(part)) + "<script>")
    assert has_script("<" + part * (100_000 // len(part)) + "<script>")
