"""Format mapping between the conformance cases of the rules for fills and the market kernel; no rules in
here."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.corporate import CashDividend, CorporateAction, Split
from tapeline.domain.instrument import Instrument
from tapeline.domain.money import exact
from tapeline.domain.panel import Sessions
from tapeline.domain.times import SECOND, from_iso, to_iso
from tapeline.domain.words import EventKind, OrderStatus, OrderType, Reason, Role, Side, Stage, TimeInForce
from tapeline.simulation.arrivals import cancel, replace, submit
from tapeline.simulation.building import cash_amount, new_market
from tapeline.simulation.market import NO_ORDER
from tapeline.simulation.run import finish, play_rows
from tapeline.simulation.settings import (
    Account,
    Costs,
    Market,
    PercentCommission,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
)

BAR_FIELDS = ("o", "h", "l", "c", "v")
NO_CAP = 1e15


def simulate(case: dict[str, Any]) -> dict[str, Any]:
    """Return executions, final orders, cash and positions of one case."""
    market, numbers = play(case)
    names = {number: name for name, number in numbers.items()}
    return {
        "executions": [_execution(event, names) for event in market.events if event["kind"] == EventKind.FILL],
        "orders": {name: _order(market.orders[number]) for name, number in numbers.items()},
        "cash": str(cash_amount(market)),
        "positions": {
            symbol: str(exact(position)) for symbol, position in zip(case["instruments"], market.positions, strict=True)
        },
    }


def play(case: dict[str, Any]) -> tuple[Any, dict[str, int]]:
    """Return the market after a case, and the number of each of its orders."""
    symbols = list(case["instruments"])
    start_ns, end_ns, panel = _panel(case["bars"], symbols)
    sessions = case["sessions"]
    open_ns = np.array([from_iso(s["open"]) for s in sessions], dtype=np.int64)
    close_ns = np.array([from_iso(s["close"]) for s in sessions], dtype=np.int64)
    market = new_market(
        RunSettings(_account(case["account"]), _costs(case["costs"]), _switches(case["settings"])),
        [_instrument(symbol, facts) for symbol, facts in case["instruments"].items()],
        frame_ns=int(np.max(end_ns - start_ns, initial=1)),
        sessions=Sessions("case", open_ns, close_ns) if sessions else None,
        span_ns=(int(start_ns[0]), int(end_ns[-1])) if len(end_ns) else (0, 1),
        corporate_actions=[_corporate_action(action) for action in case.get("corporate_actions", [])],
    )
    numbers: dict[str, int] = {}
    groups: dict[str, int] = {}
    for action in case["actions"]:
        _send(market, action, symbols, numbers, groups)
    play_rows(market, start_ns, end_ns, *panel, 0, len(end_ns))
    finish(market, int(max([*end_ns[-1:], *close_ns])))
    return market, numbers


def _panel(bars: list[dict[str, str]], symbols: list[str]) -> tuple[Any, Any, list[Any]]:
    slices: dict[int, list[dict[str, str]]] = defaultdict(list)
    for bar in bars:
        slices[from_iso(bar["end"])].append(bar)
    ends = sorted(slices)
    panel = [np.full((len(ends), len(symbols)), np.nan) for _ in BAR_FIELDS]
    for row, end in enumerate(ends):
        for bar in slices[end]:
            for values, field in zip(panel, BAR_FIELDS, strict=True):
                values[row, symbols.index(bar["symbol"])] = float(bar[field])
    starts = [from_iso(slices[end][0]["start"]) for end in ends]
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64), panel


def _account(facts: dict[str, Any]) -> Account:
    return Account(
        cash=float(facts["cash"]),
        kind=facts["type"],
        leverage=float(facts.get("leverage", 1)),
        short_allowed=bool(facts.get("short_allowed", False)),
    )


def _costs(facts: dict[str, Any]) -> Costs:
    slippage = facts.get("slippage") or {"model": "none"}
    numbers = {name: float(value) for name, value in slippage.items() if name not in ("model", "n")}
    if "n" in slippage:
        numbers["bars"] = int(slippage["n"])
    commission: list[PercentCommission | PerShareCommission | SaleFees] = []
    for part in facts.get("commission", []):
        if part["model"] == "percent":
            commission.append(PercentCommission(float(part["rate"])))
        elif part["model"] == "per_share":
            minimum, maximum = float(part.get("minimum", 0)), float(part.get("maximum_pct", math.inf))
            commission.append(PerShareCommission(float(part["rate"]), minimum, maximum))
        else:
            for row in part["table"]:
                rates = (float(row.get(name, 0)) for name in ("per_notional", "per_share"))
                commission.append(SaleFees(row["from"], *rates, float(row.get("per_share_cap", NO_CAP))))
    return Costs(
        commission=tuple(commission),
        slippage=Slippage(slippage["model"], **numbers),
        borrow_rate=float(facts.get("borrow", 0)),
        interest_rate=float(facts.get("interest", 0)),
    )


def _switches(facts: dict[str, str]) -> Market:
    words = {name: facts[name] for name in ("limit_fill", "inside_first", "commission_rounding") if name in facts}
    return Market(participation=float(facts.get("participation", 1)), **words)


def _instrument(symbol: str, facts: dict[str, str]) -> Instrument:
    fraction = Decimal(facts["fractional"]) if facts.get("fractional") else None
    return Instrument(symbol, Decimal(facts["tick"]), Decimal(facts["lot"]), fraction)


def _corporate_action(facts: dict[str, str]) -> CorporateAction:
    ex = date.fromisoformat(facts["ex"])
    if facts["kind"] == "split":
        return Split(facts["symbol"], ex, Decimal(facts["new"]), Decimal(facts["old"]))
    return CashDividend(facts["symbol"], ex, Decimal(facts["amount"]))


def _send(
    market: Any, action: dict[str, Any], symbols: list[str], numbers: dict[str, int], groups: dict[str, int]
) -> None:
    decided_ns = from_iso(action["at"])
    arrival_ns = decided_ns + int(Decimal(str(action.get("latency_s", 0))) * SECOND)
    prices = [
        float(action.get(name, math.nan)) for name in ("limit_price", "stop_price", "trail_amount", "trail_percent")
    ]
    quantity = float(action.get("quantity", math.nan))
    expire_ns = from_iso(action["expire_at"]) if "expire_at" in action else -1
    word = action.get("time_in_force")
    if action["do"] == "cancel":
        cancel(market, numbers[action["id"]], decided_ns, arrival_ns)
    elif action["do"] == "replace":
        time_in_force = int(TimeInForce[word]) if word else -1
        replace(market, numbers[action["id"]], decided_ns, arrival_ns, quantity, *prices, time_in_force, expire_ns)
    else:
        group = groups.setdefault(action["oca"], len(groups)) if "oca" in action else -1
        numbers[action["id"]] = submit(
            market,
            symbols.index(action["symbol"]),
            Side[action["side"]].value,
            OrderType[action["type"]].value,
            TimeInForce[word or "AUCTION"].value,
            quantity,
            *prices,
            expire_ns,
            decided_ns,
            arrival_ns,
            numbers[action["parent"]] if "parent" in action else NO_ORDER,
            Role[action["role"].upper()].value if "role" in action else Role.SINGLE.value,
            group,
        )


def _execution(event: Any, names: dict[int, str]) -> dict[str, str]:
    return {
        "order": names[int(event["order"])],
        "bar_end": to_iso(int(event["bar_end_ns"])),
        "stage": Stage(int(event["stage"])).name.lower(),
        "quantity": str(exact(event["quantity"])),
        "price": str(exact(event["price"])),
        "commission": str(exact(event["commission"])),
    }


def _order(order: Any) -> dict[str, str]:
    status = OrderStatus(int(order["status"]))
    return {
        "status": "WORKING" if status.is_working else status.name,
        "reason": Reason(int(order["reason"])).word,
        "filled": str(exact(order["filled"])),
    }
