"""What several nodes add to Asterisk's configuration, and that one alone has none of it."""

from dataclasses import replace

import pytest

from asterisk_conf.model import Node, SeatEndpoint
from asterisk_conf.render import UnsafeConfiguration, rendered
from tests.asterisk_conf.test_render import BASE

OTHER = Node(id="b", sip="192.0.2.12:5060", link="192.0.2.12:4580")
SECRET = "s" * 64


def test_a_single_node_has_no_word_of_others() -> None:
    for name, text in rendered(BASE).items():
        assert "node-" not in text, name
        assert "HL_LEG" not in text, name


def test_another_node_is_known_by_address_and_password_and_reaches_seats_alone() -> None:
    texts = rendered(replace(BASE, nodes=(OTHER,), node="a", node_secret=SECRET))
    pjsip, dialplan = texts["pjsip.conf"], texts["extensions.conf"]
    endpoint = pjsip.split("[node-b](common)")[1].split("\n\n[")[0]
    assert "context = node\n" in endpoint
    assert "auth = node-b\n" in endpoint
    assert "match = 192.0.2.12\n" in pjsip
    assert "contact = sip:192.0.2.12:5060\n" in pjsip
    context = dialplan.split("\n[node]")[1].split("\n\n")[0]
    assert "Dial(PJSIP/${SEAT}," in context
    assert context.count("Dial(") == 1
    assert "exten => _[0-9A-Za-z].,1," in context, "one sign more, or a hang-up is taken for a seat"
    assert "HL_MEDIA,HL_LEG" in texts["manager.conf"]
    assert "PJSIP/node-" in texts["manager.conf"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"node_secret": "short"}, "node secret"),
        ({"node": "A b"}, "node 'A b'"),
        ({"nodes": (OTHER, OTHER)}, "node b: named more than once"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, object], told: str) -> None:
    whole = {"nodes": (OTHER,), "node": "a", "node_secret": SECRET, **changed}
    with pytest.raises(UnsafeConfiguration, match=told):
        rendered(replace(BASE, **whole))  # type: ignore[arg-type]  # fields by name


def test_a_seat_cannot_take_a_nodes_name() -> None:
    with pytest.raises(UnsafeConfiguration, match="kept for other use"):
        rendered(replace(BASE, seats=(SeatEndpoint("node-b", "0" * 32),)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "B"},
        {"id": "a-b"},
        {"sip": "example.org:5060"},
        {"sip": "192.0.2.1"},
        {"link": "192.0.2.1:0"},
        {"link": "192.0.2.1:70000"},
    ],
)
def test_a_node_is_a_name_and_two_addresses(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"id|sip|link"):
        Node.model_validate({"id": "b", "sip": OTHER.sip, "link": OTHER.link, **wrong})
