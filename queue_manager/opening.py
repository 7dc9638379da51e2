"""Whether people answer: the supervisors' word over the timetable, in the words of every room."""

from enum import StrEnum


class HoursMode(StrEnum):
    """AUTO goes by the timetable; OPEN lets callers to the queue, CLOSED doesn't, whatever it
    says."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"
