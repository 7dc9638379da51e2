"""Several nodes: the settings fit together, or the mistake is told in one sentence."""

import json
import os
from pathlib import Path
from unittest import mock

import pytest

from hotline.errors import BadSettings
from hotline.loading import load_settings
from hotline.parts import all_parts
from hotline.secrets_kept import cluster_key

NODES = [
    {"id": "a", "sip": "127.0.0.21:5060", "link": "127.0.0.1:4580"},
    {"id": "b", "sip": "127.0.0.22:5060", "link": "127.0.0.1:4581"},
]


def environment(tmp_path: Path, **changed: str) -> dict[str, str]:
    secret = tmp_path / "secret"
    if not secret.exists():
        secret.write_text("s" * 40 + "\n")
    given = {
        "HOME": str(tmp_path),
        "HOTLINE_NODE": "a",
        "HOTLINE_NODES": json.dumps(NODES),
        "HOTLINE_CLUSTER_SECRET_FILE": str(secret),
        "HOTLINE_REDIS_URL": "redis://127.0.0.1:6379",
        "HOTLINE_DATABASE_URL": "postgresql://127.0.0.1/hotline",
    }
    return {key: value for key, value in {**given, **changed}.items() if value}


def test_a_node_knows_itself_and_the_others(tmp_path: Path) -> None:
    """It has a spare engine, and keys of its own for each use."""
    with mock.patch.dict(os.environ, environment(tmp_path), clear=True):
        settings = load_settings()
    assert [node.id for node in settings.other_nodes] == ["b"]
    assert [part.name for part in all_parts(settings)] == ["asterisk", "engine", "spare"]
    assert cluster_key(settings, "sip") != cluster_key(settings, "link")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"HOTLINE_NODE": "c"}, "node 'c' is not one of `nodes` (a, b)"),
        ({"HOTLINE_NODES": ""}, "node 'a' is not one of `nodes` (none)"),
        ({"HOTLINE_NODES": json.dumps([NODES[0], NODES[0]])}, "needs its own id"),
        (
            {"HOTLINE_NODES": json.dumps([NODES[0], {**NODES[1], "sip": "127.0.0.21:6060"}])},
            "needs its own SIP address",
        ),
        ({"HOTLINE_SIP_PORT": "5070"}, "is not at sip_port 5070"),
        ({"HOTLINE_REDIS_URL": ""}, "redis_url is needed"),
        ({"HOTLINE_DATABASE_URL": ""}, "database_url is needed"),
        ({"HOTLINE_CLUSTER_SECRET_FILE": ""}, "cluster_secret_file is needed"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, changed: dict[str, str], told: str) -> None:
    with (
        mock.patch.dict(os.environ, environment(tmp_path, **changed), clear=True),
        pytest.raises(BadSettings) as refused,
    ):
        load_settings()
    assert told in str(refused.value)


@pytest.mark.parametrize("text", ["short", ""])
def test_a_short_secret_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text(text)
    with mock.patch.dict(os.environ, environment(tmp_path), clear=True):
        settings = load_settings()
    with pytest.raises(BadSettings, match="openssl rand"):
        cluster_key(settings, "link")
