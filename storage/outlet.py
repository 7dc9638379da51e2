"""Makes of the events of a commit what peers, webhooks and citizens are to be told, in the same
transaction.

It stands around the `Clockwork`, which every event and every new ticket passes anyway: a tenant
without peers and webhooks pays one look into two dicts a commit.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from storage.among import Among
from storage.citizen_texts import put_texts
from storage.clockwork import Change, Clockwork, Seen
from storage.crossed import facts_for, last_reply
from storage.exchange_tables import crossings, outbox
from storage.prepared import Prepared
from storage.rows import DIALECTS
from storage.webhooks import Hook
from tickets.crossing import Say, Way, Word, outgoing
from tickets.life import Life, Limits
from tickets.model import TicketState
from tickets.peers import Peer, PeersFile

VERSION = 1
_PUT = Prepared(dict.fromkeys(DIALECTS, insert(outbox)))
_CROSSED = Among(
    crossings.c.number,
    lambda wanted: select(crossings).where(
        crossings.c.tenant == bindparam("of_tenant"), wanted, crossings.c.open.is_(True)
    ),
)
_CROSS = Prepared(
    {
        name: insert_for(crossings)
        .values({column.name: bindparam(column.name) for column in crossings.c})
        .on_conflict_do_update(
            index_elements=["tenant", "number", "peer"],
            set_={
                "n": crossings.c.n + 1, "open": True, "their_number": "", "their_state": "",
                "made_at": bindparam("made_at"),
            },
        )
        .returning(crossings.c.n)
        for name, insert_for in DIALECTS.items()
    }
)  # fmt: skip
_LEADS = frozenset({"dispatched", "reassigned", "ruled", "part_made"})
_ENDS = frozenset({Word.RECALLED, Word.WITHDRAWN})


class Outlet:
    """A `Clockwork` around another, which fills the outbox. `hooks` and `peers` are asked for each
    commit: they may be others by then. `texts`: citizens are told by text messages."""

    def __init__(
        self,
        inner: Clockwork,
        peers: Callable[[str], PeersFile],
        hooks: Callable[[str], Sequence[Hook]],
        *,
        texts: bool = False,
    ) -> None:
        self._inner = inner
        self._peers = peers
        self._hooks = hooks
        self._texts = texts

    def limits(
        self,
        connection: Connection,
        lives: Sequence[Life],
        at: datetime,
        seen: Seen | None = None,
    ) -> Sequence[Limits]:
        """As the inner one's."""
        return self._inner.limits(connection, lives, at, seen)

    def changed(
        self, connection: Connection, changes: Sequence[Change], seen: Seen | None = None
    ) -> Sequence[datetime | None]:
        """As the inner one's; and the outbox has what is to be told of these changes."""
        dues = self._inner.changed(connection, changes, seen)
        if changes:
            tenant = changes[0].life.tenant
            peers, hooks = self._peers(tenant), self._hooks(tenant)
            if hooks:
                _tell_hooks(connection, hooks, changes, dues)
            if peers.peers:
                _Crossing(connection, tenant, peers, changes, dues).tell()
            if self._texts:
                put_texts(connection, changes)
        return dues


def _tell_hooks(
    connection: Connection,
    hooks: Sequence[Hook],
    changes: Sequence[Change],
    dues: Sequence[datetime | None],
) -> None:
    """A row for each who wants to know of each; nothing personal is in it."""
    rows = []
    for change, due in zip(changes, dues, strict=True):
        life, told = change.life, change.told
        for hook in hooks:
            if not hook.wants(told.event):
                continue
            data = {
                "tenant": life.tenant, "ticket": life.number, "event": told.event,
                "state": str(life.state), "version": life.seq, "unit": life.lead,
                "round": life.round, "due": due.isoformat() if due else None,
            }  # fmt: skip
            name = f"ticket.{told.event}"
            body = {"type": name, "timestamp": told.at.isoformat(), "data": data}
            target = f"hook:{hook.id}"
            rows.append(out_row(life.tenant, target, life.number, name, body, told.at))
    _PUT.run_many(connection, rows)


def out_row(
    tenant: str, target: str, number: str, kind: str, body: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """A row of the outbox, to be sent at once."""
    now = int(at.timestamp())
    return {
        "tenant": tenant, "target": target, "number": number, "message": f"msg_{uuid.uuid4().hex}",
        "kind": kind, "body": body, "state": "waiting", "made_at": now, "next_at": 0, "tries": 0,
        "reason": "",
    }  # fmt: skip


class _Crossing:
    """What one commit's changes are to a tenant's peers."""

    def __init__(
        self,
        connection: Connection,
        tenant: str,
        peers: PeersFile,
        changes: Sequence[Change],
        dues: Sequence[datetime | None],
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._peers = peers
        self._changes = changes
        self._dues = dues
        self._open: dict[str, dict[str, tuple[Way, int, str]]] = {}

    def tell(self) -> None:
        """Put all of it into the outbox."""
        lived = {c.life.number for c in self._changes if c.life.seq > 1}
        if lived:
            found = _CROSSED.run(self._connection, sorted(lived), of_tenant=self._tenant)
            for row in found:
                known = self._open.setdefault(row.number, {})
                known[row.peer] = Way(row.way), row.n, row.their_number
        for change, due in zip(self._changes, self._dues, strict=True):
            self._one(change, due)

    def _one(self, change: Change, due: datetime | None) -> None:
        life, told = change.life, change.told
        for name, (way, n, theirs) in tuple(self._open.get(life.number, {}).items()):
            peer = self._peers.by_id.get(name)
            if peer is None:
                continue  # it is no peer any more
            away = told.event in _LEADS and life.lead not in peer.units
            if way is Way.OUT and away:
                say: Say | None = Say(Word.RECALLED, {"reason": told.event})
            else:
                passed = told.event == "reply_passed" and way is Way.IN
                reply = last_reply(self._connection, life, self._changes) if passed else ""
                say = outgoing(way, name, life, told, reply)
            if say is not None:
                self._put(peer, change, say, n, theirs)
                if way is Way.OUT and say.word in _ENDS:
                    self._close(life.number, name)
        if life.state is TicketState.DISPATCHED and told.event in _LEADS:
            self._cross(change, due)

    def _cross(self, change: Change, due: datetime | None) -> None:
        life = change.life
        peer = self._peers.by_unit.get(life.lead)
        if peer is None or peer.id in self._open.get(life.number, {}):
            return
        facts = facts_for(self._connection, life, self._changes, peer.requester)
        if not peer.takes(life.lead, facts.line, facts.class_code):
            return
        row = {
            "tenant": life.tenant, "number": life.number, "peer": peer.id, "n": 1,
            "way": Way.OUT.value, "their_number": "", "their_state": "", "open": True,
            "made_at": int(change.told.at.timestamp()),
        }  # fmt: skip
        n = int(_CROSS.run(self._connection, row) or 1)
        self._open.setdefault(life.number, {})[peer.id] = Way.OUT, n, ""
        data = {**facts.data, "due": due.isoformat() if due else None}
        self._put(peer, change, Say(Word.TICKET, data), n, "")

    def _put(self, peer: Peer, change: Change, say: Say, n: int, theirs: str) -> None:
        life, at = change.life, change.told.at
        body = {
            "version": VERSION, "from": peer.we, "to": peer.id, "at": at.isoformat(),
            "word": say.word.value, "number": life.number, "n": n, "yours": theirs,
            "state": str(life.state), "data": dict(say.data),
        }  # fmt: skip
        row = out_row(life.tenant, f"peer:{peer.id}", life.number, say.word.value, body, at)
        _PUT.run_many(self._connection, [row])

    def _close(self, number: str, peer: str) -> None:
        ours = crossings.c
        self._connection.execute(
            crossings.update()
            .where(ours.tenant == self._tenant, ours.number == number, ours.peer == peer)
            .values(open=False)
        )
        self._open.get(number, {}).pop(peer, None)
