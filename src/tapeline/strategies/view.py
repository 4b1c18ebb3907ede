"""What free-form code is shown at the end of a slice, and the verbs it has.

Every formula of the strategy is an array over symbols, float64 [N]; conditions are 1.0, 0.0 and NaN (unknown), and
a verb acts only where a condition is true. Nothing later than the slice can be reached from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.panel import Floats
from tapeline.domain.times import MINUTE
from tapeline.domain.words import Limit, Purpose
from tapeline.simulation.records import FLAT, HOLDING
from tapeline.simulation.sizing import SIZE_FIXED, deny, enter
from tapeline.simulation.tables import Book, ensure_room
from tapeline.simulation.verbs import close_holding, move_stop, scale_out_holding
from tapeline.strategies.rules import SessionWindow

SIZE, VOLATILITY = "_size", "_volatility"
"""Names under which a strategy's `size` stands among its formulas; no class attribute can clash with them."""

INSTRUCTIONS_PER_VERB = 3
"""The most that one verb needs for a symbol: a bracket's three orders, or an exit with its two cancels."""

INSTRUCTIONS_PER_SCALE_OUT = 6
"""Three cancels, a sale and a new pair."""

HOLDING_FIELDS = (
    "quantity",
    "entered_quantity",
    "entry_price",
    "stop_price",
    "target_price",
    "risk",
    "highest",
    "lowest",
    "entry_session",
    "pending_notional",
)

_NOTES = (bool, int, float, str, Decimal, np.bool_, np.integer, np.floating)

Where = str | int | npt.NDArray[Any] | bool


class SliceView:
    """One moment, as a free-form strategy sees it.

    time_ns : end of the slice; symbols : names in column order; symbol_count : how many
    session : position of the slice's session in the calendar's whole history, -1 without sessions
    session_open_ns, session_close_ns : when it begins and ends, zero without sessions
    may_enter : whether the strategy's windows allow entries now
    Formulas stand as attributes under the names the class gave them, parts of a group as `now.band.upper`.
    """

    time_ns: int
    session: int

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a formula's values by its name."""

    def __init__(
        self,
        symbols: tuple[str, ...],
        strategy: int,
        size_kind: int,
        rows: dict[str, int],
        window: SessionWindow | None = None,
        flat_before_close_minutes: float | None = None,
    ) -> None:
        self._window, self._flat_minutes = window, flat_before_close_minutes
        self.may_enter = self._may_act = True
        self.notes: dict[int, dict[str, bool | float | str]] = {}
        self.symbols = symbols
        self.symbol_count = len(symbols)
        self._columns = {symbol: column for column, symbol in enumerate(symbols)}
        self._strategy, self._size_kind = strategy, size_kind
        self._size_row, self._volatility_row = rows[SIZE], rows.get(VOLATILITY, -1)
        self._places: list[tuple[Any, str, int]] = []
        for name, register in rows.items():
            if name in (SIZE, VOLATILITY):
                continue
            group, dot, part = name.partition(".")
            if dot and not hasattr(self, group):
                setattr(self, group, SimpleNamespace())
            self._places.append((getattr(self, group) if dot else self, part or group, register))

    def turn_to(self, time_ns: int, session: int, open_ns: int, close_ns: int) -> None:
        """Set the moment, and whether the strategy's windows allow entries at it. Called by the engine."""
        self.time_ns, self.session, self.session_open_ns, self.session_close_ns = time_ns, session, open_ns, close_ns
        if session < 0 or (self._window is None and self._flat_minutes is None):
            return
        since_open, to_close = (time_ns - open_ns) / MINUTE, (close_ns - time_ns) / MINUTE
        window, flat = self._window, self._flat_minutes
        early = window is not None and since_open < window.after_open_minutes
        late = window is not None and to_close <= window.before_close_minutes
        self.may_enter = not (early or late or (flat is not None and to_close <= flat))

    def show(
        self, values: Floats, exists: Floats, row: int, book: Book, settle: Callable[[], None], *, may_act: bool = True
    ) -> None:
        """Turn to another moment. Called by the engine.

        settle : plays the market up to it; may_act : False for one of the past, at which every verb does nothing
        """
        self._may_act = may_act
        for owner, name, register in self._places:
            setattr(owner, name, values[register, row].copy())  # the table is used again for later rows
        self._values, self._exists, self._row, self._book, self._settle = values, exists, row, book, settle
        self.notes.clear()

    @property
    def has_bar(self) -> npt.NDArray[np.bool_]:
        """Which symbols have a bar of the decision frame now, bool [N]."""
        known: npt.NDArray[np.bool_] = self._exists[self._row] == 1.0
        return known

    @property
    def quantity(self) -> Floats:
        """What this strategy holds of each symbol, float64 [N], negative when short. A copy."""
        self._settle()
        held: Floats = self._book.fixed.holdings["quantity"][self._strategy].copy()
        return held

    @property
    def quantity_step(self) -> Floats:
        """The smallest part of each symbol that can be traded, float64 [N]: 1 where only whole shares are. A copy."""
        steps: Floats = self._book.fixed.symbols["step"].copy()
        return steps

    @property
    def equity(self) -> float:
        """Equity of the account at the slice's closes."""
        self._settle()
        return float(self._book.fixed.account[0]["equity"])

    @property
    def cash(self) -> float:
        """Cash of the account."""
        self._settle()
        return float(self._book.fixed.account[0]["cash"])

    @property
    def tick(self) -> Floats:
        """The smallest step of each symbol's prices, float64 [N], in currency. A copy."""
        ticks: Floats = self._book.fixed.symbols["tick"].copy()
        return ticks

    @property
    def last_price(self) -> Floats:
        """The newest close of each symbol, float64 [N], NaN before the first. A copy."""
        self._settle()
        prices: Floats = self._book.fixed.prices.copy()
        return prices

    def holding(self, symbol: str | int = 0) -> dict[str, float]:
        """Return what the strategy knows of its holding of a symbol; NaN for what there is not.

        quantity, entered_quantity : held now, negative when short, and entered in all
        entry_price, stop_price, target_price : in currency; risk : from the entry to the first stop, per share
        highest, lowest : prices since the entry; entry_session : of the first fill; pending_notional : of an entry
        that is on its way
        """
        self._settle()
        record = self._book.fixed.holdings[self._strategy, self._column(symbol)]
        return {name: float(record[name]) for name in HOLDING_FIELDS}

    def can_change(self, symbol: str | int = 0) -> bool:
        """Return whether the strategy holds a symbol and no closing order or scale-out of it is under way."""
        self._settle()
        column = self._column(symbol)
        tables = self._book.fixed
        leaving = tables.holdings[self._strategy, column]["leaving"]
        return bool(tables.states[self._strategy, column] == HOLDING and leaving == 0)

    def last_round_trip(self, symbol: str | int = 0) -> dict[str, float] | None:
        """Return times, prices and results of the strategy's newest closed round trip in a symbol, None without one."""
        self._settle()
        column = self._column(symbol)
        for trip in self._book.rows("round_trips")[::-1]:
            if trip["strategy"] == self._strategy and trip["symbol"] == column:
                return {name: trip[name].item() for name in trip.dtype.names}
        return None

    def is_flat(self, symbol: str | int = 0) -> bool:
        """Return whether the strategy neither holds nor is entering a symbol."""
        self._settle()
        return bool(self._book.fixed.states[self._strategy, self._column(symbol)] == FLAT)

    def enter(
        self,
        where: Where,
        *,
        side: int = 1,
        quantity: float | Floats | None = None,
        stop: float | Floats | None = None,
        target: float | Floats | None = None,
        trail: float | Floats | None = None,
        limit: float | Floats | None = None,
    ) -> None:
        """Enter symbols that are flat and have a bar now: by name, by column, or where a condition is true.

        Outside the strategy's entry window, and when it has to be flat before the close, nothing is entered.

        side : 1 long, -1 short; quantity : a number or an array over symbols, None = the strategy's `size`
        stop, target : prices; trail : distance in currency; a number or an array over symbols. One that is given and
            unknown, or no price, denies the entry: that is no reason to go without it
        limit : the worst price to enter at, None = at the market; what has not filled when the session ends is over
        """
        if side not in (1, -1):
            raise InputError(f"now.enter: side must be 1 (long) or -1 (short), found {side!r}.")
        if stop is not None and trail is not None:
            raise InputError("now.enter: a bracket has one stop. Give stop or trail, not both.")
        columns = self._which(where)
        if not len(columns) or not self.may_enter:
            return
        self._settle()
        self._make_room(len(columns))
        tables = self._book.fixed
        index, row = self._strategy, self._row
        if side < 0 and not tables.limits[0]["short_allowed"]:
            raise InputError("now.enter: this account does not allow short sales. Use a margin account.")
        for column in columns:
            if tables.states[index, column] != FLAT or self._exists[row, column] != 1.0:
                continue
            if self._used(tables) >= tables.strategies[index]["positions_max"]:
                return
            if tables.account[0]["busy"] + tables.account[0]["external"] >= tables.limits[0]["positions_max"]:
                return
            levels = _at(stop, column), _at(target, column), _at(trail, column)
            worst = _at(limit, column)
            given = [value is not None for value in (stop, target, trail, limit)]
            if any(np.isnan(level) and asked for level, asked in zip((*levels, worst), given, strict=True)):
                levels = side * np.inf, np.nan, np.nan  # a stop beyond every price is the refusal that rules get
            enter(
                self._book,
                index,
                int(column),
                side,
                SIZE_FIXED if quantity is not None else self._size_kind,
                float(self._values[self._size_row, row, column]) if quantity is None else _at(quantity, column),
                float(self._values[self._volatility_row, row, column]) if self._volatility_row >= 0 else np.nan,
                *levels,
                worst,
                self.time_ns,
            )

    def refuse(self, where: Where, quantity: float | Floats, side: int = 1) -> None:
        """Record that an entry which a rule wanted was refused by another of the strategy's own rules.

        quantity : what was wanted; say why with `tell`
        """
        columns = self._which(where)
        self._settle()
        self._make_room(len(columns))
        for column in columns:
            wanted = _at(quantity, int(column))
            deny(self._book, self._strategy, int(column), side, wanted, int(Limit.OWN_RULE), self.time_ns)

    def tell(self, symbol: str | int, notes: Mapping[str, bool | float | str]) -> None:
        """Add notes to what the journal keeps of this slice's decision about a symbol: names with truths or numbers.

        Raises InputError for a note that a journal cannot hold.
        """
        for name, value in notes.items():
            if not isinstance(name, str) or not (value is None or isinstance(value, _NOTES)):
                raise InputError(
                    f"now.tell: a note is a text with a truth, a number or a text; found {name!r} with"
                    f" {type(value).__name__} {value!r}."
                )
        self.notes.setdefault(self._column(symbol), {}).update(notes)

    def exit(self, where: Where) -> None:
        """Close holdings at the market: by name, by column, or where a condition is true. Flat symbols stay flat."""
        columns = self._which(where)
        if not len(columns):
            return
        self._settle()
        self._make_room(len(columns))
        states = self._book.fixed.states[self._strategy]
        for column in columns:
            if states[column] != FLAT:
                close_holding(self._book, self._strategy, int(column), int(Purpose.EXIT_RULE), self.time_ns)

    def scale_out(
        self,
        where: Where,
        fraction: float | Floats,
        *,
        stop: float | Floats | None = None,
        keep_target: bool = True,
    ) -> None:
        """Sell a part of holdings at the market, and protect the rest by a new pair that replaces the old one.

        Nothing happens where the part is less than one step, the whole, or where something else is under way.

        fraction : of what is held now; stop : where the new stop stands if that is tighter than the old one
        keep_target : False = the rest has a stop only
        """
        columns = self._which(where)
        if not len(columns):
            return
        self._settle()
        self._make_room(len(columns), INSTRUCTIONS_PER_SCALE_OUT)
        for column in columns:
            part = _at(fraction, int(column))
            if self._book.fixed.states[self._strategy, column] == HOLDING and part > 0.0:
                level = _at(stop, int(column))
                scale_out_holding(self._book, self._strategy, int(column), part, level, not keep_target, self.time_ns)

    def set_stop(self, where: Where, price: float | Floats) -> None:
        """Tighten the stops of holdings to a price; one without a stop, or whose stop is nearer, stays as it is."""
        columns = self._which(where)
        if not len(columns):
            return
        self._settle()
        self._make_room(len(columns))
        states = self._book.fixed.states[self._strategy]
        for column in columns:
            if states[column] == HOLDING:
                move_stop(self._book, self._strategy, int(column), _at(price, column), self.time_ns)

    def _make_room(self, symbols: int, instructions: int = INSTRUCTIONS_PER_VERB) -> None:
        ensure_room(self._book)
        tables = self._book.fixed
        if tables.account[0]["intents"] + instructions * symbols > len(tables.intents):
            raise InputError(
                f"The strategy gave {int(tables.account[0]['intents'])} instructions in one slice, more than its"
                " holdings can need. Call each verb once for a symbol and slice."
            )

    def _used(self, tables: Any) -> int:
        return int(np.count_nonzero(tables.states[self._strategy] != FLAT))

    def _column(self, symbol: str | int) -> int:
        if isinstance(symbol, str):
            if symbol not in self._columns:
                raise UnknownNameError("symbol", symbol, self._columns, where="the run")
            return self._columns[symbol]
        if not 0 <= symbol < self.symbol_count:
            raise InputError(f"Column {symbol} is outside 0 to {self.symbol_count - 1}.")
        return int(symbol)

    def _which(self, where: Where) -> npt.NDArray[np.int64] | tuple[int, ...]:
        if not self._may_act:
            return ()
        if isinstance(where, np.ndarray):
            if where.shape != (self.symbol_count,):
                raise InputError(
                    f"A condition over symbols has shape {where.shape}; {self.symbol_count} symbols need"
                    f" ({self.symbol_count},)."
                )
            if where.dtype != np.bool_:
                where = where == 1.0
            return np.flatnonzero(where)
        if isinstance(where, (bool, np.bool_)):
            return tuple(range(self.symbol_count)) if where else ()
        return (self._column(where),)


def _at(value: float | Floats | None, column: int) -> float:
    if value is None:
        return np.nan
    if isinstance(value, np.ndarray):
        return float(value[column])
    return float(value)
