"""Time at the border: UTC nanoseconds inside, ISO 8601 outside.

All times inside the platform are int64 nanoseconds since 1970-01-01 UTC. Text is read and written here
and nowhere else. A time without a zone is refused: it is the commonest cause of shifted sessions.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from tapeline.domain.errors import InputError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRAME = re.compile(r"^(\d+)\s*(s|sec|min|m|h|d)$")
_FRAME_UNIT_NS = {"s": SECOND, "sec": SECOND, "min": MINUTE, "m": MINUTE, "h": HOUR, "d": DAY}


def to_iso(time_ns: int) -> str:
    """Return a UTC time as ISO 8601 with Z; fractions only where there are any."""
    seconds, nanos = divmod(int(time_ns), SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if nanos:
        text += f".{nanos:09d}".rstrip("0")
    return text + "Z"


def from_iso(text: str) -> int:
    """Return UTC nanoseconds of an ISO 8601 time that names its zone, or of a plain date (midnight UTC).

    Raises InputError if the text is no such time, or has a clock time but no zone.
    """
    try:
        if len(text) == 10:
            return date_to_ns(date.fromisoformat(text))
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InputError(f"Time {text!r} is not ISO 8601. Write it like 2018-02-16T14:30:00Z or 2018-02-16.") from exc
    if moment.tzinfo is None:
        raise InputError(f"Time {text!r} has no time zone. Add Z for UTC, or an offset such as -05:00.")
    delta = moment - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1_000


def date_to_ns(day: date) -> int:
    """Return midnight UTC of a date in nanoseconds."""
    return (day - date(1970, 1, 1)).days * DAY


def ns_to_date(time_ns: int) -> date:
    """Return the UTC date of a time."""
    return datetime.fromtimestamp(int(time_ns) // SECOND, UTC).date()


def parse_frame(text: str) -> int:
    """Return the length of a frame such as "1min", "15min", "4h" or "1d" in nanoseconds.

    A frame of n days means n exchange sessions, whatever hours they have.
    Raises InputError if the text is no frame.
    """
    match = _FRAME.match(text.strip().lower())
    if match is None or int(match.group(1)) == 0:
        raise InputError(f'Frame {text!r} is unknown. Write a count and a unit: "1min", "15min", "1h", "1d".')
    return int(match.group(1)) * _FRAME_UNIT_NS[match.group(2)]


def frame_text(frame_ns: int) -> str:
    """Return the shortest usual name of a frame length."""
    for unit_ns, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if frame_ns % unit_ns == 0:
            return f"{frame_ns // unit_ns}{unit}"
    raise InputError(f"A frame of {frame_ns} ns is no whole number of seconds.")
