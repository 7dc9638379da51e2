"""The flow: how a conversation goes is data (YAML), checked before it is used.

The vocabulary is small. A flow has steps; each `do`es one thing:

say            play prompts to the end (a notice nobody may skip), then `next`
ask            play prompts, read one key: `keys` set language, kind or what a seat must know and
               may `go` elsewhere; silence goes to `silence`; wrong keys twice go to a person
person         wait for a seat and talk, then `next`; `offer` is the voice-request step offered
               after a while, `announce` is said before each position, `inform` in turn between
voice_request  explain, take the request (by talking with him where `spoken` says how, else
               recorded plainly), confirm, speak the ticket number, then `next`
self_service   how his ticket stands, urge it, add to it (docs/self-service.md), then `next`
close          say goodbye; the end

Key 0 reaches a person in every `ask`, written or not.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ivr.documents import Document, DocumentError, parse, read_document
from ivr.intake_plan import SPOKEN_ALWAYS, IntakePlan
from ivr.lines import Lines
from ivr.prompt_texts import Catalogue, load_catalogue
from ivr.tenants import Tenant
from queue_manager.model import Requirement
from queue_manager.rules import RequirementText
from tickets.model import Kind

FLOWS = Path(__file__).parent / "flows"
DEFAULT_FLOW = FLOWS / "default.yaml"
PERSON_KEY = "0"
WAITING_KEYS = "12"
"""What they mean to one who waits is fixed: a callback, a spoken request."""
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_/]{0,59}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,8}$")]
KeyName = Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")]


class FlowError(DocumentError):
    """A flow that must not be used; the message names file, line, column of every mistake."""

    id = "flow"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Key(_Strict):
    """What a key means: a language, a kind of request (咨询 …), what a seat must know for it
    (`needs`, besides those of the line), another step, that the caller is an elder or in danger
    (both go first), or several of these."""

    language: Language | None = None
    kind: Annotated[Kind | None, Field(strict=False)] = None
    needs: RequirementText = Requirement()
    go: StepName | None = None
    elder: bool = False
    danger: bool = False


class Say(_Strict):
    """Play prompts to the end."""

    do: Literal["say"]
    prompts: tuple[PromptName, ...] = Field(min_length=1)
    next: StepName


class Ask(_Strict):
    """Play prompts and read one key. `timeout_s` is the silence after the last prompt; with
    `silent_elder` one who presses none is taken for an elder (for flows that ask for keys)."""

    do: Literal["ask"]
    prompts: tuple[PromptName, ...] = Field(min_length=1)
    timeout_s: float = Field(default=2.0, ge=0.2, le=30, strict=False)
    keys: dict[KeyName, Key] = Field(default_factory=dict)
    silence: StepName
    silent_elder: bool = False


class Person(_Strict):
    """Wait for a seat, talk. `keys` lead a waiting caller to self-service."""

    do: Literal["person"]
    announce: tuple[PromptName, ...] = ()
    inform: tuple[PromptName, ...] = ()
    keys: dict[KeyName, Key] = Field(default_factory=dict)
    offer: StepName
    next: StepName


class VoiceRequest(_Strict):
    """Take a spoken request. `closed` is what is said before it outside the hours, `spoken` what is
    asked of a caller who can be talked with."""

    do: Literal["voice_request"]
    closed: tuple[PromptName, ...] = Field(min_length=1)
    keys: dict[KeyName, Key] = Field(default_factory=dict)
    prompts: tuple[PromptName, ...] = Field(min_length=1)
    silence_s: float = Field(default=4.0, ge=1, le=30, strict=False)
    spoken: IntakePlan | None = None
    next: StepName


class SelfService(_Strict):
    """His own ticket, by keys."""

    do: Literal["self_service"]
    next: StepName


class Close(_Strict):
    """The end of the conversation."""

    do: Literal["close"]
    prompts: tuple[PromptName, ...] = ()


Step = Annotated[Say | Ask | Person | VoiceRequest | SelfService | Close, Field(discriminator="do")]


class Flow(_Strict):
    """A checked flow. `languages` are those its prompts must exist in, the first is the default;

    `person` and `closed` name the steps that open and closed lines lead to, whatever happens. With
    `any_hour` it begins with `start` outside the hours, too: then only persons have hours.
    """

    version: Literal[1]
    languages: tuple[Language, ...] = Field(min_length=1)
    start: StepName
    person: StepName
    closed: StepName
    any_hour: bool = False
    steps: dict[StepName, Step] = Field(min_length=1)

    @property
    def choices(self) -> frozenset[str]:
        """The languages its callers may come to: the flow's own and those of its keys."""
        asked = (step.keys.values() for step in self.steps.values() if isinstance(step, Ask))
        chosen = (key.language for keys in asked for key in keys if key.language)
        return frozenset((*self.languages, *chosen))

    @property
    def person_step(self) -> Person:
        """Where everybody who wants a person ends up."""
        step = self.steps[self.person]
        assert isinstance(step, Person)
        return step

    @property
    def closed_step(self) -> VoiceRequest:
        """What a caller meets outside the hours."""
        step = self.steps[self.closed]
        assert isinstance(step, VoiceRequest)
        return step

    @property
    def self_service(self) -> str:
        """The step where a caller serves himself; "" when there is none."""
        found = (name for name, step in self.steps.items() if isinstance(step, SelfService))
        return next(found, "")

    def closing(self, name: str) -> Close:
        """The closing step of that name."""
        step = self.steps[name]
        assert isinstance(step, Close)
        return step


def check_flow(path: Path, catalogue: Catalogue | None = None) -> Flow:
    """Read and check a flow; raises `FlowError` that lists every mistake found."""
    document = read_document(path, FlowError)
    flow = parse(document, Flow, FlowError)
    _check_targets(document, flow)
    document.raise_mistakes(FlowError)
    _check_reach(document, flow)
    _check_exits(document, flow)
    _check_prompts(document, flow, catalogue or load_catalogue())
    document.raise_mistakes(FlowError)
    return flow


def _ways(step: Step) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Every way out of a step: where it is written, the step it names, what must stand there."""
    match step:
        case Say():
            yield ("next",), step.next, ""
        case Ask():
            yield ("silence",), step.silence, ""
            for digit, key in step.keys.items():
                if key.go is not None:
                    yield ("keys", digit, "go"), key.go, ""
        case Person():
            yield ("offer",), step.offer, "voice_request"
            yield ("next",), step.next, "close"
            yield from _keys_to_self_service(step.keys)
        case VoiceRequest():
            yield ("next",), step.next, "close"
            yield from _keys_to_self_service(step.keys)
        case SelfService():
            yield ("next",), step.next, "close"
        case Close():
            pass


def _keys_to_self_service(keys: Mapping[str, Key]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    for digit, key in keys.items():
        if key.go is not None:
            yield ("keys", digit, "go"), key.go, "self_service"


def _check_targets(document: Document, flow: Flow) -> None:
    """Every step that is named exists and is of the kind that must stand there."""
    named: list[tuple[tuple[str, ...], str, str]] = [
        (("start",), flow.start, ""),
        (("person",), flow.person, "person"),
        (("closed",), flow.closed, "voice_request"),
    ]
    for name, step in flow.steps.items():
        named.extend((("steps", name, *at), to, kind) for at, to, kind in _ways(step))
    for at, to, kind in named:
        place = _marked(document, at)
        if to not in flow.steps:
            document.complain(place, f"there is no step {to!r}")
        elif kind and flow.steps[to].do != kind:
            document.complain(place, f"step {to!r} must be a {kind!r} step here")
    for name, step in flow.steps.items():
        _check_keys(document, flow, name, step)


def _check_keys(document: Document, flow: Flow, name: str, step: Step) -> None:
    """Key 0 means a person and nothing else; keys of a voice request only choose a language, or
    lead to self-service, as those of one who waits do."""
    if not isinstance(step, Ask | VoiceRequest | Person):
        return
    for digit, key in step.keys.items():
        place = _marked(document, ("steps", name, "keys", digit))
        if digit == PERSON_KEY and key != Key(go=flow.person):
            document.complain(place, f"key 0 reaches a person: only 'go: {flow.person}' may stand")
        elif key == Key():
            document.complain(place, f"key {digit} does nothing")
        elif isinstance(step, VoiceRequest) and key not in (
            Key(language=key.language),
            Key(go=key.go),
        ):
            reason = (
                f"key {digit} of a voice request may only set a language, or go to self-service"
            )
            document.complain(place, reason)
        elif isinstance(step, Person) and (digit in WAITING_KEYS or key != Key(go=key.go)):
            reason = f"key {digit} of one who waits: only others than 1 and 2, and only 'go'"
            document.complain(place, reason)


def _check_reach(document: Document, flow: Flow) -> None:
    """Every step can be come to."""
    reached: set[str] = set()
    todo = [flow.start, flow.person, flow.closed]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(to for _, to, _ in _ways(flow.steps[name]))
    for name in flow.steps:
        if name not in reached:
            document.complain(_marked(document, ("steps", name)), f"nothing leads to step {name!r}")


def _check_exits(document: Document, flow: Flow) -> None:
    """A caller who presses nothing gets to a person or to the end: no loop without an exit."""
    for name in flow.steps:
        seen = [name]
        while isinstance(step := flow.steps[seen[-1]], Say | Ask):
            following = step.next if isinstance(step, Say) else step.silence
            if following in seen:
                loop = " → ".join([*seen[seen.index(following) :], following])
                reason = f"a caller who presses nothing never leaves the loop {loop}"
                document.complain(_marked(document, ("steps", following)), reason)
                break
            seen.append(following)


def _check_prompts(document: Document, flow: Flow, catalogue: Catalogue) -> None:
    """Every prompt exists in every language the flow speaks."""
    languages = dict.fromkeys(flow.languages)
    for name, step in flow.steps.items():
        for digit, key in getattr(step, "keys", {}).items():
            if key.language is not None:
                languages.setdefault(key.language)
                if not catalogue.speaks(key.language):
                    at = _marked(document, ("steps", name, "keys", digit, "language"))
                    document.complain(at, f"there are no prompts in language {key.language!r}")
    for position, language in enumerate(flow.languages):
        if not catalogue.speaks(language):
            reason = f"there are no prompts in language {language!r}"
            document.complain(("languages", position), reason)
    _check_intakes(document, flow, catalogue)
    spoken = [language for language in languages if catalogue.speaks(language)]
    for name, step in flow.steps.items():
        for fields in ("prompts", "announce", "inform", "closed"):
            for position, prompt in enumerate(getattr(step, fields, ())):
                missing = [code for code in spoken if not catalogue.has(code, prompt)]
                if missing:
                    at = _marked(document, ("steps", name, fields, position))
                    reason = f"prompt {prompt!r} doesn't exist in {', '.join(missing)}"
                    document.complain(at, reason)


def _check_intakes(document: Document, flow: Flow, catalogue: Catalogue) -> None:
    """What a spoken intake says exists in every language it is led in."""
    for name, step in flow.steps.items():
        plan = step.spoken if isinstance(step, VoiceRequest) else None
        if plan is None:
            continue
        spoken = ("steps", name, "spoken")
        at = _marked(document, (*spoken, "languages"))
        known = [code for code in plan.languages if catalogue.speaks(code)]
        for code in plan.languages:
            if code not in known:
                document.complain(at, f"there are no prompts in language {code!r}")
        said = [(at, prompt) for prompt in SPOKEN_ALWAYS]
        for number, asked in enumerate(plan.questions):
            for fields in ("prompts", "again"):
                place = (*spoken, "questions", number, fields)
                said += [
                    (_marked(document, (*place, position)), prompt)
                    for position, prompt in enumerate(getattr(asked, fields))
                ]
        for where, prompt in said:
            missing = [code for code in known if not catalogue.has(code, prompt)]
            if missing:
                document.complain(where, f"prompt {prompt!r} doesn't exist in {', '.join(missing)}")


def _marked(document: Document, place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The place itself; the nearest one around it when the field was left to its default."""
    while place and place not in document.marks:
        place = place[:-1]
    return place


class Flows:
    """The checked flows of all tenants: a line's own, else its tenant's, else the default."""

    def __init__(self, by_line: Mapping[tuple[str, str], Flow]) -> None:
        self._by_line = dict(by_line)

    def of(self, tenant: str, line_id: str) -> Flow:
        """The flow of a line; of the tenant itself when the line has none (or is unknown)."""
        return self._by_line.get((tenant, line_id)) or self._by_line[tenant, ""]


def load_flows(
    tenants: Sequence[Tenant], lines: Lines, catalogue: Catalogue | None = None
) -> Flows:
    """Check every flow in use: the tenants' (`flow_file`, else the default) and those that lines
    name (see `flow_file`). Raises `FlowError` at the first bad file."""
    catalogue = catalogue or load_catalogue()
    checked: dict[Path, Flow] = {}

    def flow_at(path: Path) -> Flow:
        if path not in checked:
            checked[path] = check_flow(path, catalogue)
        return checked[path]

    by_line: dict[tuple[str, str], Flow] = {}
    for tenant in tenants:
        by_line[tenant.id, ""] = flow_at(flow_file(tenant))
        for line in lines.of(tenant.id):
            if line.flow:
                by_line[tenant.id, line.id] = flow_at(flow_file(tenant, line.flow))
    return Flows(by_line)


def flow_file(tenant: Tenant, name: str = "") -> Path:
    """Where a flow stands: the tenant's own (name ""), or the one of that name beside it, else
    the shipped one of that name."""
    own = tenant.flow_file or DEFAULT_FLOW
    if not name:
        return own
    beside, shipped = own.with_name(f"{name}.yaml"), FLOWS / f"{name}.yaml"
    return shipped if shipped.exists() and not beside.exists() else beside
