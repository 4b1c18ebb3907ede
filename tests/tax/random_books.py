"""Random books: valid events over a few accounts and symbols, dense enough that most books have wash sales."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tapeline.tax.events import Buy, Cover, Event, Sell, Short, StockSplit, Trade

ACCOUNTS = ("first", "second", "roth")
SYMBOLS = ("AAA", "BBB")
RATIOS = ((2, 1), (3, 1), (1, 2), (3, 2))

_steps = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 1, 1, 3, 9, 15, 30, 31, 200)),  # days since the last event
        st.sampled_from(("buy", "buy", "sell", "sell", "sell", "short", "cover", "split")),
        st.sampled_from((0, 0, 0, 1, 1, 2)),  # account
        st.sampled_from((0, 0, 0, 1)),  # symbol
        st.integers(1, 4),  # shares
        st.integers(5, 14),  # price
        st.sampled_from((0, 0, 0, 25, 100)),  # commission in cents
        st.booleans(),  # whether it may be one more execution of the last order
        st.integers(0, 3),  # which split
    ),
    min_size=14,
    max_size=30,
)
methods = st.fixed_dictionaries({account: st.sampled_from(("FIFO", "LIFO", "HIFO")) for account in ACCOUNTS})


def events_of(steps: list[tuple[Any, ...]]) -> list[Event]:
    """Return valid events: nothing is sold that is not held, and no event needs another one's future."""
    day, held, short = date(2023, 1, 31), defaultdict(int), defaultdict(int)
    events: list[Event] = []
    last: tuple[object, ...] = ()
    splits = 0
    for number, (gap, kind, account_at, symbol_at, quantity, price, cents, joins, split_at) in enumerate(steps):
        day += timedelta(days=gap)
        account, symbol = ACCOUNTS[account_at], SYMBOLS[symbol_at]
        key = account, symbol
        if kind == "split":
            new, old = RATIOS[split_at]
            quantities = [book[name, symbol] for book in (held, short) for name in ACCOUNTS]
            if splits == 2 or any(quantity * new % old for quantity in quantities):
                continue
            splits += 1
            day += timedelta(days=1)  # a split comes before the first trade of its day
            events.append(StockSplit(event_id=f"e{number}", day=day, symbol=symbol, new=Decimal(new), old=Decimal(old)))
            for book in (held, short):
                for name in ACCOUNTS:
                    book[name, symbol] = book[name, symbol] * new // old
            last = ()
            continue
        if kind == "short" and account == "roth":
            kind = "sell"
        if kind in ("sell", "cover"):
            quantity = min(quantity, (held if kind == "sell" else short)[key])
            if not quantity:
                kind, quantity = "buy", 2
        kind_class: type[Trade] = {"buy": Buy, "sell": Sell, "short": Short, "cover": Cover}[kind]
        group = (kind, key, day)
        order_id = f"o{number}"
        if joins and last[:3] == group:
            order_id = str(last[3])
        last = (*group, order_id)
        held[key] += {"buy": quantity, "sell": -quantity}.get(kind, 0)
        short[key] += {"short": quantity, "cover": -quantity}.get(kind, 0)
        events.append(
            kind_class(
                execution_id=f"x{number}",
                account=account,
                symbol=symbol,
                quantity=Decimal(quantity),
                price=Decimal(price),
                commission=Decimal(cents).scaleb(-2),
                trade_date=day,
                order_id=order_id,
            )
        )
    return events


books = _steps.map(events_of)
