"""What can go wrong between Asterisk and us."""


class TelephonyError(Exception):
    """Base of this room's errors; `id` is stable and may be shown to people and machines."""

    id = "telephony"


class CallEnded(TelephonyError):
    """The caller hung up, or Asterisk closed the session: nothing more can be said to him."""

    id = "call-ended"


class PeerError(TelephonyError):
    """Asterisk (or whoever sat at the other end) said something the protocol doesn't allow."""

    id = "peer-error"


class UnsafeValue(TelephonyError, ValueError):
    """A value holds CR, LF, NUL or another character that would inject a command."""

    id = "unsafe-value"


class NotConnected(TelephonyError):
    """The manager interface is away right now; the action was not sent."""

    id = "ami-not-connected"


class ActionFailed(TelephonyError):
    """Asterisk refused an AMI action, or didn't answer in time."""

    id = "ami-action-failed"
