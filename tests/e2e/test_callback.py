"""A callback keeps its place through the engine's death, whenever that comes; none rings twice."""

from tests.e2e.callbacks import SEAT, House

ORDER = "customer_first"


async def test_a_callback_is_placed_in_its_turn_though_the_engine_was_killed(house: House) -> None:
    """Taken, SIGKILL, and the seat that gets ready is his, before the one who came later; the talk
    is recorded and belongs to the ticket of his first call."""
    first, second = "13900000001", "13900000002"
    await house.asks(first)
    async with house.another(second, 2) as other:
        await house.kill()
        await house.waiting(2)
        await house.callback_is(first, "waiting")
        assert not house.phone.events
        await house.seat_ready()
        rang = await house.phone.wait_for("rang")
        assert rang.values[1:3] == (first, "12345")
        assert not house.seats.events, "the seat is held until somebody is there"
        await house.picks_up(rang)
        talk = await house.seats.wait_for("answered")
        assert talk.values[2] == first
        await house.callback_is(first, "talking")
        seen = len(house.seats.events)
        house.seats.hang_up(talk)
        later = await house.seats.wait_for("answered", seen=seen)
        assert later.values[2] == second
        other.hang_up()
        await other.ended()
    await house.callback_is(first, "connected")
    books = await house.books(first, 2)
    assert books["answered"]["call_id"] == f"{books['callback']['call_id']}.cb1"
    assert books["answered"]["queued_at"] == books["callback"]["queued_at"]
    (ticket,) = house.tickets(first)
    assert (ticket["origin"], ticket["callback_due"]) == ("talk", False)
    assert ticket["call_id"] == books["callback"]["call_id"]
    assert ticket["recording"].endswith(".cb1.wav")
    assert len(house.rings()) == 1


async def test_killed_while_he_is_rung_he_is_not_rung_again(house: House) -> None:
    """His telephone rings through the restart; he picks up, is led by the new engine and gets the
    seat that was to be his."""
    number = "13900000003"
    await house.asks(number)
    await house.seat_ready()
    rang = await house.phone.wait_for("rang")
    await house.callback_is(number, "calling")
    await house.kill()
    await house.picks_up(rang)
    talk = await house.seats.wait_for("answered")
    assert talk.values[2] == number
    house.seats.hang_up(talk)
    await house.callback_is(number, "connected")
    assert len(house.rings()) == 1
    (ticket,) = house.tickets(number)
    assert ticket["origin"] == "talk"


async def test_killed_while_he_hears_the_greeting_he_is_greeted_again(house: House) -> None:
    """He has picked up, the engine dies: the dialplan holds him for the next, who greets him."""
    number = "13900000004"
    await house.asks(number)
    await house.seat_ready()
    rang = await house.phone.wait_for("rang")
    house.phone.answer(rang)
    await house.callback_is(number, "reached")
    await house.kill()
    await house.presses_until_a_seat_rings()
    talk = await house.seats.wait_for("answered")
    assert talk.values[2] == number
    house.seats.hang_up(talk)
    await house.callback_is(number, "connected")
    assert len(house.rings()) == 1


async def test_killed_while_they_talk_the_talk_goes_on_and_is_the_end(house: House) -> None:
    number = "13900000005"
    await house.asks(number)
    await house.seat_ready()
    await house.picks_up(await house.phone.wait_for("rang"))
    talk = await house.seats.wait_for("answered")
    await house.callback_is(number, "talking")
    await house.kill()
    await house.seat_is("talking")
    assert not [e for e in house.seats.events if e.word in ("caller_left", "hung_up")]
    house.seats.hang_up(talk)
    await house.callback_is(number, "connected")
    books = await house.books(number, 2)
    assert books["answered"]["seat_id"] == SEAT
    assert len(house.rings()) == 1
    (ticket,) = house.tickets(number)
    assert ticket["origin"] == "talk"
