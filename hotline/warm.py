"""What a process makes once from files, made by a spare before its turn: its callers wait only for
what must be read then. Nothing is written, and neither SQL nor Redis is asked.
"""

from contextlib import suppress
from pathlib import Path

from hotline.policies import RuleBook
from hotline.settings import Settings
from hotline.understood import rules_of
from ivr.documents import DocumentError
from storage.database import Database
from tickets.understanding.rules import RulesError, load_rules

Stamp = tuple[tuple[str, int, int], ...]


def warm_up(settings: Settings) -> Stamp:
    """Fill the caches of rules and calendars and load SQL's driver; what `still_warm` compares.
    Mistakes are told when it is our turn, by who needs the file."""
    folder = rules_of(settings).rules
    stamp = _stamp(folder)
    with suppress(RulesError):
        load_rules(folder)
    with suppress(DocumentError):
        RuleBook.read(settings.tenants)  # its calendars are kept by their content
    Database(settings.sql_url)
    return stamp


def still_warm(settings: Settings, stamp: Stamp) -> None:
    """To be called when our turn has come, maybe days later: rules that were changed since are
    forgotten, so that they are read again."""
    if _stamp(rules_of(settings).rules) != stamp:
        load_rules.cache_clear()


def _stamp(folder: Path) -> Stamp:
    """Which files a folder has, and in which version."""
    found: list[tuple[str, int, int]] = []
    with suppress(OSError):
        for file in sorted(folder.iterdir()):
            status = file.stat()
            found.append((file.name, status.st_mtime_ns, status.st_size))
    return tuple(found)
