"""What two houses tell each other of a ticket, and peers as data."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.tickets.lives import DATA, NOON, WATER
from tickets.crossing import OUTWARD, Say, Way, Word, outgoing, peer_actor, taken
from tickets.errors import EventRefused
from tickets.life import SYSTEM, Life, Limits, Role, Told
from tickets.lifecycle import Event, decide
from tickets.model import TicketState
from tickets.peers import Peer, PeersFile

LIVES = st.builds(
    Life,
    tenant=st.just("default"),
    number=st.just("261123000001"),
    state=st.sampled_from(TicketState),
    round=st.integers(1, 3),
    lead=st.just(WATER),
)
EVENTS = st.sampled_from(Event)
PEER = {
    "id": "water", "name": "水务集团", "we": "city",
    "address": "https://water.example/exchange/v1/default", "units": ("pipes",),
}  # fmt: skip


@given(LIVES, EVENTS, st.sampled_from(Way))
def test_each_house_says_only_what_is_its_own_to_say(life: Life, event: Event, way: Way) -> None:
    told = Told(event, SYSTEM, NOON, DATA.get(event, {}))
    say = outgoing(way, "water", life, told, "已处理")
    assert say is None or (say.word in OUTWARD) is (way is Way.OUT)


@given(LIVES, EVENTS, st.sampled_from(Way), st.sampled_from(Role))
def test_what_a_peer_told_is_never_told_back_to_it(
    life: Life, event: Event, way: Way, role: Role
) -> None:
    told = Told(event, peer_actor("water", role), NOON, DATA.get(event, {}))
    assert outgoing(way, "water", life, told) is None
    other = outgoing(way, "gas", life, told)
    assert other == outgoing(way, "gas", life, replace(told, actor=SYSTEM))


@given(
    LIVES, st.sampled_from(Word), st.dictionaries(st.sampled_from(["reason", "text"]), st.text())
)
def test_whatever_is_told_becomes_events_that_the_table_takes_or_refuses(
    life: Life, word: Word, data: dict[str, str]
) -> None:
    for told in taken("water", life, Say(word, data), NOON):
        assert told.actor.id == "peer:water"
        try:
            life = decide(life, told, Limits()).life
        except EventRefused:
            return


@pytest.mark.parametrize("state", ["CALLBACK", "MANUAL_REVIEW"])
@pytest.mark.parametrize("word", [Word.SATISFIED, Word.CLOSED])
def test_a_citizen_who_is_content_ends_the_ticket_where_it_was_handled(
    word: Word, state: str
) -> None:
    life = Life("default", "261123000001", TicketState(state), lead=WATER)
    for told in taken("city", life, Say(word, {}), NOON):
        life = decide(life, told, Limits()).life
    assert life.state is TicketState.ARCHIVED


def test_a_peer_takes_its_units_and_of_these_the_named_lines_and_classes() -> None:
    peer = Peer.model_validate({**PEER, "lines": ("12345",), "classes": ("0203", "0301")})
    assert peer.takes("pipes", "12345", "020399")
    assert not peer.takes("roads", "12345", "020399")
    assert not peer.takes("pipes", "12319", "020399")
    assert not peer.takes("pipes", "12345", "0101")
    assert Peer.model_validate(PEER).takes("pipes", "", "")


@pytest.mark.parametrize(
    "changed",
    [
        {"we": "water"}, {"id": "Water!"}, {"address": "http://water.example/exchange/v1/default"},
        {"address": "https://water.example"}, {"address": "ftp://water.example/x"},
        {"address": "https://me:x@water.example/x"}, {"address": "https://water.example/x?y=1"},
        {"requester": "everything"}, {"colour": "blue"},
    ],
)  # fmt: skip
def test_a_peer_that_can_not_be_right_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Peer.model_validate({**PEER, **changed})


def test_plain_http_is_for_this_machine_or_a_line_that_is_said_to_be_private() -> None:
    for more in (
        {"address": "http://127.0.0.1:8345/exchange/v1/default"},
        {"address": "http://10.1.2.3/exchange/v1/default", "plain": True},
    ):
        assert Peer.model_validate({**PEER, **more})


def test_a_unit_is_one_peer() -> None:
    with pytest.raises(ValidationError, match="unit pipes is written twice"):
        PeersFile.model_validate({"peers": [PEER, {**PEER, "id": "gas"}]})
    with pytest.raises(ValidationError, match="peer water is written twice"):
        PeersFile.model_validate({"peers": [PEER, {**PEER, "units": ()}]})
