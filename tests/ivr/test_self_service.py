"""A citizen serves himself by keys: whose ticket, how it stands, urging, adding, a person."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from ivr.conversation import converse, hang_up
from ivr.flow import check_flow, flow_file
from ivr.ports import Outcome
from ivr.self_service import stands
from ivr.self_service_asking import said_digits
from telephony.call import DialStatus
from tests.ivr.script import CATALOGUE, NIGHT, NOON, TENANT, Script, World, in_virtual_time, led
from tests.ivr.spoken import SILENT, Breaks, Deed, Presses, Says, SpokenWorld
from tickets.errors import StoreAway
from tickets.life_rules import REFUSALS
from tickets.model import Origin, TicketState
from tickets.self_service import CALLER_TRIES, Addition, OwnTicket, added_as

NUMBER, OTHER = "261121000042", "261121000043"
MINE = OwnTicket(
    "default", NUMBER, "n-1", TicketState.IN_PROGRESS, frozenset({"+8613800138000"}),
    datetime(2026, 12, 2, 9, 0, tzinfo=UTC),
)  # fmt: skip
THEIRS = replace(MINE, number=OTHER, phones=frozenset({"+8613900001234"}))
KEY = "5"


@dataclass
class FakeOwn:
    """Two tickets; what is done to them outlives engines, as in a database."""

    tickets: dict[str, OwnTicket] = field(default_factory=lambda: {NUMBER: MINE, OTHER: THEIRS})
    urged: list[str] = field(default_factory=list)
    added: list[Addition] = field(default_factory=list)
    wrongs: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False
    away_for_words: bool = False

    async def blocked(self, tenant: str, caller: str) -> bool:
        if self.away:
            raise StoreAway("away")
        return sum(who == caller for who, _ in self.wrongs) >= CALLER_TRIES

    async def wrong(self, tenant: str, caller: str, number: str = "") -> None:
        self.wrongs.append((caller, number))

    async def with_ending(self, tenant: str, ending: str, phone: str) -> OwnTicket | None:
        fitting = (t for t in self.tickets.values() if t.number.endswith(ending))
        return next((t for t in fitting if phone in t.phones), None)

    async def with_number(self, tenant: str, number: str) -> OwnTicket | None:
        return self.tickets.get(number)

    async def urge(self, ticket: OwnTicket, at: datetime) -> bool:
        self.urged.append(ticket.number)
        return len(self.urged) == 1

    async def add(self, ticket: OwnTicket, words: Addition) -> bool:
        if self.away_for_words:
            raise StoreAway("away")
        if not added_as(ticket.state):
            return False
        self.added.append(words)
        return True


async def served(script: Script, own: FakeOwn | None = None, **at: int) -> tuple[World, FakeOwn]:
    """One call, with tickets of its own; `hang_up_at` a step of it."""
    world, own = World(script), own or FakeOwn()
    world.desk = replace(world.desk, own=own)
    world.call.hang_up_at = at.get("hang_up_at", 0)
    await converse(world.call, world.desk)
    if world.call.dialplan is not None:
        await world.call.dialplan
    return world, own


@in_virtual_time
async def test_from_his_own_telephone_four_digits_suffice() -> None:
    """Told how it stands and until when; no ticket, no place in the queue, its own outcome."""
    world, own = await served(Script(digits=[KEY, "0042"]))
    said = world.call.said
    assert said[2] == "self/enter"
    assert said[3:] == [
        *("self/ticket", "digits/0", "digits/0", "digits/4", "digits/2", "self/handled"),
        *("self/due", "numbers/12", "self/month", "numbers/2", "self/day", "self/choices"),
        "goodbye",
    ]
    assert world.row.outcome is Outcome.SELF_SERVICE
    assert (world.ticket, world.queue.places, own.wrongs) == (None, [], [])


@in_virtual_time
async def test_from_another_telephone_the_one_on_record_is_asked_for() -> None:
    world, _ = await served(Script(digits=[KEY, OTHER, "1234"]))
    assert "self/check" in world.call.said
    assert "self/handled" in world.call.said


@pytest.mark.parametrize(
    ("digits", "meant"),
    [
        ([OTHER, "9999"], OTHER),
        ([OTHER, ""], OTHER),
        (["0043"], ""),
        (["261121999999", "1234"], "261121999999"),
        (["123"], ""),
    ],
    ids=["wrong-phone", "no-phone", "anothers-ending", "no-such-ticket", "rubbish"],
)
@in_virtual_time
async def test_nobody_hears_of_anothers_matter(digits: list[str], meant: str) -> None:
    """Always the same words, counted, and after three tries a person."""
    script = Script(digits=[KEY, *digits * 3], seats=[DialStatus.ANSWER])
    world, own = await served(script)
    said = world.call.said
    assert said.count("self/not_found") == 3
    assert not {"self/ticket", "self/handled"} & set(said)
    assert own.wrongs == [("+8613800138000", meant)] * 3
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_a_number_that_exists_is_asked_about_as_one_that_does_not() -> None:
    """So that nobody learns which numbers there are."""
    heard = []
    for number in (OTHER, "261121999999"):
        world, _ = await served(Script(digits=[KEY, number, "9999"]))
        heard.append(world.call.said[:6])
    assert heard[0] == heard[1]


@in_virtual_time
async def test_who_was_wrong_too_often_is_led_to_a_person_unasked() -> None:
    own = FakeOwn(wrongs=[("+8613800138000", "")] * CALLER_TRIES)
    world, _ = await served(Script(digits=[KEY, "0042"], seats=[DialStatus.ANSWER]), own)
    assert "self/tried_enough" in world.call.said
    assert "self/enter" not in world.call.said
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_a_caller_without_a_number_needs_the_whole_one_and_the_telephone() -> None:
    world, own = await served(Script(caller="", digits=[KEY, "0042", NUMBER, "8000"]))
    assert own.wrongs == [("", "")]
    assert "self/handled" in world.call.said


@in_virtual_time
async def test_urging_is_told_once_a_day() -> None:
    world, own = await served(Script(digits=[KEY, "0042", "1", "1"]))
    assert own.urged == [NUMBER, NUMBER]
    said = world.call.said
    assert said.index("self/urged") < said.index("self/urged_before")


@in_virtual_time
async def test_his_further_words_are_kept_with_the_ticket() -> None:
    """Recorded, kept, confirmed; they are no request of their own then."""
    world, own = await served(Script(digits=[KEY, "0042", "2"], takes=[8.0]))
    (words,) = own.added
    assert (words.seconds, words.call_id) == (8.0, "hl-1795233600.7")
    assert words.stored in world.voice.files
    assert "self/added" in world.call.said
    assert world.ticket is None
    assert world.row.outcome is Outcome.SELF_SERVICE


@in_virtual_time
async def test_who_hangs_up_while_he_speaks_has_said_it() -> None:
    """The half of it that lies in the file is kept with his ticket."""
    for step in range(1, 40):
        script = Script(digits=[KEY, "0042", "2"], takes=[8.0])
        world, own = await served(script, hang_up_at=step)
        if not world.call.gone:
            break
        kept = world.voice.files
        assert bool(own.added) == bool(kept), step
        assert world.ticket is None or not own.added, step
        assert len(world.office.rows) == 1, step
    assert step > 8


@in_virtual_time
async def test_words_that_the_ticket_does_not_take_are_a_request() -> None:
    """SQL goes away in this moment: his voice makes a ticket of its own."""
    own = FakeOwn(away_for_words=True)
    world, _ = await served(Script(digits=[KEY, "0042", "2"], takes=[8.0]), own)
    assert world.ticket is not None
    assert (world.ticket.origin, world.ticket.voice_s) == (Origin.VOICE_REQUEST, 8.0)
    assert "ticket_number" in world.call.said
    assert world.row.outcome is Outcome.VOICE_REQUEST


@in_virtual_time
async def test_a_breath_is_no_addition() -> None:
    world, own = await served(Script(digits=[KEY, "0042", "2"], takes=[0.3]))
    assert "request_empty" in world.call.said
    assert (own.added, world.ticket) == ([], None)


@in_virtual_time
async def test_zero_reaches_a_person_everywhere() -> None:
    for digits in ([KEY, "0"], [KEY, OTHER, "0"], [KEY, "0042", "0"]):
        world, _ = await served(Script(digits=digits, seats=[DialStatus.ANSWER]))
        assert "to_person" in world.call.said
        assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_after_hours_it_serves_too_and_a_person_means_the_first_callback() -> None:
    world, _ = await served(Script(now=NIGHT, digits=[KEY, "0042"]))
    assert world.call.said[:3] == ["closed_hours", "closed_help", "closed_self_service"]
    assert world.row.outcome is Outcome.SELF_SERVICE
    world, _ = await served(Script(now=NIGHT, digits=[KEY, "0042", "0", "1"], takes=[5.0]))
    assert "first_callback" in world.call.said
    assert world.ticket is not None
    assert (world.ticket.first_callback, world.ticket.voice_s) == (True, 5.0)


@in_virtual_time
async def test_a_request_after_an_addition_has_a_file_of_its_own() -> None:
    script = Script(now=NIGHT, digits=[KEY, "0042", "2", "0", "1"], takes=[8.0, 5.0])
    world, own = await served(script)
    assert world.ticket is not None
    assert own.added[0].stored != world.ticket.voice_path
    assert (own.added[0].seconds, world.ticket.voice_s) == (8.0, 5.0)


@in_virtual_time
async def test_who_waits_may_serve_himself_and_keeps_his_time() -> None:
    """5 at any time: he leaves the queue; 0 brings him back with the time he has waited."""
    world = World(Script(digits=["", KEY, "0042", "0"], seats=[]))
    world.desk = replace(world.desk, own=FakeOwn())
    await converse(world.call, world.desk)
    first, again = world.queue.places[:2]
    assert first.events == ["left self_service"]
    assert again.caller.queued_at == first.caller.queued_at
    assert "self/handled" in world.call.said


@in_virtual_time
async def test_sql_away_leads_to_a_person() -> None:
    script = Script(digits=[KEY], seats=[DialStatus.ANSWER])
    world, _ = await served(script, FakeOwn(away=True))
    assert "self/away" in world.call.said
    assert world.row.outcome is Outcome.ANSWERED
    world = await led(script)  # a house without it
    assert "self/away" in world.call.said


@in_virtual_time
async def test_a_line_of_its_own_serves_at_any_hour() -> None:
    for now in (NOON, NIGHT):
        world, _ = await served(Script(called="1234505", now=now, digits=["0042"]))
        assert world.call.said[:3] == ["recording_notice", "self/hello", "self/enter"]
        assert world.row.outcome is Outcome.SELF_SERVICE
    world, _ = await served(Script(called="1234505", now=NIGHT, digits=["0", "1"], takes=[4.0]))
    assert world.queue.places == []
    assert world.ticket is not None
    assert world.ticket.first_callback


@in_virtual_time
async def test_the_star_changes_the_language() -> None:
    world, _ = await served(Script(called="1234505", digits=["*", "0042"]))
    assert set(world.call.languages[1:2]) == {"cmn"}
    assert set(world.call.languages[2:]) == {"en"}
    world, _ = await served(Script(called="1234505", digits=["*", "*", "0042"]))
    assert world.call.languages[-1] == "cmn"


@in_virtual_time
async def test_an_ordinary_call_hears_nothing_of_it() -> None:
    world, _ = await served(Script(seats=[DialStatus.ANSWER]))
    assert world.call.said == ["recording_notice", "welcome"]


@in_virtual_time
async def test_a_new_engine_goes_on_with_who_was_served() -> None:
    """And counts him as served when he hangs up before it can."""
    world, own = await served(Script(digits=[KEY, "0042", "2"], takes=[8.0]), hang_up_at=0)
    assert world.call.variables["STAGE"] == "served"
    world.engine()
    world.desk = replace(world.desk, own=own)
    world.office.rows.clear()
    outcome = await hang_up(world.call.seen(), world.desk)
    assert outcome is Outcome.SELF_SERVICE
    assert len(own.added) == 1


@pytest.mark.parametrize("state", TicketState)
def test_every_state_has_words_in_every_language(state: TicketState) -> None:
    for code in ("", *sorted(REFUSALS)) if state is TicketState.NOT_ACCEPTED else ("",):
        said = stands(replace(MINE, state=state, refused=code), NOON)
        assert said[0].startswith("self/")
        assert (f"refused/{code}" in said) == bool(code)
        for language in CATALOGUE.languages:
            assert all(CATALOGUE.has(language, prompt) for prompt in said)


def test_a_date_that_has_passed_is_not_read_out() -> None:
    assert "self/due" not in stands(replace(MINE, due=datetime(2026, 11, 1, tzinfo=UTC)), NOON)


def test_the_line_s_flow_has_no_mistake() -> None:
    assert check_flow(flow_file(TENANT, "self_service")).self_service == "my_ticket"


async def spoken_to(script: Script, *deeds: Deed, able: bool = True) -> tuple[SpokenWorld, FakeOwn]:
    """As `served`, where speech is on: what he says or presses at the questions for digits."""
    world, own = SpokenWorld(script, deeds, able=able), FakeOwn()
    world.desk = replace(world.desk, own=own)
    await converse(world.call, world.desk)
    return world, own


@in_virtual_time
async def test_the_numbers_may_be_said() -> None:
    """Digit by digit; another's ticket needs the telephone's four as well."""
    world, _ = await spoken_to(Script(digits=[KEY]), Says("零 零 四 二"))
    assert "self/handled" in world.call.said
    said = Says("二 六 幺幺 二幺 零零零零四三")
    world, _ = await spoken_to(Script(digits=[KEY]), said, Says("幺 二 三 四"))
    assert "self/check" in world.call.said
    assert "self/handled" in world.call.said
    assert world.row.outcome is Outcome.SELF_SERVICE


@in_virtual_time
async def test_where_speech_is_on_keys_count_as_ever() -> None:
    keys = [Presses(key) for key in "0042#"]
    world, _ = await spoken_to(Script(digits=[KEY]), *keys)
    assert "self/handled" in world.call.said
    script = Script(digits=[KEY], seats=[DialStatus.ANSWER])
    world, _ = await spoken_to(script, Presses("0"), SILENT)
    assert world.row.outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    "deed", [Says("我 不 知道"), Says("四十二"), Says("x", heard=False), SILENT]
)
@in_virtual_time
async def test_what_is_not_understood_is_asked_for_by_key(deed: Deed) -> None:
    world, own = await spoken_to(Script(digits=[KEY, "0042"]), deed)
    said = world.call.said
    assert said.count("self/enter") == 2
    assert "self/handled" in said
    assert own.wrongs == []


@in_virtual_time
async def test_audio_that_breaks_leaves_the_keys() -> None:
    world, _ = await spoken_to(Script(digits=[KEY, "0042"]), Breaks())
    assert "self/handled" in world.call.said
    world, _ = await spoken_to(Script(digits=[KEY, "0042"]), able=False)
    assert "self/handled" in world.call.said


@in_virtual_time
async def test_what_was_said_to_the_questions_is_no_request() -> None:
    """Its recording lies apart: a request or an addition of the same call never takes it over."""
    world, own = await spoken_to(Script(digits=[KEY, "2"], takes=[7.0]), Says("零 零 四 二"))
    assert [words.seconds for words in own.added] == [7.0]
    assert world.ticket is None


def test_digits_said_one_by_one_are_digits() -> None:
    assert said_digits("二 六 幺 洞 两 拐 勾") == "2610279"
    assert said_digits("0 0 4 2") == "0042"
    assert said_digits("四十二") == said_digits("工单 四二") == said_digits("") == ""
