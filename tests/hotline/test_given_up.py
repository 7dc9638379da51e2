"""Messages to others that nobody took: supervisors are told until each was sent again."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from hotline.given_up import GivenUpWatch
from queue_manager.model import AlertKind, QueueSettings
from queue_manager.service import QueueService
from storage.outbox import Standing
from tests.hotline.exchanging import TENANT, Clock, two_towns
from tests.hotline.test_exchange import until
from tests.queue_manager.builders import Memory


class Desk:
    """A supervisor's alerts and the figures of an engine that watches."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.queue = QueueService(QueueSettings(tenant=TENANT), Memory(), Clock())
        self.watch = GivenUpWatch(self.registry, {TENANT: self.queue})

    def alerts(self) -> list[tuple[str, int, bool]]:
        """What of, how many messages, and whether somebody has seen it."""
        return [(a.kind.value, int(a.detail), bool(a.seen_by)) for a in self.queue.alerts()]

    def figure(self, to: str, state: str) -> float | None:
        labels = {"tenant": TENANT, "to": to, "state": state}
        return self.registry.get_sample_value("hotline_messages", labels)


def left(count: int, newest: int, kind: str = "peer") -> Standing:
    return Standing(TENANT, kind, "given_up", count, newest, 1_764_000_000)


async def test_a_refused_message_is_an_alert_until_it_was_sent_again(tmp_path: Path) -> None:
    """Over real HTTP: the water company refuses, then has what it is told of."""
    async with two_towns(tmp_path) as (city, water):
        desk = Desk()
        city.exchange.watched(desk.watch.take)
        number = await city.crossing()

        async def crossed() -> bool:
            _, told = await city.ask(f"/api/v1/tenants/{TENANT}/tickets/{number}/crossings")
            return bool(told["crossings"][0]["their_number"])

        async def alerted() -> bool:
            return bool(desk.alerts())

        async def over() -> bool:
            return not desk.alerts()

        await until(crossed, "it has crossed")
        assert desk.alerts() == []
        await city.tell(number, "return_asked", suggested="roads")
        await city.tell(number, "return_refused")  # there it was never refused: nothing to appeal
        await until(alerted, "supervisors are told")
        assert desk.alerts() == [("messages_given_up", 1, False)]
        assert (desk.figure("peer", "given_up"), desk.figure("hook", "given_up")) == (1, 0)

        (theirs,) = await water.numbers()
        await water.tell(theirs, "refused", code="other_law")
        _, told = await city.ask(f"/api/v1/tenants/{TENANT}/exchange/messages?state=given_up")
        (shown,) = told["messages"]
        again = f"/api/v1/tenants/{TENANT}/exchange/messages/{shown['id']}/again"
        assert (await city.ask(again, "POST"))[0] == 200
        await until(over, "it was taken")
        assert desk.figure("peer", "given_up") == 0


async def test_an_alert_that_was_seen_comes_back_with_the_next_message() -> None:
    desk = Desk()
    desk.watch.take([left(1, 7)])
    (alert,) = desk.queue.alerts()
    desk.queue.acknowledge(alert.alert_id, by="sup")
    desk.watch.take([left(1, 7)])
    assert desk.alerts() == [("messages_given_up", 1, True)], "seen, and still there"
    desk.watch.take([left(1, 7), left(1, 9, "hook")])
    assert desk.alerts() == [("messages_given_up", 2, False)]
    desk.watch.take([Standing(TENANT, "peer", "waiting", 3, 12, 1_764_000_000)])
    assert desk.alerts() == []
    assert (desk.figure("peer", "waiting"), desk.figure("hook", "given_up")) == (3, 0)


async def test_who_comes_to_lead_the_queue_tells_what_others_told_before() -> None:
    """An engine that has known of them for long, with a queue that tells nothing of it yet."""
    desk = Desk()
    desk.watch.take([left(2, 7)])
    desk.queue._floor.alerts.end(AlertKind.MESSAGES_GIVEN_UP, "")
    assert desk.alerts() == []
    desk.watch.take([left(2, 7)])
    assert desk.alerts() == [("messages_given_up", 2, False)]
