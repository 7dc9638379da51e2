"""When a ticket must be finished (办结): what its finish clock says, and no other table.

Counting a million due dates anew so writes clocks and nothing else; see docs/decisions/0385.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text

from storage.clock_tables import ticket_clocks
from storage.life_tables import ticket_states
from tickets.effects import ClockName
from tickets.model import TicketState

_CLOCKS = ticket_clocks.c
FINISHING = text("ticket_clocks.stopped_at = 0 AND ticket_clocks.clock = 'finish'")
"""The clocks that lists by due date show. In these words their index is found: bound as values
neither database can know that it has them."""
SAME_TICKET = and_(
    ticket_states.c.tenant == _CLOCKS.tenant, ticket_states.c.number == _CLOCKS.number
)
_DONE = (TicketState.CALLBACK, TicketState.MANUAL_REVIEW, TicketState.MERGED)
"""The limit has ended, the ticket hasn't: when it was due is still told."""


def finish_due(ticket: Any) -> ColumnElement[Any]:
    """The due date of a row with the columns of `ticket_states`, in seconds since 1970; NULL:
    nothing is due."""
    ended = ticket.state.in_([state.value for state in _DONE])
    return (
        select(_CLOCKS.due)
        .where(_CLOCKS.tenant == ticket.tenant, _CLOCKS.number == ticket.number)
        .where(_CLOCKS.clock == ClockName.FINISH.value, or_(_CLOCKS.stopped_at == 0, ended))
        .order_by(_CLOCKS.seq.desc())
        .limit(1)
        .correlate_except(ticket_clocks)
        .scalar_subquery()
        .label("due")
    )
