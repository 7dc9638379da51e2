"""One JSON line per event on standard output; personal data masked before it is written."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

PII = "pii_"
SHOWN = 2


def configure(level: str) -> None:
    """Set structlog and the libraries' logging up, once per process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_personal_data,
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(serializer=_json)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),  # a line is one write
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=render)
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


@contextmanager
def told_by_errors() -> Iterator[None]:
    """Nothing is logged in this block: a command's output is what was asked for, and what goes
    wrong is raised to it and told in one sentence."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)


_encode = json.JSONEncoder(ensure_ascii=False, default=_plain).encode


def _json(event: Mapping[str, Any], **_: object) -> str:
    """By an encoder that is made once: every call has its line."""
    return _encode(event)


def mask_personal_data(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Values under `pii_` keys keep their last two characters only."""
    for key, value in event.items():
        if key.startswith(PII) and value:
            text = str(value)
            event[key] = f"***{text[-SHOWN:]}" if len(text) > 2 * SHOWN else "***"
    return event
