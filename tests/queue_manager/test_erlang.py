"""Erlang C and A against published values, their borders, and each other."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_manager.erlang import Load, Target, erlang_a, erlang_b, erlang_c, seats_needed

GARNETT = Load(48 / 60, 60)  # 48 calls a minute of one minute each, 50 seats
IMPATIENT = Load(48 / 60, 60, patience_s=120)


def test_erlang_c_is_as_published_by_garnett_mandelbaum_and_reiman() -> None:
    """Table 1 of their paper: average wait 20.8 s, utilisation 96 %."""
    told = erlang_c(GARNETT, 50, 15)
    assert told.mean_wait_s == pytest.approx(20.8, abs=0.05)
    assert told.occupancy == pytest.approx(0.96, abs=0.005)
    assert told.answered == 1


def test_erlang_a_is_as_published_by_garnett_mandelbaum_and_reiman() -> None:
    """The same table with two minutes of patience: 3.1 % give up, wait 3.7 s, utilisation 93 %."""
    told = erlang_a(IMPATIENT, 50, 15)
    assert 1 - told.answered == pytest.approx(0.031, abs=0.0005)
    assert told.mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert told.occupancy == pytest.approx(0.93, abs=0.005)


@pytest.mark.parametrize(
    ("load", "seats", "waits", "in_time", "mean_wait_s"),
    [
        # the example of R's package ErlangC
        (Load(100 / 1800, 180), 14, 0.1741319, 0.88835, 7.83593701),
        # the example of PyPI's call-center-tools
        (Load(1000 / 3600, 120), 40, 0.1907, 0.9372, 3.43),
    ],
)
def test_erlang_c_is_as_other_packages_print_it(
    load: Load, seats: int, waits: float, in_time: float, mean_wait_s: float
) -> None:
    told = erlang_c(load, seats, within_s=20)
    assert told.waits == pytest.approx(waits, rel=5e-4)
    assert told.in_time == pytest.approx(in_time, rel=5e-4)
    assert told.mean_wait_s == pytest.approx(mean_wait_s, rel=2e-3)


@pytest.mark.parametrize(
    ("seats", "erlangs", "blocked"), [(30, 25.0, 0.0526), (10, 4.461, 0.01), (1, 1.0, 0.5)]
)
def test_erlang_b_is_as_in_its_tables(seats: int, erlangs: float, blocked: float) -> None:
    assert erlang_b(seats, erlangs) == pytest.approx(blocked, rel=2e-3)


def test_the_published_example_needs_fourteen_seats() -> None:
    """100 calls of 3 minutes in half an hour, 80 % within 20 s: 14 seats, one fewer fails."""
    target = Target(0.8, 20, 0)
    assert seats_needed(Load(100 / 1800, 180), target) == 14
    assert not target.met_by(erlang_c(Load(100 / 1800, 180), 13, 20))


LOADS = st.builds(
    Load,
    calls_per_s=st.floats(0.0005, 3),
    handling_s=st.floats(10, 1200),
    patience_s=st.floats(5, 3600),
)


@given(LOADS, st.integers(1, 60), st.floats(0, 120))
def test_shares_are_shares_and_a_seat_more_never_harms(
    load: Load, seats: int, within_s: float
) -> None:
    fewer, more = (erlang_a(load, n, within_s) for n in (seats, seats + 1))
    for told in (fewer, more):
        assert -1e-9 <= told.in_time <= told.answered + 1e-9 <= 1 + 2e-9
        assert 0 <= told.waits <= 1 + 1e-9
    assert more.in_time >= fewer.in_time - 1e-9
    assert more.answered >= fewer.answered - 1e-9


@given(LOADS, st.integers(1, 40))
def test_who_gives_up_is_who_waited_times_the_rate_of_giving_up(load: Load, seats: int) -> None:
    """P{abandon} = E[wait] / patience, the identity of every queue with exponential patience."""
    told = erlang_a(load, seats, 15)
    assert 1 - told.answered == pytest.approx(told.mean_wait_s / load.patience_s, abs=1e-9)


@given(st.floats(0.1, 30), st.integers(1, 40), st.floats(1, 60))
def test_with_endless_patience_a_is_c(erlangs: float, seats: int, within_s: float) -> None:
    if erlangs > 0.95 * seats:
        return
    patient = erlang_a(Load(erlangs / 100, 100, patience_s=1e9), seats, within_s)
    told = erlang_c(Load(erlangs / 100, 100), seats, within_s)
    assert patient.in_time == pytest.approx(told.in_time, abs=1e-5)
    assert patient.mean_wait_s == pytest.approx(told.mean_wait_s, rel=1e-3, abs=1e-9)


@given(LOADS, st.floats(0, 0.99), st.floats(0, 0.99))
def test_as_many_seats_as_needed_and_not_one_more(
    load: Load, share: float, connection: float
) -> None:
    target = Target(share, 15, connection)
    n = seats_needed(load, target)
    assert target.met_by(erlang_a(load, n, 15))
    assert n == 1 or not target.met_by(erlang_a(load, n - 1, 15))


def test_more_load_than_seats_is_hopeless_only_without_giving_up() -> None:
    assert erlang_c(Load(1, 60), 50, 15).in_time == 0
    assert erlang_c(Load(1, 60), 50, 15).mean_wait_s == inf
    assert 0 < erlang_a(Load(1, 60, 120), 50, 15).in_time < 1


def test_nobody_calls_nobody_is_needed() -> None:
    assert seats_needed(Load(0, 60, 120), Target()) == 0
    assert erlang_a(Load(0, 60, 120), 0, 15).answered == 1


@pytest.mark.parametrize("wrong", [(-1, 60, 60), (1, 0, 60), (1, 60, 0)])
def test_a_load_that_cannot_be_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="load"):
        Load(*wrong)


def test_a_share_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        Target(share=1.0)
