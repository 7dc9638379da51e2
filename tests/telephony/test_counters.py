"""What this room counts can be read at /metrics."""

from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from telephony import counters


def test_every_counter_is_told() -> None:
    """One that isn't in the room's registry counts for nobody."""
    told = generate_latest(counters.REGISTRY).decode()
    ours = [one for one in vars(counters).values() if isinstance(one, MetricWrapperBase)]
    assert len(ours) > 10
    for metric in ours:
        for family in metric.describe():
            assert f"# TYPE {family.name}" in told, family.name
