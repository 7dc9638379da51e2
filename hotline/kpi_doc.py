"""Writes docs/kpi.md, every published figure's definition, made of the list they are counted by:
`python -m hotline.kpi_doc > docs/kpi.md`."""

from collections.abc import Iterator, Mapping

from tickets.kpi import Kpi, Measure
from tickets.kpi_list import (
    CALL_COUNTS,
    CALL_KPIS,
    LEAST,
    OUTCOMES,
    RANKED_BY,
    THREE_RATES,
    TICKET_COUNTS,
    TICKET_KPIS,
)

HEAD = """# Published figures (指标)

Made of the list in `tickets/kpi_list.py` by `python -m hotline.kpi_doc > docs/kpi.md`; a test
checks that it is current. Every figure is shown as numerator, denominator and value; with nothing
to divide by there is no value, never 0 %.

```
hotline kpi --month 2026-11                        # all figures of a month
hotline kpi --month 2026-11 --by unit --compare    # ranked, beside month and year before
hotline kpi --from 2026-01-01 --to 2026-06-30 --per month --csv > half-year.csv
hotline report month 2026-11 -o report.html        # to print on A4, as the page /report
```

## What belongs to a period
A ticket belongs to the day of its number, when it was received; a call to the quarter of an hour
in which it was queued. What becomes of a ticket later counts on that first day, so that no
numerator outgrows its denominator, and a month's figures go on changing until its tickets are
closed. The report tells when it was counted. Days, weeks (from Monday), months and half-years;
beside them the period before (环比) and the same days a year ago (同比).

A part of a ticket that a unit handed down is no ticket of its own: only its clocks, dispatches
and returns count. Tickets linked to another count each: every citizen has his own.

## By what
- **unit**: each thing for whom it was about. A clock for its unit, a return for the unit that
  asked for it, a citizen's word for the unit that was in charge then, the ticket itself (received,
  closed, called back, cards) for its lead unit now. What no unit was given is the centre's own.
- **class** (leaf), **kind**: by the newest of a ticket's clocks. **area**: the last `place_code` an
  event told, else the place of the spoken request, by six digits. **line**: the number that was
  dialled first.
- Calls know their line, not unit, class, area or kind: their figures are of all, and by line.

## Ranking of units
By {ranked};
who is equal in the first is compared by the next. Rates are compared as fractions, not as rounded
numbers; equals share a place, and the next comes after them all (1, 2, 2, 4). With fewer than
{least} (`--least`) finish limits due a unit has no place: three tickets make nobody the first.

## What was received
{outcomes}
add up to what was received.
"""
NOTES = """{three} together are the 三率 that Beijing publishes. 默认满意 is shown apart:
who said nothing is never counted as satisfied. Where a policy has no limit for contacting the
citizen (only Shanghai's has one), 响应率 has nothing to be measured by.
"""


def document() -> str:
    """The whole page."""
    ranked = ", ".join(f"{kpi.name} ({kpi.name_en.lower()})" for kpi in RANKED_BY)
    outcomes = ", ".join(f"{TICKET_COUNTS[name][0]} (`{name}`)" for name in OUTCOMES)
    head = HEAD.format(ranked=ranked, outcomes=outcomes, least=LEAST)
    notes = NOTES.format(three="、".join(kpi.name for kpi in THREE_RATES))
    return "\n".join(
        (
            head,
            *_figures("Figures of calls 电话指标", CALL_KPIS),
            *_figures("Figures of tickets 工单指标", TICKET_KPIS),
            notes,
            *_counts("What is counted of calls", CALL_COUNTS),
            *_counts("What is counted of tickets", TICKET_COUNTS),
        )
    )


def _figures(title: str, kpis: tuple[Kpi, ...]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| Figure | Id | Formula | Numerator | Denominator | Elsewhere, or demanded |"
    yield "|---|---|---|---|---|---|"
    for kpi in kpis:
        targets = "; ".join(target.text for target in kpi.targets)
        unit = ", seconds" if kpi.measure is Measure.SECONDS else ""
        yield (
            f"| {kpi.name} {kpi.name_en}{unit} | `{kpi.id}` | {kpi.formula}: {kpi.formula_en} "
            f"| `{kpi.numerator}` | `{kpi.denominator}` | {targets} |"
        )
    yield ""


def _counts(title: str, counts: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield f"## {title}\n"
    for name, (chinese, english) in counts.items():
        yield f"- `{name}` {chinese}: {english}"
    yield ""


if __name__ == "__main__":
    print(document(), end="")
