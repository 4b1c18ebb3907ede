"""Put strategies together for a run: one program for all their formulas, one book for all their decisions.

Equal sub-formulas of different strategies, and of one strategy under different parameters, are computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.domain.panel import Times
from tapeline.domain.times import frame_text, parse_frame
from tapeline.formula.bars import Bars
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.groups import group_numbers
from tapeline.formula.node import Node
from tapeline.formula.parameters import bind
from tapeline.formula.program import Program, compile_program
from tapeline.formula.rebase import rebase
from tapeline.formula.table import Table
from tapeline.simulation.decision import RULE_NAMES
from tapeline.simulation.execution_settings import Algorithms
from tapeline.simulation.lanes import Signals
from tapeline.simulation.limit_settings import Limits, check_consistent
from tapeline.simulation.records import STRATEGY
from tapeline.simulation.settings import RunSettings, as_facts
from tapeline.simulation.tables import Book, new_book
from tapeline.simulation.venue import instruments_of
from tapeline.strategies.base import RuleStrategy, Strategy
from tapeline.strategies.rules import Distance
from tapeline.strategies.view import SliceView

MINUTE_NS = 60_000_000_000
UNBOUNDED = np.iinfo(np.int64).max
NO_ROW = -1
SECTOR = "sector"
"""The grouping that the limit `sector` goes by."""

AnyStrategy = RuleStrategy | Strategy


@dataclass(eq=False)
class Assembly:
    """The strategies of a run, compiled together.

    tables : each strategy's table in the program, in order; names : their names, unique
    sectors : int64 [N], number of each column's group "sector", -1 for none
    """

    strategies: tuple[AnyStrategy, ...]
    names: tuple[str, ...]
    program: Program
    tables: tuple[Table, ...]
    settings: RunSettings
    symbol_count: int
    sectors: npt.NDArray[np.int64]

    def only(self, index: int) -> Assembly:
        """Return one of the strategies by itself under its own name, with the same program."""
        strategy = self.strategies[index]
        alone = replace(self, strategies=(strategy,), names=(strategy.name,), tables=(self.tables[index],))
        alone.facts = self.facts
        return alone

    def signals(self, end_ns: Times, first_column: int = 0) -> Signals:
        """Return the formula values of the program's last chunk, as the decision kernel reads them.

        end_ns : ends of the chunk's slices; first_column : column of the first symbol of the book that decides
        """
        tables = self.tables
        if len(tables) == 1:
            values, exists = tables[0].values.reshape(-1), tables[0].exists.reshape(-1)
        else:
            values = np.concatenate([table.values.reshape(-1) for table in tables])
            exists = np.concatenate([table.exists.reshape(-1) for table in tables])
        layout = np.zeros((len(tables), 6), dtype=np.int64)
        first_value = first_exists = 0
        for index, table in enumerate(tables):
            layout[index] = (first_value, first_exists, *table.values.shape, first_column)
            first_value += table.values.size
            first_exists += table.exists.size
        warming = int(np.searchsorted(end_ns, self.settings.trade_from_ns))
        if len(tables) == 1 and not warming:
            rows = tables[0].decision_row.reshape(1, -1)
        else:
            rows = np.stack([table.decision_row for table in tables])
            rows[:, :warming] = NO_ROW
        return Signals(values, exists, layout, rows)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The settings as plain values."""
        facts: dict[str, Any] = as_facts(self.settings)
        return facts

    def new_book(self, symbols: Sequence[str], first_column: int = 0) -> Book:
        """Return an empty book of these strategies for some symbols, of which the first has a column of the data."""
        count = len(self.strategies)
        settings = np.zeros(count, dtype=STRATEGY)
        rules = np.full((count, len(RULE_NAMES), 3), -1, dtype=np.int64)
        limits = self.strategy_limits
        codes, constants, stack_size = [], [], 1
        code_first = constants_first = 0
        for index, (strategy, table) in enumerate(zip(self.strategies, self.tables, strict=True)):
            _write_settings(settings[index], strategy, limits[index])
            settings[index]["code_first"] = code_first
            settings[index]["constants_first"] = constants_first
            watched = {"scale_out", "move_stop"} & (table.rows.keys() | table.cell_programs.keys())
            settings[index]["watches_holdings"] = bool(watched)
            settings[index]["reads_position"] = bool(table.cell_programs)
            for rule, name in enumerate(RULE_NAMES):
                if not isinstance(strategy, RuleStrategy):
                    break
                rules[index, rule, 0] = table.rows.get(name, -1)
                rules[index, rule, 1:] = table.cell_programs.get(name, (-1, -1))
            codes.append(table.code.reshape(-1, 2))
            constants.append(table.constants)
            code_first += len(codes[-1])
            constants_first += len(constants[-1])
            stack_size = max(stack_size, table.stack_size)
        book = new_book(
            instruments_of(symbols, self.settings),
            self.settings,
            settings,
            rules,
            np.ascontiguousarray(np.concatenate([*codes, np.zeros((1, 2), dtype=np.int64)])),
            np.concatenate([*constants, np.zeros(1)]),
            stack_size,
            limits,
        )
        self.put_sectors(book, first_column)
        return book

    @property
    def strategy_limits(self) -> list[Limits | None]:
        """The bounds of each strategy: those of the settings, over those that it declares."""
        pairs = zip(self.names, self.strategies, strict=True)
        return [self.settings.limits_of(name, strategy.limits) for name, strategy in pairs]

    @property
    def algorithms(self) -> list[Algorithms]:
        """How the orders of each strategy are worked: by the settings for it, else by itself, else for all."""
        given = self.settings.strategy_execution
        return [
            given.get(name, Algorithms()).over(it.algorithms).over(self.settings.execution)
            for name, it in zip(self.names, self.strategies, strict=True)
        ]

    def put_sectors(self, book: Book, first_column: int) -> None:
        """Tell a book the sectors of its symbols."""
        book.fixed.groups[:] = self.sectors[first_column : first_column + len(book.fixed.groups)]

    @cached_property
    def manifest(self) -> list[dict[str, Any]]:
        """What each strategy is: class, version, parameters, warm-up of its formulas."""
        return [
            {
                "name": name,
                "class": type(strategy).__name__,
                "version": strategy.version,
                "parameters": dict(sorted(strategy.parameters.items())),
                "warmup_bars": self.program.warmup.get(table.name, {}),
            }
            for name, strategy, table in zip(self.names, self.strategies, self.tables, strict=True)
        ]


def assemble(
    strategies: Sequence[AnyStrategy],
    *,
    symbol_count: int,
    base_frame_ns: int,
    settings: RunSettings,
    groups: Mapping[str, Sequence[Any]] | None = None,
) -> Assembly:
    """Compile strategies for data of a base frame. Raises FormulaError or ConfigurationError with the reason."""
    if not strategies:
        raise ConfigurationError("A run needs at least one strategy.")
    names = unique_names(strategies)
    for given in ("strategy_limits", "strategy_execution"):
        for name in getattr(settings, given):
            if name not in names:
                raise UnknownNameError("strategy", name, names, where=f"the settings' {given}")
    check_consistent(settings.limits, "The account's limits")
    for name, strategy in zip(names, strategies, strict=True):
        check_consistent(settings.limits_of(name, strategy.limits) or Limits(), f"The limits of {name}")
    tables: dict[str, tuple[Bars | None, Mapping[str, Node]]] = {}
    for name, strategy in zip(names, strategies, strict=True):
        _check_sides(strategy, settings)
        _check_flat(strategy, base_frame_ns)
        formulas = strategy.formulas()
        bound = bind(formulas.values(), strategy.parameters)
        placed = {formula: bound[node] for formula, node in formulas.items()}
        if strategy.frame:
            frame = Frame(parse_frame(strategy.frame)).over(base_frame_ns)
            moved = rebase(placed.values(), frame)
            placed = {formula: moved[node] for formula, node in placed.items()}
        else:
            used = [node.frame.over(base_frame_ns) for node in placed.values() if node.frame is not None]
            frame = min(used, default=BASE)
        tables[name] = (Bars(frame), placed)
    program = compile_program(
        tables, symbol_count=symbol_count, base_frame_ns=base_frame_ns, groups=groups, compare=settings.compare
    )
    known = group_numbers(groups or {}, symbol_count)
    sectors = known.get(SECTOR, np.full(symbol_count, -1, dtype=np.int64))
    tables_in_order = tuple(program.tables[name] for name in names)
    return Assembly(tuple(strategies), names, program, tables_in_order, settings, symbol_count, sectors)


def view_of(strategy: Strategy, symbols: tuple[str, ...], index: int, table: Table) -> SliceView:
    """Return what a free-form strategy of the assembly will be shown."""
    return SliceView(
        symbols,
        index,
        int(strategy.size.kind),
        table.rows,
        strategy.entry_window,
        strategy.flat_before_close_minutes,
    )


def unique_names(strategies: Sequence[AnyStrategy]) -> tuple[str, ...]:
    """Return the strategies' names; a second one of the same name gets a number, as ids must tell them apart."""
    seen: dict[str, int] = {}
    names = []
    for strategy in strategies:
        seen[strategy.name] = seen.get(strategy.name, 0) + 1
        names.append(strategy.name if seen[strategy.name] == 1 else f"{strategy.name}.{seen[strategy.name]}")
    return tuple(names)


def has_algorithms(strategies: Sequence[AnyStrategy], settings: RunSettings) -> bool:
    """Return whether any order of a run would be worked by an execution algorithm."""
    return (
        bool(settings.execution) or any(settings.strategy_execution.values()) or any(s.algorithms for s in strategies)
    )


def _check_sides(strategy: AnyStrategy, settings: RunSettings) -> None:
    if isinstance(strategy, RuleStrategy) and strategy.enter_long is None and not settings.account.short_allowed:
        raise ConfigurationError(
            f"Strategy {strategy.name} only sells short, and the account does not allow it. "
            "Use a margin account with short_allowed."
        )


def _check_flat(strategy: AnyStrategy, base_frame_ns: int) -> None:
    minutes = strategy.flat_before_close_minutes
    if minutes is not None and minutes * MINUTE_NS < base_frame_ns:
        raise ConfigurationError(
            f"Strategy {strategy.name} must be flat {minutes:g} minutes before the close, but the data has bars of"
            f" {frame_text(base_frame_ns)}: no bar opens in time to close its holdings. Use finer data, or at least"
            f" {base_frame_ns / MINUTE_NS:g} minutes."
        )


def _write_settings(row: Any, strategy: AnyStrategy, limits: Limits | None) -> None:
    window = strategy.entry_window
    flat = strategy.flat_before_close_minutes
    row["size_kind"] = int(strategy.size.kind)
    bounds = [strategy.positions_max, limits.positions if limits else None]
    row["positions_max"] = min((bound for bound in bounds if bound is not None), default=UNBOUNDED)
    row["entry_after_open_ns"] = int(window.after_open_minutes * MINUTE_NS) if window else -1
    row["entry_before_close_ns"] = int(window.before_close_minutes * MINUTE_NS) if window else -1
    row["flat_before_close_ns"] = -1 if flat is None else int(flat * MINUTE_NS)
    if isinstance(strategy, RuleStrategy):
        row["stop_is_distance"] = isinstance(strategy.stop, Distance)
        row["target_is_distance"] = isinstance(strategy.target, Distance)
        row["scale_out_fraction"] = strategy.scale_out.fraction if strategy.scale_out else 0.0
