"""`hotline run`, and the hidden commands it and set-up are made of."""

import os
from typing import Annotated

import typer

from hotline.commands.common import out
from hotline.errors import BadRequest, no_installation
from hotline.importing import importing
from hotline.loading import load_settings


def run(
    demo: Annotated[
        bool,
        typer.Option("--demo/--no-demo", envvar="DEMO", help="play the demonstration (DEMO=0: no)"),
    ] = True,
) -> None:
    """Start everything in the foreground; Ctrl-C ends every process."""
    from hotline.run import Runner

    Runner(load_settings(), out).run(demo=demo)


def prepare(
    laid_out: Annotated[bool, typer.Option("--laid-out", help="the folders are there")] = False,
) -> None:
    """Make folders, secrets, database, prompts and configuration in the home."""
    import asyncio

    from hotline.layout import lay_out

    with importing():
        from hotline.parts import as_engine, is_root
        from hotline.prepare import prepare as work
        from hotline.supervision import environment

    settings = load_settings()
    if not laid_out:
        lay_out(settings)
    if is_root():
        command = as_engine(settings, ["prepare", "--laid-out"])
        os.execvpe(command[0], command, environment(settings))  # noqa: S606 - our own command
    for line in asyncio.run(work(settings)):
        typer.echo(line)


def part(name: Annotated[str, typer.Argument(help="redis, asterisk or engine")]) -> None:
    """Become one part, in the foreground (what the systemd units start)."""
    from hotline.parts import all_parts
    from hotline.supervision import environment

    settings = load_settings()
    for known in all_parts(settings):
        if known.name == name:
            os.execvpe(known.command[0], known.command, environment(settings))  # noqa: S606 - our own part
    raise BadRequest(f"there is no part {name!r} here (Redis is none when redis_url is set)")


def engine(
    spare: Annotated[bool, typer.Option("--spare", help="wait until no engine works here")] = False,
) -> None:
    """The engine itself, in the foreground."""
    from hotline.cli import lead

    lead(spare=spare)


def asterisk(
    command: Annotated[list[str], typer.Argument(help="such as: core show channels")],
) -> None:
    """Ask the running Asterisk on its own command line."""
    from hotline.parts import asterisk_command

    settings = load_settings()
    if not settings.folders.hosts.is_file():  # part of Asterisk's box
        raise BadRequest(no_installation(settings.folders.root))
    line = asterisk_command(settings, ["-rx", " ".join(command)])
    os.execvp(line[0], line)  # noqa: S606 - a fixed program with its arguments


def register(app: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    app.command()(run)
    app.command()(asterisk)
    for hidden in (prepare, part, engine):
        app.command(hidden=True)(hidden)
