"""Reads the settings and turns every mistake in them into one sentence: where, what, what to do."""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from asterisk_conf.model import NAME
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
        raise BadSettings(f"environment: {_not_json(error)}") from error
    except ValidationError as error:
        raise BadSettings(_sentence(error, file)) from error


def _known_variables(environment: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; docs/settings.md lists them all"
            raise BadSettings(f"environment: there is no setting {name}{hint}")


def _not_json(error: SettingsError) -> str:
    """Which variable isn't the JSON that lists and tables are written in, and where it breaks."""
    named = (name for name in Settings.model_fields if f'"{name}"' in str(error))
    variable = PREFIX + next(named, "").upper()
    return f"{variable}: lists and tables are written as JSON: {error.__cause__ or error}"


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
    errors = error.errors(include_url=False)
    first, places = errors[0], {_place(one["loc"], file) for one in errors}
    where, key = _place(first["loc"], file)
    what = _what(first["type"], first["msg"], first.get("input"), key)
    rest = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return f"{where}: {key}: {what}{rest}" if key else f"{where}: {what}{rest}"


def _place(location: Sequence[int | str], file: Path) -> tuple[str, str]:
    """Whether the environment or the file said it, and the key as its writer knows it."""
    if not location:
        return (str(file) if file.is_file() else "settings"), ""
    variable = f"{PREFIX}{location[0]}".upper()
    key = ""
    for step in location:
        if isinstance(step, str) and step.startswith("function-"):
            break  # pydantic's own word for one of several types
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else step
    if any(name.upper() == variable for name in os.environ):
        return "environment", variable + key.removeprefix(str(location[0]))
    return (str(file) if file.is_file() else "settings"), key


def _what(kind: str, message: str, given: object, key: str) -> str:
    match kind:
        case "extra_forbidden":
            near = get_close_matches(key, Settings.model_fields, n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/settings.md lists them all"
            return f"there is no such setting; {hint}"
        case "tuple_type":
            return f"must be a list, in [ ], not {given!r}"
        case "string_pattern_mismatch" if NAME in message:
            return f"letters, digits, - and _ only, 40 at most, not {given!r}"
        case "missing":
            return "is needed"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            shown = "" if isinstance(given, dict | list | None) else f", not {given!r}"
            return f"{message[:1].lower()}{message[1:]}{shown}"
