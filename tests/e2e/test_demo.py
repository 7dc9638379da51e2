"""The demonstration a newcomer sees, as shipped: real calls, real tickets."""

from tests.e2e.installation import Installation
from tests.e2e.speaking import speaks


def test_the_demonstration_plays_to_its_end_with_speech_as_shipped() -> None:
    """Two talks and a request after hours, each with its ticket; the lines are free afterwards."""
    with Installation(first=True, speech="vosk") as hotline:
        hotline.wait(lambda: speaks(hotline), "recognition", seconds=60)
        said = hotline.real_cli("demo")
        assert "done: no channel is left" in said
        tickets = hotline.api("/api/v1/tenants/default/tickets")["tickets"]
    assert [(t["called_number"], t["origin"]) for t in reversed(tickets)] == [
        ("12345", "talk"),
        ("12333", "talk"),
        ("12345", "voice_request"),
    ]
    assert tickets[0]["kind"] == "help"
