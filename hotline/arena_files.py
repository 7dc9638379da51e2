"""What the benchmark adds to an installation's Asterisk: app_queue's side, with the same work.

The plain dialplan plays the same prompts, reads the same key, records the same way and writes one
row a call into the same database (cdr_sqlite3_custom). Its trunk has an address of its own.
app_queue is set as fast as it goes: `autofill`, no wrap-up, `retry` at its least, no queue log.
"""

import re
from collections.abc import Iterable

PROMPTS = ("recording_notice", "welcome")
ALL_QUEUE, FEW_QUEUE, EMPTY_QUEUE = "all", "few", "empty"
TRUNK_IP = "127.0.0.4"
MODULES = ("app_read", "app_queue")
CDR_MODULES = ("func_cdr", "res_cdrel_custom", "cdr_sqlite3_custom")
CDR_TABLE = "bench_cdr"

CDR_COLUMNS = {
    "started": "${CDR(start)}",
    "answered": "${CDR(answer)}",
    "ended": "${CDR(end)}",
    "caller": "${CDR(src)}",
    "called": "${CDR(dst)}",
    "channel": "${CDR(channel)}",
    "seat": "${CDR(dstchannel)}",
    "seconds": "${CDR(billsec)}",
    "outcome": "${CDR(disposition)}",
    "call_id": "${CDR(uniqueid)}",
    "linked_id": "${CDR(linkedid)}",
}


def extra_files(seats: Iterable[str], few: int, *, bare: bool) -> tuple[tuple[str, str], ...]:
    """(file, text) pairs for `Installation.extra`; `seats` are SIP endpoints. `bare`: no CDR."""
    modules = MODULES if bare else (*CDR_MODULES, *MODULES)
    cdr = () if bare else (("cdr.conf", "enable = yes"), ("cdr_sqlite3_custom.conf", _cdr()))
    return (
        ("modules.conf", "\n".join(f"load = {module}.so" for module in modules)),
        ("extensions.conf", _dialplan()),
        ("pjsip.conf", _trunk()),
        ("queues.conf", _queues(list(seats), few)),
        *cdr,
    )


def _dialplan() -> str:
    folder = "/hotline/prompts/cmn"
    prompts = "&".join(f"{folder}/{name}" for name in PROMPTS)
    return f"""
[bench]
exten => _[a-z]!,1,Set(QUEUE=${{EXTEN}})
 same => n,Goto(bench,s,1)
exten => s,1,Set(DAY=${{STRFTIME(${{EPOCH}},,%Y/%m/%d)}})
 same => n,Set(RECORDING=/hotline/recordings/${{DAY}}/${{UNIQUEID}}.wav)
 same => n,Answer()
 same => n,MixMonitor(${{RECORDING}})
 same => n,Read(KEY,{prompts},1,,1,2)
 same => n,Queue(${{QUEUE}})
"""


def _trunk() -> str:
    return f"""
[trunk-bench](common)
context = bench
identify_by = ip
allow = alaw,ulaw
preferred_codec_only = yes
aors = trunk-bench

[trunk-bench]
type = aor

[trunk-bench]
type = identify
endpoint = trunk-bench
srv_lookups = no
match = {TRUNK_IP}
"""


def _queues(seats: list[str], few: int) -> str:
    head = """
[bench](!)
strategy = leastrecent
musicclass = default
autofill = yes
ringinuse = no
timeout = 20
retry = 1
wrapuptime = 0
joinempty = yes
leavewhenempty = no
announce-frequency = 0
"""
    return (
        "[general]\nautofill = yes\n"
        + head
        + _members(ALL_QUEUE, seats)
        + _members(FEW_QUEUE, seats[:few])
        + _members(EMPTY_QUEUE, [])
    )


def _members(name: str, seats: Iterable[str]) -> str:
    lines = [f"[{name}](bench)", *(f"member => PJSIP/{seat}" for seat in seats), ""]
    return "\n".join(lines)


def _cdr() -> str:
    columns = ", ".join(CDR_COLUMNS)
    values = ", ".join(f"'{value}'" for value in CDR_COLUMNS.values())
    return f"[master]\ntable => {CDR_TABLE}\ncolumns => {columns}\nvalues => {values}\n"


def lasting(seats_conf: str) -> str:
    """The seats' file with registrations that last for hours and no qualify."""
    changed = re.sub(
        r"^maximum_expiration = .*$", "maximum_expiration = 86400", seats_conf, flags=re.M
    )
    return re.sub(r"^qualify_frequency = .*$", "qualify_frequency = 0", changed, flags=re.M)
