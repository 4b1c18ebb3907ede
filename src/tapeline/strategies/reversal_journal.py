"""One row per trade of the reversal strategy: what was set up, how it was managed, what came of it.

    strategy = MomentumReversal()
    result = backtest(strategy, data)
    rows = trade_rows(result.symbols, result.round_trips, result.orders, result.executions, strategy.log)

The same rows come from a replay. The journal holds the same by itself: setup, cuts and reasons in the signals, orders
and executions in their facts; this puts them side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.words import OrderType, Purpose
from tapeline.strategies.reversal_memory import Decision

Records = npt.NDArray[Any]

_OUTCOME = ("quantity", "entry_price", "exit_price", "commission", "net_pnl", "mae", "mfe", "r_multiple", "bars_held")


def trade_rows(
    symbols: Sequence[str],
    round_trips: Records,
    orders: Records,
    executions: Records,
    log: Sequence[Decision],
    strategy: int = 0,
) -> list[dict[str, Any]]:
    """Return each closed trade with its setup and its outcome.

    strategy : place of the reversal among the strategies of the run
    exit_reason : stop or target for the orders of the bracket, else the rule; stop_reason : what moved the stop last
    slippage : in currency, positive is a cost: of stops from their level, of market orders from the price at the
        decision, so that the gap to the next open is part of it; limits have none
    """
    prices = {(one.symbol, one.time_ns): one.price for one in log}
    found = []
    for trip in round_trips[round_trips["strategy"] == strategy]:
        symbol, entry = symbols[int(trip["symbol"])], orders[int(trip["entry_ticket"])]
        decisions = [
            one for one in log if one.symbol == symbol and int(entry["decided_ns"]) <= one.time_ns <= trip["exit_ns"]
        ]
        setup: Mapping[str, Any] = next((one.notes for one in decisions if one.act == "enter"), {})
        moves = [one.notes["reason"] for one in decisions if "stop" in one.notes]
        outcome = {name: trip[name].item() for name in _OUTCOME}
        outcome["slippage"] = sum(
            _slippage(fill, orders[int(fill["ticket"])], prices, symbol)
            for fill in executions[_of_trip(executions, trip)]
        )
        found.append(
            {
                "symbol": symbol,
                "entry_ns": int(trip["entry_ns"]),
                "exit_ns": int(trip["exit_ns"]),
                **setup,
                **outcome,
                "exit_reason": _exit_reason(int(trip["exit_purpose"]), decisions),
                "stop_reason": moves[-1] if moves else "entry",
            }
        )
    return found


def _of_trip(executions: Records, trip: Any) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = (
        (executions["strategy"] == trip["strategy"])
        & (executions["symbol"] == trip["symbol"])
        & (executions["ticket"] >= trip["entry_ticket"])
        & (executions["time_ns"] <= trip["exit_ns"])
    )
    return same


def _exit_reason(purpose: int, decisions: Sequence[Decision]) -> str:
    if purpose in (Purpose.STOP, Purpose.TARGET):
        return Purpose(purpose).word
    rules = [str(one.notes["reason"]) for one in decisions if one.act == "exit"]
    return rules[-1] if rules else Purpose(purpose).word


def _slippage(fill: Any, order: Any, prices: Mapping[tuple[str, int], float], symbol: str) -> float:
    kind = int(order["order_type"])
    if kind == OrderType.LIMIT:
        return 0.0
    level = float(order["stop_price"]) if kind == OrderType.STOP else prices.get((symbol, int(order["decided_ns"])))
    if level is None:
        return float("nan")
    return float(fill["side"] * (fill["price"] - level) * fill["quantity"])
