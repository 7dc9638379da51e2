"""A ticket's life over HTTP, by people with tokens, on both stores: what each may do and see."""

from typing import Any

import pytest

from console.ports import Role
from tests.console.ticket_house import HERE_PATH, LAMP, TicketHouse, ticket_house

URBAN, LAMPS, POLICE = "urban", "lighting", "police"
SCRIPT = "<script>alert('x')</script>"


async def _dispatched(house: TicketHouse, lead: str = LAMPS, **more: Any) -> str:
    taken = await house.seat.take(**more)
    number: str = taken["ticket"]["number"]
    await house.reviewer.tells(number, "dispatched", lead=lead)
    return number


async def test_a_request_goes_its_way_from_the_desk_to_the_archive(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        seat, reviewer, unit = house.seat, house.reviewer, house.unit(LAMPS)
        taken = await seat.take(channel="letter")
        ticket, number = taken["ticket"], taken["ticket"]["number"]
        assert (ticket["state"], ticket["origin"], ticket["kind"]) == (
            "PENDING_REVIEW", "web", "complaint",
        )  # fmt: skip
        assert (ticket["caller"], ticket["caller_e164"]) == ("13812345678", "+8613812345678")
        assert ticket["content"]["title"] == LAMP["title"]
        assert ticket["life"]["owner"] == "reviewer"
        ways = await reviewer.asks(f"tickets/{number}/allowed")
        assert "dispatched" in [one["event"] for one in ways["events"]]
        advice = (await reviewer.asks(f"tickets/{number}/dispatch-suggestion"))["suggestion"]
        assert advice["leads"]
        assert all(one["reasons"] for one in advice["leads"])
        await reviewer.tells(number, "dispatched", lead=LAMPS, co_units=[POLICE])
        mine = await unit.asks("tickets")
        assert [one["number"] for one in mine["tickets"]] == [number]
        assert mine["tickets"][0]["due"]
        signed = await unit.tells(number, "signed")
        clocks = {one["clock"]: one for one in signed["clocks"]}
        assert clocks["sign"]["in_time"] is True
        assert clocks["finish"]["reasons"]
        assert clocks["finish"]["days"]
        assert clocks["finish"]["provisional"] is False
        ways = await unit.asks(f"tickets/{number}/allowed")
        replied = next(one for one in ways["events"] if one["event"] == "replied")
        assert replied["refused"] == "citizen-not-contacted"
        assert [f["name"] for f in replied["fields"] if f["needed"]] == ["reply"]
        await unit.tells(number, "contacted", how="电话")
        await unit.tells(number, "replied", reply="已更换灯泡", public_reply="已修复")
        await reviewer.tells(number, "reply_passed")
        done = await seat.tells(number, "satisfied", solved=True, satisfied=True)
        assert (done["state"], done["life"]["owner"]) == ("ARCHIVED", "")
        assert done["content"]["replies"][-1]["public"] == "已修复"
        told = await seat.asks(f"tickets/{number}/history")
        assert [one["event"] for one in told["events"]] == [
            "created", "submitted", "dispatched", "signed", "contacted", "replied",
            "reply_passed", "satisfied",
        ]  # fmt: skip
        past = await seat.asks(f"tickets/{number}/at?seq=3")
        assert (past["life"]["state"], past["life"]["lead"]) == ("DISPATCHED", LAMPS)
        assert past["content"]["replies"] == []
        chain = await house.person(Role.AUDITOR).asks(f"tickets/{number}/events")
        assert (chain["whole"], chain["findings"]) == (True, [])
        assert all(len(one["hash"]) == 64 for one in chain["events"])


async def test_a_return_is_judged_and_a_joint_review_rules(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        reviewer, leader = house.reviewer, house.person(Role.LEADER, name="lead")
        number = await _dispatched(house)
        lamps, urban = house.unit(LAMPS), house.unit(URBAN)
        asked = {"reason": "不属本单位", "basis": "三定方案", "suggested": URBAN}
        await lamps.tells(number, "return_asked", **asked)
        back = await reviewer.tells(number, "return_granted", reason="属实")
        assert (back["state"], back["life"]["returns"]) == ("PENDING_REVIEW", 1)
        await reviewer.tells(number, "dispatched", lead=URBAN)
        await urban.tells(number, "return_asked", **asked | {"suggested": LAMPS})
        joint = await reviewer.tells(number, "return_granted")
        assert joint["state"] == "JOINT_REVIEW"
        ruled = await leader.tells(number, "ruled", lead=LAMPS, reason="联席会议裁定")
        assert (ruled["state"], ruled["life"]["lead"]) == ("DISPATCHED", LAMPS)
        assert ruled["life"]["returnable"] is False
        version = ruled["version"]
        assert await lamps.refused(number, "return_asked", version, **asked) == (
            409, "not-returnable",
        )  # fmt: skip


async def test_two_who_read_the_same_version_and_one_who_repeats_himself(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        first, again = [await house.seat.take(key="k-1") for _ in range(2)]
        number, version = first["ticket"]["number"], first["ticket"]["version"]
        assert again["ticket"]["number"] == number
        other = {**LAMP, "title": "别的"}
        assert await house.seat.caller.refused(
            f"{HERE_PATH}/tickets", "POST", json=other, headers={"Idempotency-Key": "k-1"}
        ) == (409, "key-reused")
        assert len((await house.reviewer.asks("tickets"))["tickets"]) == 1
        where, ask = f"{HERE_PATH}/tickets/{number}/events", house.reviewer.caller.ask
        body = {"event": "dispatched", "data": {"lead": LAMPS}}
        assert await house.reviewer.caller.refused(where, "POST", json=body) == (
            428, "version-missing",
        )  # fmt: skip
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": "d-1"}
        for _ in range(2):
            status, told, _ = await ask(where, "POST", json=body, headers=headers)
            assert (status, told["ticket"]["version"]) == (200, version + 1)
        assert await house.reviewer.refused(number, "dispatched", version, lead=URBAN) == (
            409, "stale-version",
        )  # fmt: skip
        told = await house.reviewer.asks(f"tickets/{number}/history")
        assert [one["event"] for one in told["events"]] == ["created", "submitted", "dispatched"]


async def test_who_handles_for_a_person_or_unit_never_supervises_the_same(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        number = await _dispatched(house)
        both = house.person(Role.DEPARTMENT, unit=LAMPS, name="li")
        await both.tells(number, "signed")
        await house.reviewer.tells(number, "reassigned", lead=URBAN, reason="职责调整")
        version = (await house.reviewer.sees(number))["version"]
        li, of_lamps = house.person(Role.SUPERVISOR, name="li"), house.person(
            Role.LEADER, unit=LAMPS, name="wang"
        )  # fmt: skip
        for person, event, data in (
            (li, "supervised", {"reason": "久拖"}),
            (of_lamps, "instructed", {"text": "速办"}),
            (house.person(Role.LEADER, unit=URBAN), "supervised", {"reason": "久拖"}),
        ):
            assert await person.refused(number, event, version, **data) == (
                403, "handler-may-not-supervise",
            )  # fmt: skip
        await house.supervisor.tells(number, "supervised", reason="久拖")
        sup = house.person(Role.DEPARTMENT, unit=URBAN, name="sup")
        assert await sup.refused(number, "signed", version + 1) == (
            403, "supervisor-may-not-handle",
        )  # fmt: skip


async def test_a_department_sees_its_own_tickets_and_nobody_elses(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        number = await _dispatched(house)
        lamps, urban = house.unit(LAMPS), house.unit(URBAN)
        assert (await lamps.sees(number))["caller"] == "13812345678"
        place = f"{HERE_PATH}/tickets/{number}"
        for path in ("", "/history", "/at?seq=1", "/allowed"):
            assert await urban.caller.refused(place + path) == (403, "not-your-unit"), path
        assert (await urban.asks("tickets"))["tickets"] == []
        assert (await urban.asks(f"tickets?unit={LAMPS}"))["tickets"] == []
        version = (await lamps.sees(number))["version"]
        assert await urban.refused(number, "signed", version) == (403, "not-your-unit")
        for path in ("events", "dispatch-suggestion", "duplicates"):
            assert await lamps.caller.refused(f"{place}/{path}") == (403, "role-refused"), path
        for path in ("wallboard", "seats", "callers", "figures", "spoken"):
            refused = await lamps.caller.refused(f"{HERE_PATH}/{path}")
            assert refused == (403, "role-refused"), path
        await house.reviewer.tells(
            number, "reassigned", lead=URBAN, reason="职责", co_units=[LAMPS]
        )
        helping = await lamps.asks("tickets?helping=true")
        assert [one["number"] for one in helping["tickets"]] == [number]
        assert (await lamps.asks("tickets"))["tickets"] == []
        assert [one["number"] for one in (await urban.asks("tickets"))["tickets"]] == [number]


async def test_a_part_is_seen_by_who_handed_it_down(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        number = await _dispatched(house)
        lamps, police = house.unit(LAMPS), house.unit(POLICE)
        await lamps.tells(number, "signed")
        whole = await lamps.tells(number, "handed_down", units=[POLICE])
        (part,) = whole["parts"]
        seen = await police.sees(part)
        assert (seen["content"]["title"], seen["life"]["parent"]) == (LAMP["title"], number)
        assert (await lamps.sees(part))["number"] == part
        assert seen["clocks"][-1]["due"] <= whole["clocks"][-1]["due"]
        told = await police.asks(f"units/{POLICE}/notices")
        assert [(n["ticket"], n["message"]) for n in told["notices"]] == [
            (part, "ticket-dispatched")
        ]


@pytest.mark.parametrize("confidential", [False, True])
async def test_the_citizen_is_shown_to_those_who_must_know_him(
    sqlite_url: str, confidential: bool
) -> None:
    async with ticket_house(sqlite_url) as house:
        words = "请回电 13812345678,路灯不亮"
        number = await _dispatched(house, confidential=confidential, text=words)
        hidden = ("", "", "请回电 ****,路灯不亮")
        masked = ("138****5678", "张**", "请回电 138****5678,路灯不亮")
        shown = ("13812345678", "张先生", words)
        for person, open_, secret in (
            (house.seat, shown, shown),
            (house.reviewer, shown, shown),
            (house.supervisor, shown, shown),
            (house.unit(LAMPS), shown, hidden),
            (house.person(Role.LEADER), masked, hidden),
            (house.person(Role.AUDITOR), masked, hidden),
            (house.person(Role.ADMIN), shown, hidden),
            (house.person(Role.WALLBOARD), masked, hidden),
        ):
            seen = await person.sees(number)
            told = (seen["caller"], seen["content"]["requester"], seen["content"]["text"])
            assert told == (secret if confidential else open_), person
            (row,) = (await person.asks("tickets"))["tickets"]
            assert row["caller"] == told[0]
        unit, auditor = house.unit(LAMPS), house.person(Role.AUDITOR)
        texts = [
            str(await unit.asks(f"tickets/{number}/history")),
            str(await auditor.asks(f"tickets/{number}/events")),
        ]
        assert ("13812345678" in texts[0]) is not confidential
        assert "13812345678" not in texts[1]


async def test_what_is_wrong_is_refused_with_its_reason_and_nothing_changes(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        seat, reviewer = house.seat, house.reviewer
        number = (await seat.take())["ticket"]["number"]
        version = (await reviewer.sees(number))["version"]
        for person, event, data, expected in (
            (reviewer, "signed", {}, (409, "illegal-transition")),
            (seat, "dispatched", {"lead": LAMPS}, (403, "role-not-allowed")),
            (house.person(Role.ADMIN), "dispatched", {"lead": LAMPS}, (403, "role-not-allowed")),
            (reviewer, "dispatched", {"lead": "nowhere"}, (422, "unknown-unit")),
            (reviewer, "dispatched", {"lead": LAMPS, "co_units": "x"}, (422, "bad-data")),
            (reviewer, "dispatched", {"lead": 5}, (422, "bad-data")),
            (reviewer, "dispatched", {}, (422, "missing-data")),
            (reviewer, "dispatched", {"lead": LAMPS, "leed": "x"}, (422, "bad-data")),
            (reviewer, "dispatched", {"lead": LAMPS, "spoken": {"danger": "x"}}, (422, "bad-data")),
            (reviewer, "dispatched", {"lead": LAMPS, "urgency": "soon"}, (422, "bad-data")),
            (reviewer, "noted", {"text": "a\x07b"}, (422, "bad-data")),
            (reviewer, "noted", {"text": "字" * 10_001}, (422, "too-long")),
            (reviewer, "noted", {"text": SCRIPT}, (422, "script")),
            (reviewer, "dispatched", {"lead": LAMPS, "note": SCRIPT}, (422, "script")),
            (reviewer, "dispatched", {"lead": LAMPS, "co_units": [SCRIPT]}, (422, "bad-data")),
            (reviewer, "refused", {"code": "because"}, (422, "unknown-code")),
            (reviewer, "linked", {"main": number}, (422, "links-itself")),
            (reviewer, "joined", {"number": number}, (403, "system-event")),
            (reviewer, "left", {"number": number}, (403, "system-event")),
            (reviewer, "child_ended", {"number": number}, (403, "system-event")),
            (reviewer, "main_archived", {}, (403, "system-event")),
            (reviewer, "created", {}, (403, "system-event")),
            (reviewer, "exploded", {}, (422, "unknown-event")),
            (reviewer, "dispatched", {"lead": LAMPS, "title": "x" * 20_000}, (422, "bad-data")),
        ):
            assert await person.refused(number, event, version, **data) == expected, (event, data)
        for changed, expected in (
            ({"title": ""}, (422, "invalid")),
            ({"title": "a\x00b"}, (422, "invalid")),
            ({"text": "字" * 10_001}, (422, "invalid")),
            ({"text": "字" * 30_000}, (413, "body-too-large")),
            ({"kind": "wish"}, (422, "invalid")),
            ({"title": 5}, (422, "invalid")),
            *(
                ({field: SCRIPT}, (422, "invalid"))
                for field in ("title", "text", "place", "answer")
            ),
            ({"channel": SCRIPT}, (422, "invalid")),
            ({"requester": {"name": SCRIPT}}, (422, "invalid")),
            ({"requester": {"phone": "one two"}}, (422, "invalid")),
            ({"unknown": "x"}, (422, "invalid")),
        ):
            body = {**LAMP, **changed}
            assert await seat.caller.refused(f"{HERE_PATH}/tickets", "POST", json=body) == expected
        assert (await reviewer.sees(number))["version"] == version
        assert len((await reviewer.asks("tickets"))["tickets"]) == 1
        far = {"due_on": "2999-01-01", "basis": "法"}
        dispatched = await _dispatched(house)
        signed = await house.unit(LAMPS).tells(dispatched, "signed")
        refused = await house.unit(LAMPS).refused(
            dispatched, "case_filed", signed["version"], **far
        )
        assert refused == (422, "calendar-end")
        assert (await reviewer.sees(dispatched))["version"] == signed["version"]


async def test_signs_of_a_page_that_run_nothing_are_kept_as_the_text_they_are(
    sqlite_url: str,
) -> None:
    async with ticket_house(sqlite_url) as house:
        bold = '<b>路灯</b> & "坏了" <3'
        number = (await house.seat.take(title=bold, text=bold))["ticket"]["number"]
        seen = await house.reviewer.sees(number)
        assert (seen["content"]["title"], seen["content"]["text"]) == (bold, bold)


async def test_lists_by_state_unit_class_area_due_date_and_words(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        reviewer = house.reviewer
        lamp = await _dispatched(house, kind="consultation")
        water = (await house.seat.take(title="停水", text="三栋停水了", class_code="050301",
                                       place_code="450105"))["ticket"]["number"]  # fmt: skip
        house.clock.on(days=1)
        road = await _dispatched(house, lead=URBAN, title="路面塌陷", text="主干道路面塌陷")

        async def found(query: str) -> list[str]:
            told = await reviewer.asks(f"tickets?{query}")
            return [one["number"] for one in told["tickets"]]

        assert await found("") == [road, water, lamp]
        assert await found("state=PENDING_REVIEW") == [water]
        assert await found(f"unit={LAMPS}") == [lamp]
        assert await found("class=05") == [road, water, lamp]
        assert await found("class=0501") == [road, lamp]
        assert await found("class=050301") == [water]
        assert await found(f"class=0501&unit={URBAN}&state=DISPATCHED") == [road]
        assert await found("area=450105") == [water]
        assert await found("q=路面塌陷") == [road]
        assert await found("q=停水&state=DISPATCHED") == []
        assert await found("q=路灯&class=0503") == []
        assert await found("due_before=2027-03-01T00:00:00Z") == [lamp, road]
        assert await found("overdue=true") == []
        house.clock.on(days=60)
        assert await found("overdue=true") == [lamp, road]
        await house.unit(LAMPS).tells(lamp, "signed")
        review = {"reason": "待规划", "review_on": "2027-06-01"}
        await house.supervisor.tells(lamp, "long_term_set", **review)
        rows = (await reviewer.asks("tickets"))["tickets"]
        assert [one["resting"] for one in rows] == [False, False, True]
        assert await found("overdue=true") == [road]
        assert await found("overdue=true&q=路灯") == []
        await house.supervisor.tells(lamp, "long_term_ended", reason="已规划")
        assert await found("overdue=true") == [lamp, road]
        assert await found("card=red_card") == []
        await house.supervisor.tells(lamp, "red_card", reason="逾期")
        assert await found("card=red_card") == [lamp], "given by hand"
        house.clock.on(days=2)  # a Monday: clocks give theirs
        await house.watch.look()
        assert await found("card=red_card") == [road, lamp]
        assert await found(f"card=yellow_card&unit={URBAN}") == [road]
        assert await found("card=red_card&q=塌陷") == [road]
        assert await found("card=red_card&overdue=true") == [lamp, road]
        assert await reviewer.caller.refused(f"{HERE_PATH}/tickets?card=green") == (422, "invalid")
        for query in ("", "class=05", "overdue=true", "card=red_card", "q=路"):
            if query == "q=路":
                assert await reviewer.caller.refused(f"{HERE_PATH}/tickets?{query}") == (
                    422, "search-too-short",
                )  # fmt: skip
                continue
            whole, cursor, pages = await found(query), "", []
            for _ in range(4):
                told = await reviewer.asks(f"tickets?{query}&limit=1&cursor={cursor}")
                pages += [one["number"] for one in told["tickets"]]
                cursor = told["next_cursor"]
                if cursor is None:
                    break
            assert pages == whole, query


async def test_the_likely_same_are_shown_with_score_and_merged_with_every_caller(
    sql_url: str,
) -> None:
    async with ticket_house(sql_url) as house:
        first = (await house.seat.take())["ticket"]["number"]
        asked = {"text": "翠竹园小区门口路灯不亮,晚上看不见", "phone": "13812345678"}
        status, told, _ = await house.seat.caller.ask(
            f"{HERE_PATH}/duplicates", "POST", json={**asked, "class_code": "050101"}
        )
        assert status == 200
        (same,) = told["duplicates"]
        assert (same["number"], same["repeat"]) == (first, True)
        assert same["score"] >= 50
        assert "words" in same["reasons"]
        _, told, _ = await house.seat.caller.ask(f"{HERE_PATH}/duplicates", "POST", json=asked)
        assert [one["number"] for one in told["duplicates"]] == [first], "by its words alone"
        taken = await house.seat.take(requester={"name": "李女士", "phone": "13987654321"})
        second = taken["ticket"]["number"]
        assert [one["number"] for one in taken["duplicates"]] == [first]
        merged = await house.reviewer.tells(second, "linked", main=first)
        assert (merged["state"], merged["life"]["owner"]) == ("MERGED", f"ticket:{first}")
        assert merged["caller"] == "13987654321"
        main = await house.reviewer.sees(first)
        assert (main["linked"], main["life"]["repeats"]) == ([second], 1)
        other = {"text": "翠竹园小区自来水有异味", "class_code": "050301"}
        _, told, _ = await house.seat.caller.ask(f"{HERE_PATH}/duplicates", "POST", json=other)
        assert told["duplicates"] == []
        bare = {"text": "水管里的自来水有股怪味", "class_code": "", "place": "", "place_code": ""}
        await house.seat.take(**bare)
        again = await house.seat.take(**bare)
        assert [one["repeat"] for one in again["duplicates"]] == [True], "nobody has classed it yet"


async def test_codes_that_nobody_knows_and_words_that_are_none_are_refused(sql_url: str) -> None:
    """Figures by class and area would have lines that mean nothing, a reviewer an empty request."""
    async with ticket_house(sql_url) as house:
        path = f"{HERE_PATH}/tickets"
        for wrong, wanted in (
            ({"class_code": "999999"}, "unknown-code"), ({"place_code": "123456"}, "unknown-code"),
            ({"title": " \u3000 "}, "invalid"), ({"text": "\n\u3000"}, "invalid"),
        ):  # fmt: skip
            status, told, _ = await house.seat.caller.ask(path, "POST", json={**LAMP, **wrong})
            assert (status, told["error"]["id"]) == (422, wanted), wrong
        assert (await house.reviewer.asks("tickets"))["tickets"] == []
        taken = await house.seat.take(class_code="0501", place_code="450203")  # another city's
        number, lead = taken["ticket"]["number"], {"lead": LAMPS}
        for code in ("999999", "05010", "5"):
            refused = await house.reviewer.refused(number, "dispatched", 2, **lead, class_code=code)
            assert refused == (422, "unknown-code")
        dispatched = await house.reviewer.tells(number, "dispatched", **lead, class_code="050101")
        assert dispatched["content"]["class_code"] == "050101"


async def test_a_wrong_number_or_day_is_told_in_chinese_with_what_is_right(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        number, unit = await _dispatched(house), house.unit(LAMPS)
        await unit.tells(number, "signed")
        version = (await unit.sees(number))["version"]
        for event, data, said in (
            ("extension_asked", {"reason": "复杂", "days": 9}, "工作日数须为1到5的整数。"),
            ("case_filed", {"due_on": "2026-01-02", "basis": "第六十条"}, "2026-01-02 已经过去"),
        ):
            body = {"event": event, "data": data, "version": version}
            path = f"{HERE_PATH}/tickets/{number}/events"
            status, told, _ = await unit.caller.ask(path, "POST", json=body)
            assert (status, told["error"]["id"]) == (422, "bad-data")
            assert told["error"]["message_zh"].startswith(said)


async def test_units_have_their_contacts_and_an_inbox_they_acknowledge(sql_url: str) -> None:
    async with ticket_house(sql_url) as house:
        units = await house.reviewer.asks("units")
        lamps = next(one for one in units["units"] if one["id"] == LAMPS)
        assert all(lamps[name] for name in ("phone", "computer", "person", "head", "on_duty"))
        number = await _dispatched(house)
        await house.supervisor.tells(number, "red_card", reason="逾期")
        unit, where = house.unit(LAMPS), f"units/{LAMPS}/notices"
        told = await unit.asks(where)
        assert [n["message"] for n in told["notices"]] == ["red_card", "ticket-dispatched"]
        (first, last) = (n["id"] for n in told["notices"])
        seen = f"{HERE_PATH}/{where}/{first}/acknowledge"
        for _ in range(2):
            assert (await unit.caller.ask(seen, "POST"))[0] == 200
        left = (await unit.asks(f"{where}?open=true"))["notices"]
        assert [n["id"] for n in left] == [last]
        told = await house.supervisor.asks(where)
        assert told["notices"][0]["seen_at"]
        other = house.unit(URBAN)
        assert await other.caller.refused(f"{HERE_PATH}/{where}") == (403, "not-your-unit")
        assert await other.caller.refused(seen, "POST") == (403, "not-your-unit")
        assert await house.supervisor.caller.refused(seen, "POST") == (403, "role-refused")
        missing = f"{HERE_PATH}/{where}/999/acknowledge"
        assert await unit.caller.refused(missing, "POST") == (404, "unknown-notice")
        nowhere = await house.reviewer.caller.refused(f"{HERE_PATH}/units/nowhere/notices")
        assert nowhere == (422, "unknown-unit")


@pytest.mark.parametrize("confidential", [False, True])
async def test_the_citizen_is_told_what_he_has_to_know(sqlite_url: str, confidential: bool) -> None:
    """More time, a question, a case filed: by a text message to his number; not of a ticket that is
    confidential, and nothing of what is refused."""
    async with ticket_house(sqlite_url) as house:
        number = (await house.seat.take(confidential=confidential))["ticket"]["number"]
        await house.reviewer.tells(number, "info_asked", question="哪一栋?")
        await house.seat.tells(number, "info_given", text="三栋")
        await house.reviewer.tells(number, "dispatched", lead=LAMPS)
        unit = house.unit(LAMPS)
        await unit.tells(number, "signed")
        asked = await unit.tells(number, "extension_asked", reason="需开挖", days=3)
        refused = await house.reviewer.refused(
            number, "extension_granted", asked["version"], days=99
        )
        assert refused == (422, "bad-data")
        granted = await house.reviewer.tells(number, "extension_granted", days=3)
        await unit.tells(number, "case_filed", due_on="2026-12-30", basis="行政处罚法")
        texts = [one for one in await house.texts() if one is not None]
        told = [(one["event"], one["to"]) for one in texts]
        phone = "+8613812345678"
        assert told == ([] if confidential else [
            ("info-asked", phone), ("extension-granted", phone), ("case-filed", phone),
        ])  # fmt: skip
        assert confidential or texts[1]["seq"] == granted["version"]


async def test_a_request_answered_at_once_is_a_direct_answer(sqlite_url: str) -> None:
    async with ticket_house(sqlite_url) as house:
        ticket = (await house.seat.take(kind="consultation", answer="周一至周五 9:00–17:00"))[
            "ticket"
        ]
        assert (ticket["state"], ticket["content"]["title"]) == ("ARCHIVED", LAMP["title"])
        assert ticket["content"]["replies"][0]["public"] == "周一至周五 9:00–17:00"


async def test_a_due_date_beyond_the_decreed_years_is_told_as_provisional(sqlite_url: str) -> None:
    async with ticket_house(sqlite_url) as house:
        number = await _dispatched(house)
        unit = house.unit(LAMPS)
        await unit.tells(number, "signed")
        filed = await unit.tells(number, "case_filed", due_on="2027-06-30", basis="行政处罚法")
        finish = [one for one in filed["clocks"] if one["clock"] == "finish"][-1]
        assert finish["provisional"] is True
        assert any("2027-06-30" in reason for reason in finish["reasons"])
