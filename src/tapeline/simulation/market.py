"""The simulated market's memory: what it knows about an account, its orders and its instruments.

The structured dtypes below are the schema; compiled functions read and write them and nothing else. A
`Market` is one account ("lane") with N symbols. It is handed about as one reference, which compiled code
opens like a record of arrays: `market.positions[symbol]`, `market.orders[number]["filled"]`,
`market.state[0].active_count`. (A NamedTuple of the same arrays costs 5 ns per array and call, 70 ns for
each step of a fill.)

The tables of orders, active orders, waiting instructions and events grow by themselves, by doubling. So read
`market.orders`, `market.active`, `market.waiting` and `market.events` anew after `submit`, `cancel`,
`replace`, `play_slice` and `finish`, and keep no row of theirs over such a call; the other arrays stay where
they are.

Numbers. Prices and quantities are float64, but always the one nearest to a multiple of the tick or step:
they are computed as whole ticks and steps and divided last. Cash is whole units plus a fraction, the
fraction rounded to 1e-12 after every change, so that no error ever adds up; `cash_of` in `amounts.py` gives
the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.experimental import structref
from numba.extending import intrinsic

from tapeline.domain.panel import Floats, Times
from tapeline.indicators.compiled import compiled
from tapeline.simulation.references import COUNTED, Reference, define_reference

FOREVER_NS = np.iinfo(np.int64).max
# NumPy integers, because the compiler makes a version of a function for each Python one it is called with
NO_ORDER: Any = np.int64(-1)
NO_SYMBOL: Any = np.int64(-1)

# One row: the account, its rules and the counters of the tables.
STATE = np.dtype(
    [
        ("cash_whole", np.float64),  # whole units of currency
        ("cash_fraction", np.float64),  # in [0, 1), a multiple of 1e-12
        ("leverage", np.float64),
        ("participation", np.float64),
        ("slippage_rate", np.float64),  # bps / 10,000 | half the spread | k
        ("initial_sigma", np.float64),
        ("borrow_rate", np.float64),
        ("interest_rate", np.float64),
        ("now_ns", np.int64),  # time of what is happening, see EVENT
        ("bar_end_ns", np.int64),  # of the slice that is played, 0 by the clock
        ("known_ns", np.int64),  # decisions up to here have been made
        ("slice_start_ns", np.int64),
        ("slice_end_ns", np.int64),
        ("sequence", np.int64),  # of the next instruction
        ("order_count", np.int64),
        ("active_count", np.int64),  # orders in `active`
        ("waiting_first", np.int64),  # instructions in `waiting[waiting_first:waiting_end]`
        ("waiting_end", np.int64),
        ("event_count", np.int64),
        ("next_arrival_ns", np.int64),  # of the first waiting instruction, else FOREVER_NS
        ("next_expiry_ns", np.int64),  # no active order expires before
        ("next_open_ns", np.int64),  # of the first session that has not opened
        ("session", np.int64),  # newest session that has opened, -1 before the first
        ("session_open_ns", np.int64),
        ("session_close_ns", np.int64),
        ("next_action", np.int64),  # first row of `actions` still to come
        ("slice_number", np.int64),  # counts slices that were played in full
        ("late_slice", np.int64),  # slice in which a child acts in step 2d
        ("history_length", np.int64),  # ring length per symbol, 0 = none is kept
        ("stage", np.int8),  # Stage of what is happening
        ("slippage_model", np.int8),  # SLIPPAGE_*
        ("is_margin", np.bool_),
        ("short_allowed", np.bool_),
        ("limit_touch", np.bool_),
        ("limits_first", np.bool_),
        ("round_commission", np.bool_),
        ("plays_late", np.bool_),  # step 2d, not 2a and 2b
        ("untidy", np.bool_),  # `active` holds ended orders or is out of order
    ],
    align=True,
)

SLIPPAGE_NONE, SLIPPAGE_BPS, SLIPPAGE_SPREAD, SLIPPAGE_VOLATILITY, SLIPPAGE_IMPACT = 0, 1, 2, 3, 4

# One row per order ever submitted; its row is its number. Side, type, status, reason and role are the values
# of the enums in domain/words.py. Times in UTC nanoseconds. NaN = no such price.
ORDER = np.dtype(
    [
        ("quantity", np.float64),  # total; a bracket's child: what it has filled and still works for
        ("filled", np.float64),
        ("notional", np.float64),  # sum of quantity * price over its executions
        ("commission", np.float64),
        ("limit_price", np.float64),
        ("stop_price", np.float64),
        ("trail_amount", np.float64),
        ("trail_percent", np.float64),
        ("extreme", np.float64),  # trailing stop; NaN until there is a reference
        ("bar_price", np.float64),  # market price of the last fill in slice `bar_slice`, before slippage
        ("bar_by_stop", np.float64),  # filled inside that slice by a stop
        ("bar_by_limit", np.float64),  # filled inside that slice at a limit, or on arriving inside it
        ("decided_ns", np.int64),
        ("accepted_ns", np.int64),  # when the submit arrives
        ("arrival_ns", np.int64),  # rank: its own, its activation's or its last replace's
        ("sequence", np.int64),  # rank within one arrival
        ("expire_ns", np.int64),  # when the clock ends it; before arrival: as submitted
        ("auction_ns", np.int64),  # on-open and on-close: the session's open or close
        ("ended_ns", np.int64),  # 0 while it works
        ("bar_slice", np.int64),  # slice of its last fill
        ("born_slice", np.int64),  # child: slice whose open activated it
        ("late_slice", np.int64),  # child: slice in which it acts after its entry, in step 2d
        ("idle_slice", np.int64),  # slice in which it must not act any more
        ("group", np.int64),  # one-cancels-other group, -1 = none
        ("parent", np.int64),  # number of the entry, -1 = none
        ("stop_child", np.int64),  # number of the bracket's stop, -1 = none
        ("target_child", np.int64),
        ("symbol", np.int64),
        ("side", np.int8),
        ("order_type", np.int8),
        (
            "acts_as",
            np.int8,
        ),  # AS_*: a triggered stop acts as a market order, a triggered stop limit as a limit
        ("time_in_force", np.int8),
        ("status", np.int8),
        ("reason", np.int8),
        ("role", np.int8),
        ("triggered", np.bool_),
        ("dormant", np.bool_),  # child of an entry without a fill
        ("immediate", np.bool_),  # IOC or FOK
        ("slips", np.bool_),  # pays slippage
    ],
    align=True,
)

_acts: Any = [np.int64(code) for code in range(5)]
AS_MARKET, AS_LIMIT, AS_STOP, AT_OPEN, AT_CLOSE = _acts

# Instructions on their way, ordered by arrival, then sequence. For a submit only the order's number counts.
INSTRUCTION = np.dtype(
    [
        ("arrival_ns", np.int64),
        ("sequence", np.int64),
        ("decided_ns", np.int64),
        ("order", np.int64),
        ("quantity", np.float64),  # replace: NaN = unchanged
        ("limit_price", np.float64),
        ("stop_price", np.float64),
        ("trail_amount", np.float64),
        ("trail_percent", np.float64),
        ("expire_ns", np.int64),  # replace: -1 = unchanged
        ("time_in_force", np.int8),  # replace: -1 = unchanged
        ("kind", np.int8),  # SUBMIT, CANCEL, REPLACE
    ],
    align=True,
)

SUBMIT, CANCEL, REPLACE = 0, 1, 2
VOIDED = -1  # order of an instruction that does nothing any more

# The log: everything that happened, in order. Kinds are those of EventKind.
EVENT = np.dtype(
    [
        ("time_ns", np.int64),  # fills: open = start of the bar, inside and close = its end
        ("bar_end_ns", np.int64),  # 0 = by the clock, outside a bar
        ("order", np.int64),  # -1 = none
        ("quantity", np.float64),  # FILL: of the execution, unsigned; ACCEPTED, REPLACED: the order's total
        ("leaves", np.float64),  # what the order still works for
        ("price", np.float64),  # FILL
        ("commission", np.float64),  # FILL
        ("amount", np.float64),  # BORROW to FRACTION_PAID: change of cash; SPLIT: new / old
        ("symbol", np.int64),  # -1 = none
        ("kind", np.int8),
        ("stage", np.int8),  # Stage
        ("side", np.int8),  # of the order, 0 = none
        ("reason", np.int8),  # Reason
    ],
    align=True,
)

# One row per symbol. tick = tick_numerator / tick_denominator exactly, step likewise.
SYMBOL = np.dtype(
    [
        ("tick_numerator", np.int64),
        ("tick_denominator", np.int64),
        ("step_numerator", np.int64),
        ("step_denominator", np.int64),
        ("tick", np.float64),
        ("step", np.float64),
        ("tolerance", np.float64),  # prices closer than this are equal: a millionth of a tick
        ("last_fill_price", np.float64),  # NaN before the first
        ("share_left", np.float64),  # what participation leaves in slice `share_slice`
        ("share_slice", np.int64),
        ("history_count", np.int64),
        ("session_close", np.float64),  # last close of the running session; NaN: not traded in it
    ],
    align=True,
)

SESSION = np.dtype(
    [
        ("open_ns", np.int64),
        ("close_ns", np.int64),
        ("last_bar_start_ns", np.int64),
    ],
    align=True,
)

# Corporate actions in the order they happen: by session, dividends before splits.
ACTION = np.dtype(
    [
        ("session", np.int64),
        ("amount", np.float64),  # dividend per share
        ("new", np.float64),
        ("old", np.float64),
        ("symbol", np.int64),
        ("is_split", np.bool_),
    ],
    align=True,
)

# Parts of the commission; each is rounded by itself.
COMPONENT = np.dtype(
    [
        ("rate", np.float64),
        ("minimum", np.float64),
        ("maximum", np.float64),  # PER_SHARE: part of the notional; SALE_SHARE: amount per execution
        ("from_ns", np.int64),  # holds for bar ends in [from_ns, until_ns)
        ("until_ns", np.int64),
        ("kind", np.int8),
    ],
    align=True,
)

PERCENT, PER_SHARE, SALE_NOTIONAL, SALE_SHARE = 0, 1, 2, 3


class Tables(NamedTuple):
    """The arrays of a market, in the order in which the compiled functions know them."""

    state: npt.NDArray[np.void]
    orders: npt.NDArray[np.void]
    active: Times  # numbers of working orders, by arrival, then sequence
    waiting: npt.NDArray[np.void]
    events: npt.NDArray[np.void]
    symbols: npt.NDArray[np.void]
    positions: Floats  # [N] shares, negative = short
    marks: Floats  # [N] last close with volume, NaN before the first
    columns: Times  # [N] column of each symbol in the rows that are played
    history: Floats  # [N, ring] true ranges or session closes, [N, 0] where slippage needs none
    sessions: npt.NDArray[np.void]
    actions: npt.NDArray[np.void]
    components: npt.NDArray[np.void]


class MarketType(Reference):
    """Numba's view of a market: one reference to thirteen arrays and their owners."""


class Market(structref.StructRefProxy):  # type: ignore[misc]  # Numba carries no types
    """One account in a simulated market; pass it to the compiled functions of this folder.

    In Python its arrays are read as in compiled code: `market.orders`, `market.events`, `market.positions`.
    `orders` and `events` are cut to the rows in use.
    """

    @property
    def tables(self) -> Tables:
        """All arrays as they are now, spare rows included."""
        return Tables(*_tables(self))

    @property
    def state(self) -> Any:
        return self.tables.state[0]

    @property
    def orders(self) -> npt.NDArray[np.void]:
        tables = self.tables
        return tables.orders[: int(tables.state[0]["order_count"])]

    @property
    def events(self) -> npt.NDArray[np.void]:
        tables = self.tables
        return tables.events[: int(tables.state[0]["event_count"])]

    @property
    def positions(self) -> Floats:
        return self.tables.positions

    @property
    def marks(self) -> Floats:
        return self.tables.marks


define_reference(MarketType, Market)

_RECORDS = {
    "state": STATE, "orders": ORDER, "waiting": INSTRUCTION, "events": EVENT, "symbols": SYMBOL,
    "sessions": SESSION, "actions": ACTION, "components": COMPONENT,
}  # fmt: skip
_PLAIN = {
    "active": types.int64[::1],
    "positions": types.float64[::1],
    "marks": types.float64[::1],
    "columns": types.int64[::1],
    "history": types.float64[:, ::1],
}
_GROWING = ("orders", "active", "waiting", "events")
_MOVING = ("state", *_GROWING, "symbols", "positions", "marks", "history")
_ARRAYS = {name: numba.from_dtype(_RECORDS[name])[::1] if name in _RECORDS else _PLAIN[name] for name in Tables._fields}
_FIXED = types.Tuple([kind for name, kind in _ARRAYS.items() if name not in _GROWING])
_FIELDS = [
    *_ARRAYS.items(),
    *((f"{name}_owner", _ARRAYS[name]) for name in _GROWING),
    ("fixed_owner", _FIXED),
]
MARKET = MarketType(_FIELDS)


@intrinsic
def borrowed(typing_context: Any, array: Any) -> Any:
    """Return the array without a claim on its memory: whoever calls keeps the owner alive.

    Counting references costs 10 ns for each use of an array that is reached through a market; a slice uses
    dozens.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = context.make_array(array)(context, builder, values[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), build


@compiled(**COUNTED)
def keep_orders(market: Any, orders: Any) -> None:
    market.orders_owner = orders
    market.orders = borrowed(orders)


@compiled(**COUNTED)
def keep_active(market: Any, active: Any) -> None:
    market.active_owner = active
    market.active = borrowed(active)


@compiled(**COUNTED)
def keep_waiting(market: Any, waiting: Any) -> None:
    market.waiting_owner = waiting
    market.waiting = borrowed(waiting)


@compiled(**COUNTED)
def keep_events(market: Any, events: Any) -> None:
    market.events_owner = events
    market.events = borrowed(events)


@compiled(MARKET(*_ARRAYS.values()), **COUNTED)
def bind(
    state: Any, orders: Any, active: Any, waiting: Any, events: Any, symbols: Any, positions: Any, marks: Any,
    columns: Any, history: Any, sessions: Any, actions: Any, components: Any,
) -> Any:  # fmt: skip
    """Return a market of these arrays. It owns them; all work is done on borrowed views of them."""
    market = structref.new(MARKET)
    market.fixed_owner = (state, symbols, positions, marks, columns, history, sessions, actions, components)
    market.state = borrowed(state)
    market.symbols = borrowed(symbols)
    market.positions = borrowed(positions)
    market.marks = borrowed(marks)
    market.columns = borrowed(columns)
    market.history = borrowed(history)
    market.sessions = borrowed(sessions)
    market.actions = borrowed(actions)
    market.components = borrowed(components)
    keep_orders(market, orders)
    keep_active(market, active)
    keep_waiting(market, waiting)
    keep_events(market, events)
    return market


@compiled(types.Tuple(list(_ARRAYS.values()))(MARKET), **COUNTED)
def _tables(market: Any) -> Any:
    state, symbols, positions, marks, columns, history, sessions, actions, components = market.fixed_owner
    return (
        state, market.orders_owner, market.active_owner, market.waiting_owner, market.events_owner, symbols,
        positions, marks, columns, history, sessions, actions, components,
    )  # fmt: skip


def state_of(market: Market) -> dict[str, npt.NDArray[Any]]:
    """Return the tables that change while it trades, orders and events without their spare rows."""
    tables = market.tables._asdict()
    tables |= {"orders": market.orders, "events": market.events}
    return {name: tables[name] for name in _MOVING}


def with_state(market: Market, state: Mapping[str, npt.NDArray[Any]]) -> Market:
    """Return a market of the same settings in another one's state."""
    new = {}
    for name, table in market.tables._asdict().items():
        kept = state.get(name, table)
        new[name] = np.zeros((max(len(kept), len(table)), *table.shape[1:]), table.dtype)
        new[name][: len(kept)] = kept
    found: Market = bind(*new.values())
    return found


def copies_of(market: Market, count: int) -> list[Market]:
    """Return markets of their own that are in the same state. Tables of one kind lie side by side until they grow."""
    blocks = (np.broadcast_to(table, (count, *table.shape)).copy() for table in market.tables)
    return [bind(*tables) for tables in zip(*blocks, strict=True)]
