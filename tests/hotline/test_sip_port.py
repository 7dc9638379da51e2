"""Whether somebody listens on the SIP port, by the kernel's own tables."""

import socket
from pathlib import Path

import pytest

from hotline.sip_port import listens
from tests.servers import free_port


@pytest.mark.parametrize(
    ("family", "bound", "asked"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "127.0.0.9", "127.0.0.9"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_who_listens_is_seen_until_he_ends(
    family: socket.AddressFamily, bound: str, asked: str
) -> None:
    port = free_port()
    assert not listens(asked, port)
    with socket.socket(family, socket.SOCK_DGRAM) as other:
        other.bind((bound, port))
        assert listens(asked, port)
    assert not listens(asked, port)


def test_another_address_or_another_protocol_is_another_matter() -> None:
    port = free_port()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere,
        socket.create_server(("127.0.0.1", port)),
    ):
        elsewhere.bind(("127.0.0.9", port))
        assert not listens("127.0.0.1", port)


def test_where_it_cannot_be_told_nothing_is_held_against_it(tmp_path: Path) -> None:
    assert listens("127.0.0.1", free_port(), (tmp_path / "udp",))
