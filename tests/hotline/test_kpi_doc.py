"""The page of published figures says what the list says."""

from hotline.kpi_doc import document
from hotline.settings import PROJECT
from tickets.kpi_list import KPIS


def test_the_page_is_as_the_list() -> None:
    """Write it anew with: python -m hotline.kpi_doc > docs/kpi.md"""
    page = (PROJECT / "docs" / "kpi.md").read_text()
    assert page == document()
    assert all(f"`{kpi.id}`" in page for kpi in KPIS)
