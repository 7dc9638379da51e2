"""The page of a ticket's life says what the table says."""

from hotline.settings import PROJECT
from hotline.tickets_doc import CHINESE, document
from tickets.model import TicketState


def test_the_page_is_as_the_table() -> None:
    """Write it anew with: python -m hotline.tickets_doc > docs/tickets.md"""
    assert (PROJECT / "docs" / "tickets.md").read_text() == document()


def test_every_state_has_its_chinese_name() -> None:
    assert list(CHINESE) == [state for state in CHINESE if state in TicketState]
    assert set(CHINESE) == set(TicketState)
