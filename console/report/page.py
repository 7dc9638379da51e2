"""The report as one HTML document that needs nothing else: style and charts are in it."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from console.report.model import MonthReport

TEMPLATE = Path(__file__).with_name("month.html.j2")
STYLE = Path(__file__).parent.parent / "web" / "report.css"
CHARTS = ("trend", "classes", "on_time", "satisfaction", "heat")
"""Fields that are pictures; every text in them is escaped where they are drawn."""


def html(report: MonthReport) -> str:
    """The document; every text is escaped."""
    safe = {name: Markup(getattr(report, name)) for name in CHARTS}  # noqa: S704 - see CHARTS
    fields = {name: getattr(report, name) for name in report.__slots__} | safe
    style = Markup(STYLE.read_text("utf-8"))  # noqa: S704 - our own file
    return _template().render(report=fields, style=style)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(TEMPLATE.read_text("utf-8"))
