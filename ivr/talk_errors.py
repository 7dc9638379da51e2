"""What can't be done with a talk."""


class TalkError(Exception):
    """Base; `id` is stable and may be shown to people and machines."""

    id = "talk"


class UnknownTalk(TalkError, LookupError):
    """No talk of this call goes on in this tenant."""

    id = "unknown-talk"


class TalkBusy(TalkError):
    """The talk is in a state in which this can't be done."""

    id = "talk-busy"


class TargetRefused(TalkError, ValueError):
    """There is no such seat, queue or line, or no outbound rule allows the number."""

    id = "target-refused"


class TargetBusy(TalkError):
    """The seat is there, but not free to be rung."""

    id = "target-busy"


class SwitchFailed(TalkError):
    """Asterisk didn't do it (away, or the leg was just ending); the talk is as before."""

    id = "switch-failed"
