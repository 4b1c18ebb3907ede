"""A program's calls with their arrays, for the numbers of rows of a chunk.

Binding the arrays to the calls costs some microseconds per node and is done once for each combination of row
counts, so a loop that goes row by row pays only for the calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from tapeline.domain.panel import Floats, Times
from tapeline.formula.call_list import CallList
from tapeline.formula.frame import BASE
from tapeline.formula.lowering import Instruction, Lowering, Views
from tapeline.formula.room import new_panel
from tapeline.formula.table import Table, TablePlan
from tapeline.indicators import aggregate as frames
from tapeline.indicators.calls import read_rows

BINDINGS_KEPT = 64

_FIRST_ROW: Times = np.zeros(1, dtype=np.int64)


@dataclass(eq=False)
class Binding:
    """The calls for one combination of row counts, with all their arrays."""

    calls: CallList
    tables: list[tuple[Table, Floats, Floats, Times]]
    views: Views


class Bindings:
    """The bindings of a program that were needed so far."""

    def __init__(self, lowering: Lowering, plans: Mapping[str, TablePlan]) -> None:
        self._lowering, self._plans = lowering, plans
        self._made: dict[tuple[int, ...], Binding] = {}
        self._values = np.empty(0)

    def for_rows(self, *, is_read: bool) -> Binding:
        """Return the binding for the present row counts; without the calls that can wait unless rows are read."""
        key = (is_read, *[domain.rows for domain in self._lowering.domains.values()])
        binding = self._made.get(key)
        if binding is None:
            if len(self._made) >= BINDINGS_KEPT:
                self._made.clear()
            binding = self._made[key] = self._bind(is_read)
        return binding

    def clear(self) -> None:
        """Forget the bindings: arrays were replaced."""
        self._made.clear()

    def _bind(self, is_read: bool) -> Binding:
        self._lay_out_tables()
        views, base = Views(), self._lowering.domains[BASE]
        calls = CallList()
        if base.rows:
            calls.add(frames.mark_bars, views.flat(base.fields["close"]), views.flat(base.fields["exists"]))
        for entry in self._lowering.instructions:
            if _has_rows(entry) and (is_read or not entry.is_deferred):
                calls.add(entry.function, *entry.arguments(views))
        tables = []
        for plan in self._plans.values():
            values = plan.table.values
            if plan.domain.rows and is_read:
                for row, register in enumerate(plan.sources):
                    if register.home is None or register.home != (plan.table, row):
                        calls.add(read_rows, views.panel(register), 0, _FIRST_ROW, values[row])
            ends = plan.domain.end_ns[: plan.domain.rows]
            tables.append((plan.table, values, views.panel(plan.domain.fields["exists"]), ends))
        return Binding(calls, tables, views)

    def _lay_out_tables(self) -> None:
        plans = self._plans.values()
        shapes = [(len(plan.sources), plan.domain.rows, self._lowering.columns) for plan in plans]
        ends = np.cumsum([prod(shape) for shape in shapes])
        if len(ends) and ends[-1] > self._values.size:
            # One room for the tables of all strategies: a sweep has hundreds.
            self._values = new_panel(1, int(ends[-1])).reshape(-1)
            self._made.clear()
        for plan, shape, end in zip(plans, shapes, ends.tolist(), strict=True):
            plan.table.values = self._values[end - prod(shape) : end].reshape(shape)


def _has_rows(instruction: Instruction) -> bool:
    return any(domain.rows for domain in instruction.domains)
