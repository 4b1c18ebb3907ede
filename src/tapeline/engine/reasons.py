"""Why a strategy wanted something: the signal with the tree of its conditions, taken from the formulas' last row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tapeline.domain.bar import Bar
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.signal import Action, Signal
from tapeline.domain.slice import Slice
from tapeline.domain.words import IntentKind, Purpose
from tapeline.engine.assembly import Assembly
from tapeline.engine.desk import Desk
from tapeline.formula.table import Table
from tapeline.ledger.facts import SignalRaised
from tapeline.ports.journal import Fact
from tapeline.simulation.decision import fill_fields
from tapeline.strategies.base import RuleStrategy, Strategy
from tapeline.strategies.view import SliceView


class Reasons(Keeps):
    """Writes each wish down once, however many instructions follow from it."""

    KEPT = ("_last",)

    def __init__(self, assembly: Assembly, symbols: tuple[str, ...], views: Mapping[int, SliceView]) -> None:
        self.assembly, self.symbols, self.views = assembly, symbols, views
        self.versions = tuple(strategy.version for strategy in assembly.strategies)
        self._last: dict[tuple[int, int], tuple[int, Action | None, str]] = {}

    def signal(self, intent: Any, now: Slice, desk: Desk, record: Callable[[Fact], Any]) -> str | None:
        """Return the id of the signal behind an intent, recorded now if it was not yet; None if no rule asked."""
        index, column = int(intent["strategy"]), int(intent["symbol"])
        known = self._last.get((index, column))
        action = _action(intent)
        if intent["continues"]:
            return known[2] if known is not None and intent["purpose"] not in _OF_NO_RULE else None
        if action is None:
            # A stop or target belongs to the wish that was written down a moment ago.
            same = known is not None and known[0] == now.end_ns and intent["purpose"] not in _OF_NO_RULE
            return known[2] if same and known is not None else None
        if known is not None and known[:2] == (now.end_ns, action):
            return known[2]
        signal = Signal(
            strategy=self.assembly.names[index],
            symbol=self.symbols[column],
            time_ns=now.end_ns,
            action=action,
            explanation=self._explain(index, column, action, now, desk),
            version=self.versions[index],
            rank=self._rank(index, column),
        )
        raised: SignalRaised = record(SignalRaised(signal, _bar(self.symbols[column], column, now)))
        self._last[index, column] = (now.end_ns, action, raised.signal_id)
        return raised.signal_id

    def recall(self, index: int, column: int, time_ns: int, signal_id: str) -> None:
        """Remember the signal behind an instruction of the journal, as what it began may go on."""
        self._last[index, column] = (time_ns, None, signal_id)

    def _explain(self, index: int, column: int, action: Action, now: Slice, desk: Desk) -> dict[str, Any]:
        table = self.assembly.tables[index]
        row = int(table.decision_row[0])
        strategy = self.assembly.strategies[index]
        if not isinstance(strategy, RuleStrategy):
            return explain_free_form(strategy, table, row, column, self.views[index].notes.get(column))
        fill_fields(desk.book, index, column, now.end_ns, now.session, now.session_close_ns)
        explanation = self.assembly.program.explain(table.name, action.word, row, column, desk.book.fixed.fields)
        return explanation.as_dict()

    def _rank(self, index: int, column: int) -> float | None:
        table = self.assembly.tables[index]
        register = table.rows.get("rank", -1)
        if register < 0:
            return None
        return _known(table.values[register, int(table.decision_row[0]), column])


def explain_free_form(
    strategy: Strategy, table: Table, row: int, column: int, notes: Mapping[str, bool | float | str] | None = None
) -> dict[str, Any]:
    """Return what free-form code could see when it decided, its declared formulas with their values, and its notes."""
    return {
        "text": f"{strategy.name}.on_slice",
        "value": None,
        "children": [
            {"text": name, "value": _known(table.values[register, row, column])}
            for name, register in table.rows.items()
            if not name.startswith("_")
        ]
        + [{"text": name, "value": value} for name, value in (notes or {}).items()],
    }


_OF_NO_RULE = (Purpose.FLAT_BEFORE_CLOSE, Purpose.LOSS_LIMIT)


def _action(intent: Any) -> Action | None:
    purpose, kind = intent["purpose"], intent["kind"]
    if purpose == Purpose.ENTRY:
        return Action.ENTER_LONG if intent["side"] > 0 else Action.ENTER_SHORT
    if purpose == Purpose.EXIT_RULE:
        # A cancel carries the side of the order it cancels, which for a stop or target is the exit's.
        return Action.EXIT_LONG if intent["side"] < 0 else Action.EXIT_SHORT
    if purpose == Purpose.SCALE_OUT:
        return Action.SCALE_OUT
    return Action.MOVE_STOP if kind == IntentKind.REPLACE else None


def _bar(symbol: str, column: int, now: Slice) -> Bar | None:
    prices = now.bars[:, 0, column]
    if np.isnan(prices[3]):
        return None
    return Bar(symbol, now.start_ns, now.end_ns, *(exact(float(value)) for value in prices))


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
