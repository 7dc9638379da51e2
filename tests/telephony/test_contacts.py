"""Whose telephone can be rung, from what Asterisk tells of contacts: dead ones, two of a seat's."""

from datetime import UTC, datetime

import pytest

from telephony.events import EndpointReachable, SecondPhone
from telephony.translate import Contacts, address_of
from tests.telephony.peers import message

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
A, A_AGAIN, B = "sip:s1@10.0.0.5:5060", "sip:s1@10.0.0.5:40001", "sip:s1@10.0.0.9:5060"
CAME, LEFT = EndpointReachable("s1", True, AT), EndpointReachable("s1", False, AT)


def told(contacts: Contacts, uri: str, *states: str) -> list[object]:
    """What comes of one contact's states."""
    return [contacts.take("s1", uri, state, AT) for state in states]


def there(*uris: str) -> Contacts:
    """A seat whose telephones registered in this order, each in the place of the one before."""
    contacts = Contacts()
    for before, uri in zip(("", *uris), uris, strict=False):
        told(contacts, uri, "NonQualified")
        if before:
            told(contacts, before, "Removed")
        told(contacts, uri, "Reachable")
    return contacts


def test_who_registers_from_nowhere_never_counts() -> None:
    """It is asked at once and doesn't answer; later it does."""
    contacts = Contacts()
    assert told(contacts, A, "NonQualified", "Unreachable", "NonQualified") == [None] * 3
    assert contacts.reachable == frozenset()
    assert told(contacts, A, "Reachable", "Unreachable") == [CAME, LEFT]


def test_a_telephone_that_falls_silent_is_gone_and_one_that_never_spoke_is_not_asked() -> None:
    """A contact that Asterisk never asks (a fixed one) says nothing by its silence."""
    contacts = there(A)
    assert contacts.answers("s1")
    told(contacts, A, "Unreachable")
    assert not contacts.answers("s1")
    contacts.replace(
        [message(f"Event: ContactList\r\nEndpoint: s1\r\nURI: {A}\r\nStatus: NonQualified")]
    )
    assert contacts.reachable == {"s1"}
    assert not contacts.answers("s1")


def test_asterisks_own_start_keeps_nobody_waiting() -> None:
    """It asks its telephones one after another, over half a minute: until then they count."""
    contacts = Contacts()
    rows = [
        f"Event: ContactList\r\nEndpoint: {name}\r\nURI: sip:{name}@h\r\nStatus: {status}"
        for name, status in (("s1", "NonQualified"), ("s2", "Reachable"), ("s3", "Unreachable"))
    ]
    contacts.replace(map(message, rows))
    assert contacts.reachable == {"s1", "s2"}
    assert [contacts.answers(name) for name in ("s1", "s2", "s3")] == [False, True, False]


def test_another_telephone_that_takes_a_seat_over_is_told() -> None:
    """The seat can be rung all the time; both addresses are named."""
    contacts = there(A)
    assert told(contacts, B, "NonQualified") == [
        SecondPhone("s1", "10.0.0.5:5060", "10.0.0.9:5060", AT)
    ]
    assert told(contacts, A, "Removed") == [None]
    assert told(contacts, B, "Reachable") == [None]
    assert contacts.reachable == {"s1"}


def test_the_second_may_be_nowhere_and_then_nobody_is_rung() -> None:
    contacts = there(A)
    told(contacts, B, "NonQualified")
    assert told(contacts, A, "Removed") == [None]
    assert told(contacts, B, "Unreachable") == [LEFT]


def test_a_telephone_started_anew_is_the_same_one() -> None:
    """Its address with another port; also when it had gone, or fallen silent, before."""
    assert told(there(A), A_AGAIN, "NonQualified", "Reachable") == [None, None]
    for ended in ("Removed", "Unreachable"):
        contacts = there(A)
        told(contacts, A, ended)
        assert told(contacts, B, "NonQualified", "Reachable") == [None, CAME]


def test_two_behind_one_address_are_told_when_the_first_is_back() -> None:
    """Behind a router both have its address: only that the first returns tells them apart."""
    contacts = there(A, A_AGAIN)
    assert told(contacts, A, "NonQualified") == [
        SecondPhone("s1", "10.0.0.5:40001", "10.0.0.5:5060", AT)
    ]


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sip:s1@10.0.0.5:5060", "10.0.0.5:5060"),
        ("sip:s1@10.0.0.5:5060;transport=TCP;x=y", "10.0.0.5:5060"),
        ("sip:[2001:db8::5]:5061", "[2001:db8::5]:5061"),
        ("sips:s1@phone.example", "phone.example"),
        ("rubbish", "rubbish"),
    ],
)
def test_a_contact_is_shown_by_its_address(uri: str, shown: str) -> None:
    assert address_of(uri) == shown
