"""The running engine, asked over its own HTTP API with this installation's local token."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, cast

from hotline import secrets_kept
from hotline.errors import (
    AnotherInstallation,
    BadRequest,
    EngineAway,
    HomeUnusable,
    no_installation,
)
from hotline.settings import Settings

ANSWER_S = 10.0
UNAUTHORIZED = 401
NO_ENGINE = (OSError, ValueError, HTTPException)
"""Nobody there, or somebody who isn't an engine."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is asked, not bound


def base_url(settings: Settings) -> str:
    """Where the pages and the API are, seen from this machine."""
    return f"http://{from_here(settings.http_bind)}:{settings.http_port}"


def from_here(bind: str) -> str:
    """By which address this machine reaches what listens at `bind`, as it stands in a URL."""
    address = EVERYWHERE.get(bind, bind)
    return f"[{address}]" if ":" in address else address


def ask(
    settings: Settings, path: str, *, method: str = "GET", body: object = None
) -> dict[str, Any]:
    """One request; raises `EngineAway`, or `BadRequest` with the engine's own words."""
    request = urllib.request.Request(  # noqa: S310 - our own http address
        base_url(settings) + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {_token(settings)}", "Content-Type": "application/json"},
    )
    try:
        with _direct().open(request, timeout=ANSWER_S) as answer:
            return cast("dict[str, Any]", json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code == UNAUTHORIZED:
            raise AnotherInstallation(
                f"{base_url(settings)} refuses the token of home {settings.folders.root}: another "
                "installation answers there: give home and port (HOTLINE_HTTP_PORT) of the same"
            ) from error
        raise BadRequest(_words(error)) from error
    except NO_ENGINE as error:
        raise _away(settings) from error


def readiness(settings: Settings) -> tuple[bool, dict[str, Any]]:
    """/readyz: whether calls can be taken, and each part; raises `EngineAway`."""
    try:
        with _direct().open(f"{base_url(settings)}/readyz", timeout=ANSWER_S) as answer:
            return True, cast("dict[str, Any]", json.load(answer))
    except urllib.error.HTTPError as error:
        try:
            return False, cast("dict[str, Any]", json.load(error))
        except ValueError:  # a web server of somebody else
            raise _away(settings) from error
    except NO_ENGINE as error:
        raise _away(settings) from error


def refuse_another(settings: Settings) -> None:
    """Raises `AnotherInstallation` when one answers at our address. Where that can't be told (no
    engine, no token yet) nothing is raised."""
    try:
        ask(settings, "/api/v1/status")
    except AnotherInstallation:
        raise
    except (BadRequest, EngineAway):
        return


def _away(settings: Settings) -> EngineAway:
    return EngineAway(
        f"no engine answers at {base_url(settings)}: start it with `make run` (or its unit), "
        "or name its home with HOTLINE_HOME and its port with HOTLINE_HTTP_PORT"
    )


def _direct() -> urllib.request.OpenerDirector:
    """Never through a proxy the environment names: the engine is on this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _token(settings: Settings) -> str:
    home = settings.folders
    try:
        return secrets_kept.read(home, secrets_kept.CLI_TOKEN)
    except FileNotFoundError as error:
        if home.secrets.is_dir():
            raise EngineAway(
                f"home {home.root} has no token for commands yet: the database was away at its "
                "first start; start it again when the database is back"
            ) from error
        raise EngineAway(no_installation(home.root)) from error
    except PermissionError as error:
        raise HomeUnusable(
            f"{error.filename}: only root and the parts' user may read it"
        ) from error


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the engine answered {error.code} {error.reason}"
