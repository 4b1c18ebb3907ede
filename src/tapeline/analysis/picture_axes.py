"""Round numbers and dates for the axes of a picture in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tapeline.domain.panel import Times
from tapeline.domain.times import DAY, HOUR, MINUTE, SECOND

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# 1970-01-01 was a Thursday: four days after the epoch a week begins.
_FIRST_MONDAY = 4


def money_ticks(low: float, high: float, count_max: int) -> list[float]:
    """Return at most `count_max` round values within low..high: 1, 2, 2.5 or 5 times a power of ten apart.

    The two ends where no such step has a multiple between them. low < high and count_max >= 2 are needed.
    """
    power = 10.0 ** math.floor(math.log10((high - low) / count_max))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0):
        step = factor * power
        # A value that the division has moved across the edge by its rounding still counts as on it.
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if 1 <= last - first + 1 <= count_max:
            return [index * step for index in range(first, last + 1)]
    return [low, high]


def money_label(value: float, ticks: list[float]) -> str:
    """Return an amount in as many digits as tell the ticks apart, with M or B from ten millions on."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else max(abs(value), 1.0) / 100.0
    largest = max(abs(tick) for tick in ticks)
    unit, letter = (1e9, "B") if largest >= 1e10 else (1e6, "M") if largest >= 1e7 else (1.0, "")
    digits = 0
    while digits < 8 and abs(round(step / unit, digits) - step / unit) > 1e-6 * step / unit:
        digits += 1
    return f"{value / unit + 0.0:,.{digits}f}{letter}"


def time_ticks(times: Times, columns: int) -> list[tuple[int, str]]:
    """Return (column, text) of the marks on the time axis, in the finest unit whose texts have room.

    A mark stands at the first row of a unit, labelled by the unit: a bar that ends at midnight belongs to the
    date before. Where no unit begins within the rows, the first and the last row are marked.
    """
    for unit in _UNITS:
        rows = np.flatnonzero(np.diff(unit.number(times))) + 1
        rows = rows[:: unit.stride]
        found: list[tuple[int, str]] = []
        for row in rows.tolist() if len(rows) * (unit.width + 2) <= columns else []:
            column = row_to_column(row, len(times), columns)
            if not found or column - found[-1][0] >= unit.width + 2:
                found.append((column, unit.text(_moment(times[row] - 1))))
        if found:
            return found
    ends = [(0, _day_text(_moment(times[0])))]
    if len(times) > 1:
        ends.append((columns - 1, _day_text(_moment(times[-1]))))
    return ends


def row_to_column(row: int, rows: int, columns: int) -> int:
    """Return the column where a row is drawn when the rows fill all columns from edge to edge."""
    return round(row * (columns - 1) / max(rows - 1, 1))


def span_text(first: datetime, last: datetime) -> str:
    """Return the period as dates, with hours in UTC where it lies within one date."""
    if first.date() == last.date():
        return f"{first:%Y-%m-%d %H:%M} to {last:%H:%M} UTC"
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


@dataclass(frozen=True)
class _Unit:
    """A unit of the time axis.

    number : which one each time lies in; stride : each how many of them is marked; width : of its text
    """

    number: Callable[[Times], Times]
    stride: int
    width: int
    text: Callable[[datetime], str]


def _every(length_ns: int, offset_ns: int = 0) -> Callable[[Times], Times]:
    return lambda times: (times - 1 - offset_ns) // length_ns


def _months(count: int) -> Callable[[Times], Times]:
    return lambda times: (times - 1).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64) // count


def _years(count: int) -> Callable[[Times], Times]:
    return lambda times: ((times - 1).astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + 1970) // count


def _clock_text(moment: datetime) -> str:
    return f"{moment.hour:02}:{moment.minute // 5 * 5:02}"


def _hour_text(moment: datetime) -> str:
    return f"{moment.hour:02}:00"


def _day_text(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]}"


def _month_text(moment: datetime) -> str:
    return str(moment.year) if moment.month == 1 else _MONTHS[moment.month - 1]


def _year_text(moment: datetime) -> str:
    return str(moment.year)


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(int(time_ns) // SECOND, UTC)


_UNITS = (
    _Unit(_every(5 * MINUTE), 1, 5, _clock_text),
    _Unit(_every(15 * MINUTE), 1, 5, _clock_text),
    _Unit(_every(HOUR), 1, 5, _hour_text),
    _Unit(_every(DAY), 1, 6, _day_text),
    _Unit(_every(DAY), 2, 6, _day_text),
    _Unit(_every(7 * DAY, _FIRST_MONDAY * DAY), 1, 6, _day_text),
    _Unit(_every(7 * DAY, _FIRST_MONDAY * DAY), 2, 6, _day_text),
    _Unit(_months(1), 1, 4, _month_text),
    _Unit(_months(3), 1, 4, _month_text),
    _Unit(_months(6), 1, 4, _month_text),
    _Unit(_years(1), 1, 4, _year_text),
    _Unit(_years(2), 1, 4, _year_text),
    _Unit(_years(5), 1, 4, _year_text),
    _Unit(_years(20), 1, 4, _year_text),
)
