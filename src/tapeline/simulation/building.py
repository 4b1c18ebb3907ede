"""A new simulated market from settings, instruments, sessions and corporate actions.

Everything that a caller can get wrong is found here, before anything is simulated; the compiled functions
then work on numbers they need not doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.corporate import CorporateAction, Split
from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.domain.instrument import Instrument
from tapeline.domain.panel import Sessions, Times
from tapeline.domain.times import date_to_ns, from_iso
from tapeline.simulation.amounts import CASH_GRID, TICK_NUDGE
from tapeline.simulation.market import (
    ACTION,
    COMPONENT,
    EVENT,
    FOREVER_NS,
    INSTRUCTION,
    ORDER,
    PER_SHARE,
    PERCENT,
    SALE_NOTIONAL,
    SALE_SHARE,
    SESSION,
    SLIPPAGE_BPS,
    SLIPPAGE_IMPACT,
    SLIPPAGE_NONE,
    SLIPPAGE_SPREAD,
    SLIPPAGE_VOLATILITY,
    STATE,
    SYMBOL,
    Market,
    bind,
)
from tapeline.simulation.settings import (
    PercentCommission,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
)

IMPACT_RETURNS = 20  # returns that the volatility of the impact model is measured over
DENOMINATOR_MAX = 10**9  # finest tick or step; keeps whole ticks times whole shares within 64 bits
FIRST_ROWS = 64


def new_market(
    settings: RunSettings,
    instruments: Sequence[Instrument],
    *,
    frame_ns: int,
    sessions: Sessions | None = None,
    span_ns: tuple[int, int] = (0, FOREVER_NS),
    corporate_actions: Sequence[CorporateAction] = (),
    columns: Sequence[int] | npt.NDArray[np.int64] | None = None,
) -> Market:
    """Return a market without orders and positions.

    instruments : the symbols, in the order of the market's arrays; they bring tick and quantity step
    frame_ns : length of the base bar; a session's last bar starts a whole number of frames after its open
    sessions : None makes all of `span_ns` (start of the first bar, end of the last) one session
    columns : each symbol's column in the rows that will be played; default 0, 1, 2, ...
    Raises ConfigurationError or UnknownNameError if something contradicts itself.
    """
    if not instruments:
        raise ConfigurationError("A market needs at least one instrument; none was given.")
    if frame_ns <= 0:
        raise ConfigurationError(f"The base bar must have a length above zero, found {frame_ns} ns.")
    names = [instrument.symbol for instrument in instruments]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"Symbol {twice} is given twice; each symbol of a market stands for itself.")
    count = len(names)
    calendar = _session_rows(sessions, span_ns, frame_ns)
    history_length = _history_length(settings.costs.slippage)
    return bind(  # type: ignore[no-any-return]
        state=_first_state(settings, calendar, history_length),
        orders=np.zeros(FIRST_ROWS, ORDER),
        active=np.zeros(FIRST_ROWS, np.int64),
        waiting=np.zeros(FIRST_ROWS, INSTRUCTION),
        events=np.zeros(4 * FIRST_ROWS, EVENT),
        symbols=symbol_rows(instruments),
        positions=np.zeros(count),
        marks=np.full(count, np.nan),
        columns=_column_numbers(columns, count),
        history=np.zeros((count, history_length)),
        sessions=calendar,
        actions=_action_rows(corporate_actions, names, calendar),
        components=_component_rows(settings.costs.commission),
    )


def _first_state(settings: RunSettings, calendar: npt.NDArray[np.void], history_length: int) -> npt.NDArray[np.void]:
    state = np.zeros(1, STATE)
    account, costs, market = settings.account, settings.costs, settings.market
    cash = Decimal(repr(account.cash))
    whole = math.floor(cash)
    values = {
        "cash_whole": whole,
        "cash_fraction": round((cash - whole) * Decimal(CASH_GRID)) / CASH_GRID,
        "leverage": account.leverage,
        "is_margin": account.kind == "margin",
        "short_allowed": account.short_allowed,
        "participation": market.participation,
        "limit_touch": market.limit_fill == "touch",
        "limits_first": market.inside_first == "limit",
        "round_commission": market.commission_rounding == "cent",
        "borrow_rate": costs.borrow_rate,
        "interest_rate": costs.interest_rate,
        "initial_sigma": costs.slippage.initial_sigma,
        "history_length": history_length,
        "session": -1,
        "session_open_ns": FOREVER_NS,
        "session_close_ns": FOREVER_NS,
        "next_open_ns": calendar["open_ns"][0] if len(calendar) else FOREVER_NS,
        "next_arrival_ns": FOREVER_NS,
        "next_expiry_ns": FOREVER_NS,
    }
    for name, value in values.items():
        state[0][name] = value
    state[0]["slippage_model"], state[0]["slippage_rate"] = _slippage(costs.slippage)
    return state


def _slippage(slippage: Slippage) -> tuple[int, float]:
    half_spread = float(Decimal(repr(slippage.spread)) / 2)
    return {
        "none": (SLIPPAGE_NONE, 0.0),
        "bps": (SLIPPAGE_BPS, float(Decimal(repr(slippage.bps)) / 10_000)),
        "spread": (SLIPPAGE_SPREAD, half_spread),
        "volatility": (SLIPPAGE_VOLATILITY, slippage.k),
        "impact": (SLIPPAGE_IMPACT, slippage.k),
    }[slippage.model]


def _history_length(slippage: Slippage) -> int:
    if slippage.model == "volatility":
        return slippage.bars
    return IMPACT_RETURNS + 1 if slippage.model == "impact" else 0


def symbol_rows(instruments: Sequence[Instrument]) -> npt.NDArray[np.void]:
    """Return the contract facts of instruments as compiled code reads them."""
    rows = np.zeros(len(instruments), SYMBOL)
    for row, instrument in zip(rows, instruments, strict=True):
        if instrument.multiplier != 1:
            raise ConfigurationError(
                f"{instrument.symbol} has a multiplier of {instrument.multiplier}; the simulated market "
                "trades shares, whose multiplier is 1."
            )
        tick, step = Fraction(instrument.tick_size), Fraction(instrument.quantity_step)
        for name, value in (("tick size", tick), ("quantity step", step)):
            if value.denominator > DENOMINATOR_MAX or value.numerator > DENOMINATOR_MAX:
                raise ConfigurationError(
                    f"{instrument.symbol} has a {name} of {float(value)!r}; it must be a multiple of 1e-9."
                )
        row["tick_numerator"], row["tick_denominator"] = tick.numerator, tick.denominator
        row["step_numerator"], row["step_denominator"] = step.numerator, step.denominator
        row["tick"], row["step"] = float(tick), float(step)
        row["tolerance"] = float(tick) * TICK_NUDGE
        row["last_fill_price"] = np.nan
        row["session_close"] = np.nan
    return rows


def _column_numbers(columns: Sequence[int] | Times | None, count: int) -> Times:
    numbers = np.arange(count) if columns is None else np.array(columns)
    if numbers.shape != (count,) or (len(numbers) and int(numbers.min()) < 0):
        raise ConfigurationError(
            f"{count} symbols need {count} column numbers of zero or more, found {numbers.tolist()}."
        )
    return numbers.astype(np.int64)


def _session_rows(sessions: Sessions | None, span_ns: tuple[int, int], frame_ns: int) -> npt.NDArray[np.void]:
    if sessions is None:
        open_ns, close_ns = np.array([span_ns[0]]), np.array([span_ns[1]])
    else:
        open_ns, close_ns = sessions.open_ns, sessions.close_ns
    if np.any(close_ns <= open_ns) or np.any(open_ns[1:] < close_ns[:-1]):
        raise ConfigurationError(
            "Sessions must close after they open and before the next one opens; the calendar has some that do not."
        )
    rows = np.zeros(len(open_ns), SESSION)
    rows["open_ns"], rows["close_ns"] = open_ns, close_ns
    rows["last_bar_start_ns"] = open_ns + (close_ns - open_ns - 1) // frame_ns * frame_ns
    return rows


def _action_rows(
    actions: Sequence[CorporateAction], names: list[str], calendar: npt.NDArray[np.void]
) -> npt.NDArray[np.void]:
    placed: list[tuple[int, bool, CorporateAction]] = []
    for action in actions:
        if action.symbol not in names:
            raise UnknownNameError("symbol", action.symbol, names, where="the corporate actions")
        session = int(np.searchsorted(calendar["open_ns"], date_to_ns(action.ex)))
        if session < len(calendar):
            placed.append((session, isinstance(action, Split), action))
    placed.sort(key=lambda entry: entry[:2])
    rows = np.zeros(len(placed), ACTION)
    for row, (session, is_split, action) in zip(rows, placed, strict=True):
        row["session"], row["is_split"], row["symbol"] = session, is_split, names.index(action.symbol)
        if isinstance(action, Split):
            ratio = Fraction(action.new) / Fraction(action.old)
            row["new"], row["old"] = float(ratio.numerator), float(ratio.denominator)
        else:
            row["amount"] = float(action.amount)
    return rows


def _component_rows(
    commission: Sequence[PercentCommission | PerShareCommission | SaleFees],
) -> npt.NDArray[np.void]:
    rows: list[dict[str, Any]] = []
    fees = sorted((part for part in commission if isinstance(part, SaleFees)), key=lambda part: part.first_date)
    ends = [from_iso(part.first_date) for part in fees[1:]] + [FOREVER_NS]
    for part in commission:
        if isinstance(part, PercentCommission):
            rows.append({"kind": PERCENT, "rate": part.rate})
        elif isinstance(part, PerShareCommission):
            maximum = float(Decimal(repr(part.maximum_pct)) / 100)
            rows.append({"kind": PER_SHARE, "rate": part.rate, "minimum": part.minimum, "maximum": maximum})
    for part, until_ns in zip(fees, ends, strict=False):
        dates = {"from_ns": from_iso(part.first_date), "until_ns": until_ns}
        rows.append({"kind": SALE_NOTIONAL, "rate": part.per_notional, **dates})
        rows.append({"kind": SALE_SHARE, "rate": part.per_share, "maximum": part.per_share_cap, **dates})
    table = np.zeros(len(rows), COMPONENT)
    for row, values in zip(table, rows, strict=True):
        for name, value in values.items():
            row[name] = value
    return table


def cash_amount(market: Market) -> Decimal:
    """Return the cash of a market exactly."""
    state = market.state
    return Decimal(int(state["cash_whole"])) + Decimal(repr(float(state["cash_fraction"])))
