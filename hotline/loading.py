"""Reads the settings and turns every mistake in them into one sentence: where, what, what to do."""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from hotline.errors import BadSettings
from hotline.settings import Settings, config_file

PREFIX = "HOTLINE_"


def load_settings(**given: Any) -> Settings:
    """The installation's settings; raises `BadSettings`."""
    file = config_file()
    _known_variables(os.environ)
    _readable(file)
    try:
        return Settings(**given)
    except TOMLDecodeError as error:
        raise BadSettings(f"{file}: {error}: mend the file and try again") from error
    except UnicodeDecodeError as error:
        raise BadSettings(f"{file}: not UTF-8 text (byte {error.start})") from error
    except SettingsError as error:
        raise BadSettings(f"environment: {error} (lists are written as JSON)") from error
    except ValidationError as error:
        raise BadSettings(_sentence(error, file)) from error


def _known_variables(environment: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; docs/settings.md lists them all"
            raise BadSettings(f"environment: there is no setting {name}{hint}")


def _readable(file: Path) -> None:
    named = os.environ.get("HOTLINE_CONFIG")
    try:
        if named and not file.is_file():
            raise BadSettings(f"HOTLINE_CONFIG={named}: there is no such file")
        if file.is_file() and not os.access(file, os.R_OK):
            raise BadSettings(f"{file}: can't be read by this user: allow it with chmod or chown")
    except PermissionError as error:
        raise BadSettings(f"{file}: {error.strerror}: this user can't look there") from error


def _sentence(error: ValidationError, file: Path) -> str:
    """The first mistake, in words, and how many more there are."""
    first, *more = error.errors(include_url=False)
    where, key = _place(first["loc"], file)
    what = _what(first["type"], first["msg"], first.get("input"))
    rest = f" (and {len(more)} more)" if more else ""
    return f"{where}: {key}: {what}{rest}" if key else f"{where}: {what}{rest}"


def _place(location: Sequence[int | str], file: Path) -> tuple[str, str]:
    """Whether the environment or the file said it, and the key as its writer knows it."""
    if not location:
        return (str(file) if file.is_file() else "settings"), ""
    variable = f"{PREFIX}{location[0]}".upper()
    key = ""
    for step in location:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else step
    if any(name.upper() == variable for name in os.environ):
        return "environment", variable + key.removeprefix(str(location[0]))
    return (str(file) if file.is_file() else "settings"), key


def _what(kind: str, message: str, given: object) -> str:
    match kind:
        case "extra_forbidden":
            return "there is no such setting; docs/settings.md lists them all"
        case "missing":
            return "is needed"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            shown = "" if isinstance(given, dict | list | None) else f", not {given!r}"
            return f"{message[:1].lower()}{message[1:]}{shown}"
