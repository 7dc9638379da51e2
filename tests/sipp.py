"""SIPp for tests: small scenarios from steps, bounded runs, and what was on the wire.

    result = await sipp(caller(until_bye()), to=stack.sip_port, local="127.0.0.2", called="12345")
    assert result.ok

    async with sipp_running(callee(wait_bye()), local="127.0.0.2", folder=tmp_path) as far_end:
        ...  # far_end.port is listening

The sound is no part of the scenarios: tests/rtp.py speaks on `sound_port`.
"""

import asyncio
import contextlib
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

RUN_S = 60.0
EOL = "\n"  # SIPp itself makes CRLF of it
SDP = """v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [sound_port] RTP/AVP {codecs} 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20"""


@dataclass(frozen=True, slots=True)
class SippResult:
    """How a run ended: SIPp's exit code (0: every call as the scenario wants it)."""

    exit_code: int
    messages: str
    errors: str

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    def answers(self) -> list[int]:
        """The status codes received or sent, in the order they were on the wire."""
        return [int(code) for code in re.findall(r"^SIP/2\.0 (\d{3})", self.messages, re.M)]

    def header(self, name: str) -> list[str]:
        """All values of a header on the wire, first to last."""
        found = re.findall(rf"^{re.escape(name)}:[ \t]*(.*?)\r?$", self.messages, re.M | re.I)
        return [str(value) for value in found]


def _send(text: str, *, body: str = "", retransmit: bool = True) -> str:
    lines = EOL.join(line.strip() for line in text.strip().splitlines() if line.strip())
    retrans = ' retrans="500"' if retransmit else ""
    return f"<send{retrans}><![CDATA[\n{lines}\n\n{body}\n]]></send>"


def _request(method: str, cseq: int, more: str = "", *, retransmit: bool = True) -> str:
    return _send(
        f"""{method} sip:[called]@[remote_ip]:[remote_port] SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
        Max-Forwards: 70
        From: [from];tag=[pid]-[call_number]
        To: <sip:[called]@[remote_ip]:[remote_port]>[peer_tag_param]
        Call-ID: [call_id]
        CSeq: {cseq} {method}
        Contact: <sip:sipp@[local_ip]:[local_port]>
        {more}
        Content-Length: 0""",
        retransmit=retransmit,
    )


def _invite(cseq: int, headers: Sequence[str], codecs: str) -> str:
    more = "\n".join(headers)
    head = f"""INVITE sip:[called]@[remote_ip]:[remote_port] SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
        Max-Forwards: 70
        From: [from];tag=[pid]-[call_number]
        To: <sip:[called]@[remote_ip]:[remote_port]>
        Call-ID: [call_id]
        CSeq: {cseq} INVITE
        Contact: <sip:sipp@[local_ip]:[local_port]>
        {more}
        Content-Type: application/sdp
        Content-Length: [len]"""
    return _send(head, body=SDP.format(codecs=codecs))


def _ack() -> str:
    return _request("ACK", 1, retransmit=False)


def pause(seconds: float) -> str:
    """Stay on the line."""
    return f'<pause milliseconds="{round(seconds * 1000)}"/>'


def until_bye() -> str:
    """Stay until the other side hangs up."""
    return '<recv request="BYE"/>' + _reply("200 OK")


def bye(cseq: int = 2) -> str:
    """Hang up."""
    return _request("BYE", cseq) + '<recv response="200"/>'


def _reply(status: str, more: str = "") -> str:
    return _send(
        f"""SIP/2.0 {status}
        [last_Via:]
        [last_From:]
        [last_To:]
        [last_Call-ID:]
        [last_CSeq:]
        Contact: <sip:sipp@[local_ip]:[local_port]>
        {more}
        Content-Length: 0""",
        retransmit=False,
    )


def _scenario(*parts: str) -> str:
    return f'<?xml version="1.0"?>\n<scenario name="test">\n{chr(10).join(parts)}\n</scenario>\n'


_PROGRESS = "".join(f'<recv response="{code}" optional="true"/>' for code in (100, 180, 183))


def caller(*steps: str, headers: Sequence[str] = (), codecs: str = "8 0") -> str:
    """A scenario: call, be answered, then `steps` (pause, bye, until_bye)."""
    answer = '<recv response="200"/>'
    return _scenario(_invite(1, headers, codecs), _PROGRESS, answer, _ack(), *steps)


def gives_up(after_s: float) -> str:
    """A scenario: call and cancel before anybody answers."""
    return _scenario(
        _invite(1, (), "8"),
        _PROGRESS,
        pause(after_s),
        _request("CANCEL", 1).replace("branch=[branch]", "branch=[branch-2]"),
        '<recv response="200"/><recv response="487"/>',
    )


def refused(*codes: int) -> str:
    """A scenario: call and be refused with one of `codes`."""
    others = "".join(f'<recv response="{code}" optional="true" next="ack"/>' for code in codes[:-1])
    last = f'<recv response="{codes[-1]}"/>'
    return _scenario(_invite(1, (), "8 0"), _PROGRESS, others, last, '<label id="ack"/>', _ack())


def registers(
    seat: str, password: str, *, answer: int = 200, expires: int = 120, stay_s: float = 0.0
) -> str:
    """A scenario: register with digest; the password is judged with `answer`. Meanwhile, and for
    `stay_s` more, OPTIONS is answered."""
    challenge = '<recv response="401" auth="true"/>'
    login = f"[authentication username={seat} password={password}]"
    first = f"Expires: {expires}"
    return _scenario(
        _request("REGISTER", 1, first),
        challenge,
        _request("REGISTER", 2, f"{first}\n{login}"),
        f'<recv response="{answer}"/>',
        pause(stay_s),
    ).replace("REGISTER sip:[called]@", "REGISTER sip:")


def calls_with_password(seat: str, password: str, *, answer: int) -> str:
    """A scenario: a seat calls [called] with its password and gets `answer`."""
    login = f"[authentication username={seat} password={password}]"
    return _scenario(
        _invite(1, (), "8 0"),
        '<recv response="401" auth="true"/>',
        _ack(),
        _invite(2, (login,), "8 0"),
        _PROGRESS,
        f'<recv response="{answer}"/>',
        _request("ACK", 2, retransmit=False),
    )


def callee(*steps: str, ring_s: float = 0.0, codecs: str = "8 0") -> str:
    """A scenario of a telephone that is called: ring, answer, then `steps`."""
    ok = """SIP/2.0 200 OK
        [last_Via:]
        [last_From:]
        [last_To:];tag=[pid]-[call_number]
        [last_Call-ID:]
        [last_CSeq:]
        Contact: <sip:sipp@[local_ip]:[local_port]>
        Content-Type: application/sdp
        Content-Length: [len]"""
    used = '<Reference variables="peer"/>'  # or SIPp complains of scenarios that only listen
    answered = _send(ok, body=SDP.format(codecs=codecs))
    ringing = _reply("180 Ringing").replace("[last_To:]", "[last_To:];tag=[pid]-[call_number]")
    return _scenario(
        '<recv request="INVITE" rrs="true"><action><ereg regexp=".*" search_in="hdr" '
        'header="From:" assign_to="peer"/></action></recv>',
        used,
        ringing,
        pause(ring_s),
        answered,
        '<recv request="ACK"/>',
        *steps,
    )


def hangs_up() -> str:
    """A called telephone hangs up."""
    return (
        _send(
            """BYE [next_url] SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
        Max-Forwards: 70
        From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]-[call_number]
        To:[$peer]
        Call-ID: [call_id]
        CSeq: 1 BYE
        Content-Length: 0"""
        )
        + '<recv response="200"/>'
    )


@dataclass(slots=True)
class RunningSipp:
    """A SIPp process of ours: `port` is its SIP port, `finish` waits for its own end."""

    process: asyncio.subprocess.Process
    folder: Path
    port: int

    def messages(self) -> str:
        """What was on the wire until now."""
        return _text(self.folder / "messages")

    async def remote_sound_port(self) -> int:
        """The RTP port the other side named in its SDP, as soon as it did."""
        async with asyncio.timeout(RUN_S):
            while True:
                for message in self.messages().split("-" * 47):
                    found = re.search(r"message received.*?^m=audio (\d+)", message, re.S | re.M)
                    if found:
                        return int(found.group(1))
                await asyncio.sleep(0.01)

    async def answered(self) -> None:
        """Wait until a call of ours is up: its ACK was on the wire."""
        async with asyncio.timeout(RUN_S):
            while "\nACK sip:" not in self.messages():
                await asyncio.sleep(0.01)

    async def finish(self, *, seconds: float = RUN_S) -> SippResult:
        """Wait until all its calls are over; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
        return SippResult(code, self.messages(), _text(self.folder / "errors"))


async def sipp(scenario: str, **options: object) -> SippResult:
    """Run a scenario to its end; the options are those of `sipp_running`."""
    async with sipp_running(scenario, **options) as running:  # type: ignore[arg-type]  # passed on
        return await running.finish()


@contextlib.asynccontextmanager
async def sipp_running(
    scenario: str,
    *,
    to: int = 0,
    remote: str = "127.0.0.1",
    local: str = "127.0.0.2",
    port: int = 0,
    sound_port: int = 0,
    called: str = "12345",
    from_: str = "<sip:13800138000@127.0.0.2>",
    calls: int = 1,
    rate: float = 10.0,
    arguments: Sequence[str] = (),
) -> AsyncIterator[RunningSipp]:
    """A SIPp on `local`:`port` (0: a free one), calling `remote`:`to` or, without it, called.

    `from_` is the From header's value. It ends with the block, by its process id.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="sipp") as name:
        folder = Path(name)
        (folder / "scenario.xml").write_text(scenario)
        command = [
            *("sipp", "-sf", "scenario.xml", "-i", local, "-mi", local, "-p", str(port)),
            *("-m", str(calls), "-r", str(rate), "-nostdin", "-aa", "-deadcall_wait", "0"),
            *("-key", "called", called, "-key", "from", from_),
            *("-key", "sound_port", str(sound_port or free_port())),
            *("-timeout", f"{RUN_S:g}s", "-timeout_error", "-recv_timeout", f"{RUN_S * 1000:g}"),
            *("-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors"),
            *arguments,
            *((f"{remote}:{to}",) if to else ()),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await _listening(local, port, process)
            yield RunningSipp(process, folder, port)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _listening(local: str, port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until the UDP port is bound (the kernel's table tells), or SIPp is over already."""
    octets = [f"{int(octet):02X}" for octet in reversed(local.split("."))]
    wanted = f"{''.join(octets)}:{port:04X}"
    async with asyncio.timeout(RUN_S):
        while process.returncode is None and wanted not in Path("/proc/net/udp").read_text():
            await asyncio.sleep(0.01)


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def named(name: str, number: str = "13800138000") -> str:
    """A From value with a display name."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <sip:{number}@127.0.0.2>'
