"""By which trunk the demonstration's citizens call: one that only this machine can use."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from asterisk_conf.model import Trunk
from hotline.errors import BadRequest


def demo_address(trunks: Sequence[Trunk]) -> str:
    """The source address to call from; raises `BadRequest` where nothing may be played.

    The demonstration's seats answer whoever calls, and it forces the hours open and closed: where
    a carrier's calls come in, citizens would be talking to a machine.
    """
    for trunk in trunks:
        if trunk.registration or not all(network.is_loopback for network in networks(trunk)):
            raise BadRequest(
                f"citizens can call by trunk {trunk.id}, and the demonstration would answer them: "
                "play it on an installation without a carrier's trunk"
            )
    for trunk in trunks:
        for network in networks(trunk):
            if network.num_addresses == 1:
                return str(network.network_address)
    raise BadRequest(
        "the demonstration needs a trunk at one loopback address: "
        'add {"id": "demo", "match": ["127.0.0.2"]} to the setting `trunks`, or use DEMO=0'
    )


def networks(trunk: Trunk) -> list[IPv4Network | IPv6Network]:
    """The addresses a trunk's calls may come from."""
    return [ip_network(str(match)) for match in trunk.match]
