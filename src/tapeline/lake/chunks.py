"""Cutting a period into chunks of whole sessions, so that bars larger than memory are read piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tapeline.domain.panel import Sessions
from tapeline.domain.times import DAY, ns_to_date
from tapeline.lake.table import StoredFile

CHUNK_BARS = 3_000_000
"""Bars of a chunk at most, unless one session has more: 160 MB as a panel, twice that while it is made."""


def session_spans(
    files: Sequence[StoredFile],
    since: date | None,
    until: date | None,
    symbols: int,
    frame_ns: int,
    bars_max: int,
    sessions: Sessions | None,
) -> list[tuple[date, date]]:
    """Return periods of whole sessions, none longer than `bars_max` allows, cut where files are cut."""
    days = [day for file in files for day in (file.first, file.last) if day is not None]
    if not days:
        return []
    low = max(min(days), since) if since else min(days)
    high = min(max(days), until) if until else max(days)
    if sessions is not None:
        known = [ns_to_date(int(day) * DAY) for day in sessions.between(low, high).days]
        length_ns = int((sessions.close_ns - sessions.open_ns).max()) if len(sessions) else DAY
    else:
        known = [date.fromordinal(number) for number in range(low.toordinal(), high.toordinal() + 1)]
        length_ns = DAY
    bars_of_session = max(1, symbols * max(1, -(-length_ns // frame_ns)))
    count = max(1, bars_max // bars_of_session)
    ends = {file.last for file in files}
    spans: list[tuple[date, date]] = []
    begin = 0
    for place, day in enumerate(known):
        if place - begin + 1 >= count or day in ends or place == len(known) - 1:
            spans.append((known[begin], day))
            begin = place + 1
    return spans
