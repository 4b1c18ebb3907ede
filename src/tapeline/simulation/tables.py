"""The arrays of one account's book, and how they grow.

Shapes: S strategies, N symbols. The records are those of `records`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.experimental import structref

from tapeline.domain.instrument import Instrument
from tapeline.domain.panel import Floats
from tapeline.indicators.compiled import compiled
from tapeline.simulation.building import symbol_rows
from tapeline.simulation.limit_rows import limit_rows
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.market import SYMBOL, borrowed
from tapeline.simulation.records import (
    ACCOUNT,
    DAY,
    EXECUTION,
    HOLDING_RECORD,
    INTENT,
    LIMITS,
    ROUND_TRIP,
    STRATEGY,
    TICKET,
)
from tapeline.simulation.references import COUNTED, Reference, define_reference
from tapeline.simulation.settings import RunSettings

Records = npt.NDArray[Any]

INTENTS_PER_HOLDING = 8
"""The most instructions one holding can need in one slice: three cancels, a partial sale, a new pair, and two more
 by code that changes its mind."""

NO_DAY = -(2**63)
NEVER_NS = -(2**62)  # so long ago that every age is too old, and that a difference fits 64 bits

POSITION_FIELD_COUNT = 11
"""Length of the vector behind `position.*`; the names are formula's POSITION_FIELDS."""


class Tables(NamedTuple):
    """The arrays of a book, in the order in which the compiled functions know them."""

    account: Records
    positions: Floats  # [N] shares of the account, over all strategies
    marks: Floats  # [N] last close with volume of what is held, else the last fill
    prices: Floats  # [N] last close
    symbols: Records  # [N] contract facts, as the market knows them
    states: npt.NDArray[np.int8]  # [S, N] FLAT, ENTERING, HOLDING, EXITING
    holdings: Records  # [S, N]
    tickets: Records
    intents: Records  # of the present slice
    executions: Records
    round_trips: Records
    strategies: Records  # [S]
    rules: npt.NDArray[np.int64]  # [S, rules, 3] register in the table, or first and last cell instruction
    limits: Records  # [1 + S]
    days: Records  # [1 + S]
    groups: npt.NDArray[np.int64]  # [N] number of the symbol's sector, -1 = none known
    priced_ns: npt.NDArray[np.int64]  # [N] end of the last slice with a price, where a limit asks for it
    foreign: Floats  # [2, N] what orders of others at the account's venue may still buy and sell
    outside: Floats  # [N] shares of the account that no strategy holds
    sums: Floats  # [7] work array of the limits
    code: npt.NDArray[np.int64]
    constants: Floats
    stack: Floats
    fields: Floats
    scores: Floats  # [N] work array of the ranking
    candidates: npt.NDArray[np.int64]  # [N] likewise


class BookType(Reference):
    """Numba's view of a book: one reference to its arrays."""


class Book(structref.StructRefProxy):  # type: ignore[misc]  # Numba carries no types
    """One account's book; compiled code reads `book.positions[symbol]`, Python `book.fixed.positions`."""

    @property
    def tables(self) -> Tables:
        """All arrays as they are now, spare rows included."""
        return Tables(*_tables(self))

    @property
    def tickets(self) -> Records:
        """The tickets as they are now, spare rows included; much cheaper than all arrays for it."""
        found: Records = _tickets(self)
        return found

    @cached_property
    def fixed(self) -> Tables:
        """The arrays that never move, got once; those that grow are empty here."""
        none = np.empty(0)
        return self.tables._replace(tickets=none, executions=none, round_trips=none)

    def rows(self, name: str) -> Records:
        """Return the used rows of `tickets`, `executions`, `round_trips` or `intents`."""
        tables = self.fixed if name == "intents" else self.tables
        found: Records = getattr(tables, name)[: int(tables.account[0][name])]
        return found


define_reference(BookType, Book)

_KINDS: dict[str, Any] = {
    "account": numba.from_dtype(ACCOUNT)[::1],
    "symbols": numba.from_dtype(SYMBOL)[::1],
    "holdings": numba.from_dtype(HOLDING_RECORD)[:, ::1],
    "tickets": numba.from_dtype(TICKET)[::1],
    "intents": numba.from_dtype(INTENT)[::1],
    "executions": numba.from_dtype(EXECUTION)[::1],
    "round_trips": numba.from_dtype(ROUND_TRIP)[::1],
    "strategies": numba.from_dtype(STRATEGY)[::1],
    "limits": numba.from_dtype(LIMITS)[::1],
    "days": numba.from_dtype(DAY)[::1],
    "groups": types.int64[::1],
    "priced_ns": types.int64[::1],
    "foreign": types.float64[:, ::1],
    "states": types.int8[:, ::1],
    "rules": types.int64[:, :, ::1],
    "code": types.int64[:, ::1],
    "candidates": types.int64[::1],
}
_GROWING = ("tickets", "executions", "round_trips")
_MOVING = (
    "account", "positions", "marks", "prices", "states", "holdings", *_GROWING, "days", "priced_ns", "foreign",
    "outside",
)  # fmt: skip
_ARRAYS = {name: _KINDS.get(name, types.float64[::1]) for name in Tables._fields}
_FIXED = types.Tuple([kind for name, kind in _ARRAYS.items() if name not in _GROWING])
BOOK = BookType([*_ARRAYS.items(), *((f"{name}_owner", _ARRAYS[name]) for name in _GROWING), ("fixed_owner", _FIXED)])


@compiled(**COUNTED)
def keep_tickets(book: Any, tickets: Any) -> None:
    book.tickets_owner = tickets
    book.tickets = borrowed(tickets)


@compiled(**COUNTED)
def keep_executions(book: Any, executions: Any) -> None:
    book.executions_owner = executions
    book.executions = borrowed(executions)


@compiled(**COUNTED)
def keep_round_trips(book: Any, round_trips: Any) -> None:
    book.round_trips_owner = round_trips
    book.round_trips = borrowed(round_trips)


@compiled(entry=True, **COUNTED)
def _bind(
    account: Any, positions: Any, marks: Any, prices: Any, symbols: Any, states: Any, holdings: Any,
    tickets: Any, intents: Any, executions: Any, round_trips: Any, strategies: Any, rules: Any, limits: Any,
    days: Any, groups: Any, priced_ns: Any, foreign: Any, outside: Any, sums: Any,
    code: Any, constants: Any, stack: Any, fields: Any, scores: Any, candidates: Any,
) -> Any:  # fmt: skip
    # the book owns the arrays and works on borrowed views of them, as the market does
    book = structref.new(BOOK)
    book.fixed_owner = (
        account, positions, marks, prices, symbols, states, holdings, intents, strategies, rules, limits,
        days, groups, priced_ns, foreign, outside, sums,
        code, constants, stack, fields, scores, candidates,
    )  # fmt: skip
    book.account = borrowed(account)
    book.positions = borrowed(positions)
    book.marks = borrowed(marks)
    book.prices = borrowed(prices)
    book.symbols = borrowed(symbols)
    book.states = borrowed(states)
    book.holdings = borrowed(holdings)
    book.intents = borrowed(intents)
    book.strategies = borrowed(strategies)
    book.rules = borrowed(rules)
    book.limits = borrowed(limits)
    book.days = borrowed(days)
    book.groups = borrowed(groups)
    book.priced_ns = borrowed(priced_ns)
    book.foreign = borrowed(foreign)
    book.outside = borrowed(outside)
    book.sums = borrowed(sums)
    book.code = borrowed(code)
    book.constants = borrowed(constants)
    book.stack = borrowed(stack)
    book.fields = borrowed(fields)
    book.scores = borrowed(scores)
    book.candidates = borrowed(candidates)
    keep_tickets(book, tickets)
    keep_executions(book, executions)
    keep_round_trips(book, round_trips)
    return book


@compiled(entry=True, **COUNTED)
def _tables(book: Any) -> Any:
    (
        account, positions, marks, prices, symbols, states, holdings, intents, strategies, rules, limits,
        days, groups, priced_ns, foreign, outside, sums,
        code, constants, stack, fields, scores, candidates,
    ) = book.fixed_owner  # fmt: skip
    return (
        account, positions, marks, prices, symbols, states, holdings, book.tickets_owner, intents,
        book.executions_owner, book.round_trips_owner, strategies, rules, limits,
        days, groups, priced_ns, foreign, outside, sums,
        code, constants, stack, fields, scores, candidates,
    )  # fmt: skip


@compiled(entry=True, **COUNTED)
def _tickets(book: Any) -> Any:
    return book.tickets_owner


@compiled(entry=True, **COUNTED)
def ensure_room(book: Any) -> None:
    """Let the tables grow that one more slice could overfill. Old references to their rows go stale."""
    account = book.account[0]
    most = len(book.intents)
    if account.tickets + most > len(book.tickets):
        tickets = np.empty(4 * len(book.tickets) + most, dtype=TICKET)
        for row in range(account.tickets):  # a slice would bring the compiler's text formatting into all callers
            tickets[row] = book.tickets[row]
        keep_tickets(book, tickets)
    if account.executions + 2 * most > len(book.executions):
        executions = np.empty(4 * len(book.executions) + 2 * most, dtype=EXECUTION)
        for row in range(account.executions):
            executions[row] = book.executions[row]
        keep_executions(book, executions)
    if account.round_trips + most > len(book.round_trips):
        round_trips = np.empty(4 * len(book.round_trips) + most, dtype=ROUND_TRIP)
        for row in range(account.round_trips):
            round_trips[row] = book.round_trips[row]
        keep_round_trips(book, round_trips)


def _blank(rows: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.zeros(rows, dtype=dtype)


def new_book(
    instruments: Sequence[Instrument],
    settings: RunSettings,
    strategies: npt.NDArray[Any],
    rules: npt.NDArray[np.int64],
    code: npt.NDArray[np.int64],
    constants: npt.NDArray[np.float64],
    stack_size: int,
    strategy_limits: Sequence[Limits | None] = (),
) -> Book:
    """Return an empty book with the account's cash.

    strategies, rules, code, constants, stack_size : what `engine.assembly` made of the strategies
    strategy_limits : the bounds of each, None = none of its own
    """
    symbols = len(instruments)
    account = _blank(1, ACCOUNT)
    account[0]["cash"] = account[0]["equity"] = settings.account.cash
    holdings = np.zeros((len(strategies), symbols), dtype=HOLDING_RECORD)
    for name in ("entry_price", "risk", "stop_price", "initial_stop", "target_price", "trail", "highest", "lowest"):
        holdings[name] = np.nan
    for name in ("entry_ticket", "stop_ticket", "target_ticket", "exit_ticket", "part_ticket", "entry_session"):
        holdings[name] = -1
    limits = limit_rows(settings, strategy_limits or [None] * len(strategies))
    days = _blank(len(limits), DAY)
    days["session"] = NO_DAY
    days[0]["worth"] = settings.account.cash
    cells = len(strategies) * symbols
    tables = Tables(
        account=account,
        positions=np.zeros(symbols),
        marks=np.full(symbols, np.nan),
        prices=np.full(symbols, np.nan),
        symbols=symbol_rows(instruments),
        states=np.zeros((len(strategies), symbols), dtype=np.int8),
        holdings=holdings,
        tickets=_blank(INTENTS_PER_HOLDING * cells + 64, TICKET),
        intents=_blank(INTENTS_PER_HOLDING * cells, INTENT),
        executions=_blank(2 * INTENTS_PER_HOLDING * cells + 64, EXECUTION),
        round_trips=_blank(INTENTS_PER_HOLDING * cells + 64, ROUND_TRIP),
        strategies=strategies,
        rules=rules,
        limits=limits,
        days=days,
        groups=np.full(symbols, -1, dtype=np.int64),
        priced_ns=np.full(symbols, NEVER_NS, dtype=np.int64),
        foreign=np.zeros((2, symbols)),
        outside=np.zeros(symbols),
        sums=np.zeros(7),
        code=code,
        constants=constants,
        stack=np.zeros(max(stack_size, 1)),
        fields=np.zeros(POSITION_FIELD_COUNT),
        scores=np.zeros(symbols),
        candidates=np.zeros(symbols, dtype=np.int64),
    )
    book: Book = _bind(*tables)
    return book


def state_of(book: Book) -> dict[str, Records]:
    """Return the tables that change while a run goes on, those that grow without their spare rows."""
    return {name: book.rows(name) if name in _GROWING else getattr(book.fixed, name) for name in _MOVING}


def with_state(book: Book, state: Mapping[str, Records]) -> Book:
    """Return a book of the same settings in another one's state; tables that do not grow stay where they are."""
    tables = book.tables
    grown = {}
    for name in _MOVING:
        kept, table = state[name], getattr(tables, name)
        if len(kept) > len(table):
            table = grown[name] = np.zeros(2 * len(kept), table.dtype)
        table[: len(kept)] = kept
    new: Book = _bind(*tables._replace(**grown))
    return new


def copies_of(book: Book, count: int) -> list[Book]:
    """Return books of their own that are in the same state. Tables of one kind lie side by side until they grow."""
    blocks = (np.broadcast_to(table, (count, *table.shape)).copy() for table in book.tables)
    return [_bind(*tables) for tables in zip(*blocks, strict=True)]
