"""The demonstration is played only where nobody but this machine can call."""

import pytest

from asterisk_conf.model import Trunk
from hotline.demo_trunk import demo_address
from hotline.errors import BadRequest
from hotline.settings import DEMO_TRUNK

CARRIER = Trunk.model_validate({"id": "carrier", "match": ["198.51.100.8"]})
NETWORK = Trunk.model_validate({"id": "here", "match": ["127.0.1.0/24"]})


def test_its_citizens_call_from_a_loopback_address() -> None:
    assert demo_address([NETWORK, DEMO_TRUNK]) == "127.0.0.2"


def test_where_a_carrier_brings_citizens_in_it_is_not_played() -> None:
    """Its seats would answer them, and it forces the hours open and closed."""
    with pytest.raises(BadRequest, match="citizens can call by trunk carrier"):
        demo_address([DEMO_TRUNK, CARRIER])


def test_without_one_address_of_ours_there_is_nobody_to_call_from() -> None:
    with pytest.raises(BadRequest, match="one loopback address"):
        demo_address([NETWORK])
