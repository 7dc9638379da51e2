"""Who leads: one engine's standing, decided from what it hears. Pure: times come in as arguments.

The lease in Redis gives each leader a *term*, a token larger than all before it. An engine obeys
the largest term it has heard of and no other; that is the fence. The rules:

- Nobody stands while a leader's link is up: with Redis away, or wiped, all go on as they were.
- A leader whose lease has run out by its own clock (it can't renew) goes on only as long as all
  its followers stay: the first one who leaves may have gone to a newer leader.
- Who hears of a larger term stops leading, or following the smaller one, at once.
- Who finds neither leader nor lease for a while goes on *alone*: it serves its own node's callers
  with its own node's seats, which nobody else then offers. Nobody waits in limbo.

`queue_manager/cluster/leadership.py` says why two engines never offer the same seat.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class Role(StrEnum):
    """What an engine is among the others."""

    SEEKING = "seeking"
    FOLLOWING = "following"
    LEADING = "leading"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Won:
    """The lease is ours with this term; it was asked for at `asked_s`."""

    term: int
    asked_s: float


@dataclass(frozen=True, slots=True)
class Renewed:
    """The lease was kept; it was asked for at `asked_s`."""

    asked_s: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody has (or had) this term: the lease, a peer's greeting."""

    term: int


@dataclass(frozen=True, slots=True)
class Joined:
    """The leader of this term has taken us in."""

    term: int


@dataclass(frozen=True, slots=True)
class LeaderLost:
    """The link to our leader is gone."""


@dataclass(frozen=True, slots=True)
class FollowerCame:
    """A node has joined us."""

    node: str


@dataclass(frozen=True, slots=True)
class FollowerLost:
    """A node's link to us is gone."""

    node: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing but time."""


Event = Won | Renewed | Heard | Joined | LeaderLost | FollowerCame | FollowerLost | TimePassed


@dataclass(frozen=True, slots=True)
class Patience:
    """`lease_s` is the lease's life in Redis, `alone_after_s` how long a leader is sought."""

    lease_s: float = 1.5
    alone_after_s: float = 8.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One engine's place among the others. `term` is the largest it has heard of, `since_s` when
    its role began; `sure_s` until when a leader's lease can't be another's, `followers` who has
    joined it. Times are the engine's own monotonic seconds."""

    role: Role = Role.SEEKING
    term: int = 0
    since_s: float = 0.0
    sure_s: float = 0.0
    followers: frozenset[str] = frozenset()


def decide(now: Standing, event: Event, at_s: float, patience: Patience) -> Standing:
    """The standing after an event; an event that means nothing to it changes nothing."""
    match event:
        case Won(term, asked_s) if term > now.term and at_s < asked_s + patience.lease_s:
            return _become(now, Role.LEADING, at_s, term, sure_s=asked_s + patience.lease_s)
        case Heard(term) if term > now.term:
            if now.role in (Role.LEADING, Role.FOLLOWING):
                return _become(now, Role.SEEKING, at_s, term)
            return replace(now, term=term)
        case Joined(term) if term >= now.term and now.role in (Role.SEEKING, Role.ALONE):
            return _become(now, Role.FOLLOWING, at_s, term)
        case LeaderLost() if now.role is Role.FOLLOWING:
            return _become(now, Role.SEEKING, at_s, now.term)
        case TimePassed() if now.role is Role.SEEKING:
            if at_s - now.since_s >= patience.alone_after_s:
                return _become(now, Role.ALONE, at_s, now.term)
    return _leading(now, event, at_s, patience) if now.role is Role.LEADING else now


def _leading(now: Standing, event: Event, at_s: float, patience: Patience) -> Standing:
    match event:
        case Renewed(asked_s):
            return replace(now, sure_s=max(now.sure_s, asked_s + patience.lease_s))
        case FollowerCame(node):
            return replace(now, followers=now.followers | {node})
        case FollowerLost(node):
            now = replace(now, followers=now.followers - {node})
            return now if at_s < now.sure_s else _become(now, Role.ALONE, at_s, now.term)
        case TimePassed() if at_s >= now.sure_s and not now.followers:
            return _become(now, Role.ALONE, at_s, now.term)
    return now


def _become(now: Standing, role: Role, at_s: float, term: int, sure_s: float = 0.0) -> Standing:
    return Standing(role, max(term, now.term), at_s, sure_s)
