"""Bars as small tables that a trader can read and check by hand.

    panel = bars_of('''
              A                        | B
        14:31 100                      | 50
        14:32 100.50 101.00 99.00 100  | -
        14:33 101 102 100 101.50 111   | 51
    ''')

Each row is named by the end of its bar, UTC. A symbol's cell is open, high, low, close and volume; without a volume it
is 1,000, a single price is a bar that never moved, and `-` is no bar. A line with a date begins that day.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from tapeline import Panel
from tapeline.domain.times import MINUTE, from_iso
from tapeline.tape.calendars import sessions

FIRST_DAY = "2018-01-02"
VOLUME = 1_000.0


def bars_of(table: str, *, calendar: str | None = None, minutes: int = 1) -> Panel:
    """Return the panel of a table.

    calendar : name of the exchange whose sessions the bars belong to, None = the whole data is one session
    minutes : length of a bar
    """
    lines = [line.strip() for line in table.strip().splitlines() if line.strip()]
    symbols = tuple(name.strip() for name in lines[0].split("|"))
    day, days, ends, cells = FIRST_DAY, set(), [], []
    for line in lines[1:]:
        if line[:4].isdigit():
            day = line
            continue
        time, _, rest = line.partition(" ")
        days.add(date.fromisoformat(day))
        ends.append(from_iso(f"{day}T{time}:00Z"))
        cells.append([_bar(cell) for cell in rest.split("|")])
    fields = np.ascontiguousarray(np.array(cells).transpose(2, 0, 1))
    end_ns = np.array(ends, dtype=np.int64)
    return Panel(
        symbols,
        minutes * MINUTE,
        end_ns - minutes * MINUTE,
        end_ns,
        *fields,
        sessions=sessions(calendar, min(days), max(days)) if calendar else None,
    )


def _bar(cell: str) -> list[float]:
    if cell.strip() == "-":
        return [np.nan] * 5
    numbers = [float(number) for number in cell.split()]
    if len(numbers) <= 2:
        numbers = [numbers[0]] * 4 + numbers[1:]
    return numbers if len(numbers) == 5 else [*numbers, VOLUME]
