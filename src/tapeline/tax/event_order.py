"""The order of events in time, and what each is known by.

By day; on it corporate actions first, then trades, by the clock and as listed, what has no time before what has one;
then what ends options, and year-end marks.
"""

from __future__ import annotations

from dataclasses import fields

from tapeline.tax.events import Action, Event, Trade

_MICROSECONDS_A_DAY = 86_400_000_000
_OPEN, _TRADES, _CLOSE = 0, 1, 2


def key_of(event: Event) -> tuple[str, str]:
    """Return what an event is known by: its account and id, for an action its id alone."""
    return (event.account, event.execution_id) if isinstance(event, Trade) else ("", event.event_id)


def place_of(event: Event) -> int:
    """Return an event's place in time; events of one place stay as listed."""
    if isinstance(event, Action):
        phase = _CLOSE if event.at_close else _OPEN
        return (event.day.toordinal() * 3 + phase) * (_MICROSECONDS_A_DAY + 1)
    place = (event.trade_date.toordinal() * 3 + _TRADES) * (_MICROSECONDS_A_DAY + 1)
    moment = event.time_of_day
    if moment is None:
        return place
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return place + 1 + seconds * 1_000_000 + moment.microsecond


def difference(one: Event, other: Event) -> str:
    """Return in which fields two events differ, with both values."""
    if type(one) is not type(other):
        return f"{type(one).__name__} and {type(other).__name__}"
    pairs = ((field.name, getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return ", ".join(f"{name} {first} and {second}" for name, first, second in pairs if first != second)
