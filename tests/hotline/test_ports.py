"""Ports: taken ones are told with who has them and which setting moves ours."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hotline.errors import PortTaken
from hotline.ports import Listener, check_free, check_ours, listeners, why_not
from hotline.settings import Settings
from tests.servers import free_port


def listener(kind: socket.SocketKind, port: int, address: str = "127.0.0.1") -> Listener:
    return Listener("SIP", kind, address, port, "sip")


@pytest.fixture(params=[socket.SOCK_DGRAM, socket.SOCK_STREAM])
def taken(request: pytest.FixtureRequest) -> Iterator[Listener]:
    """A port somebody (this test) listens on."""
    with socket.socket(socket.AF_INET, request.param) as other:
        other.bind(("127.0.0.1", 0))
        if request.param is socket.SOCK_STREAM:
            other.listen()
        yield listener(request.param, other.getsockname()[1])


def test_a_taken_port_is_told_with_its_holder_and_its_setting(taken: Listener) -> None:
    with pytest.raises(PortTaken) as error:
        check_free([taken])
    assert str(taken.port) in str(error.value)
    assert "HOTLINE_SIP_PORT" in str(error.value)
    assert "process" in str(error.value)


def test_a_port_that_one_of_ours_listens_on_is_ours(taken: Listener) -> None:
    check_ours([taken], {os.getpid()})
    elsewhere = replace(taken, address="127.0.0.9")
    check_ours([elsewhere], ())
    with pytest.raises(PortTaken, match=f"process {os.getpid()}"):
        check_ours([taken], ())


def test_a_port_of_a_closed_connection_is_free() -> None:
    """TIME_WAIT of an engine that ended isn't somebody listening."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the listening side closes first: TIME_WAIT is its
        client.close()
    assert why_not(listener(socket.SOCK_STREAM, port)) == ""


def test_an_address_of_another_machine_is_told() -> None:
    trouble = why_not(listener(socket.SOCK_STREAM, free_port(), "192.0.2.1"))
    assert trouble.startswith(
        "HOTLINE_SIP_BIND=192.0.2.1 is not an address of this machine: name one"
    )


def test_a_port_that_only_root_may_have_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by root the parts have no rights of root: the engine would die of it."""
    monkeypatch.setattr("hotline.ports.is_root", lambda: True)
    assert "no part runs as root" in why_not(listener(socket.SOCK_STREAM, 80))


def test_every_port_setting_is_looked_at() -> None:
    settings = Settings(sip_port=1, http_port=2, ami_port=3, agi_port=4)
    assert {wanted.port for wanted in listeners(settings)} == {1, 2, 3, 4}
