"""Callbacks that come to nothing, or to something else."""

import asyncio

from tests.e2e.callbacks import House

ORDER = "customer_first"


async def test_busy_twice_is_left_to_a_person(house: House) -> None:
    """He keeps his place in between, nobody's seat rings, and his ticket says who is to call."""
    number = "13900000011"
    await house.asks(number)
    await house.seat_ready()
    rang = await house.phone.wait_for("rang")
    seen = len(house.phone.events)  # before he refuses: it may ring again before we have looked
    freed = asyncio.create_task(house.seat_is("ready"))  # for two seconds
    house.phone.refuse(rang)
    await freed
    again = await house.phone.wait_for("rang", seen=seen)
    assert again.at - house.rings()[0].at > 2
    house.phone.refuse(again)
    await house.callback_is(number, "unreached")
    await house.seat_is("ready")
    assert not house.seats.events
    (ticket,) = house.tickets(number)
    assert (ticket["origin"], ticket["callback_due"]) == ("callback", True)
    assert ticket["first_callback"]
    told = await asyncio.to_thread(house.callback, number)
    assert (told["attempts"], told["result"]) == (2, "busy")


async def test_an_answering_machine_takes_no_seat(house: House) -> None:
    """Somebody picks up and presses nothing: no seat rings, and it counts as not reached."""
    number = "13900000012"
    await house.asks(number)
    await house.seat_ready()
    rang = await house.phone.wait_for("rang")
    house.phone.answer(rang)
    await house.callback_is(number, "reached")
    await house.phone.hang_up(rang)
    seen = len(house.phone.events)
    again = await house.phone.wait_for("rang", seen=seen)
    assert not house.seats.events
    await house.picks_up(again)
    talk = await house.seats.wait_for("answered")
    house.seats.hang_up(talk)
    await house.callback_is(number, "connected")
    assert (await house.books(number, 3)).keys() == {"callback", "left_early", "answered"}
    (ticket,) = house.tickets(number)
    assert ticket["origin"] == "talk"


async def test_who_calls_by_himself_takes_his_place_along(house: House) -> None:
    """The callback is called off, his live call is served before one who came in between."""
    number, other = "13900000013", "13900000014"
    await house.asks(number)
    async with house.another(other, 2) as second, house.another(number, 2) as first:
        await house.callback_is(number, "cancelled")
        await house.seat_ready()
        talk = await house.seats.wait_for("answered")
        assert talk.values[2] == number
        for call in (first, second):
            call.hang_up()
            await call.ended()
    assert not house.rings()
    await house.ticket_is(number, "talk", due=False)


async def test_a_supervisor_calls_one_off_while_it_rings(house: House) -> None:
    """The telephone stops ringing, the seat is free, the ticket stays."""
    number = "13900000015"
    await house.asks(number)
    await house.seat_ready()
    await house.phone.wait_for("rang")
    call_id = (await asyncio.to_thread(house.callback, number))["call_id"]
    await asyncio.to_thread(house.hotline.cli, "callbacks", "cancel", call_id)
    await house.phone.wait_for("cancelled")
    await house.callback_is(number, "cancelled")
    await house.seat_is("ready")
    (ticket,) = house.tickets(number)
    assert ticket["callback_due"]
