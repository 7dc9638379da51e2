"""The `hotline` command: every mistake is one sentence on stderr and a non-zero exit."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from hotline.errors import HotlineError
from hotline.importing import importing
from hotline.open_files import allow_open_files

if TYPE_CHECKING:
    import typer

# Each file of hotline/commands and the words it brings. Only what is asked for is imported.
COMMANDS = {
    "run": ("run", "prepare", "part", "engine", "asterisk"),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "status": ("status",),
    "reload": ("reload",),
    "tickets": ("tickets",),
    "recordings": ("recordings",),
    "seats": ("seats",),
    "lines": ("lines",),
    "hours": ("hours",),
    "flow": ("flow",),
    "queues": ("queues",),
    "callers": ("callers",),
    "callbacks": ("callbacks",),
    "followups": ("followups",),
    "token": ("token",),
    "roster": ("roster",),
    "policy": ("policy",),
    "units": ("units",),
    "cards": ("cards",),
    "kpi": ("kpi",),
    "report": ("report",),
    "figures": ("figures",),
    "plan": ("plan",),
    "forecast": ("forecast",),
    "bench": ("bench",),
    "understand": ("understand",),
    "exchange": ("exchange",),
    "webhooks": ("webhooks",),
}
# These work in the home: under root they run as the parts' user, in the engine's box.
IN_THE_HOME = frozenset(
    {
        "callbacks",
        "callers",
        "cards",
        "demo",
        "exchange",
        "followups",
        "forecast",
        "hours",
        "kpi",
        "recordings",
        "reload",
        "seats",
        "status",
        "tickets",
        "token",
        "webhooks",
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        allow_open_files()
        _drop_rights(words)
        return _run(words)
    except HotlineError as error:
        return _say(str(error), error.code)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except PermissionError as error:
        place = error.filename or "a folder of the installation"
        return _say(f"{place}: this user may not go there: run it as root, or as its owner", 1)
    except BrokenPipeError:  # whoever read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(words: Sequence[str]) -> int:
    if words in (["engine"], ["engine", "--spare"]):
        return lead(spare="--spare" in words)
    import typer  # not before rights are dropped: whoever begins again needs none of it
    from typer.exceptions import TyperException

    try:
        return int(build(words)(list(words), prog_name="hotline", standalone_mode=False) or 0)
    except TyperException as error:
        told = " ".join(error.format_message().replace("Value error, ", "").split())  # one line
        return _say(told, error.exit_code) if told else error.exit_code  # help was shown instead
    except typer.Abort:
        return _say("interrupted", 130)


def lead(*, spare: bool) -> int:
    """Become the engine, or in a cluster the one that waits for its turn.

    It stays for months: what only a command line needs isn't kept in its memory.
    """
    # structlog takes rich, and with it pygments, for the colours of a terminal: 4 MB
    sys.modules["rich"] = None  # type: ignore[assignment]  # how Python is told not to find one
    with importing():
        from hotline.loading import load_settings
        from hotline.one_arena import one_arena
        from hotline.spare import approach

    one_arena()
    settings = load_settings()
    turn = approach(settings.folders, spare=spare) if settings.node else None
    with importing():
        from hotline.engine import main as work

    work(turn)
    return 0


def build(words: Sequence[str]) -> "typer.Typer":
    """The command with what these words need; with everything when that can't be told."""
    import typer

    app = typer.Typer(
        name="hotline",
        help="The 12345 government hotline engine. 12345政务服务便民热线",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    def show_version(wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version

            typer.echo(f"hotline {version('hotline12345')}")
            raise typer.Exit

    @app.callback()
    def _keep_words(
        version: bool = typer.Option(
            False, "--version", is_eager=True, callback=show_version, help="Show the version."
        ),
    ) -> None:
        """Keeps the first word a command, also when only one command is there."""

    files = [file for file, brought in COMMANDS.items() if words and words[0] in brought]
    with importing():
        for file in files or COMMANDS:
            import_module(f"hotline.commands.{file}").register(app)
    return app


def _drop_rights(words: Sequence[str]) -> None:
    """Under root: begin again as the parts' user. Root never writes where that user could."""
    if not words or words[0] not in IN_THE_HOME or "--help" in words or os.geteuid() != 0:
        return
    from hotline.boxed import boxed

    command, environment = boxed(words)
    os.execvpe(command[0], command, environment)  # noqa: S606 - our own command


def _say(sentence: str, code: int) -> int:
    print(f"hotline: {sentence}", file=sys.stderr)
    return code
