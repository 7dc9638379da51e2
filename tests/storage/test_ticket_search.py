"""Chinese full-text search of tickets, on both stores."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from storage.ticket_search import SqlTicketSearch, Words, index
from tests.storage.facts import opened
from tests.storage.test_lives import Desk
from tests.tickets.lives import ROADS, WATER
from tickets.errors import EventRefused
from tickets.grams import grams, plain, sought

TEXTS = {
    "a": ("路灯不亮", "民族大道 88 号路口的路灯,三天不亮了。"),
    "b": ("停水", "翠竹园Ａ栋停水,灯也坏了。"),
    "c": ("道路积水", "民族大道积水,路边灯杆倾斜 5G 基站"),
}


async def _written(desk: Desk) -> dict[str, str]:
    numbers = {}
    for call_id, (title, body) in TEXTS.items():
        numbers[call_id] = number = await desk.made(call_id)
        await desk.tell(number, "submitted", title=title, text=body)
    return numbers


async def test_words_are_found_side_by_side_whatever_their_width_and_case(sql_url: str) -> None:
    async with opened(sql_url) as database:
        numbers = await _written(Desk(database))
        search = SqlTicketSearch(database)

        async def found(words: str, **where: str) -> list[str]:
            by_number = {number: call_id for call_id, number in numbers.items()}
            return [by_number[f.number] for f in await search.find("default", words, **where)]

        assert await found("路灯") == ["a"]
        assert await found("民族大道") == ["c", "a"]
        assert await found("民族大道", before=numbers["c"]) == ["a"]
        assert await found("翠竹园a栋") == ["b"]
        assert await found("大道88号") == ["a"]
        assert await found("5g") == ["c"]
        assert await found("大道8") == []
        assert await found('"灯" OR 水) --') == []
        assert await search.find("baoji", "路灯") == []
        assert (await search.find("default", "停水"))[0].title == "停水"


async def test_a_unit_finds_its_own_and_what_is_moved_is_found_there(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk, search = Desk(database), SqlTicketSearch(database)
        numbers = await _written(desk)
        await desk.tell(numbers["a"], "dispatched", lead=WATER)
        assert [f.number for f in await search.find("default", "路灯", unit=WATER)] == [
            numbers["a"]
        ]
        await desk.tell(numbers["a"], "reassigned", lead=ROADS)
        assert await search.find("default", "路灯", unit=WATER) == []
        assert len(await search.find("default", "路灯", unit=ROADS)) == 1


async def test_what_is_frequent_and_what_is_far_is_found_in_one_order(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few of the newest texts are looked through before the index is asked."""
    async with opened(sql_url) as database:
        numbers = await _written(Desk(database))
        for near in (0, 1, 2, 3, 1_000):
            monkeypatch.setattr("storage.ticket_search.NEAR", near)
            search = SqlTicketSearch(database)
            found = [found.number for found in await search.find("default", "民族大道")]
            assert found == [numbers["c"], numbers["a"]]
            found = [f.number for f in await search.find("default", "民族大道", limit=1)]
            assert found == [numbers["c"]]
            found = [
                f.number for f in await search.find("default", "民族大道", before=numbers["c"])
            ]
            assert found == [numbers["a"]]


async def test_what_the_citizen_adds_is_found_too(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk, search = Desk(database), SqlTicketSearch(database)
        numbers = await _written(desk)
        await desk.tell(numbers["b"], "info_asked")
        await desk.tell(numbers["b"], "info_given", text="三单元电梯")
        assert [f.number for f in await search.find("default", "单元电梯")] == [numbers["b"]]
        assert [f.number for f in await search.find("default", "翠竹园")] == [numbers["b"]]


@pytest.mark.parametrize("words", ["", "水", " ,。", "\0"])
async def test_less_than_two_characters_are_no_search(sqlite_url: str, words: str) -> None:
    async with opened(sqlite_url) as database:
        with pytest.raises(EventRefused) as refused:
            await SqlTicketSearch(database).find("default", words)
        assert refused.value.id == "search-too-short"


WORDS = st.text(st.sampled_from("路灯水电大道ａA1 2,。"), max_size=12)


@given(WORDS, WORDS, WORDS)
def test_a_part_of_a_text_is_always_sought_by_grams_it_has(a: str, b: str, c: str) -> None:
    part = plain(b)
    whole = plain(f"{a},{b},{c}")
    if f" {part} " in f" {whole} " or not part.isascii():
        has = set(grams(whole)) if part in whole else set(sought(part))
        assert not sought(part) or set(sought(part)) <= has | set(grams(part))
    assert plain(whole) == whole


async def test_a_units_words_come_in_one_order_however_many_of_its_texts_are_looked_through(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(sql_url) as database:
        desk, search = Desk(database), SqlTicketSearch(database)
        numbers = await _written(desk)
        for number in numbers.values():
            await desk.tell(number, "dispatched", lead=WATER)
        elsewhere = await desk.made("d")
        await desk.tell(elsewhere, "submitted", title="灯", text="民族大道的灯")
        await desk.tell(elsewhere, "dispatched", lead=ROADS)
        for near in (1, 2, 3, 1_000):
            monkeypatch.setattr("storage.ticket_search.NEAR_UNIT", near)
            for limit, expected in ((50, ["c", "a"]), (1, ["c"])):
                found = await search.find("default", "民族大道", unit=WATER, limit=limit)
                assert [one.number for one in found] == [numbers[name] for name in expected]
            older = await search.find("default", "民族大道", unit=WATER, before=numbers["c"])
            assert [one.number for one in older] == [numbers["a"]]
            assert await search.find("default", "民族大道", unit=WATER, before=numbers["a"]) == []


async def test_sqlites_index_stays_in_one_piece_of_few_parts(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit adds a segment; they are put together a few pages with each text. FTS5 by itself
    would wait for 16 of a size and then make one commit wait for all."""
    monkeypatch.setattr("storage.ticket_search.LONG_S", 60.0)  # no rest on a busy machine
    structure = "SELECT block FROM ticket_grams_data WHERE id = 10"
    alone = "SELECT v FROM ticket_grams_config WHERE k = 'automerge'"

    def put(connection: Connection, n: int) -> None:
        index(connection, "default", [Words(f"{n}", WATER, "", plain(f"第{n}号路灯不亮"))], {})

    async with opened(sqlite_url) as database:
        for n in range(191):
            await database.write(partial(put, n=n))
        assert await database.read(lambda c: c.execute(text(alone)).scalar()) == 0
        block = await database.read(lambda c: c.execute(text(structure)).scalar())
        segments = block[5]  # after a cookie and the number of levels
        assert 1 <= segments <= 8
        found = await SqlTicketSearch(database).find("default", "号路灯", limit=500)
        assert len(found) == 191
        assert [f.number for f in await SqlTicketSearch(database).find("default", "第7号")] == ["7"]


async def test_after_a_long_merge_the_index_is_left_alone_for_a_while(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a million tickets a frequent word's pages take tens of milliseconds: not each second."""
    merged: list[int] = []
    monkeypatch.setattr(
        "storage.ticket_search.merge_index", lambda raw, texts: merged.append(texts)
    )

    def put(connection: Connection, n: int) -> None:
        index(connection, "default", [Words(f"{n}", WATER, "", plain(f"第{n}号路灯不亮"))], {})

    async with opened(sqlite_url) as database:
        for n in range(3):
            await database.write(partial(put, n=n))
        assert merged == [1, 1, 1]
        monkeypatch.setattr("storage.ticket_search.LONG_S", 0.0)
        monkeypatch.setattr("storage.ticket_search.REST", 1e9)
        for n in range(3, 6):
            await database.write(partial(put, n=n))
        assert merged == [1, 1, 1, 1]
        found = await SqlTicketSearch(database).find("default", "路灯不亮")
        assert len(found) == 6
