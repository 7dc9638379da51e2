"""Talks over HTTP: who may do what, and how it is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from console import errors
from console.ports import Role
from console.talks import TalkParty, TalkTarget, TalkVerb, TalkView
from tests.console.conftest import Caller
from tests.console.fakes import CITY, OTHER_CITY, City

TALKS = f"/api/v1/tenants/{CITY}/talks"
NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # in China
SUPERVISORS = ("listen", "whisper", "barge", "take_over")


@dataclass
class FakeTalks:
    """The console's port: one talk of seat 801 with 802 as third."""

    views: list[TalkView] = field(
        default_factory=lambda: [
            TalkView(
                "hl-1.7",
                "12333",
                "801",
                "consulting",
                NOON,
                (TalkParty("first", "801"), TalkParty("third", "802")),
            )
        ]
    )
    asked: list[tuple[str, TalkVerb, TalkTarget | None]] = field(default_factory=list)
    refusal: errors.ConsoleError | None = None

    def talks(self, tenant: str) -> Sequence[TalkView]:
        return self.views if tenant == CITY else ()

    def talk(self, tenant: str, call_id: str) -> TalkView:
        for view in self.talks(tenant):
            if view.call_id == call_id:
                return view
        raise errors.UnknownTalk

    async def act(
        self, tenant: str, call_id: str, verb: TalkVerb, target: TalkTarget | None
    ) -> TalkView:
        view = self.talk(tenant, call_id)
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((call_id, verb, target))
        return view


@pytest.fixture
def talks(city: City) -> FakeTalks:
    fake = FakeTalks()
    city.talking = fake
    return fake


async def test_the_list(talks: FakeTalks, supervisor: Caller) -> None:
    """Every talk with its parties; no phone number of a citizen."""
    status, told, _ = await supervisor.ask(TALKS)
    assert status == 200
    assert told["talks"] == [
        {
            "call_id": "hl-1.7",
            "line": "12333",
            "seat": "801",
            "state": "consulting",
            "since": "2026-11-21T04:00:00.000+00:00",
            "parties": [
                {"role": "first", "seat": "801", "number": ""},
                {"role": "third", "seat": "802", "number": ""},
            ],
            "failed": "",
        }
    ]


@pytest.mark.parametrize(("seat", "sees"), [("801", 1), ("802", 1), ("803", 0)])
async def test_a_seat_sees_its_own(
    talks: FakeTalks, city: City, nobody: Caller, seat: str, sees: int
) -> None:
    caller = nobody.having(city.token(Role.SEAT, seat_id=seat))
    assert len((await caller.ask(TALKS))[1]["talks"]) == sees


@pytest.mark.parametrize(
    ("verb", "body", "target"),
    [
        ("consult", {"target": {"seat": "802"}}, TalkTarget("seat", "802")),
        ("consult", {"target": {"number": "110"}}, TalkTarget("number", "110")),
        ("transfer", {"target": {"queue": "main"}}, TalkTarget("queue", "main")),
        ("transfer", {"target": {"line": "l12333"}}, TalkTarget("line", "l12333")),
        ("transfer", {}, None),
        ("join", {}, None),
        ("complete", {}, None),
        ("cancel", {}, None),
    ],
)
async def test_a_seat_in_its_own_talk(
    talks: FakeTalks,
    city: City,
    nobody: Caller,
    verb: str,
    body: dict[str, object],
    target: TalkTarget | None,
) -> None:
    """Accepted: the ringing takes its time."""
    caller = nobody.having(city.token(Role.SEAT, seat_id="801"))
    status, told, _ = await caller.ask(f"{TALKS}/hl-1.7/{verb}", "POST", json=body)
    assert (status, told["talk"]["call_id"]) == (202, "hl-1.7")
    assert talks.asked == [("hl-1.7", TalkVerb(verb), target)]


@pytest.mark.parametrize("verb", TalkVerb)
async def test_nobody_acts_in_others_talks(
    talks: FakeTalks, city: City, nobody: Caller, verb: str
) -> None:
    """Not the seat that is consulted, not another one, not a wallboard, not another city."""
    body = {"target": {"seat": "802"}} if verb not in ("complete", "cancel") else {}
    for token in (
        city.token(Role.SEAT, seat_id="802"),
        city.token(Role.SEAT, seat_id="803"),
        city.token(Role.WALLBOARD),
        city.token(Role.SUPERVISOR, tenant=OTHER_CITY),
    ):
        refused = await nobody.having(token).refused(f"{TALKS}/hl-1.7/{verb}", "POST", json=body)
        assert refused[0] == 403
    assert talks.asked == []


@pytest.mark.parametrize("verb", SUPERVISORS)
async def test_supervisors_verbs(
    talks: FakeTalks, city: City, nobody: Caller, supervisor: Caller, verb: str
) -> None:
    """With the seat whose telephone shall ring; a token that has one needn't name it. A seat may
    not, even in its own talk."""
    path = f"{TALKS}/hl-1.7/{verb}"
    assert await supervisor.refused(path, "POST", json={}) == (422, "invalid")
    assert await supervisor.refused(path, "POST", json={"target": {"line": "x"}}) == (
        422,
        "invalid",
    )
    assert (await supervisor.ask(path, "POST", json={"target": {"seat": "809"}}))[0] == 202
    own = nobody.having(city.token(Role.SUPERVISOR, seat_id="809"))
    assert (await own.ask(path, "POST", json={}))[0] == 202
    target = TalkTarget("seat", "809")
    assert talks.asked == [("hl-1.7", TalkVerb(verb), target)] * 2
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    assert await seat.refused(path, "POST", json={}) == (403, "role-refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"target": {}},
        {"target": {"seat": "1", "line": "2"}},
        {"target": {"seat": "x" * 41}},
        {"target": "802"},
        {"seat": "802"},
    ],
)
async def test_a_bad_target(talks: FakeTalks, supervisor: Caller, body: object) -> None:
    """One target, of a known kind."""
    assert await supervisor.refused(f"{TALKS}/hl-1.7/consult", "POST", json=body) == (
        422,
        "invalid",
    )


async def test_what_there_isn_t(talks: FakeTalks, supervisor: Caller) -> None:
    unknown = await supervisor.refused(f"{TALKS}/hl-9/cancel", "POST", json={})
    assert unknown == (404, "unknown-talk")
    verb = await supervisor.refused(f"{TALKS}/hl-1.7/park", "POST", json={})
    assert verb == (404, "not-found")
    target = await supervisor.refused(
        f"{TALKS}/hl-1.7/cancel", "POST", json={"target": {"seat": "1"}}
    )
    assert target == (422, "invalid")


@pytest.mark.parametrize(
    "refusal",
    [
        errors.TalkNotPossible,
        errors.SeatBusy,
        errors.TargetNotAllowed,
        errors.SwitchUnavailable,
    ],
)
async def test_what_cannot_be_done(
    talks: FakeTalks, supervisor: Caller, refusal: type[errors.ConsoleError]
) -> None:
    talks.refusal = refusal("said so")
    told = await supervisor.refused(f"{TALKS}/hl-1.7/cancel", "POST", json={})
    assert told == (refusal.status, refusal.id)
