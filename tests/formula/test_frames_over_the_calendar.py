"""Frames over ten years of clock changes and half days, in five host zones, against New York's own clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tapeline import Panel, bars
from tapeline.domain.panel import Sessions
from tapeline.domain.times import MINUTE
from tapeline.formula.program import compile_program
from tapeline.tape.calendars import sessions

NEW_YORK = ZoneInfo("America/New_York")
HOST_ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Europe/Berlin", "Pacific/Apia")
FRAMES = {"15min": 15, "1h": 60, "4h": 240, "1d": 24 * 60}
BASE_MINUTES = 5

# NYSE, published by the exchange each year: sessions that close at 13:00.
HALF_DAYS = [
    "2014-07-03", "2014-11-28", "2014-12-24", "2015-11-27", "2015-12-24", "2016-11-25", "2017-07-03", "2017-11-24",
    "2018-07-03", "2018-11-23", "2018-12-24", "2019-07-03", "2019-11-29", "2019-12-24", "2020-11-27", "2020-12-24",
    "2021-11-26", "2022-11-25", "2023-07-03", "2023-11-24",
]  # fmt: skip


def sunday(year: int, month: int, number: int) -> date:
    """Return the n-th Sunday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


# US law since 2007: clocks go forward on the second Sunday of March and back on the first of November.
CLOCK_CHANGES = [day for year in range(2014, 2024) for day in (sunday(year, 3, 2), sunday(year, 11, 1))]
MOMENTS = sorted([*map(date.fromisoformat, HALF_DAYS), *CLOCK_CHANGES])


@pytest.fixture(params=HOST_ZONES)
def _host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def bars_around(moment: date) -> tuple[Panel, Sessions]:
    """Return five-minute bars of the sessions within four days of a moment; the close counts the bars."""
    calendar = sessions("XNYS", moment - timedelta(days=4), moment + timedelta(days=4))
    starts = np.concatenate(
        [
            np.arange(open_ns, close_ns, BASE_MINUTES * MINUTE)
            for open_ns, close_ns in zip(calendar.open_ns, calendar.close_ns, strict=True)
        ]
    )
    count = np.arange(1.0, len(starts) + 1)[:, None]
    fields = (count, count + 0.5, count - 0.5, count, np.full_like(count, 100.0))
    step = BASE_MINUTES * MINUTE
    return Panel(("A",), step, starts, starts + step, *fields, sessions=calendar), calendar


def expected_ends(panel: Panel, minutes: int) -> dict[int, list[int]]:
    """Return the base bars of each frame bar by its end, by New York's wall clock alone."""
    members: dict[int, list[int]] = {}
    for row, start_ns in enumerate(panel.start_ns):
        local = datetime.fromtimestamp(int(start_ns) // 10**9, UTC).astimezone(NEW_YORK)
        opened = local.replace(hour=9, minute=30)
        half_day = local.date().isoformat() in HALF_DAYS
        closed = local.replace(hour=13 if half_day else 16, minute=0)
        since_open = int((local - opened).total_seconds()) // 60
        end = min(opened + timedelta(minutes=(since_open // minutes + 1) * minutes), closed)
        members.setdefault(int(end.timestamp()) * 10**9, []).append(row)
    return members


@pytest.mark.usefixtures("_host_zone")
@pytest.mark.parametrize("frame", FRAMES)
def test_frames_follow_new_yorks_clock_through_every_change_and_half_day(frame: str) -> None:
    """Twenty half days and twenty clock changes of 2014 to 2023: ends, prices, volumes and completeness."""
    bar = bars(frame)
    outputs = {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close, "volume": bar.volume}
    for moment in MOMENTS:
        panel, _ = bars_around(moment)
        program = compile_program(
            {"t": (bar, {**outputs, "complete": bar.completeness})}, symbol_count=1, base_frame_ns=panel.frame_ns
        )
        program.advance(panel)
        table = program.tables["t"]
        found = {name: table.values[row, :, 0] for name, row in table.rows.items()}

        members = expected_ends(panel, FRAMES[frame])

        assert table.end_ns.tolist() == sorted(members), (moment, frame)
        for place, end_ns in enumerate(sorted(members)):
            rows = members[end_ns]
            assert found["open"][place] == rows[0] + 1
            assert found["high"][place] == rows[-1] + 1.5
            assert found["low"][place] == rows[0] + 0.5
            assert found["close"][place] == rows[-1] + 1
            assert found["volume"][place] == 100 * len(rows)
            assert found["complete"][place] == 1.0
