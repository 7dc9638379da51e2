"""What any node may ask of the leader's queue by name: wishes of seats and supervisors."""

from collections.abc import Callable, Mapping, Sequence

from queue_manager.cluster.messages import BadMessage
from queue_manager.model import Forced
from queue_manager.service import QueueService

Words = Sequence[str]

WISHES: Mapping[str, Callable[[QueueService, Words], object]] = {
    "ready": lambda queue, words: queue.ready(words[0]),
    "pause": lambda queue, words: queue.pause(words[0], words[1]),
    "end_wrap_up": lambda queue, words: queue.end_wrap_up(words[0]),
    "extend_wrap_up": lambda queue, words: queue.extend_wrap_up(words[0], float(words[1])),
    "heartbeat": lambda queue, words: queue.heartbeat(words[0]),
    "force": lambda queue, words: queue.force(
        words[0], Forced(words[1]), by=words[2], why=words[3], reason=words[4]
    ),
    "move_first": lambda queue, words: queue.move_first(words[0], by=words[1], why=words[2]),
    "acknowledge": lambda queue, words: queue.acknowledge(int(words[0]), by=words[1]),
}


def carry_out(queue: QueueService, wish: str, words: Words) -> None:
    """Do what was asked; raises `BadMessage` for what can't be asked, and what the queue raises."""
    try:
        asked = WISHES[wish]
    except KeyError:
        raise BadMessage(f"nobody can wish for {wish!r}") from None
    try:
        asked(queue, words)
    except (IndexError, ValueError) as error:
        raise BadMessage(f"{wish} {words!r}: {error}") from error
