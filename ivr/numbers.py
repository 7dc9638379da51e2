"""Numbers as sequences of prompts: counts of people, and ticket numbers digit by digit."""

MOST = 99
DIGITS = "0123456789"


def count(n: int) -> tuple[str, ...]:
    """A count of 1 to 99 people; exactly two has a word of its own (两位, not 二位)."""
    if not 1 <= n <= MOST:
        raise ValueError(f"{n} is not between 1 and {MOST}")
    if n == 2:
        return ("numbers/two",)
    if n < 20:
        return (f"numbers/{n}",)
    tens, ones = divmod(n, 10)
    return (f"numbers/{tens * 10}", f"numbers/{ones}") if ones else (f"numbers/{tens * 10}",)


def ordinal(n: int) -> tuple[str, ...]:
    """A number that counts nothing, such as a month or a day: 二月, not 两月."""
    return ("numbers/2",) if n == 2 else count(n)


def digits(number: str) -> tuple[str, ...]:
    """A number read aloud digit by digit; what isn't a digit is passed over."""
    return tuple(f"digits/{c}" for c in number if c in DIGITS)


def position(place: int) -> tuple[str, ...]:
    """How many are ahead of the caller at this place in the queue (1: none)."""
    ahead = place - 1
    if ahead <= 0:
        return ("ahead_none",)
    if ahead > MOST:
        return ("ahead_many",)
    return ("ahead_before", *count(ahead), "ahead_after")
