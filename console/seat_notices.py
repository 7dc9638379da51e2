"""What a seat itself must know of, in words that any desktop can show. Functions of values."""

from collections.abc import Sequence

from console.board import Json, iso
from queue_manager.model import Alert, AlertKind

WORDS = {
    AlertKind.TWO_PHONES: (
        "另一部话机也用您的账号登录了，来电只振后登录的那一部。如果不是您本人，请立即告知班长并更换话机密码。",
        "Another telephone has registered as yours; calls ring at the one that came last. If that "
        "isn't you, tell your supervisor at once and have the password changed.",
    ),
    AlertKind.UNSTEADY: (
        "您的话机或座席页面频繁上下线，稳定一段时间后才会派单来电，请检查网线或网络。",
        "Your telephone, or your desktop, keeps coming and going: calls come when it has been "
        "there for a while. Look after cable and network.",
    ),
    AlertKind.SEAT_MISSES: (
        "您连续未接来电，已被示忙；回到座位后请按“就绪”。",
        "You missed several calls in a row and were paused: press ready when you are back.",
    ),
}
"""Other alerts are the supervisors' alone."""


def notices(alerts: Sequence[Alert], seat_id: str) -> list[Json]:
    """Those of the open alerts that this seat can do something about, the oldest first."""
    return [
        {
            "kind": alert.kind.value,
            "since": iso(alert.since),
            "message_zh": WORDS[alert.kind][0],
            "message": WORDS[alert.kind][1],
        }
        for alert in alerts
        if alert.seat_id == seat_id and alert.kind in WORDS
    ]
