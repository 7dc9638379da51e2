"""The tenants' shift rosters: read and checked, alone or against the seats that are set up.

What is wrong is told with file, line, column and reason; nothing is used of a file with a mistake.
"""

from collections.abc import Sequence
from pathlib import Path

from ivr.documents import DocumentError, parse, read_document
from queue_manager import roster as roster_module
from queue_manager.model import Seat
from queue_manager.roster import Roster
from queue_manager.roster_faults import roster_faults

EXAMPLE_ROSTER = Path(roster_module.__file__).parent / "data" / "roster.yaml"
"""Six teams in four shifts: to copy. A tenant without `roster_file` has no roster at all."""


class RosterError(DocumentError):
    """A roster that must not be used; the message names file, line, column of every mistake."""

    id = "roster"


def read_roster(path: Path, seats: Sequence[Seat] | None = None) -> Roster:
    """A roster file; raises `RosterError` with every mistake: wrong fields, two rosters for one
    seat, shifts that overlap, unknown shifts and teams, and unknown seats where `seats` (all of
    the tenant's) are given."""
    document = read_document(path, RosterError)
    roster = parse(document, Roster, RosterError)
    for fault in roster_faults(roster, seats):
        document.complain(fault.place, fault.reason)
    document.raise_mistakes(RosterError)
    return roster
