"""How a caller's words reach the engine: numbers, names, headers, on real Asterisk and SIPp."""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import unquote

import pytest
import pytest_asyncio

from tests.engine import Session, engine
from tests.sipp import caller, named, refused, sipp, until_bye
from tests.stack import AsteriskStack, asterisk_stack, trunk

pytestmark = pytest.mark.e2e

CITY, PARTNER = "127.0.0.2", "127.0.0.3"
NAMES = ("trunk", "called", "first_called", "asserted", "caller", "recording", "answered_at")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskStack]:
    trunks = (trunk("city", CITY), trunk("partner", PARTNER, trusted=True))
    async with asterisk_stack(tmp_path_factory.mktemp("calls"), trunks=trunks) as stack:
        yield stack


async def told(
    stack: AsteriskStack,
    *,
    local: str = CITY,
    headers: Sequence[str] = (),
    from_: str = "<sip:13800138000@127.0.0.2>",
    called: str = "12345",
) -> dict[str, str]:
    """What the engine is told of one call."""
    sessions: list[dict[str, str]] = []

    async def note(session: Session) -> None:
        assert session.request == "call"
        values = dict(zip((*NAMES, "stage", "name"), session.arguments, strict=True))
        sessions.append(values | session.header)
        await session.done()

    async with engine(stack.agi_port, note):
        scenario = caller(until_bye(), headers=headers)
        result = await sipp(scenario, to=stack.sip_port, local=local, from_=from_, called=called)
    assert result.ok, result.errors
    assert len(sessions) == 1
    return sessions[0]


@pytest.mark.asyncio(loop_scope="module")
class TestCallsIn:
    async def test_an_ordinary_call(self, stack: AsteriskStack) -> None:
        """Trunk, both numbers, the recording's path and the time of answer are told."""
        call = await told(stack)
        assert (call["trunk"], call["called"], call["caller"]) == ("city", "12345", "13800138000")
        assert call["first_called"] == call["asserted"] == call["stage"] == call["name"] == ""
        assert call["agi_uniqueid"].startswith(stack.installation.system_name)
        year, month, day, file = call["recording"].removeprefix("/hotline/recordings/").split("/")
        assert (len(year), len(month), len(day)) == (4, 2, 2)
        assert file == f"{call['agi_uniqueid']}.wav"
        assert stack.home.outside(call["recording"]).is_file()
        assert abs(float(call["answered_at"]) - float(call["agi_uniqueid"].split("-")[1])) < 3

    async def test_identity_and_diversion_of_a_trusted_trunk(self, stack: AsteriskStack) -> None:
        """P-Asserted-Identity and Diversion are read, escaped plus sign included."""
        call = await told(
            stack,
            local=PARTNER,
            headers=(
                'P-Asserted-Identity: "王先生, 南宁" <sip:%2B8613911112222@carrier;user=phone>',
                'Diversion: "x" <sip:12333@carrier>;reason=unconditional',
            ),
        )
        assert call["asserted"] == "+8613911112222"
        assert call["first_called"] == "12333"
        assert call["caller"] == "13800138000"

    @pytest.mark.parametrize(
        ("headers", "first"),
        [
            pytest.param(
                ("Diversion: <sip:88@b>;reason=no-answer", "Diversion: <tel:12369>;counter=1"),
                "12369",
                id="two Diversion headers, the last is the first called",
            ),
            pytest.param(
                ("Diversion: <sip:88@b>;reason=no-answer, <sip:12319@c>;counter=1",),
                "12319",
                id="two in one header",
            ),
            pytest.param(
                (
                    "History-Info: <sip:12348@a?Reason=SIP%3Bcause%3D302>;index=1, "
                    "<sip:12345@b>;index=1.1",
                ),
                "12348",
                id="History-Info, the first entry",
            ),
            pytest.param(
                ("History-Info: <sip:777@a>;index=1", "Diversion: <sip:12336@a>"),
                "12336",
                id="both: Diversion",
            ),
            pytest.param(("Diversion: sip:12328@a;x=y",), "12328", id="without brackets"),
            pytest.param(("Diversion: <sip:anonymous@a>",), "", id="no number"),
            pytest.param(('Diversion: ${HL_TRUNK}@:;"`<>',), "", id="rubbish"),
        ],
    )
    async def test_the_number_first_dialled(
        self, stack: AsteriskStack, headers: tuple[str, ...], first: str
    ) -> None:
        """Diversion and History-Info name it in several spellings."""
        call = await told(stack, local=PARTNER, headers=headers)
        assert call["first_called"] == first

    async def test_an_untrusted_trunk_is_not_believed(self, stack: AsteriskStack) -> None:
        """Its P-Asserted-Identity, Diversion and History-Info are ignored."""
        call = await told(
            stack,
            headers=(
                "P-Asserted-Identity: <sip:110@carrier>",
                "Diversion: <sip:12333@carrier>",
                "History-Info: <sip:12333@carrier>;index=1",
                "Remote-Party-ID: <sip:110@carrier>",
            ),
        )
        assert (call["asserted"], call["first_called"]) == ("", "")
        assert call["caller"] == "13800138000"
        assert call["agi_rdnis"] == "unknown"

    @pytest.mark.parametrize(
        "from_",
        [
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            "<sip:unknown@127.0.0.2>",
            "<sip:127.0.0.2>",
            "<sip:zhang3@127.0.0.2>",
        ],
    )
    async def test_a_caller_without_a_number_is_served(
        self, stack: AsteriskStack, from_: str
    ) -> None:
        """Anonymous, unknown, empty and lettered caller ids count as none."""
        call = await told(stack, from_=from_)
        assert call["caller"] == ""
        assert call["agi_callerid"] in ("unknown", "")

    @pytest.mark.parametrize(
        "name",
        [
            "张伟",
            "O'Brien; x=1",
            'a "b" c',
            "a,b|c(d)e)",
            "${HL_TRUNK}$[1+1]",
            "a\\b%41&c",
            "名" * 25,
        ],
    )
    async def test_names_reach_the_engine_unharmed(self, stack: AsteriskStack, name: str) -> None:
        """Whatever letters a display name has: encoded it travels, and nothing else changes."""
        call = await told(stack, from_=named(name))
        got = unquote(call["name"]).replace("\\\\", "\\").replace('\\"', '"')
        assert got == name
        assert (call["trunk"], call["called"]) == ("city", "12345")
        assert call["agi_calleridname"] == "unknown", "only the encoded name may be told"

    @pytest.mark.parametrize(
        "evil", ["138%0a00", "138%0d%0aHANGUP", "138%3b1", "138%2c1", "1%22%3b3"]
    )
    async def test_line_ends_in_numbers_are_cut_out(self, stack: AsteriskStack, evil: str) -> None:
        """No CR, LF, `;`, comma or quote of a From number reaches the AGI header."""
        call = await told(stack, from_=f"<sip:{evil}@127.0.0.2>")
        assert set(call["caller"]) <= set("0123456789+*#")
        assert call["agi_callerid"] in (call["caller"], "unknown")
        assert "HANGUP" not in call

    @pytest.mark.parametrize("evil", ["12345%0a1", "123%2245", "12345%2cx", "1$%7bX%7d"])
    async def test_called_numbers_with_other_signs_are_refused(
        self, stack: AsteriskStack, evil: str
    ) -> None:
        """They are answered 404 and never reach the engine."""
        result = await sipp(refused(404), to=stack.sip_port, called=evil)
        assert result.ok, result.errors

    @pytest.mark.parametrize("more", [";phone-context=+86771", "%3bphone-context=x", "%3b%0a"])
    async def test_parameters_of_a_called_number_are_no_part_of_it(
        self, stack: AsteriskStack, more: str
    ) -> None:
        """Carriers add `;phone-context=…` to a short number: it ends at the semicolon."""
        call = await told(stack, called=f"12345{more}")
        assert call["called"] == call["agi_dnid"] == "12345"

    async def test_letters_are_not_a_number(self, stack: AsteriskStack) -> None:
        """A call to a name finds no extension."""
        assert (await sipp(refused(404), to=stack.sip_port, called="hotline")).ok

    async def test_the_log_has_no_complaint(self, stack: AsteriskStack) -> None:
        """All these calls left no warning and no error."""
        assert stack.troubles() == []
        assert await stack.channels() == []
