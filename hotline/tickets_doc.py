"""Writes docs/tickets.md, a ticket's states, made of the table they are in:
`python -m hotline.tickets_doc`."""

from collections.abc import Iterator

from tickets.life_rules import EMERGENCIES, REFUSABLE, VOIDS
from tickets.lifecycle import CLOSED, OVERLAYS, STEPS, Event, Step
from tickets.model import TicketState

CHINESE = {
    TicketState.DRAFT: "草稿",
    TicketState.ANSWERED: "直接答复",
    TicketState.NOT_ACCEPTED: "不予受理",
    TicketState.TRANSFERRED: "紧急转接",
    TicketState.VOID: "作废",
    TicketState.PENDING_REVIEW: "待审核",
    TicketState.PENDING_INFO: "待补充",
    TicketState.MERGED: "已并单",
    TicketState.DISPATCHED: "已派单",
    TicketState.RETURN_REVIEW: "退单审核",
    TicketState.JOINT_REVIEW: "联席会议",
    TicketState.IN_PROGRESS: "办理中",
    TicketState.EXTENSION_REVIEW: "延期审核",
    TicketState.STATUTORY: "法定程序",
    TicketState.REPLY_REVIEW: "反馈审核",
    TicketState.CALLBACK: "回访",
    TicketState.MANUAL_REVIEW: "人工复核",
    TicketState.ARCHIVED: "已归档",
    TicketState.REOPENED: "重新受理",
    TicketState.WITHDRAWN: "已撤回",
}
BORN = (("DRAFT", "created"), ("PENDING_REVIEW", "created"), ("DISPATCHED", "part_made"))
HEAD = """# A ticket's life

Made of the table in `tickets/lifecycle.py` by `python -m hotline.tickets_doc > docs/tickets.md`; a
test checks that it is current. Events that aren't in it are refused with a stable error id and the
reason, and nothing changes. Decision 0225 gives the reasons for the lines marked *ours*.

Every event is kept for good, in a chain of hashes of its ticket; each second the chains' heads are
sealed, and each seal carries the hash of the one before. `hotline tickets history NUMBER` shows
them (`--as-of 3`: what held after the third), `hotline tickets verify` finds whatever was changed,
removed or cut off. Note the last seal it prints somewhere else from time to time, and hand it in
again (`--noted 17:ab12…`): so nobody can cut off the end of everything.

Who handles a ticket can't supervise it, nor the other way round (办督分离), whatever the verb
(decision 0360): neither by person nor by unit. A department acts on tickets of its unit only. A
linked ticket keeps its own citizen's answer and callback; a part of a ticket is due no later than
the whole and ends with it.
"""


def document() -> str:
    """The whole page."""
    return "\n".join((HEAD, *_diagram(), *_table(), *_overlays(), *_codes(), ""))


def _diagram() -> Iterator[str]:
    yield "## States\n\n```mermaid\nstateDiagram-v2"
    for state, chinese in CHINESE.items():
        yield f"    {state}: {state}<br/>{chinese}"
    for begin, event in BORN:
        yield f"    [*] --> {begin}: {event}"
    for step in STEPS:
        if step.event is not Event.WITHDRAWN:
            for target in step.targets:
                yield f"    {step.source} --> {target}: {step.event}"
    yield "```\n\nFrom every open state a citizen may withdraw (`withdrawn`) to WITHDRAWN.\n"


def _table() -> Iterator[str]:
    yield "## Events that move a ticket\n"
    yield "| From | Event | To | Who | Needs | |\n|---|---|---|---|---|---|"
    for step in STEPS:
        if step.event is not Event.WITHDRAWN:
            yield _line(step)
    yield f"| any open state | withdrawn | WITHDRAWN | {_who(STEPS[-1])} | recording or code | |\n"


def _line(step: Step) -> str:
    targets = " or ".join(step.targets)
    marks = "*ours*" if step.ours else ""
    needs = ", ".join(step.needs)
    return f"| {step.source} | {step.event} | {targets} | {_who(step)} | {needs} | {marks} |"


def _who(step: Step) -> str:
    return ", ".join(step.who)


def _overlays() -> Iterator[str]:
    yield "## Events that leave it where it is\n"
    yield "| Event | In | Who | Needs |\n|---|---|---|---|"
    every, still_open = frozenset(TicketState), frozenset(TicketState) - CLOSED
    for event, overlay in OVERLAYS.items():
        where = ", ".join(sorted(overlay.states))
        where = {every: "any state", still_open: "any open state"}.get(overlay.states, where)
        yield f"| {event} | {where} | {', '.join(overlay.who)} | {', '.join(overlay.needs)} |"
    yield ""


def _codes() -> Iterator[str]:
    yield "## Codes\n"
    yield f"- `refused` needs `code`: {', '.join(sorted(REFUSABLE))}"
    yield f"- `voided` needs `code`: {', '.join(sorted(VOIDS))}"
    yield f"- `transferred` needs `to`: {', '.join(sorted(EMERGENCIES))}"


if __name__ == "__main__":
    print(document(), end="")
