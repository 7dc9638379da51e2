"""A command run with the engine's rights, for root: in the engine's box, as its user."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from hotline import parts, supervision
from hotline.errors import BadRequest, no_installation
from hotline.loading import load_settings


def boxed(words: Sequence[str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The command and its environment; raises `BadRequest` where no installation is."""
    settings = load_settings()
    home = settings.folders
    if not home.supervisor.is_dir():
        raise BadRequest(no_installation(settings.folders.root))
    command = parts.as_engine(settings, words)
    return command, {**os.environ, **supervision.environment(settings)}


def said_in_the_box(words: Sequence[str]) -> str:
    """What the command prints there. Its mistakes it tells by itself; then we end as it did."""
    command, environment = boxed(words)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        import typer  # here: whoever only begins again in the box needs none of it

        raise typer.Exit(done.returncode)
    return done.stdout


def said_into(words: Sequence[str], file: IO[bytes] | None) -> None:
    """As `said_in_the_box`, but into a file as it comes (None: where we print ourselves)."""
    command, environment = boxed(words)
    done = subprocess.run(command, env=environment, stdout=file, check=False)
    if done.returncode:
        import typer  # as above

        raise typer.Exit(done.returncode)
