"""What can go wrong at the front door. Every message is one sentence: what, where, what to do."""


class HotlineError(Exception):
    """Base of this room's errors; `id` is stable, `code` the command's exit code."""

    id = "hotline"
    code = 1


class BadSettings(HotlineError):
    """A setting can't be read or doesn't fit."""

    id = "bad-settings"
    code = 2


class BadRequest(HotlineError):
    """The command asks for something that isn't there or isn't allowed."""

    id = "bad-request"
    code = 2


class AnotherInstallation(BadRequest):
    """Whoever answers at our address has another home than ours."""

    id = "another-installation"


class SetupMissing(HotlineError):
    """Something set-up brings isn't there."""

    id = "setup-missing"


class PortTaken(HotlineError):
    """A port can't be listened on."""

    id = "port-taken"


class HomeUnusable(HotlineError):
    """The home can't be made, read or written."""

    id = "home-unusable"


class AlreadyRunning(HotlineError):
    """Another `hotline run` holds this home."""

    id = "already-running"


class PartsFailed(HotlineError):
    """The parts were started but didn't come up, or couldn't be kept up."""

    id = "parts-failed"


class EngineAway(HotlineError):
    """The engine doesn't answer on its port."""

    id = "engine-away"


class NotAsWritten(HotlineError):
    """Tickets' histories were changed, or lack something."""

    id = "not-as-written"


def no_installation(home: object) -> str:
    """What is told where no `hotline run` ever was."""
    return (
        f"there is no installation in {home}: "
        "start it once with `make run`, or name another with HOTLINE_HOME"
    )
