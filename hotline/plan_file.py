"""Reads a forecast (YAML, the calls maybe from a CSV file); mistakes are told by file and line."""

import csv
from pathlib import Path

from ivr.documents import DocumentError, Mistake, parse, read_document
from queue_manager import forecast as forecast_module
from queue_manager.forecast import Forecast, Interval, forecast_faults

EXAMPLE = Path(forecast_module.__file__).parent / "data" / "forecast.yaml"
"""A day of a city of a few million: Mandarin, Zhuang, sign language."""


class ForecastError(DocumentError):
    """A forecast that can't be used; the message names file, line, column of every mistake."""

    id = "forecast"


def read_forecast(path: Path, calls: Path | None = None) -> Forecast:
    """A forecast, with the calls of a CSV file in place of its own when one is named; raises
    `ForecastError`."""
    document = read_document(path, ForecastError)
    forecast = parse(document, Forecast, ForecastError)
    if calls is not None:
        forecast = forecast.model_copy(update={"forecast": ()})
    for fault in forecast_faults(forecast):
        document.complain(fault.place, fault.reason)
    if calls is None and not any(sum(i.calls.values()) for i in forecast.forecast):
        document.complain(("forecast",), "there are no calls: write some, or name a CSV file")
    document.raise_mistakes(ForecastError)
    return forecast if calls is None else _with_calls(forecast, calls)


def _with_calls(forecast: Forecast, path: Path) -> Forecast:
    """Calls from `from,<kind>,<kind>…`, a row per interval."""
    mistakes: list[Mistake] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    except OSError as why:
        raise ForecastError([Mistake(str(path), 1, 1, f"can't be read: {why.strerror}")]) from why
    except (UnicodeDecodeError, csv.Error) as why:
        raise ForecastError([Mistake(str(path), 1, 1, f"is not CSV text: {why}")]) from why
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if header[:1] != ["from"] or len(header) < 2 or len(rows) < 2:
        reason = "write a header `from,<kind>,<kind>…` and a row for each interval"
        raise ForecastError([Mistake(str(path), 1, 1, reason)])
    known = [kind.id for kind in forecast.kinds]
    for column, kind in enumerate(header[1:], 2):
        if kind not in known:
            reason = f"there is no kind of caller {kind!r} (there are {', '.join(known)})"
            mistakes.append(Mistake(str(path), rows[0][0], column, reason))
    if mistakes:  # once, not again in each row
        raise ForecastError(mistakes)
    intervals = [_row(str(path), number, header, row, mistakes) for number, row in rows[1:]]
    if mistakes:
        raise ForecastError(mistakes)
    filled = forecast.model_copy(update={"forecast": tuple(intervals)})
    for fault in forecast_faults(filled):
        index = fault.place[1] if len(fault.place) > 1 else 0
        line = rows[int(index) + 1][0] if fault.place[0] == "forecast" else 1
        mistakes.append(Mistake(str(path), line, 1, fault.reason))
    if mistakes:
        raise ForecastError(mistakes)
    return filled


def _row(
    file: str, number: int, header: list[str], row: list[str], mistakes: list[Mistake]
) -> Interval:
    calls: dict[str, float] = {}
    if len(row) != len(header):
        reason = f"{len(row)} cells, where the header has {len(header)}"
        mistakes.append(Mistake(file, number, 1, reason))
    for column, (kind, cell) in enumerate(zip(header[1:], row[1:], strict=False), 2):
        try:
            calls[kind] = float(cell.strip() or 0)
            if not 0 <= calls[kind] <= 1_000_000:
                raise ValueError
        except ValueError:
            mistakes.append(Mistake(file, number, column, f"{kind}: {cell!r} is no count of calls"))
    return Interval.model_construct(begins=row[0].strip(), calls=calls, talk_s={})
