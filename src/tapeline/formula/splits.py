"""Formulas see prices adjusted for the splits known at the decision time, and for no later one.

Bars stay as they were traded. When a split takes effect, what a program carries for that one symbol is
rebuilt from the symbol's history in the new shares; every other symbol, and every row before, is untouched.
Multiplying states by the ratio instead would ask each indicator for the dimension of each row of its state.

    for first, last in advance_through(program, panel, actions):
        ...     # the tables hold the rows first..last-1
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from tapeline.domain.corporate import CorporateAction, Split
from tapeline.domain.panel import Panel
from tapeline.domain.times import date_to_ns
from tapeline.formula.program import Program


class SplitRow(NamedTuple):
    """A split of one symbol in a panel: `row` is the first one in the new shares, ratio is new shares per old one."""

    row: int
    column: int
    ratio: float


def ratio_of(new: Decimal, old: Decimal) -> float:
    """Return new shares per old share; the nearest float64 to the exact quotient, wherever it is asked."""
    return float(Fraction(new) / Fraction(old))


def split_rows(actions: Sequence[CorporateAction], panel: Panel) -> list[SplitRow]:
    """Return the splits of the panel's symbols that fall after its first row, in order of time.

    A split takes effect at the open of the first session on or after its ex-date. Without sessions the panel
    is one session, whose open has passed.
    """
    found: list[SplitRow] = []
    if panel.sessions is None:
        return found
    columns = {symbol: column for column, symbol in enumerate(panel.symbols)}
    opens = panel.sessions.open_ns
    for action in actions:
        session = int(np.searchsorted(opens, date_to_ns(action.ex)))
        if not isinstance(action, Split) or action.symbol not in columns or session == len(opens):
            continue
        row = int(np.searchsorted(panel.start_ns, opens[session]))
        if 0 < row < len(panel):
            found.append(SplitRow(row, columns[action.symbol], ratio_of(action.new, action.old)))
    return sorted(found)


def in_new_shares(history: Panel, splits: Sequence[SplitRow]) -> Panel:
    """Return one symbol's history with prices, volumes and quotes as if its splits had always been.

    history : one column, rows from the first on; splits : all that have taken effect, in order of time
    """
    factor = np.ones(len(history))
    for split in splits:
        factor[: split.row] *= split.ratio
    factor = factor[:, np.newaxis]
    prices = {name: getattr(history, name) / factor for name in ("open", "high", "low", "close")}
    quotes = {name: history.series[name] / factor for name in ("bid", "ask") if name in history.series}
    quotes |= {name: history.series[name] * factor for name in ("bid_size", "ask_size") if name in history.series}
    return replace(history, **prices, volume=history.volume * factor, series={**history.series, **quotes})


def advance_through(
    program: Program, panel: Panel, actions: Sequence[CorporateAction] = ()
) -> Iterator[tuple[int, int]]:
    """Advance a program over a panel chunk by chunk; yield the first row of each chunk and the row after its last.

    actions : corporate actions; at a split the symbol's states are rebuilt before the row in which it takes effect
    """
    pending = split_rows(actions, panel)
    done: dict[int, list[SplitRow]] = {}
    first = 0
    while first < len(panel):
        while pending and pending[0].row == first:
            split = pending.pop(0)
            done.setdefault(split.column, []).append(split)
            history = panel.rows(0, first).columns(split.column, split.column + 1)
            program.restate(split.column, in_new_shares(history, done[split.column]))
        last = min(first + program.chunk_rows, len(panel), pending[0].row if pending else len(panel))
        program.advance(panel.rows(first, last))
        yield first, last
        first = last
