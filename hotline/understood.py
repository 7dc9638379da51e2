"""Which rules an installation understands with, by its settings."""

from hotline.settings import Settings
from tickets.understanding.rules import DATA
from tickets.understanding.understand import Context


def rules_of(settings: Settings) -> Context:
    """The installation's own rules, else the demonstration's."""
    return Context(rules=settings.understanding or DATA)
