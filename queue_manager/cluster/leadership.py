"""One tenant's queue as its leader serves it to all nodes.

The matching itself is `QueueService`, as with a single engine; here each node's callers are
entered into it and its telephones told to it, and offers go back to the node whose caller it is.

**Why no seat is offered twice, whoever leads.** A seat can be offered only after its telephone was
reported, and the node that reports a telephone reports first who holds its seats: its own callers
that ring or talk, and the calls of other nodes (`legs`) that have come to its Asterisk, as that
tells it, or that a leader told it of before it told the caller's node (`SeatHeld` goes out before
`Offered`). So the seat's own node vouches for it. A node obeys one leader at a time, and a leader
who loses a node forgets that node's telephones well before it may go on alone (`PHONES_STAY_S`).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import structlog

from queue_manager.cluster.guests import Guest, Node, Report, node_of
from queue_manager.cluster.messages import (
    CHUNK,
    Answered,
    AskedAgain,
    CallOver,
    Entered,
    Held,
    Left,
    LegOver,
    LegSeen,
    Message,
    Missed,
    Offered,
    PhoneSeen,
    PlaceOver,
    PlacesAsked,
    PlaceSeen,
    PlacesTold,
    SeatFree,
    SeatHeld,
    TalkFound,
    Wished,
    Withdrawn,
)
from queue_manager.cluster.wishes import carry_out
from queue_manager.errors import QueueError
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    SeatState,
    Verdict,
    WaitingCaller,
)
from queue_manager.ports import Clock
from queue_manager.service import QueueService

PHONES_STAY_S = 4.0
"""How long the telephones of a node whose engine is away are still rung: its Asterisk may be well,
and its engine is back in a moment."""
CALLERS_STAY_S = 120.0
"""How long the place of a caller is kept whose engine is away and brings him back to no one."""

log = structlog.get_logger(__name__)


class Leadership:
    """`send(node, message)` tells a node something; it is asked only for nodes that are there.

    Until `begin`, what nodes report is only kept: all of it is taken in together then, so that the
    callers of all nodes are served in their order.
    """

    def __init__(
        self, service: QueueService, clock: Clock, tell: Callable[[str, Message], None]
    ) -> None:
        self.service = service
        self._tenant = service.settings.tenant
        self._clock = clock
        self._tell = tell
        self._nodes: dict[str, Node] = {}
        self._guests: dict[str, Guest] = {}
        self._talks: dict[str, Node] = {}
        self._legs: dict[str, tuple[Node, Held]] = {}
        self._held: dict[str, tuple[Node, Held]] = {}
        self._early: dict[str, Report] | None = {}
        self._later: list[tuple[str, Message]] = []

    # --- nodes

    def begin(self) -> None:
        """Take in what was reported until now, and offer seats from here on."""
        early, self._early = self._early or {}, None
        self._take_in(tuple(early.values()))
        later, self._later = self._later, []
        for name, message in later:
            self.take(name, message)

    def joined(self, report: Report) -> None:
        """A node told all it knows of this tenant."""
        if self._early is None:
            self._take_in((report,))
        else:
            self._early[report.node] = report
            self._later = [kept for kept in self._later if kept[0] != report.node]

    def lost(self, name: str) -> None:
        """A node's engine is away: nothing is offered to its callers until it is back."""
        if self._early is not None:
            self._early.pop(name, None)
        node = self._nodes.get(name)
        if node is None or not node.there:
            return
        node.there = False
        node.since_s = asyncio.get_running_loop().time()
        for guest in self._of(node):
            if guest.place is not None:
                guest.place.set_aside()

    def forget_others(self, name: str) -> None:
        """Serve one node alone from now on: what belongs to others is theirs."""
        for node in self._nodes.values():
            if node.name != name:
                self.lost(node.name)
                self._forget_phones(node)

    def time_passed(self) -> None:
        """Called now and then: nodes that stay away lose their telephones, then their callers."""
        now_s = asyncio.get_running_loop().time()
        for node in self._nodes.values():
            if node.there:
                continue
            if node.phones and now_s - node.since_s >= PHONES_STAY_S:
                ringing = {
                    view.seat.endpoint
                    for view in self.service.seats()
                    if view.state is SeatState.RESERVED
                }
                self._forget_phones(node, but=ringing)
            if now_s - node.since_s >= CALLERS_STAY_S:
                for guest in self._of(node):
                    log.error("caller_never_came_back", **self._ids(guest.caller.call_id))
                    self._leaves(guest, LeaveReason.ABANDONED)

    def take(self, name: str, message: Message) -> None:
        """One message of a node that has joined."""
        if self._early is not None:
            if name in self._early:
                self._later.append((name, message))
            return
        node = self._nodes.get(name)
        if node is None or not node.there:
            return
        try:
            self._take(node, message)
        except QueueError as error:
            log.warning("cluster_message_refused", node=name, kind=message.kind, error=str(error))

    def _take(self, node: Node, message: Message) -> None:
        match message:
            case Entered():
                self._enters(node, message.caller, message.hold_s)
            case AskedAgain():
                self._asks_again(node, message.call_id)
            case Missed():
                self._missed(message)
            case Answered():
                self._answered(message)
            case Left():
                if guest := self._guests.get(message.call_id):
                    self._leaves(guest, message.reason)
            case CallOver() if message.rang:
                self._talks.pop(message.call_id, None)
                self._stop_ringing(Held(message.rang, message.call_id))
            case CallOver():
                self._over(message.call_id, gone=message.gone)
            case TalkFound():
                self._talk_found(node, Held(message.seat_id, message.call_id))
                if message.caller is not None:  # sure now that they talk, and who does
                    self.service.restore_talk(
                        message.seat_id, message.call_id, message.caller, message.answered_at
                    )
            case LegSeen():
                self._leg_found(node, Held(message.seat_id, message.call_id))
            case LegOver():
                self._leg_over(message.seat_id, message.call_id)
            case PhoneSeen():
                self._phone(node, message.endpoint, message.reachable)
                if message.second:
                    self.service.second_phone(message.endpoint, message.second)
            case Wished():
                carry_out(self.service, message.wish, message.words)
            case PlacesAsked():
                self.send(node, PlacesTold(self._tenant, tuple(self.places(message.call_ids))))
            case _:
                log.warning("cluster_message_unexpected", node=node.name, kind=message.kind)

    # --- what a node reports when it joins

    def _take_in(self, reports: Sequence[Report]) -> None:
        """Who holds which seat first, of all nodes; then who waits; telephones last."""
        nodes = [(self._there(report), report) for report in reports]
        for node, report in nodes:
            self._reconcile(node, report)
            for held in report.all("talks"):
                self._talk_found(node, held)
        for node, report in nodes:
            self._ring_on(node, report)
        for node, report in nodes:
            for held in report.all("legs"):
                self._leg_found(node, held)
        for node, report in nodes:
            rung = {held.call_id for held in report.all("ringing")}
            for caller in report.all("waiting"):
                guest = self._guests.get(caller.call_id)
                if guest is None or guest.rings is None or caller.call_id not in rung:
                    self._enters(node, caller)
        for node, report in nodes:
            phones = set(report.all("phones"))
            for endpoint in sorted(node.phones - phones):
                self._phone(node, endpoint, False)
            for endpoint in sorted(phones - node.phones):
                self._phone(node, endpoint, True)

    def _reconcile(self, node: Node, report: Report) -> None:
        """What the node doesn't tell of any more is over: talks, and (when it is still the same
        engine, which forgets nobody) callers, too. A new engine's callers come back to it."""
        here = {held.call_id for held in (*report.all("talks"), *report.all("ringing"))}
        for call_id in [c for c, at in self._talks.items() if at is node and c not in here]:
            self._over(call_id)
        left = dict(report.all("left"))
        here |= {caller.call_id for caller in report.all("waiting")}
        for guest in self._of(node):
            call_id = guest.caller.call_id
            if call_id in left or (call_id not in here and node.life == report.life):
                self._leaves(guest, left.get(call_id, LeaveReason.ABANDONED))
            elif call_id not in here:
                self._rings_no_more(guest)
        self._reconcile_legs(node, report, here)
        node.life = report.life

    def _reconcile_legs(self, node: Node, report: Report, here: Collection[str]) -> None:
        """Of a seat that another node said to hold for a call of this one, the call's own node
        knows better: that talk is over, or the seat was never rung and he is elsewhere by now."""
        seats = {h.call_id: h.seat_id for h in (*report.all("talks"), *report.all("ringing"))}
        for key, (seats_node, held) in tuple(self._legs.items()):
            if node_of(held.call_id) != node.name:
                continue
            del self._legs[key]
            if held.call_id not in here:
                self._over(key)
            elif seats.get(held.call_id) != held.seat_id:
                self._stop_ringing(replace(held, call_id=key))
                self.send(seats_node, SeatFree(self._tenant, held))
            elif key != held.call_id:
                self.service.came_back(key)  # it talks on, by the call's own name

    def _ring_on(self, node: Node, report: Report) -> None:
        """Seats that ring by an earlier leader's word ring on, and are held by ours."""
        callers = {caller.call_id: caller for caller in report.all("waiting")}
        for held in report.all("ringing"):
            caller, known = callers.get(held.call_id), self._guests.get(held.call_id)
            before = known.rings if known is not None else None
            if before is not None and before.seat_id != held.seat_id:
                self._stop_ringing(before)
            if caller is not None and (known is None or known.place is None):
                self.service.restore_talk(held.seat_id, held.call_id)
                self._guests[held.call_id] = Guest(self, node, caller, rings=held)

    # --- callers

    def _enters(self, node: Node, caller: WaitingCaller, hold_s: float | None = None) -> None:
        guest = self._guests.get(caller.call_id)
        self._talks.pop(caller.call_id, None)
        if guest is None:
            guest = self._guests[caller.call_id] = Guest(self, node, caller)
        elif guest.rings is not None:
            self._stop_ringing(guest.rings)
        guest.node, guest.caller = node, caller
        self._wait(guest, hold_s)

    def _wait(self, guest: Guest, hold_s: float | None = None) -> None:
        """He waits from now on, or goes on waiting by a newer session."""
        guest.rings = None
        guest.place = None  # what the older handle is told as it goes is nobody's news
        guest.place = place = self.service.enter(guest.caller, hold_s=hold_s)
        place.listen(guest)

    def _asks_again(self, node: Node, call_id: str) -> None:
        guest = self._guests.get(call_id)
        if guest is not None and guest.place is not None and guest.node is node:
            guest.place.next_offer().cancel()

    def _leaves(self, guest: Guest, reason: LeaveReason) -> None:
        call_id = guest.caller.call_id
        del self._guests[call_id]
        self._free(call_id)
        if guest.place is not None:
            guest.place.leave(reason)
        elif guest.rings is not None:
            self._stop_ringing(guest.rings)

    def _missed(self, report: Missed) -> None:
        guest = self._guests.get(report.call_id)
        if guest is None:
            return
        if guest.rings is not None:
            if guest.rings.token == report.token:
                self._stop_ringing(guest.rings)
                self._free(report.call_id)
                self._wait(guest)
        elif guest.place is not None and guest.offer is not None:
            offer = guest.offer
            if offer.token == report.token:
                self._free(report.call_id)
                guest.place.missed(offer, report.reason)

    def _answered(self, report: Answered) -> None:
        """They talk: the seat's answer is the caller's node's to believe."""
        guest = self._guests.get(report.call_id)
        if guest is None:
            return
        held = guest.rings
        if held is None and guest.offer is not None and guest.offer.token == report.token:
            held = Held(guest.offer.seat.seat_id, report.call_id, report.token)
        if held is None:
            log.warning("answer_to_no_offer", token=report.token, **self._ids(report.call_id))
        else:
            self._talk_begins(guest, held)

    def _talk_begins(self, guest: Guest, held: Held) -> None:
        """A caller who waits here talks with this seat. When the queue can't have it so (the seat
        is another's by now), he has left the queue all the same."""
        call_id = held.call_id
        del self._guests[call_id]
        self._talks[call_id] = guest.node
        place, offer = guest.place, guest.offer
        if place is None:
            self.service.restore_talk(held.seat_id, call_id, guest.caller, self._clock.now())
        elif offer is None or offer.seat.seat_id != held.seat_id:
            place.leave(LeaveReason.ABANDONED)
            self.service.restore_talk(held.seat_id, call_id)
        elif place.answered(offer) is Verdict.REFUSED:
            log.error("answer_refused", seat=held.seat_id, **self._ids(call_id))
            place.leave(LeaveReason.ABANDONED)

    def _stop_ringing(self, held: Held) -> None:
        """The seat that was held for this call only rang, and rests; nobody has talked."""
        rang = self.service.seat(held.seat_id).call_id == held.call_id
        self.service.came_back(held.call_id)
        if rang:
            self.service.end_wrap_up(held.seat_id)

    def _over(self, call_id: str, *, gone: bool = False) -> None:
        """The call talks no more; `gone`: nor does it wait."""
        guest = self._guests.get(call_id)
        if guest is None:
            self._talks.pop(call_id, None)
            self._legs.pop(call_id, None)
            self._free(call_id)
            self.service.came_back(call_id)
        elif gone:
            self._leaves(guest, LeaveReason.ABANDONED)

    # --- seats

    def _talk_found(self, node: Node, held: Held) -> None:
        guest = self._guests.get(held.call_id)
        if guest is not None:
            self._talk_begins(guest, held)
        else:
            self._talks[held.call_id] = node
            self.service.restore_talk(held.seat_id, held.call_id)

    def _leg_found(self, node: Node, held: Held) -> None:
        """A seat is held for a call of a node that is away; one that is there tells itself."""
        caller_node = self._nodes.get(node_of(held.call_id))
        told = held.call_id in self._guests or held.call_id in self._talks
        if not told and (caller_node is None or not caller_node.there):
            key = held.call_id
            if key in self._legs and self._legs[key][1].seat_id != held.seat_id:
                key = f"{held.call_id}~{held.seat_id}"  # one is real: until he tells, both are held
            self._legs[key] = (node, held)
            self.service.restore_talk(held.seat_id, key)

    def _leg_over(self, seat_id: str, call_id: str) -> None:
        """A seat's telephone is free again. The caller's own node tells so itself, when it can."""
        node = self._nodes.get(node_of(call_id))
        if node is not None and node.there:
            return
        guest = self._guests.get(call_id)
        if guest is not None:
            if guest.seat_id == seat_id:  # else another one rings for him by now
                self._rings_no_more(guest)
        else:
            other = f"{call_id}~{seat_id}"
            key = other if other in self._legs else call_id
            if key not in self._legs or self._legs[key][1].seat_id == seat_id:
                self._over(key)

    def _rings_no_more(self, guest: Guest) -> None:
        """No seat rings for a caller whose engine is away: he waits on until it is back."""
        if guest.rings is not None:
            held, guest.rings = guest.rings, None
            self._stop_ringing(held)
        elif guest.place is not None and guest.offer is not None:
            guest.place.set_aside()
            guest.place.missed(guest.offer, MissReason.RESCINDED)
        self._free(guest.caller.call_id)

    def _phone(self, node: Node, endpoint: str, reachable: bool) -> None:
        if reachable:
            node.phones.add(endpoint)
        else:
            node.phones.discard(endpoint)
        self.service.endpoint_reachable(endpoint, reachable, node.name)

    def _forget_phones(self, node: Node, but: Collection[str] = ()) -> None:
        """A telephone that rings is left to ring."""
        for endpoint in sorted(node.phones.difference(but)):
            self._phone(node, endpoint, False)

    # --- what the queue decides (called by guests)

    def offered(self, guest: Guest, offer: Offer) -> None:
        """Tell the seat's node first, then the caller's: nothing rings that its node doesn't know
        of. To the caller's own node the seat's is no other."""
        away = offer.node not in ("", guest.node.name)
        call_id = offer.caller.call_id
        if away and (seats_node := self._nodes.get(offer.node)) is not None:
            held = Held(offer.seat.seat_id, call_id, offer.token)
            self._held[call_id] = (seats_node, held)
            self.send(seats_node, SeatHeld(offer.seat.tenant, held))
        shown = replace(offer, node=offer.node if away else "")
        self.send(guest.node, Offered(self._tenant, shown))

    def taken_back(self, guest: Guest, offer: Offer) -> None:
        """The queue wants the offer back."""
        call_id = offer.caller.call_id
        self._free(call_id)
        self.send(guest.node, Withdrawn(self._tenant, call_id, offer.token))

    def gone(self, guest: Guest, why: str) -> None:
        """The queue has ended a place by itself."""
        call_id = guest.caller.call_id
        place = guest.place
        if place is not None and not place.current and self._guests.get(call_id) is guest:
            del self._guests[call_id]
            self.send(guest.node, PlaceOver(self._tenant, call_id, why))

    def send(self, node: Node, message: Message) -> None:
        """Tell a node something, if its engine is there."""
        if node.there:
            self._tell(node.name, message)

    # --- inside

    def _there(self, report: Report) -> Node:
        node = self._nodes.get(report.node)
        if node is None:
            node = self._nodes[report.node] = Node(report.node, report.life)
        node.there = True
        return node

    def _of(self, node: Node) -> list[Guest]:
        return [guest for guest in self._guests.values() if guest.node is node]

    def _free(self, call_id: str) -> None:
        """A seat of another node is held for this call no longer."""
        node, held = self._held.pop(call_id, (None, None))
        if node is not None and held is not None:
            self.send(node, SeatFree(self._tenant, held))

    def places(self, call_ids: Iterable[str]) -> Iterable[PlaceSeen]:
        """Where these callers stand; those who don't wait here are left out."""
        for call_id in tuple(call_ids)[:CHUNK]:
            guest = self._guests.get(call_id)
            if guest is not None and guest.place is not None:
                estimate = guest.place.estimate()
                low_s, high_s = (estimate.low_s, estimate.high_s) if estimate else (None, None)
                yield PlaceSeen(call_id, guest.place.position(), low_s, high_s)

    def _ids(self, call_id: str) -> dict[str, str]:
        return {"tenant": self._tenant, "call_id": call_id}
