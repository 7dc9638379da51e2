"""Callbacks with the seat first: it hears whom, then the citizen is rung from its own call."""

from tests.e2e.callbacks import SEAT, House

ORDER = "seat_first"


async def test_the_seat_first_then_the_citizen(house: House) -> None:
    """One talk, one recording, the ticket of his first call; the seat wraps up after it."""
    number = "13900000021"
    await house.asks(number)
    await house.seat_ready()
    seat = await house.seats.wait_for("answered")
    assert seat.values[2] == number
    rang = await house.phone.wait_for("rang")
    assert rang.values[1:3] == (number, "12345")
    house.phone.answer(rang)
    await house.callback_is(number, "talking")
    await house.seat_is("talking")
    await house.phone.hang_up(rang)
    await house.callback_is(number, "connected")
    await house.seats.wait_for("caller_left")
    books = await house.books(number, 2)
    assert books["answered"]["seat_id"] == SEAT
    (ticket,) = house.tickets(number)
    assert (ticket["origin"], ticket["callback_due"]) == ("talk", False)
    assert ticket["recording"].endswith(".cb1.wav")
    await house.seat_is("ready")


async def test_a_citizen_who_is_busy_frees_the_seat_and_is_tried_again(house: House) -> None:
    number = "13900000022"
    await house.asks(number)
    await house.seat_ready()
    house.phone.refuse(await house.phone.wait_for("rang"))
    seen = len(house.phone.events)
    await house.seats.wait_for("caller_left")
    again = await house.phone.wait_for("rang", seen=seen)
    house.phone.answer(again)
    await house.callback_is(number, "talking")
    await house.phone.hang_up(again)
    await house.callback_is(number, "connected")
    await house.seat_is("ready")


async def test_killed_while_the_citizen_is_rung_the_talk_is_found(house: House) -> None:
    """The seat's call rings him through the restart; he answers: that is the talk."""
    number = "13900000023"
    await house.asks(number)
    await house.seat_ready()
    rang = await house.phone.wait_for("rang")
    await house.kill()
    house.phone.answer(rang)
    await house.seat_is("talking")
    await house.phone.hang_up(rang)
    await house.callback_is(number, "connected")
    assert len(house.rings()) == 1
    (ticket,) = house.tickets(number)
    assert ticket["origin"] == "talk"
    await house.seat_is("ready")
