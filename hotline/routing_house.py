"""The real matcher for `hotline bench routing`: the simulator knows no room but its own."""

from datetime import datetime

from queue_manager.matcher import Matcher
from queue_manager.model import Requirement, WaitingCaller


class RealHouse:
    """`simulator.bench_routing.House` with the matcher and the values of the queue."""

    def router(self) -> Matcher:
        """A matcher with the bounds that the shipped rules have."""
        return Matcher()

    def needs(self, text: str) -> Requirement:
        """A requirement from its text form."""
        return Requirement.parse(text)

    def caller(
        self, call_id: str, needs: Requirement, queued_at: datetime, priority: int
    ) -> WaitingCaller:
        """A caller as a conversation would enter him."""
        return WaitingCaller("bench", call_id, "12345", needs, queued_at, priority)
