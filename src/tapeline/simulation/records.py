"""The schema of the strategies' book: its record types.

A *ticket* is the book's own record of an order it asked for, numbered from 0 in the order of asking. A *holding* is
what one strategy holds of one symbol.
"""

from __future__ import annotations

import numpy as np

FLAT, ENTERING, HOLDING, EXITING = 0, 1, 2, 3

ACCOUNT = np.dtype(
    [
        ("cash", "f8"),
        ("commissions", "f8"),
        ("financing", "f8"),
        ("equity", "f8"),
        ("long_exposure", "f8"),
        ("short_exposure", "f8"),
        ("tickets", "i8"),
        ("intents", "i8"),
        ("executions", "i8"),
        ("round_trips", "i8"),
        ("busy", "i8"),
        ("leaving", "i8"),
        ("foreign", "i8"),
        ("outside", "i8"),
        ("halted", "i8"),
        ("elsewhere", "i8"),
        ("external", "i8"),
        ("elsewhere_long", "f8"),
        ("elsewhere_short", "f8"),
        ("elsewhere_buys", "f8"),
        ("elsewhere_sells", "f8"),
    ]
)
"""Totals of the account; `busy` counts the holdings that are not flat, `foreign` the symbols with orders of others and
`outside` those with shares that no strategy holds, `external` the symbols with either, those outside the run included;
while it is `halted` nothing is decided. `elsewhere` counts the symbols outside the run, with the money that is held
there and that works. The rest are the used rows of their arrays."""

HOLDING_RECORD = np.dtype(
    [
        ("quantity", "f8"),
        ("entry_price", "f8"),
        ("entered_quantity", "f8"),
        ("exit_notional", "f8"),
        ("commission", "f8"),
        ("realized", "f8"),
        ("risk", "f8"),
        ("stop_price", "f8"),
        ("initial_stop", "f8"),
        ("target_price", "f8"),
        ("trail", "f8"),
        ("highest", "f8"),
        ("lowest", "f8"),
        ("pending_notional", "f8"),
        ("pending_risk", "f8"),
        ("entry_ns", "i8"),
        ("entry_session", "i8"),
        ("bars_held", "i8"),
        ("entry_ticket", "i8"),
        ("stop_ticket", "i8"),
        ("target_ticket", "i8"),
        ("exit_ticket", "i8"),
        ("part_ticket", "i8"),  # the sale of a scale-out
        ("side", "i8"),  # of the entry: 1 long, -1 short
        ("scaled", "i8"),
        ("part", "f8"),  # the fraction that a scale-out sells
        ("leaving", "i8"),  # 0, or the purpose for which it is being closed
        ("fresh", "i8"),
    ]
)

TICKET = np.dtype(
    [
        ("strategy", "i8"),
        ("symbol", "i8"),
        ("purpose", "i8"),
        ("side", "i8"),
        ("order_type", "i8"),
        ("time_in_force", "i8"),
        ("status", "i8"),
        ("reason", "i8"),
        ("role", "i8"),
        ("sequence", "i8"),
        ("parent", "i8"),
        ("decided_ns", "i8"),
        ("quantity", "f8"),
        ("filled", "f8"),
        ("limit_price", "f8"),
        ("stop_price", "f8"),
        ("trail", "f8"),
    ]
)

INTENT = np.dtype(
    [
        ("kind", "i8"),
        ("strategy", "i8"),
        ("symbol", "i8"),
        ("side", "i8"),
        ("order_type", "i8"),
        ("time_in_force", "i8"),
        ("role", "i8"),
        ("purpose", "i8"),
        ("limit", "i8"),
        ("sequence", "i8"),
        ("ticket", "i8"),
        ("parent", "i8"),
        ("group", "i8"),
        ("decided_ns", "i8"),
        ("quantity", "f8"),
        ("limit_price", "f8"),
        ("stop_price", "f8"),
        ("trail", "f8"),
        ("wanted", "f8"),
        ("price", "f8"),
        ("equity", "f8"),
        ("limit_value", "f8"),
        ("limit_bound", "f8"),
        ("continues", "i8"),  # 1 for an instruction that an earlier decision began
    ]
)
"""One wish of the decision kernel. `wanted` is the quantity before limits, `price` and `equity` what sizing saw,
`limit_value` and `limit_bound` what the limit that cut it most had found and may at most have."""

EXECUTION = np.dtype(
    [
        ("ticket", "i8"),
        ("time_ns", "i8"),
        ("stage", "i8"),
        ("side", "i8"),
        ("symbol", "i8"),
        ("strategy", "i8"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("commission", "f8"),
    ]
)
"""A fill: time_ns is the end of its bar, quantity unsigned."""

ROUND_TRIP = np.dtype(
    [
        ("strategy", "i8"),
        ("symbol", "i8"),
        ("side", "i8"),
        ("exit_purpose", "i8"),
        ("entry_ticket", "i8"),
        ("exit_ticket", "i8"),
        ("entry_ns", "i8"),
        ("exit_ns", "i8"),
        ("bars_held", "i8"),
        ("quantity", "f8"),
        ("entry_price", "f8"),
        ("exit_price", "f8"),
        ("commission", "f8"),
        ("net_pnl", "f8"),
        ("mae", "f8"),
        ("mfe", "f8"),
        ("r_multiple", "f8"),
    ]
)
"""One holding from flat to flat. net_pnl is net of commission; mae and mfe are the largest excursions against and for
it, in currency of the whole quantity, mae <= 0 <= mfe; r_multiple is net_pnl over the risk from entry to the initial
stop, NaN without one."""


STRATEGY = np.dtype(
    [
        ("size_kind", "i8"),
        ("watches_holdings", "i8"),  # has rules besides exits that look at what is held
        ("reads_position", "i8"),  # some rule is a cell program
        ("stop_is_distance", "i8"),
        ("target_is_distance", "i8"),
        ("positions_max", "i8"),
        ("entry_after_open_ns", "i8"),
        ("entry_before_close_ns", "i8"),
        ("flat_before_close_ns", "i8"),
        ("scale_out_fraction", "f8"),
        ("code_first", "i8"),
        ("constants_first", "i8"),
    ]
)
"""What a strategy declares besides its rules; flat_before_close_ns is -1 for one that may hold overnight. Its cell
programs begin at code_first of the book's code, their constants at constants_first."""

LIMITS = np.dtype(
    [
        ("position_max", "f8"),
        ("gross_max", "f8"),
        ("net_max", "f8"),
        ("risk_per_trade_max", "f8"),
        ("short_max", "f8"),
        ("sector_max", "f8"),
        ("open_risk_max", "f8"),
        ("loss_per_trade_max", "f8"),
        ("loss_per_day_max", "f8"),
        ("drawdown_per_day_max", "f8"),
        ("reward_risk_min", "f8"),
        ("trades_per_day_max", "i8"),
        ("losses_in_row_max", "i8"),
        ("pause_ns", "i8"),  # -1 = until the next session
        ("stale_ns", "i8"),
        ("positions_max", "i8"),
        ("cash_account", "i8"),
        ("short_allowed", "i8"),
        ("patient", "i8"),  # orders travel: what is called back may still fill
        ("watches_rows", "i8"),  # some limit must be told of every slice
        ("cost_rate", "f8"),
        ("assumed_stop", "f8"),  # share of the price that is at risk without a stop, NaN = all of it
    ]
)
"""Bounds as shares of equity, NaN = none; cost_rate is what a share costs above its price when bought. Row 0 is the
account's, row 1 + s that of strategy s; whole numbers without a bound are the largest."""

DAY = np.dtype(
    [
        ("session", "i8"),
        ("entries", "i8"),
        ("losses", "i8"),  # losing round trips one after the other
        ("last_loss_ns", "i8"),
        ("closed", "f8"),  # net P&L of all closed round trips
        ("worth", "f8"),  # of the account its equity, of a strategy its P&L
        ("start", "f8"),  # worth at the end of the session before
        ("high", "f8"),  # highest worth of the session
        ("lost", "f8"),  # the most that was lost since the session before, a share of the account
        ("fallen", "f8"),  # the farthest fall from the session's high, a share of it
    ]
)
"""How a session goes, for the account (row 0) and for each strategy."""
