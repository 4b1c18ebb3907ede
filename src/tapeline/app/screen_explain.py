"""Why a symbol's row of the screen is what it is: each condition and number, down to the bars it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tapeline.app.screen_settings import ScreenerSettings
from tapeline.app.screening import nothing_closed, rows_until
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.domain.times import to_iso
from tapeline.formula import Explanation, bars, compile_program
from tapeline.formula.explain_named import explain_named
from tapeline.screener.sabr20 import GRADES, PHASES, QUARTILES, STATES
from tapeline.screener.screen import COMPONENTS, CONDITIONS, QUESTIONS, ROLES, TABLE, Rules
from tapeline.screener.tree import CLASSES, CONFIRMATIONS

EXPLAINED_CONDITIONS = (
    *(f"coarse.{name}" for name in CONDITIONS),
    *(f"tree.{name}" for name in (*QUESTIONS, "trigger", "overhead_clear")),
)
WORDS = {
    "tree.confirmation": CONFIRMATIONS,
    "tree.setup_class": CLASSES,
    "score.state": STATES,
    "score.phase": PHASES,
    "score.grade": GRADES,
    "score.quartile": QUARTILES,
}
"""The names behind the numbers of those outputs that name something."""
EXPLAINED_NUMBERS = (
    "coarse.score", "tree.confirmation", "tree.setup_class", *(f"score.{name}" for name in COMPONENTS), "score.total",
    "score.state", "score.phase", "score.ratio", "score.grade", "score.rr", "score.stop", "score.target",
    "score.quartile", "score.bars_since_pivot", "score.drawdown_pct", "score.exhaustion",
)  # fmt: skip
SEEN_ROWS = 8000  # twenty sessions of minutes: what lies further back is shown by its values alone


@dataclass(frozen=True)
class RowExplanation:
    """Every condition and number of one symbol at one close of the trigger frame.

    bars : the newest bar of each frame by the frame, with its end; none where there is none
    """

    symbol: str
    time_ns: int
    parts: dict[str, Explanation]
    bars: dict[str, dict[str, Any]]

    def word(self, name: str) -> str | None:
        """Return the name behind a number, None where it names nothing."""
        value = self.parts[name].value
        return WORDS[name][int(value)] or None if name in WORDS and value == value else None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        numbers = {}
        for name in EXPLAINED_NUMBERS:
            numbers[name] = self.parts[name].as_dict()
            if name in WORDS:
                numbers[name]["word"] = self.word(name)
        return {
            "symbol": self.symbol,
            "at": to_iso(self.time_ns),
            "bars": {
                frame: {name: to_iso(value) if name == "end" else value for name, value in bar.items()}
                for frame, bar in self.bars.items()
            },
            "conditions": {name: self.parts[name].as_dict() for name in EXPLAINED_CONDITIONS},
            "numbers": numbers,
        }


def explain_at(panel: Panel, at_ns: int, settings: ScreenerSettings, symbol: str) -> RowExplanation:
    """Return what stands behind a symbol's row at the last close of the trigger frame up to a moment.

    Raises UnknownNameError for a symbol that is not there, DataError if nothing had closed by then.
    """
    column = panel.column(symbol)
    past = rows_until(panel, at_ns)
    own = past.columns(column, column + 1)
    frames, rules = settings.screen.frames, Rules(settings.screen, settings.regime)
    tables = {TABLE: (bars(frames.trigger), rules.formulas)}
    for role in ROLES:
        frame = bars(getattr(frames, role))
        tables[role] = (frame, {name: getattr(frame, name) for name in BAR_FIELDS})
    program = compile_program(tables, symbol_count=1, base_frame_ns=own.frame_ns)
    newest: dict[str, dict[str, Any]] = {}
    parts: dict[str, Explanation] = {}
    time_ns = 0
    seen = max(len(own) - SEEN_ROWS, 0)
    edges = [*range(0, seen, program.chunk_rows), seen, len(own)]
    for first, last in pairwise(edges if len(own) else []):
        program.advance(own.rows(first, last))
        for role in ROLES:
            table = program.tables[role]
            there = (table.exists[:, 0] == 1.0).nonzero()[0]
            if len(there):
                bar = {name: float(table.values[row, there[-1], 0]) for name, row in table.rows.items()}
                newest[getattr(frames, role)] = {"end": int(table.end_ns[there[-1]]), **bar}
        ends = program.tables[TABLE].end_ns
        if len(ends):
            time_ns = int(ends[-1])
            names = (*EXPLAINED_CONDITIONS, *EXPLAINED_NUMBERS)
            parts = explain_named(program, TABLE, names, len(ends) - 1, 0)
    if not parts:
        raise nothing_closed(panel, at_ns, settings)
    return RowExplanation(symbol, time_ns, parts, newest)
