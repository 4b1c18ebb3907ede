"""Cases written as small tables: one line a bar, one line an order.

    bars    "03 14:30 X  100 101 99 100  1000"      day of March 2025, start, symbol, open high low close,
    volume orders  "03 14:30 e: BUY X 10 LIMIT 99 GTC"     day, time of the decision, name, side, symbol,
    quantity, type

After the type come its prices in the order limit, stop or trail (`5%` = percent), then the time in force;
then words such as latency=60 oca=g parent=e role=stop expire=03T15:00. A child has no quantity: write a dash.
"03 15:00 cancel e" and "03 15:00 replace e limit_price=98 latency=5" are the other lines.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

PRICES_OF = {
    "MARKET": (),
    "LIMIT": ("limit_price",),
    "STOP": ("stop_price",),
    "STOP_LIMIT": ("limit_price", "stop_price"),
    "TRAILING_STOP": ("trail_amount",),
    "MARKET_ON_OPEN": (),
    "LIMIT_ON_OPEN": ("limit_price",),
    "MARKET_ON_CLOSE": (),
    "LIMIT_ON_CLOSE": ("limit_price",),
}
LIVES = ("DAY", "GTC", "GTD", "IOC", "FOK")
NO_COSTS = {"slippage": None, "commission": [], "borrow": "0", "interest": "0"}
MARGIN = {"cash": "100000", "type": "margin", "leverage": "2", "short_allowed": True}


def at(day: str, time: str) -> str:
    return f"2025-03-{day}T{time}:00Z"


def a_bar(line: str, minutes: int = 30) -> dict[str, str]:
    """Return a bar from its line."""
    day, time, symbol, first, high, low, last, volume = line.split()
    start = at(day, time)
    end = datetime.fromisoformat(start) + timedelta(minutes=minutes)
    prices = dict(zip("ohlcv", (first, high, low, last, volume), strict=True))
    return {"symbol": symbol, "start": start, "end": end.strftime("%Y-%m-%dT%H:%M:%SZ")} | prices


def an_action(line: str) -> dict[str, Any]:
    """Return an instruction from its line."""
    day, time, first, *words = line.split()
    action: dict[str, Any] = {"at": at(day, time)}
    settings = dict(word.split("=") for word in words if "=" in word)
    words = [word for word in words if "=" not in word]
    if first in ("cancel", "replace"):
        action |= {"do": first, "id": words[0]}
    else:
        side, symbol, quantity, kind, *terms = words
        action |= {"do": "submit", "id": first.rstrip(":"), "side": side, "symbol": symbol, "type": kind}
        if quantity != "-":
            action["quantity"] = quantity
        if terms and terms[-1] in LIVES:
            action["time_in_force"] = terms.pop()
        for name, term in zip(PRICES_OF[kind], terms, strict=True):
            percent = term.endswith("%")
            action["trail_percent" if percent else name] = term.rstrip("%")
    if "latency" in settings:
        action["latency_s"] = int(settings.pop("latency"))
    if "expire" in settings:
        day, _, time = settings.pop("expire").partition("T")
        action["expire_at"] = at(day, time)
    return action | settings


def a_case(
    bars: str,
    orders: str,
    *,
    sessions: str = "03 14:30-21:00",
    instruments: dict[str, dict[str, str]] | None = None,
    account: dict[str, Any] | None = None,
    costs: dict[str, Any] | None = None,
    settings: dict[str, str] | None = None,
    corporate_actions: list[dict[str, str]] | None = None,
    minutes: int = 30,
) -> dict[str, Any]:
    """Return a case; sessions are separated by commas."""
    days = [part.split() for part in sessions.split(",") if part.strip()]
    bar_list = [a_bar(line, minutes) for line in bars.strip().splitlines()]
    symbols = sorted({bar["symbol"] for bar in bar_list})
    return {
        "id": "scenario",
        "title": "scenario",
        "instruments": instruments or {symbol: {"tick": "0.01", "lot": "1"} for symbol in symbols},
        "account": account or {"cash": "100000", "type": "cash"},
        "costs": NO_COSTS | (costs or {}),
        "settings": {"participation": "1", "limit_fill": "through"} | (settings or {}),
        "sessions": [{"open": at(day, span.split("-")[0]), "close": at(day, span.split("-")[1])} for day, span in days],
        "bars": sorted(bar_list, key=lambda bar: bar["end"]),
        "actions": [an_action(line) for line in orders.strip().splitlines() if line.strip()],
        "corporate_actions": corporate_actions or [],
    }


def fills_of(result: dict[str, Any]) -> list[str]:
    """Return executions as lines: order, quantity @ price, stage; commission where there is any."""
    lines = []
    for e in result["executions"]:
        commission = "" if float(e["commission"]) == 0 else f" costs {plain(e['commission'])}"
        lines.append(f"{e['order']} {plain(e['quantity'])} @ {plain(e['price'])} {e['stage']}{commission}")
    return lines


def ends_of(result: dict[str, Any]) -> dict[str, str]:
    """Return each order's final status, with its reason where there is one."""
    return {
        name: order["status"] + (f" {order['reason']}" if order["reason"] else "")
        for name, order in result["orders"].items()
    }


def plain(amount: str) -> str:
    """Return an amount without zeros at its end."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount
