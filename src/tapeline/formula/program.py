"""Run formulas: a compiled program that is advanced by chunks of base bars.

    program = compile_program(
        {"reversal": (bars("15min"), {"enter_long": rule, "stop": stop})},
        symbol_count=200, base_frame_ns=MINUTE,
    )
    for first in range(0, len(panel), program.chunk_rows):
        program.advance(panel.rows(first, first + program.chunk_rows))
        table = program.tables["reversal"]
        ...  # table.values[table.rows["enter_long"], table.decision_row[c], column]

A chunk may be a year or one row; the values are the same bit for bit. The arrays of a table are used again
for the next chunk. Memory is bounded by the longest chunk: states do not grow with time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.panel import Floats, Panel, Sessions, Times
from tapeline.domain.times import frame_text
from tapeline.formula import operations as op
from tapeline.formula.bars import Bars
from tapeline.formula.binding import Binding, Bindings
from tapeline.formula.call_list import CallList
from tapeline.formula.deferral import catch_up_calls, mark_deferred
from tapeline.formula.explain import Explanation, explain_output
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.groups import group_numbers
from tapeline.formula.lowering import Instruction, Lowering, Views
from tapeline.formula.node import Node, digest, make, ordered
from tapeline.formula.parameters import bind, check_values, parameters_of
from tapeline.formula.registers import FRAME_FIELDS, Domain
from tapeline.formula.table import TablePlan, plan_table, settle_homes
from tapeline.formula.warmup import warmups
from tapeline.indicators import aggregate as frames

# A register of a chunk then takes 256 KiB: it and the few others of an operation stay in the processor's
# cache.
CHUNK_CELLS = 32_768
MEMORY_CELLS = 32 * 1024 * 1024

_NO_SESSIONS: Times = np.zeros(0, dtype=np.int64)


class Program:
    """Formulas ready to run. Made by `compile_program`.

    tables : outputs by table name
    warmup : table -> output -> frame -> existing bars before the first known value
    version : fingerprint of all definitions, numbers and switches
    chunk_rows : base rows of a chunk of good size for batch runs
    """

    def __init__(
        self,
        lowering: Lowering,
        plans: dict[str, TablePlan],
        late: list[Instruction],
        *,
        bound: dict[Node, Node],
        warmup: dict[str, dict[str, dict[str, int]]],
        version: str,
        parameters: Mapping[str, float],
        for_one_symbol: Callable[[], Program],
    ) -> None:
        self.warmup, self.version, self.parameters = warmup, version, dict(parameters)
        self.lowering, self.plans, self.bound = lowering, plans, bound
        self.words: dict[Node, str] = {}  # of the nodes that were explained
        self._for_one_symbol = for_one_symbol
        self._late, self._is_behind = late, False
        self._catch_up: CallList | None = None
        self._alone: Program | None = None
        self.tables = {name: plan.table for name, plan in plans.items()}
        self.symbol_count, self.base_frame_ns = lowering.columns, lowering.base_ns
        self._domains = list(lowering.domains.values())
        self._base = self._domains[0]
        self._slower = self._domains[1:]
        for domain in self._domains:
            domain.layout()
        self._needs_clocks = any(domain.needs_clocks for domain in self._domains)
        self._needs_sessions = self._needs_clocks or bool(self._slower)
        cells = min(CHUNK_CELLS, MEMORY_CELLS // max(1, len(lowering.registers)))
        self.chunk_rows = max(1, cells // max(1, self.symbol_count))
        self._bindings = Bindings(lowering, plans)
        self.views: Views | None = None
        self._sessions: Sessions | None = None
        self._months: Floats = _months_of(None)
        self._calendar = (_NO_SESSIONS, _NO_SESSIONS, 0)
        self._last_end_ns = frames.NONE
        self._resize_base(1)

    def advance(self, chunk: Panel, column: int | None = None) -> None:
        """Read the next base rows; afterwards the tables hold the decision rows that ended within them.

        column : the program's symbols are the chunk's from this column on; without it, all of them
        Raises DataError if the rows do not follow those read before, or are of other symbols or another
        frame.
        """
        self.views = self._advance(chunk, column, is_read=True).views

    def pass_over(self, chunk: Panel, column: int | None = None) -> None:
        """Read the next base rows, of which nobody asks for values: what comes later is the same, for less work.

        The tables then know which rows ended and who had a bar in them; their values have no rows. Raises what
        `advance` raises.
        """
        self._advance(chunk, column, is_read=False)
        self.views = None
        for table in self.tables.values():
            table.values = table.values[:, :0]

    def _advance(self, chunk: Panel, column: int | None, *, is_read: bool) -> Binding:
        count = len(chunk.end_ns)
        self._check(chunk, count, column)
        self._remember(is_read=is_read)
        base = self._base
        if count > base.capacity:
            self._resize_base(count)
        base.rows = count
        self._copy(chunk, base, count, column or 0)
        if self._needs_sessions:
            self._read_calendar(chunk, base, count)
        for domain in self._slower:
            self._count_rows(domain, count)
        binding = self._bindings.for_rows(is_read=is_read)
        for domain in self._slower:
            self._aggregate(domain, binding.views, count)
        if self._needs_clocks:
            self._set_clocks()
        binding.calls.run()
        for table, values, exists, end_ns in binding.tables:
            table.values, table.exists, table.end_ns = values, exists, end_ns
            self._set_decision_rows(self.plans[table.name], count)
        return binding

    @property
    def is_plain(self) -> bool:
        """Whether a chunk's values follow from its bars and the state alone: no times, slower frames or series."""
        return not (self._needs_sessions or self._base.series or self.lowering.reads_ends)

    def calls_for(self, rows: int) -> tuple[CallList, dict[str, Floats]]:
        """Return a plain program's calls for a chunk of so many rows, and the panels to write its bars into."""
        if rows > self._base.capacity:
            self._resize_base(rows)
        self._base.rows = rows
        binding = self._bindings.for_rows(is_read=True)
        for table, values, _, _ in binding.tables:
            table.values = values
        fields = self._base.fields.items()
        return binding.calls, {name: binding.views.panel(field) for name, field in fields if name != "exists"}

    def reset(self) -> None:
        """Forget all bars, as if just compiled."""
        for instruction in self.lowering.instructions:
            for state, start in instruction.states:
                state[...] = start
        for domain in self._domains:
            domain.forget()
        self.views, self._last_end_ns, self._is_behind = None, frames.NONE, False

    def restate(self, column: int, history: Panel) -> None:
        """Carry on for one symbol as if the bars read so far had been others: after a split, those in new shares.

        history : one column with as many rows as were read. What depends on other symbols too stays as it is.
        """
        alone = self._alone = self._alone or self._for_one_symbol()
        alone.reset()
        for first in range(0, len(history), alone.chunk_rows):
            alone.advance(history.rows(first, min(first + alone.chunk_rows, len(history))))
        for own, other in zip(self.lowering.instructions, alone.lowering.instructions, strict=True):
            if not own.is_mixed:
                for (state, _), (source, _) in zip(own.states, other.states, strict=True):
                    state[..., column] = source[..., 0]
        for program in (self, alone):
            program._remember(is_read=True)
        for domain, source_domain in zip(self._domains, alone._domains, strict=True):
            domain.rows = source_domain.rows = 0
            domain.adopt(column, source_domain)
        self.views = None

    def explain(self, table: str, output: str, row: int, column: int, fields: Floats | None = None) -> Explanation:
        """Return why an output has its value in a row of the table (of the last chunk) for a symbol.

        fields : the position's values in the order of POSITION_FIELDS; without them what reads the position
            is unknown
        Raises UnknownNameError, or FormulaError for a row or column that is not there.
        """
        return explain_output(self, table, output, row, column, fields)

    @property
    def state_cells(self) -> int:
        """How many numbers the program carries from chunk to chunk; does not depend on the number of bars."""
        carried = sum(state.size for entry in self.lowering.instructions for state, _ in entry.states)
        return carried + sum(domain.state.size + 2 * domain.last.size for domain in self._domains)

    def check_series(self, panel: Panel) -> None:
        """Raise DataError if a formula reads a series that a panel does not have."""
        for name in self._base.series:
            if name not in panel.series:
                found = f"it has {', '.join(sorted(panel.series))}" if panel.series else "it has bars alone"
                raise DataError(
                    f'A formula reads series("{name}"), which the data does not have: {found}. Add it with '
                    f"panel.with_series({name!r}, values)."
                )

    def _check(self, chunk: Panel, count: int, column: int | None) -> None:
        width = chunk.close.shape[1]
        if width != self.symbol_count if column is None else width < column + self.symbol_count:
            raise DataError(
                f"The program was compiled for {self.symbol_count} symbols, but the chunk has {width}"
                f"{'' if column is None else f', of which those from {column} on were asked for'}."
            )
        if chunk.frame_ns != self.base_frame_ns:
            raise DataError(
                f"The program was compiled for bars of {frame_text(self.base_frame_ns)}, but the chunk has "
                f"bars of {frame_text(chunk.frame_ns)}."
            )
        self.check_series(chunk)
        if count:
            if chunk.end_ns[0] <= self._last_end_ns:
                raise DataError(
                    "The chunk does not come after the rows read before it. Advance in the order of time, or "
                    "reset() first."
                )
            self._last_end_ns = int(chunk.end_ns[-1])

    def _resize_base(self, rows: int) -> None:
        base = self._base
        base.reserve(rows)
        self._start_ns: Times = np.zeros(base.capacity, dtype=np.int64)
        self._frame_end = {domain.index: np.zeros(base.capacity, dtype=np.int64) for domain in self._slower}
        self._expected = {domain.index: np.zeros(base.capacity) for domain in self._slower}
        self._decision_row = {name: np.zeros(base.capacity, dtype=np.int64) for name in self.plans}
        self._counting: Times = np.arange(base.capacity, dtype=np.int64)
        self._bindings.clear()

    def _copy(self, chunk: Panel, base: Domain, count: int, column: int) -> None:
        block, columns = base.block, slice(column, column + self.symbol_count)
        base.end_ns[:count] = chunk.end_ns
        for name, register in base.fields.items():
            if name != "exists":
                block[register.slot, :count] = getattr(chunk, name)[:, columns]
        for name, register in base.series.items():
            # what is known where there is no bar is nothing a formula over bars may count
            values = np.where(np.isnan(chunk.close), np.nan, chunk.series[name])
            block[register.slot, :count] = values[:, columns]

    def _read_calendar(self, chunk: Panel, base: Domain, count: int) -> None:
        if chunk.sessions is not self._sessions:
            self._change_calendar(chunk.sessions)
        if self._sessions is not None:
            self._start_ns[:count] = chunk.start_ns
            frames.locate_sessions(self._start_ns[:count], self._calendar[0], self._calendar[1], base.session[:count])

    def _change_calendar(self, sessions: Sessions | None) -> None:
        before = self._calendar
        self._sessions, self._calendar = sessions, (_NO_SESSIONS, _NO_SESSIONS, 0)
        if sessions is not None and len(sessions):
            # Copies: compiled code takes no read-only arrays.
            self._calendar = (np.array(sessions.open_ns), np.array(sessions.close_ns), sessions.ordinal)
        self._months = _months_of(sessions)
        for domain in self._slower:
            # The session index of the frame bar under construction now counts from another session.
            domain.pending[2] += before[2] - self._calendar[2]

    def _count_rows(self, domain: Domain, count: int) -> None:
        base = self._base
        domain.rows = frames.frame_clock(
            base.end_ns[:count],
            base.session[:count],
            *self._calendar,
            domain.frame.ns,
            self.base_frame_ns,
            domain.pending,
            self._frame_end[domain.index][:count],
            self._expected[domain.index][:count],
        )
        if domain.reserve(domain.rows):
            self._bindings.clear()

    def _aggregate(self, domain: Domain, views: Views, count: int) -> None:
        base, rows = self._base, domain.rows
        frames.aggregate(
            tuple(views.panel(base.fields[name]) for name in FRAME_FIELDS[1:6]),
            base.end_ns[:count],
            base.session[:count],
            self._frame_end[domain.index][:count],
            self._expected[domain.index][:count],
            domain.pending,
            domain.pending_expected,
            domain.state,
            tuple(views.panel(domain.fields[name]) for name in FRAME_FIELDS),
            domain.end_ns[:rows],
            domain.session[:rows],
            domain.emitted_in[:rows],
        )

    def _set_clocks(self) -> None:
        for domain in self._domains:
            if domain.needs_clocks and domain.rows:
                frames.session_clocks(
                    domain.end_ns[: domain.rows],
                    domain.session[: domain.rows],
                    *self._calendar,
                    *(domain.clocks[name][: domain.rows] for name in ("session", "minute", "to_close")),
                )
                # the last entry of the months stands for rows outside every session, whose index is -1
                domain.clocks["month"][: domain.rows, 0] = self._months[domain.session[: domain.rows]]

    def _set_decision_rows(self, plan: TablePlan, count: int) -> None:
        if plan.domain is self._base:
            plan.table.decision_row = self._counting[:count]
        else:
            decision_row = self._decision_row[plan.table.name][:count]
            frames.decision_rows(plan.domain.rows, plan.domain.emitted_in, decision_row)
            plan.table.decision_row = decision_row

    def _remember(self, *, is_read: bool) -> None:
        for domain in self._domains:
            domain.remember(domain.carried if self._is_behind else domain.kept)
        if self._is_behind and is_read:
            self._catch_up = self._catch_up or catch_up_calls(self._late)
            self._catch_up.run()
        self._is_behind = not is_read


def _months_of(sessions: Sessions | None) -> Floats:
    """Return the month of each session's date, counted from January 1970, and NaN behind the last."""
    days: Times = np.zeros(0, dtype=np.int64) if sessions is None else sessions.days
    return np.append(days.astype("datetime64[D]").astype("datetime64[M]").astype(np.float64), np.nan)


def compile_program(
    tables: Mapping[str, tuple[Bars | None, Mapping[str, Node]]],
    *,
    symbol_count: int,
    base_frame_ns: int,
    groups: Mapping[str, Sequence[Any]] | None = None,
    parameters: Mapping[str, float] | None = None,
    compare: str = "tolerant",
) -> Program:
    """Return a program for tables of formulas.

    tables : table name -> (bars of the decision frame, None for the base frame; formulas by output name)
    symbol_count, base_frame_ns : of the panels it will be advanced by
    groups : for `demean(by=name)`: a label for each symbol; None, "" and negative numbers are in no group
    parameters : numbers of parameters that differ from their defaults
    compare : "tolerant", or "exact" for comparisons without the tolerance of 1e-9
    Raises FormulaError, UnknownNameError or ConfigurationError.

    A sweep is one program with a table per set of numbers, its formulas bound beforehand (`bound_node`):
    what the sets have in common is computed once.
    """
    if compare not in ("tolerant", "exact"):
        raise UnknownNameError("comparison", compare, ("tolerant", "exact"), where="compile_program")
    roots = [node for _, formulas in tables.values() for node in formulas.values()]
    known = parameters_of(roots)
    numbers = check_values(known, parameters or {})
    bound = _settled_frames(bind(roots, numbers), base_frame_ns)
    lowering = Lowering(symbol_count, base_frame_ns, group_numbers(groups or {}, symbol_count), compare)
    plans, warmup, parts = {}, {}, [compare, str(base_frame_ns)]
    warmed = warmups([bound[node] for node in roots])
    for name, (decision, formulas) in tables.items():
        frame = decision.frame.over(base_frame_ns) if decision is not None else BASE
        pairs = {output: (node, bound[node]) for output, node in formulas.items()}
        plans[name] = plan_table(name, frame, pairs, lowering)
        warmup[name] = {
            output: {frame_text(f.ns or base_frame_ns): bars for f, bars in sorted(warmed[node].items())}
            for output, (_, node) in pairs.items()
        }
        parts += [
            name,
            str(frame.ns),
            *(f"{output}={digest(node)}" for output, (_, node) in sorted(pairs.items())),
        ]
    late = mark_deferred(lowering.instructions)
    settle_homes(plans)
    version = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
    alone = partial(
        compile_program,
        tables,
        symbol_count=1,
        base_frame_ns=base_frame_ns,
        groups={name: labels[:1] for name, labels in (groups or {}).items()},
        parameters=parameters,
        compare=compare,
    )
    return Program(
        lowering,
        plans,
        late,
        bound=bound,
        warmup=warmup,
        version=version,
        parameters=numbers,
        for_one_symbol=alone,
    )


def _settled_frames(bound: dict[Node, Node], base_ns: int) -> dict[Node, Node]:
    # "15min" on data of 15 minutes is the base frame itself; so both ways of writing it become one node.
    settled: dict[Node, Node] = {}
    for node in ordered(bound.values()):
        values = node.parameters
        if node.operation in (op.FIELD, op.ON_FRAME):
            values = (*values[:-1], float(Frame(int(values[-1])).over(base_ns).ns))
        settled[node] = make(node.operation, tuple(settled[child] for child in node.inputs), values, node.output)
    return {written: settled[node] for written, node in bound.items()}
