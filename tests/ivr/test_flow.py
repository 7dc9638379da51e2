"""A flow is checked before it is used: every mistake with its file, line, column and sentence."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow import DEFAULT_FLOW, FLOWS, Ask, FlowError, Key, check_flow, load_flows
from ivr.lines import load_all_lines
from ivr.prompt_texts import load_catalogue
from ivr.tenants import Tenant
from tests.ivr.script import CATALOGUE
from tickets.model import Kind

DEFAULT = DEFAULT_FLOW.read_text(encoding="utf-8")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def mistakes(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "flow.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FlowError) as caught:
        check_flow(file, CATALOGUE)
    told = str(caught.value).splitlines()
    assert all(re.match(rf"{re.escape(str(file))}:\d+:\d+: \S", line) for line in told)
    return [line.removeprefix(f"{file}:") for line in told]


def test_the_default_flow_is_one_sentence_and_no_menu() -> None:
    """GB/T 33358: notice of recording, one sentence, 2 s of silence, a person."""
    flow = check_flow(DEFAULT_FLOW)
    start = flow.steps[flow.start]
    assert isinstance(start, Ask)
    assert start.prompts == ("recording_notice", "welcome")
    assert start.timeout_s == 2
    assert start.silence == flow.person
    assert start.keys["0"] == Key(go=flow.person)
    assert {key.language for key in start.keys.values()} == {"cmn", "za", "yue", "en", None}


@pytest.mark.parametrize("file", sorted(FLOWS.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_shipped_flow_is_good(file: Path) -> None:
    check_flow(file)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("silence: person", "silence: perso", "there is no step 'perso'"),
        ("start: welcome", "start: hello", "there is no step 'hello'"),
        ("next: hang_up", "next: request", "step 'request' must be a 'close' step here"),
        ("offer: request", "offer: goodbye", "step 'goodbye' must be a 'voice_request' step here"),
        ("person: person", "person: request", "step 'request' must be a 'person' step here"),
        ("{go: person}", "{language: en}", "key 0 reaches a person: only 'go: person' may stand"),
        ("{go: person}", "{go: goodbye}", "key 0 reaches a person: only 'go: person' may stand"),
        ('"2": {language: za}', '"2": {}', "key 2 does nothing"),
        ('"2": {language: za}', '"1": {language: za}', "'1' is written twice (first in line"),
        ('"2": {language: za}', '"22": {language: za}', "string should match pattern"),
        ('"2": {language: za}', '"2": {kind: anger}', "input should be 'consultation'"),
        ('"2": {language: za}', '"2": {language: vi}', "there are no prompts in language 'vi'"),
        ("[recording_notice, welcome]", "[welcom]", "prompt 'welcom' doesn't exist in cmn, en"),
        ("announce: [waiting_thanks]", "announce: [thanks]", "prompt 'thanks' doesn't exist in"),
        ("closed: [closed_hours,", "closed: [closd,", "prompt 'closd' doesn't exist in cmn, en"),
        ("languages: [cmn, en]", "languages: [cmn, vi]", "no prompts in language 'vi'"),
        ("timeout_s: 2", "timeout_s: 0", "greater than or equal to 0.2"),
        ("timeout_s: 2", "timeout: 2", "there is no field 'timeout' here"),
        ("do: ask", "do: sing", "input tag 'sing' found using 'do' does not match"),
        ("version: 1", "version: 2", "input should be 1"),
        ("    offer: request\n", "", "the field 'offer' is missing"),
        ("  hang_up:\n    do: close", "  hang_up: close", "steps.hang_up: input should be a valid"),
        (
            '    keys:\n      "5": {go: my_ticket}\n    offer',
            '    keys:\n      "1": {go: my_ticket}\n    offer',
            "key 1 of one who waits",
        ),
        (
            '    keys:\n      "5": {go: my_ticket}\n    offer',
            '    keys:\n      "5": {go: goodbye}\n    offer',
            "step 'goodbye' must be a 'self_service' step here",
        ),
        (
            "    do: self_service\n    next: goodbye",
            "    do: self_service\n    next: person",
            "step 'person' must be a 'close' step here",
        ),
        ("ask: kind", "ask: mood", "input should be 'kind'"),
        ("ask: kind", "ask: matter", "the keys of 'matter' are fixed"),
        ("ask: matter", "ask: confirm", "confirm is asked by itself"),
        ("- {ask: matter,", "- {ask: number,", "each question is asked once"),
        ('keys: {"1": consultation', 'keys: {"1": anger', "no kind of request: anger"),
        ("[intake/matter]", "[intake/mater]", "prompt 'intake/mater' doesn't exist in cmn"),
        ("      languages: [cmn]", "      languages: [vi]", "no prompts in language 'vi'"),
        ("again: [intake/number_again]", 'keys: {"1": x}', "the keys of 'number' are fixed"),
    ],
)
def test_mistakes_are_told_where_they_stand(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert old in DEFAULT
    told = mistakes(tmp_path, DEFAULT.replace(old, new, 1))
    assert any(reason in line for line in told), told
    if new.startswith(("silence", '"2"', '"1"', "timeout_s", "[", "{")):
        assert any(line.startswith(f"{line_of(DEFAULT, old)}:") for line in told), told


def test_unreachable_steps_are_refused(tmp_path: Path) -> None:
    told = mistakes(tmp_path, DEFAULT + "\n  lost:\n    do: close\n")
    assert len(told) == 1
    assert told[0].endswith("nothing leads to step 'lost'")


def test_a_loop_without_an_exit_is_refused(tmp_path: Path) -> None:
    """A caller who presses nothing would hear the greeting for ever, keys or no keys."""
    text = DEFAULT.replace("silence: person", "silence: again", 1)
    text += "\n  again:\n    do: say\n    prompts: [goodbye]\n    next: welcome\n"
    told = mistakes(tmp_path, text)
    assert any("never leaves the loop again → welcome → again" in line for line in told), told
    told = mistakes(tmp_path, DEFAULT.replace("silence: person", "silence: welcome", 1))
    assert any("never leaves the loop welcome → welcome" in line for line in told), told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = DEFAULT.replace("silence: person", "silence: nowhere", 1)
    text = text.replace("{go: person}", "{language: en}", 1)
    assert len(mistakes(tmp_path, text)) == 2


def test_keys_may_ask_for_the_kind_on_another_step(tmp_path: Path) -> None:
    """A tenant's own menu: language first, then the kind; 0 everywhere a person."""
    file = tmp_path / "own.yaml"
    text = DEFAULT.replace('"1": {language: cmn}', '"1": {language: cmn, go: kinds}', 1)
    text += (
        "\n  kinds:\n    do: ask\n    prompts: [to_person]\n    silence: person\n"
        '    keys:\n      "1": {kind: complaint}\n      "2": {kind: consultation}\n'
    )
    file.write_text(text, encoding="utf-8")
    step = check_flow(file, CATALOGUE).steps["kinds"]
    assert isinstance(step, Ask)
    assert step.keys["1"].kind is Kind.COMPLAINT


def test_a_recording_makes_a_prompt_exist(tmp_path: Path) -> None:
    """A city's own sentence, recorded in both languages; in one only it is refused."""
    text = DEFAULT.replace("[recording_notice, welcome]", "[nanning]", 1)
    text = text.replace("{language: yue}", "{language: cmn}")
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    custom = tmp_path / "custom"
    for language in ("cmn", "en"):
        (custom / language).mkdir(parents=True)
    (custom / "cmn" / "nanning.wav").touch()
    with pytest.raises(FlowError, match=r"prompt 'nanning' doesn't exist in en$"):
        check_flow(file, load_catalogue(custom))
    (custom / "en" / "nanning.wav").touch()
    check_flow(file, load_catalogue(custom))


def test_lines_may_have_flows_of_their_own(tmp_path: Path) -> None:
    own = DEFAULT.replace("timeout_s: 2", "timeout_s: 5", 1)
    (tmp_path / "default.yaml").write_text(DEFAULT, encoding="utf-8")
    (tmp_path / "elders.yaml").write_text(own, encoding="utf-8")
    table = tmp_path / "lines.yaml"
    table.write_text(
        "lines:\n- {id: a, numbers: ['12345'], name: 线, name_en: l, unit: u, mode: merged}\n"
        "- {id: b, numbers: ['96345'], name: 老, name_en: e, unit: u, mode: merged,"
        " flow: elders}\n",
        encoding="utf-8",
    )
    city = Tenant(id="city", name="市", lines_file=table, flow_file=tmp_path / "default.yaml")
    flows = load_flows([city], load_all_lines([city]))
    timeouts = [
        step.timeout_s
        for name in ("a", "b", "nowhere")
        if isinstance(step := flows.of("city", name).steps["welcome"], Ask)
    ]
    assert timeouts == [2, 5, 2]
    (tmp_path / "elders.yaml").unlink()
    with pytest.raises(FlowError, match=r"elders\.yaml:1:1: can't be read"):
        load_flows([city], load_all_lines([city]))


@given(st.data())
def test_broken_files_are_refused_never_crashed_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Lines cut out and words replaced: a good flow or a FlowError, nothing else."""
    lines = DEFAULT.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = data.draw(
        st.one_of(
            st.just(""),
            st.text(max_size=20),
            st.just(lines[at].replace(":", "")),
            st.just(lines[at].replace(" ", "", 2)),
            st.just(lines[at] + lines[at]),
        )
    )
    file = tmp_path_factory.mktemp("flow") / "flow.yaml"
    file.write_text("".join(lines), encoding="utf-8", errors="ignore")
    with contextlib.suppress(FlowError):
        check_flow(file, CATALOGUE)
