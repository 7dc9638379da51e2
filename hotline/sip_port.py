"""Whether somebody listens where calls come in: an Asterisk whose SIP port was taken when it began
runs on without it, its manager answers, and no call ever comes.

https://man7.org/linux/man-pages/man5/proc_pid_net.5.html (the tables of UDP sockets)
"""

import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))
WORD = 8
"""Hexadecimal digits of four bytes, which stand in the machine's own order."""


def listens(address: str, port: int, tables: tuple[Path, ...] = TABLES) -> bool:
    """Whether a UDP socket has this address and port, or all addresses and this port; also True
    where that can't be told."""
    wanted, seen = ip_address(address), False
    for table in tables:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:  # no such table: no such kernel, or no IPv6
            continue
        seen = True
        for line in lines:
            where, _, at = line.split()[1].partition(":")
            if int(at, 16) == port:
                found = _address(where)
                if found == wanted or found.is_unspecified:
                    return True
    return not seen


def _address(digits: str) -> IPv4Address | IPv6Address:
    words = (digits[at : at + WORD] for at in range(0, len(digits), WORD))
    return ip_address(b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words))
