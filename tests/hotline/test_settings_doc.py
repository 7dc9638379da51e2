"""docs/settings.md says what the settings say."""

from hotline.settings import PROJECT, Settings
from hotline.settings_doc import document


def test_the_page_is_what_the_settings_say() -> None:
    """Write it anew with: python -m hotline.settings_doc > docs/settings.md"""
    assert (PROJECT / "docs" / "settings.md").read_text() == document()


def test_every_setting_has_its_row() -> None:
    page = document()
    for name in Settings.model_fields:
        assert f"| `{name}`<br>`HOTLINE_{name.upper()}` |" in page


def test_no_place_of_this_machine_gets_in() -> None:
    assert str(PROJECT) not in document()
