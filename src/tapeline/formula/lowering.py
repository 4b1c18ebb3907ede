"""From nodes to instructions: which compiled function runs over which registers, in which order.

Nodes arrive bound: numbers instead of parameters, frames settled for the data. Equal nodes are one object,
so each is computed once, whatever number of tables and outputs asks for it; indicators that share a kernel
and its numbers (mean and deviation of one window) share the call as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tapeline.domain.errors import UnknownNameError
from tapeline.domain.panel import Floats
from tapeline.formula import operations as op
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.node import Node
from tapeline.formula.registers import FRAME_FIELDS, Domain, Register
from tapeline.formula.warmup import kernel_parameters
from tapeline.indicators import aggregate as frames
from tapeline.indicators import cross_section
from tapeline.indicators import elementwise as element
from tapeline.indicators.library import KERNELS

SESSION_CLOCKS = {"minutes_since_open": "minute", "minutes_to_close": "to_close", "month": "month"}


class Views:
    """The arrays of registers for the present numbers of rows, each made at the first request."""

    def __init__(self) -> None:
        self._panels: dict[Register, Floats] = {}
        self._flats: dict[Register, Floats] = {}

    def panel(self, register: Register) -> Floats:
        """float64 [rows, N]."""
        if register not in self._panels:
            self._panels[register] = self._view(register)
        return self._panels[register]

    def flat(self, register: Register) -> Floats:
        """The same, as one row of numbers."""
        if register not in self._flats:
            self._flats[register] = self.panel(register).reshape(-1)
        return self._flats[register]

    def _view(self, register: Register) -> Floats:
        return register.domain.view(register)


@dataclass(eq=False)
class Instruction:
    """One call of a compiled function.

    domains : it runs if any of them has rows in the chunk
    reads, writes : registers; those that an operation passes over may be among the first
    arguments : from the arrays of the present chunk to the arguments of the call
    states : arrays it carries from chunk to chunk, last axis the symbols, with the number each starts from
    is_cell : each value follows from those of its own row and symbol alone
    is_mixed : its values depend on other symbols too, through a cross-section
    is_deferred : it need not run for rows that nobody reads (`formula/deferral.py`)
    """

    function: Any
    domains: tuple[Domain, ...]
    reads: tuple[Register, ...]
    writes: tuple[Register, ...]
    arguments: Callable[[Views], tuple[Any, ...]]
    states: list[tuple[Floats, float]] = field(default_factory=list)
    is_cell: bool = False
    is_mixed: bool = False
    is_deferred: bool = False


class Lowering:
    """Collects the registers and instructions of a program, asked for node by node."""

    def __init__(self, columns: int, base_ns: int, groups: Mapping[str, np.ndarray], compare: str) -> None:
        self.columns, self.base_ns, self.groups, self.is_exact = columns, base_ns, groups, compare == "exact"
        self.domains: dict[Frame, Domain] = {}
        self.registers: list[Register] = []
        self.instructions: list[Instruction] = []
        self.reads_ends = False
        self.places: dict[tuple[Node, Frame], Register] = {}
        self._calls: dict[tuple[Any, ...], list[Register]] = {}
        self._mixed: dict[Node, bool] = {}
        self.domain(BASE)
        self.base_field("close")

    def domain(self, frame: Frame) -> Domain:
        """Return the domain of a frame, made at the first request."""
        if frame not in self.domains:
            domain = Domain(frame, len(self.domains), self.columns)
            self.domains[frame] = domain
            names = FRAME_FIELDS if frame != BASE else ("exists",)
            for name in names:
                domain.fields[name] = self.new_register(domain)
            if frame != BASE:
                for name in FRAME_FIELDS[1:6]:
                    self.base_field(name)
        return self.domains[frame]

    def base_field(self, name: str) -> Register:
        """Return the register of a field of the base bars."""
        base = self.domains[BASE]
        name = "exists" if name == "completeness" else name  # a base bar is complete if it exists
        if name not in base.fields:
            base.fields[name] = self.new_register(base)
        return base.fields[name]

    def series(self, name: str) -> Register:
        """Return the register of what is known beside the bars under a name."""
        base = self.domains[BASE]
        if name not in base.series:
            base.series[name] = self.new_register(base)
        return base.series[name]

    def new_register(self, domain: Domain, constant: float | None = None) -> Register:
        """Add a register to a domain."""
        register = Register(len(self.registers), domain, constant=constant)
        self.registers.append(register)
        domain.registers.append(register)
        return register

    def place(self, node: Node, frame: Frame) -> Register:
        """Return the register that holds a node's values in the rows of a frame, computing it if need be."""
        key = (node, frame)
        if key not in self.places:
            count = len(self.instructions)
            if node.frame is None or node.frame == frame:
                register = self._computed(node, self.domain(frame))
            else:
                register = self._read_as_of(self.place(node, node.frame), self.domain(frame))
            self.places[key] = register
            register.is_mixed |= self._is_mixed(node)
            if len(self.instructions) > count:  # a node's own instruction comes after those of its inputs
                self.instructions[-1].is_mixed |= register.is_mixed
        return self.places[key]

    def keep_below(self, node: Node, frame: Frame) -> None:
        """Mark what an explanation may ask for later than the chunk that computed it.

        These are formulas of a frame that is read in the rows of another: its last bar may be long past.
        """
        stack = [(node, frame, False)]
        seen = set()
        while stack:
            below, read_in, is_past = stack.pop()
            if (below, read_in, is_past) in seen or below.operation.kind in ("constant", "position"):
                continue
            seen.add((below, read_in, is_past))
            if is_past:
                self.place(below, read_in).is_kept = True
            own = below.frame or read_in
            is_past = is_past or own != read_in
            if is_past:
                self.place(below, own).is_kept = True
            if below.operation is op.LATEST and below.inputs[0].frame is not None:
                own, is_past = below.inputs[0].frame, True
            for child in below.inputs:
                if below.operation.kind == "crossing":
                    self.place(child, own).is_kept = True
                stack.append((child, own, is_past))

    def _is_mixed(self, node: Node) -> bool:
        if node not in self._mixed:
            self._mixed[node] = node.operation.kind == "cross_section" or any(map(self._is_mixed, node.inputs))
        return self._mixed[node]

    def tolerance_of(self, node: Node) -> float:
        """Return how close two sides of a comparison count as equal."""
        exactly = self.is_exact or all(child.is_selection for child in node.inputs)
        return 0.0 if exactly else element.TOLERANCE

    def _computed(self, node: Node, domain: Domain) -> Register:
        kind, operation = node.operation.kind, node.operation
        if operation is op.CONSTANT:
            return self.new_register(domain, constant=node.parameters[0])
        if operation is op.FIELD:
            name = node.parameters[0]
            return self.base_field(name) if domain.frame == BASE else domain.fields[name]
        if operation is op.SERIES:
            return self.series(node.parameters[0])
        if operation is op.NAMED:
            return self.place(node.inputs[0], domain.frame)
        if operation is op.LATEST:
            (child,) = node.inputs
            if child.frame is None:
                return self.place(child, domain.frame)
            return self._read_as_of(self.place(child, child.frame), domain)
        if operation is op.SESSION:
            return self._clock(SESSION_CLOCKS[node.parameters[0]], domain)
        if kind == "kernel":
            return self._kernel(node, domain)
        inputs = [self.place(child, domain.frame) for child in node.inputs]
        out = self.new_register(domain)
        if kind == "crossing":
            self._crossing(node, inputs, out)
        elif kind == "cross_section":
            self._cross_section(node, inputs[0], out)
        else:
            self._cell(node, inputs, out)
        return out

    def _add(
        self,
        function: Any,
        reads: Sequence[Register],
        writes: Sequence[Register],
        arguments: Callable[[Views], tuple[Any, ...]],
        *states: tuple[Floats, float],
        is_cell: bool = False,
    ) -> None:
        domains = (writes[0].domain,)
        self.instructions.append(
            Instruction(function, domains, tuple(reads), tuple(writes), arguments, list(states), is_cell)
        )

    def _cell(self, node: Node, inputs: list[Register], out: Register) -> None:
        domain, operation = out.domain, node.operation
        code = element.MASK if operation is op.ON_FRAME else operation.code
        # Where every operand is known without bars (clocks, constants) so is the result; nothing to mask.
        exists = domain.fields["exists"] if node.frame is not None else self._ones(domain)
        a, b, c = (inputs * 3)[:3]  # an operation passes over the operands it does not take
        reads, writes = (exists, *inputs), (out,)
        if operation in op.COMPARISONS:
            tolerance = np.array([self.tolerance_of(node)])
            self._add(
                element.compare,
                reads,
                writes,
                lambda v: (code, tolerance, v.flat(a), v.flat(b), v.flat(out)),
                is_cell=True,
            )
        elif operation in (*op.LOGIC, op.KNOWN, op.WHERE):
            self._add(
                element.decide,
                reads,
                writes,
                lambda v: (code, v.flat(exists), v.flat(a), v.flat(b), v.flat(c), v.flat(out)),
                is_cell=True,
            )
        else:
            self._add(
                element.arithmetic,
                reads,
                writes,
                lambda v: (code, v.flat(exists), v.flat(a), v.flat(b), v.flat(out)),
                is_cell=True,
            )

    def _crossing(self, node: Node, inputs: list[Register], out: Register) -> None:
        exists, tolerance = out.domain.fields["exists"], np.array([self.tolerance_of(node)])
        above, below = inputs if node.operation is op.CROSSED_ABOVE else reversed(inputs)
        state = np.zeros((1, self.columns))
        self._add(
            element.crossing,
            (exists, *inputs),
            (out,),
            lambda v: (tolerance, v.panel(exists), v.panel(above), v.panel(below), state, v.panel(out)),
            (state, 0.0),
        )

    def _cross_section(self, node: Node, values: Register, out: Register) -> None:
        operation, reads, writes = node.operation, (values,), (out,)
        if operation is op.ZSCORE:
            flat = np.array([s.number(v) for s, v in zip(operation.settings, node.parameters, strict=True)])
            self._add(cross_section.cross_zscore, reads, writes, lambda v: (v.panel(values), flat, v.panel(out)))
        elif operation is op.RANK:
            work = np.zeros(self.columns)
            self._add(cross_section.cross_rank, reads, writes, lambda v: (v.panel(values), work, v.panel(out)))
        else:
            groups, sums = self._group(node.parameters[0]), np.zeros(2 * self.columns)
            self._add(
                cross_section.cross_demean,
                reads,
                writes,
                lambda v: (v.panel(values), groups, sums, v.panel(out)),
            )

    def _group(self, name: str) -> np.ndarray:
        if not name:
            return np.zeros(self.columns, dtype=np.int64)
        if name not in self.groups:
            raise UnknownNameError("grouping", name, self.groups, where="compile_program(groups=...)")
        return self.groups[name]

    def _kernel(self, node: Node, domain: Domain) -> Register:
        kernel = KERNELS[node.operation.kernel]
        inputs = [domain.fields["exists"], *(self.place(child, domain.frame) for child in node.inputs)]
        vector = kernel_parameters(node)
        key = (kernel.name, domain.index, *(register.number for register in inputs), *vector)
        if key not in self._calls:
            outputs = [self.new_register(domain) for _ in kernel.outputs]
            self._calls[key] = outputs
            parameters = np.array(vector, dtype=np.float64)
            state = np.zeros((kernel.state_rows(vector), self.columns))
            clocks = kernel.clock_inputs
            domain.needs_clocks |= bool(clocks)

            def arguments(v: Views) -> tuple[Any, ...]:
                panels = [v.panel(register) for register in inputs]
                panels += [domain.clocks[name][: domain.rows] for name in clocks]
                return tuple(panels), state, parameters, tuple(v.panel(register) for register in outputs)

            self._add(kernel.advance, inputs, outputs, arguments, (state, 0.0))
        return self._calls[key][node.operation.kernel_output + node.output]

    def _read_as_of(self, source: Register, domain: Domain) -> Register:
        self.reads_ends = True
        out, read = self.new_register(domain), source.domain
        exists, last = read.fields["exists"], np.full(self.columns, np.nan)

        def arguments(v: Views) -> tuple[Any, ...]:
            ends = read.end_ns[: read.rows], domain.end_ns[: domain.rows]
            return ends[0], v.panel(exists), v.panel(source), ends[1], last, v.panel(out)

        self.instructions.append(
            Instruction(frames.read_as_of, (read, domain), (exists, source), (out,), arguments, [(last, np.nan)])
        )
        return out

    def _clock(self, name: str, domain: Domain) -> Register:
        out = self.new_register(domain)
        domain.needs_clocks = True
        self._add(frames.spread_clock, (), (out,), lambda v: (domain.clocks[name][: domain.rows], v.panel(out)))
        return out

    def _ones(self, domain: Domain) -> Register:
        key = ("ones", domain.index)
        if key not in self._calls:
            self._calls[key] = [self.new_register(domain, constant=1.0)]
        return self._calls[key][0]
