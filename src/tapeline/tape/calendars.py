"""Exchange sessions: holidays, half days and daylight-saving changes, as one small table per calendar.

The facts come from the exchange_calendars library. Importing it costs about 1.5 s and 100 MB, because it
brings pandas, while a calendar's whole history is 230 kB of integers. So the first use writes that
history to the user's cache folder and later starts read it back without the library.

The folder is `TAPELINE_CACHE`, else `$XDG_CACHE_HOME/tapeline`, else `~/.cache/tapeline`; a file is named
by calendar and library version, so an upgrade never reads older facts. A folder that cannot be written is
no error: the calendar is computed again at each start.

Sessions run from the open to the close. Lunch breaks (Hong Kong, Tokyo) are inside their session.
Rejected: cutting the history to what is asked for, because the ordinal of a session, which anchors frames
of several sessions, must not depend on the first request.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import numpy as np

from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.panel import Sessions, Times
from tapeline.domain.times import DAY, ns_to_date

FIRST_YEAR = 1990
_YEARS_AHEAD = 2


def sessions(name: str = "XNYS", first: date | None = None, last: date | None = None) -> Sessions:
    """Return the sessions of a calendar dated first..last, both included.

    name : market code such as "XNYS" (New York) or "XLON"; NYSE, NASDAQ and other aliases work too
    first, last : None means as far as the calendar is known: 1990, and two years ahead
    Raises UnknownNameError for a calendar that does not exist, InputError outside of what is known.
    """
    known = _history(name, cache_folder())
    begins, ends = ns_to_date(int(known.days[0]) * DAY), ns_to_date(int(known.days[-1]) * DAY)
    if first is not None and last is not None and first > last:
        raise InputError(f"Sessions of {name} from {first} to {last}: the first day is after the last. Swap them.")
    # A first day on the holidays just before the first known session is still covered by the table.
    if first is not None and (first.year < begins.year or first > ends):
        raise InputError(f"Sessions of {name} from {first}: its calendar is known from {begins} to {ends}.")
    if last is not None and (last.year > ends.year or last < date(begins.year, 1, 1)):
        raise InputError(f"Sessions of {name} up to {last}: its calendar is known from {begins} to {ends}.")
    return known.between(first, last)


def cache_folder() -> Path:
    """Return the folder where calendars are kept; it need not exist."""
    chosen = os.environ.get("TAPELINE_CACHE")
    if chosen:
        return Path(chosen) / "calendars"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tapeline" / "calendars"


@lru_cache(maxsize=16)
def _history(name: str, folder: Path) -> Sessions:
    # quote() keeps "24/7" apart from "24_7" and a name with dots and slashes inside the folder.
    file = folder / f"{quote(name, safe='')}-{version('exchange_calendars')}.npy"
    wanted_year = datetime.now(UTC).year + _YEARS_AHEAD
    table = _read(file, wanted_year)
    if table is None:
        table = _compute(name, wanted_year)
        _write(file, table)
    return Sessions(name, table[1], table[2], 0, table[0])


def _read(file: Path, wanted_year: int) -> Times | None:
    try:
        table = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # absent or damaged: computed again and replaced
    whole = table.ndim == 2 and table.shape[0] == 4 and table.shape[1] > 0 and table.dtype == np.int64
    # The last row repeats the year the table was asked for, because some calendars end before it.
    if not whole or table[3, 0] < wanted_year or bool(np.any(np.diff(table[0]) <= 0)):
        return None
    return np.ascontiguousarray(table[:3])


def _compute(name: str, wanted_year: int) -> Times:
    import exchange_calendars  # 1.5 s: only where no table is cached

    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if name not in known:
        raise UnknownNameError("calendar", name, known, where="exchange_calendars")
    with warnings.catch_warnings():
        # The library uses pandas calls that pandas 3 announces as changing in 4; the values are right.
        warnings.simplefilter("ignore")
        kind = type(exchange_calendars.get_calendar(name))
        earliest, latest = kind.bound_min(), kind.bound_max()
        start, end = f"{FIRST_YEAR}-01-01", f"{wanted_year}-12-31"
        if earliest is not None:
            start = max(start, str(earliest.date()))
        if latest is not None:
            end = min(end, str(latest.date()))
        calendar = exchange_calendars.get_calendar(name, start=start, end=end)
        days = calendar.sessions.to_numpy("datetime64[D]").astype(np.int64)
        opens, closes = calendar.opens_nanos, calendar.closes_nanos
    table = np.empty((4, len(days)), dtype=np.int64)
    table[0], table[1], table[2], table[3] = days, opens, closes, wanted_year
    return table


def _write(file: Path, table: Times) -> None:
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as out:
                np.save(out, table, allow_pickle=False)
            Path(draft).replace(file)  # in one step: another process never reads half a table
        except OSError:
            Path(draft).unlink(missing_ok=True)
