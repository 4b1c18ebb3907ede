"""Random cases in the format of the conformance cases: short days, prices a few ticks apart, every kind of
order.

Prices move by ticks around 10.00, so that limits are touched, passed and gapped over all the time; volumes
are of the size of the orders, so that participation holds them back; times fall on bar boundaries and inside
bars.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

FIRST_DAY = datetime(2025, 3, 6, 14, 30, tzinfo=UTC)  # a Thursday: a weekend follows
BAR = timedelta(minutes=30)
TYPES = ("MARKET", "LIMIT", "STOP", "STOP_LIMIT", "TRAILING_STOP")
AUCTIONS = ("MARKET_ON_OPEN", "LIMIT_ON_OPEN", "MARKET_ON_CLOSE", "LIMIT_ON_CLOSE")
LATENCIES_S = (0, 0, 0, 0, 1, 600, 1800, 2000, 5400)


def iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Script:
    """What a case needs while it is being written."""

    random: Random
    instruments: dict[str, dict[str, str]]
    times: list[datetime]  # starts of all bars, inside and outside sessions
    actions: list[dict[str, Any]] = field(default_factory=list)
    children: set[str] = field(default_factory=set)

    def price(self, symbol: str) -> str:
        tick = Decimal(self.instruments[symbol]["tick"])
        price = Decimal(10) + tick * self.random.randint(-9, 9)
        if self.random.random() < 0.05:
            price += tick / 4
        return str(price)

    def quantity(self, symbol: str) -> str:
        facts = self.instruments[symbol]
        return str(Decimal(facts.get("fractional", facts["lot"])) * self.random.randint(1, 30))

    def trail(self, symbol: str) -> dict[str, str]:
        if self.random.random() < 0.3:
            return {"trail_percent": self.random.choice(["0.5", "1", "0.33"])}
        return {"trail_amount": str(Decimal(self.instruments[symbol]["tick"]) * self.random.randint(1, 6))}

    def prices(self, symbol: str, kind: str) -> dict[str, str]:
        prices: dict[str, str] = {}
        if "LIMIT" in kind:
            prices["limit_price"] = self.price(symbol)
        if kind in ("STOP", "STOP_LIMIT"):
            prices["stop_price"] = self.price(symbol)
        return prices | self.trail(symbol) if kind == "TRAILING_STOP" else prices

    def life(self, at: datetime, words: tuple[str, ...]) -> dict[str, str]:
        word = self.random.choice(words)
        life = {"time_in_force": word}
        if word == "GTD":
            life["expire_at"] = iso(
                at + BAR * self.random.randint(1, 8) + timedelta(minutes=self.random.choice([0, 7]))
            )
        return life


def random_case(random: Random) -> dict[str, Any]:
    """Return one case; equal random states give equal cases."""
    sessions, times = _calendar(random)
    instruments = _instruments(random)
    script = Script(random, instruments, times)
    moments = sorted(_moment(script) for _ in range(random.randint(1, 14)))
    for at in moments:
        _add_action(script, at)
    return {
        "id": "random",
        "title": "random script",
        "instruments": instruments,
        "account": _account(random),
        "costs": _costs(random),
        "settings": _settings(random),
        "sessions": sessions,
        "bars": _bars(script),
        "actions": script.actions,
        "corporate_actions": _corporate_actions(random, instruments),
    }


def _calendar(random: Random) -> tuple[list[dict[str, str]], list[datetime]]:
    sessions, times = [], []
    for day in (0, 1, 4)[: random.randint(1, 3)]:
        opens = FIRST_DAY + timedelta(days=day)
        closes = opens + BAR * random.randint(2, 4)
        sessions.append({"open": iso(opens), "close": iso(closes)})
        start = opens - BAR * (random.random() < 0.2)
        while start < closes + BAR * (random.random() < 0.1):
            times.append(start)
            start += BAR
    if random.random() < 0.08:
        sessions = []
    return sessions, times


def _instruments(random: Random) -> dict[str, dict[str, str]]:
    instruments = {}
    for symbol in ("X", "Y")[: random.choice([1, 1, 2])]:
        facts = {
            "tick": random.choice(["0.01", "0.01", "0.05", "0.03"]),
            "lot": random.choice(["1", "1", "10"]),
        }
        if random.random() < 0.15:
            facts["fractional"] = "0.001"
        instruments[symbol] = facts
    return instruments


def _account(random: Random) -> dict[str, Any]:
    cash = random.choice(["100", "500", "100000", "1234.56"])
    if random.random() < 0.5:
        return {"cash": cash, "type": "cash"}
    leverage = random.choice(["1", "2", "1.5"])
    return {"cash": cash, "type": "margin", "leverage": leverage, "short_allowed": random.random() < 0.8}


def _costs(random: Random) -> dict[str, Any]:
    slippage = random.choice(
        [
            None,
            None,
            {"model": "bps", "bps": random.choice(["5", "50"])},
            {"model": "spread", "spread": "0.05"},
            {"model": "volatility", "k": "0.1", "n": random.choice([2, 14])},
            {"model": "impact", "k": "0.5", "initial_sigma": "0.02"},
        ]
    )
    parts = [
        {"model": "percent", "rate": "0.00123"},
        {"model": "per_share", "rate": "0.0035", "minimum": "0.35", "maximum_pct": "1"},
        {"model": "per_share", "rate": "0.01"},
        {
            "model": "fees",
            "table": [
                {
                    "from": "2024-05-22",
                    "per_notional": "0.0000278",
                    "per_share": "0.000166",
                    "per_share_cap": "0.01",
                },
                {"from": "2025-03-07", "per_notional": "0.01", "per_share": "0", "per_share_cap": "8.30"},
            ],
        },
    ]
    return {
        "slippage": slippage,
        "commission": random.sample(parts, random.choice([0, 0, 1, 2])),
        "borrow": random.choice(["0", "0.36"]),
        "interest": random.choice(["0", "0.72"]),
    }


def _settings(random: Random) -> dict[str, str]:
    settings = {"participation": random.choice(["1", "1", "0.5", "0.1"])}
    settings["limit_fill"] = random.choice(["through", "through", "touch"])
    if random.random() < 0.25:
        settings["inside_first"] = "limit"
    if random.random() < 0.15:
        settings["commission_rounding"] = "none"
    return settings


def _bars(script: Script) -> list[dict[str, str]]:
    random, bars = script.random, []
    for symbol, facts in script.instruments.items():
        tick = Decimal(facts["tick"])
        last = random.randint(-3, 3)
        for start in script.times:
            first = last + random.choice([0, 0, 1, -1, 4, -4, 8, -8])
            last = max(-12, min(12, first + random.randint(-4, 4)))
            high = max(first, last) + random.choice([0, 0, 1, 3, 6])
            low = min(first, last) - random.choice([0, 0, 1, 3, 6])
            if random.random() < 0.12:
                continue
            off = tick / 2 if random.random() < 0.04 else Decimal(0)
            prices = {
                f: str(10 + tick * ticks + off) for f, ticks in zip("ohlc", (first, high, low, last), strict=True)
            }
            volume = random.choice(["0", "7", "40", "150", "1000", "100000", "100000"])
            bars.append({"symbol": symbol, "start": iso(start), "end": iso(start + BAR)} | prices | {"v": volume})
    if not bars:
        symbol, start = next(iter(script.instruments)), script.times[0]
        bars.append({"symbol": symbol, "start": iso(start), "end": iso(start + BAR)} | dict.fromkeys("ohlcv", "10"))
    return sorted(bars, key=lambda bar: (bar["end"], bar["symbol"]))


def _moment(script: Script) -> datetime:
    at = script.random.choice(script.times)
    shift = script.random.choice([0, 0, 0, 0, 10, 30, -40])
    return at + timedelta(minutes=shift)


def _add_action(script: Script, at: datetime) -> None:
    random = script.random
    latency = {"latency_s": random.choice(LATENCIES_S)}
    kind = random.random()
    if script.actions and kind < 0.25:
        _change(script, at, latency)
    elif kind < 0.55:
        _bracket(script, at, latency)
    else:
        group = {"oca": random.choice("gh")} if random.random() < 0.4 else {}
        for _ in range(random.choice([1, 1, 2])):
            _single(script, at, latency | group, TYPES + TYPES + AUCTIONS)


def _single(script: Script, at: datetime, more: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
    random = script.random
    symbol = random.choice(list(script.instruments))
    kind = random.choice(kinds)
    order = {
        "at": iso(at), "do": "submit", "id": f"o{len(script.actions)}", "symbol": symbol,
        "side": random.choice(["BUY", "BUY", "SELL"]), "type": kind, "quantity": script.quantity(symbol),
    }  # fmt: skip
    if kind not in AUCTIONS:
        order |= script.life(at, ("DAY", "GTC", "GTC", "GTD", "IOC", "FOK"))
    script.actions.append(order | script.prices(symbol, kind) | more)
    return order


def _bracket(script: Script, at: datetime, latency: dict[str, Any]) -> None:
    random = script.random
    entry = _single(script, at, latency, (*TYPES, "MARKET", "MARKET", "LIMIT", *AUCTIONS))
    roles = random.choice([("stop", "target"), ("stop", "target"), ("stop",), ("target",)])
    for role in roles:
        kind = "LIMIT" if role == "target" else random.choice(("STOP", "STOP", "STOP_LIMIT", "TRAILING_STOP"))
        child = {
            "at": iso(at), "do": "submit", "id": f"o{len(script.actions)}", "symbol": entry["symbol"],
            "side": "SELL" if entry["side"] == "BUY" else "BUY", "type": kind,
            "parent": entry["id"], "role": role,
        }  # fmt: skip
        script.children.add(child["id"])
        life = script.life(at, ("DAY", "GTC", "GTC", "GTC", "GTD"))
        script.actions.append(child | life | script.prices(entry["symbol"], kind) | latency)


def _change(script: Script, at: datetime, latency: dict[str, Any]) -> None:
    random = script.random
    order = random.choice([action for action in script.actions if action["do"] == "submit"])
    action = {"at": iso(at), "do": random.choice(["cancel", "replace"]), "id": order["id"]} | latency
    if action["do"] == "replace":
        terms: dict[str, str] = script.prices(order["symbol"], order["type"])
        if order["id"] not in script.children and random.random() < 0.7:
            terms["quantity"] = script.quantity(order["symbol"])
        if "time_in_force" in order and random.random() < 0.3:
            terms |= script.life(at, ("DAY", "GTC", "GTD"))
        names = random.sample(sorted(terms), random.randint(0, len(terms)))
        if "time_in_force" in names and terms["time_in_force"] == "GTD" and "expire_at" not in names:
            names.append("expire_at")
        action |= {name: terms[name] for name in names}
    script.actions.append(action)


def _corporate_actions(random: Random, instruments: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    actions = []
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        action = {
            "symbol": random.choice(list(instruments)),
            "ex": random.choice(["2025-03-07", "2025-03-08"]),
        }
        if random.random() < 0.6:
            new, old = random.choice([("2", "1"), ("3", "2"), ("1", "10"), ("1", "3")])
            action |= {"kind": "split", "new": new, "old": old}
        else:
            action |= {"kind": "dividend", "amount": random.choice(["0.255", "0.1"])}
        actions.append(action)
    return actions
