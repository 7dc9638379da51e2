"""Follow-ups as rows of SQL, and those that an event asks for, in the event's own transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from storage.among import Among
from storage.follow_up_tables import follow_ups
from storage.life_book import MAIN
from storage.life_tables import ticket_links
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.calendar import seconds
from tickets.follow_up import FollowUp, FollowUpState, superseded
from tickets.life import Life, Told
from tickets.model import TicketState
from tickets.told_data import text

_ROWS = follow_ups.c
_WORDS = {None: "", True: "yes", False: "no"}
_ANSWERS = {word: answer for answer, word in _WORDS.items()}
_SAVED = (
    "state", "attempts", "next_at", "phone", "node", "result", "solved", "satisfied", "ended_at",
)  # fmt: skip
_BEFORE = Among(
    _ROWS.number,
    lambda wanted: select(follow_ups).where(_ROWS.tenant == bindparam("of_tenant"), wanted),
)
_NEW = Prepared(dict.fromkeys(DIALECTS, insert(follow_ups)))
_SAVE = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(follow_ups)
        .where(_ROWS.tenant == bindparam("of_tenant"), _ROWS.number == bindparam("of_number"))
        .where(_ROWS.n == bindparam("of_n"))
        .values({name: bindparam(f"to_{name}") for name in _SAVED}),
    )
)


def follow_up_of(row: Row[Any]) -> FollowUp:
    """A row, as a value."""
    return FollowUp(
        tenant=row.tenant, number=row.number, n=row.n, made_at=row.made_at, next_at=row.next_at,
        main=row.main, state=FollowUpState(row.state), attempts=row.attempts, phone=row.phone,
        node=row.node, result=row.result, solved=_ANSWERS[row.solved],
        satisfied=_ANSWERS[row.satisfied], ended_at=row.ended_at,
    )  # fmt: skip


def save(connection: Connection, one: FollowUp) -> None:
    """Write what has become of it."""
    values = _values(one)
    _SAVE.run_many(
        connection,
        [
            {
                "of_tenant": one.tenant, "of_number": one.number, "of_n": one.n,
                **{f"to_{name}": values[name] for name in _SAVED},
            }
        ],
    )  # fmt: skip


def ask_citizens(connection: Connection, tenant: str, kept: Sequence[tuple[Life, Told]]) -> None:
    """Plan the calls that these events ask for: a reply has passed review, or a ticket was linked
    to one whose reply has."""
    asked: dict[str, tuple[str, Told]] = {}
    for life, told in kept:
        if life.state is not TicketState.CALLBACK:
            continue
        if told.event == "reply_passed":
            asked[life.number] = "", told
            if life.repeats:
                linked = _not_content(connection, life)
                asked |= dict.fromkeys(linked, (life.number, told))
        elif told.event == "joined":
            asked[text(told.data, "number")] = life.number, told
    if asked:
        _plan(connection, tenant, asked)


def _not_content(connection: Connection, main: Life) -> list[str]:
    """The tickets linked to this one; who was told a reply of it and was content isn't asked
    again."""
    content = select(_ROWS.number).where(
        _ROWS.tenant == main.tenant, _ROWS.main == main.number, _ROWS.state == "satisfied",
        _ROWS.number == ticket_links.c.number,
    )  # fmt: skip
    query = select(ticket_links.c.number).where(
        ticket_links.c.tenant == main.tenant, ticket_links.c.kind == MAIN,
        ticket_links.c.whole == main.number, ~content.exists(),
    )  # fmt: skip
    return list(connection.execute(query.order_by(ticket_links.c.number)).scalars())


def _plan(connection: Connection, tenant: str, asked: Mapping[str, tuple[str, Told]]) -> None:
    """One more question about each of these tickets, with the main ticket whose reply is told; the
    one before, if it is open still, is out of date."""
    last = dict.fromkeys(asked, 0)
    for row in _BEFORE.run(connection, list(asked), of_tenant=tenant):
        one = follow_up_of(row)
        last[one.number] = max(last[one.number], one.n)
        if not one.over:
            save(connection, superseded(one, seconds(asked[one.number][1].at)))
    rows = []
    for number, (main, told) in asked.items():
        at, n = seconds(told.at), last[number] + 1
        one = FollowUp(tenant, number, n, made_at=at, next_at=at, main=main)
        key = {"tenant": tenant, "number": number, "n": n, "main": main, "made_at": at}
        rows.append({**key, **_values(one)})
    _NEW.run_many(connection, rows)


def _values(one: FollowUp) -> Mapping[str, Any]:
    return {
        "state": one.state.value, "attempts": one.attempts, "next_at": one.next_at,
        "phone": one.phone, "node": one.node, "result": one.result,
        "solved": _WORDS[one.solved], "satisfied": _WORDS[one.satisfied],
        "ended_at": one.ended_at,
    }  # fmt: skip
