"""What became of a symbol's name: renamed, merged, or used by another company before.

A table of names has a row for each use of a ticker: `symbol`, the security; `mapped_symbol`, its ticker; `date`, the
last day of that use. The first row of a security is its first day; a day far ahead means until today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tapeline.app.screening import Screening
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.domain.times import date_to_ns, ns_to_date
from tapeline.feeds.table_files import DAY, TEXT, read_table


@dataclass(frozen=True)
class NameUse:
    """A ticker that a security had from `first` to `last`; `before` and `after` are its other tickers next to it."""

    security: str
    first: date
    last: date
    before: str = ""
    after: str = ""


JUST_BEFORE_DAYS = 7

NameUses = Mapping[str, tuple[NameUse, ...]]


def read_name_uses(path: Path) -> NameUses:
    """Return the uses of each ticker, oldest first, from a Parquet or CSV file. Raises what reading it raises."""
    rows = read_table(path, {"symbol": TEXT, "date": DAY, "mapped_symbol": TEXT}).sort("symbol", "date")
    found: dict[str, list[NameUse]] = {}
    for (security,), own in rows.group_by("symbol", maintain_order=True):
        days, names = own["date"].to_list(), own["mapped_symbol"].to_list()
        for place in range(1, len(days)):
            first = days[0] if place == 1 else days[place - 1] + timedelta(days=1)
            before = names[place - 1] if place > 1 else ""
            after = names[place + 1] if place + 1 < len(names) else ""
            found.setdefault(names[place], []).append(NameUse(str(security), first, days[place], before, after))
    return {name: tuple(sorted(uses, key=lambda use: use.last)) for name, uses in found.items()}


def own_bars(panel: Panel, uses: NameUses, at_ns: int) -> Panel:
    """Return the bars without those that a ticker's earlier companies left under it."""
    gone = np.zeros(panel.close.shape, dtype=bool)
    day = ns_to_date(at_ns)
    for column, symbol in enumerate(panel.symbols):
        others = _others_before(uses.get(symbol, ()), day)
        if others:
            gone[: _row_of(panel, others[-1].last + timedelta(days=1)), column] = True
    if not gone.any():
        return panel
    kept: dict[str, Any] = {name: np.where(gone, np.nan, getattr(panel, name)) for name in BAR_FIELDS}
    return replace(panel, **kept)


def with_names(screening: Screening, panel: Panel, uses: NameUses) -> Screening:
    """Return the screening with what a table of names tells of its symbols; panel : the bars that were screened."""
    day, notes = ns_to_date(screening.snapshot.time_ns), dict(screening.notes)
    for symbol in screening.snapshot.symbols:
        found = _names(uses.get(symbol, ()), panel, panel.column(symbol), day)
        if found:
            notes[symbol] = (*notes.get(symbol, ()), *found)
    return replace(screening, notes=notes)


def _names(uses: tuple[NameUse, ...], panel: Panel, column: int, day: date) -> list[str]:
    found = []
    ended = [use for use in uses if use.last < day]
    current = next((use for use in uses if use.first <= day <= use.last), None)
    if current is None and ended:
        newest = ended[-1]
        became = f"renamed {newest.after}" if newest.after else "merged or delisted"
        found.append(f"{became} after {newest.last}")
    if current is not None and current.before not in ("", panel.symbols[column]):
        first, last = (_row_of(panel, current.first - timedelta(days=days)) for days in (JUST_BEFORE_DAYS, 0))
        if last > 0 and not np.any(~np.isnan(panel.close[first:last, column])):
            found.append(
                f"was {current.before} until {current.first - timedelta(days=1)}; bars under that name are not read"
            )
    for other in _others_before(uses, day):
        if _row_of(panel, other.last) > 0:
            found.append(f"bars until {other.last} are of another company, {other.security}, and left out")
    return found


def _row_of(panel: Panel, day: date) -> int:
    """Return the first row that begins on a day or later."""
    return int(np.searchsorted(panel.start_ns, date_to_ns(day)))


def _others_before(uses: tuple[NameUse, ...], day: date) -> list[NameUse]:
    """Return the uses of a ticker by companies before the one that has it now."""
    current = next((use for use in uses if use.first <= day <= use.last), None)
    return [] if current is None else [use for use in uses if use.last < day and use.security != current.security]
