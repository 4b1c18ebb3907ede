"""How long a year of executions takes, and one day on top of it: 2,000 symbols, 3 accounts, about 30 % of sales washed.

    .venv/bin/python benchmarks/bench_tax.py [executions ...]

Prints processor and wall seconds, peak memory, the share of washed sales, and the time of one more day.
"""

from __future__ import annotations

import gc
import random
import resource
import sys
import time
from datetime import date, timedelta
from decimal import Decimal

from tapeline.tax.accounts import Account, AccountKind
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, Sell, Trade

SYMBOLS = [f"S{number:04d}" for number in range(2000)]
ACCOUNTS = [Account("first"), Account("second"), Account("roth", AccountKind.RETIREMENT)]
FIRST = date(2025, 1, 2)
DAYS = 252
DRIFT_CENTS, SWING_CENTS = 400, 240


def executions(count: int, seed: int = 7) -> list[Trade]:
    """Return executions over one year of sessions: prices walk, lots are bought, and sold in parts."""
    draw = random.Random(seed)
    sessions = [day for day in (FIRST + timedelta(days=n) for n in range(366)) if day.weekday() < 5][:DAYS]
    held: dict[tuple[str, str], int] = {}
    cents = {symbol: draw.randrange(1_000, 30_000) for symbol in SYMBOLS}
    trades: list[Trade] = []
    each = count / len(SYMBOLS)
    for number in range(count):
        day = sessions[number * len(sessions) // count]
        symbol = draw.choice(SYMBOLS)
        account = ("first", "first", "first", "second", "second", "roth")[draw.randrange(6)]
        # over the year a price moves alike, however many executions look at it
        cents[symbol] = max(100, cents[symbol] + round(draw.gauss(DRIFT_CENTS / each, SWING_CENTS / each**0.5)))
        key, price = (account, symbol), Decimal(cents[symbol]).scaleb(-2)
        quantity = draw.randrange(1, 400)
        commission = Decimal(draw.randrange(35, 200)).scaleb(-2)
        words = {
            "execution_id": f"x{number}",
            "account": account,
            "symbol": symbol,
            "price": price,
            "trade_date": day,
            "commission": commission,
            "order_id": f"o{number // 2}" if number % 5 == 0 else None,
        }
        if held.get(key, 0) >= quantity and draw.random() < 0.5:
            held[key] -= quantity
            trades.append(Sell(quantity=Decimal(quantity), **words))  # type: ignore[arg-type]
        else:
            held[key] = held.get(key, 0) + quantity
            trades.append(Buy(quantity=Decimal(quantity), **words))  # type: ignore[arg-type]
    return trades


def measure(count: int) -> None:
    """Time a year of so many executions from scratch, then one more day on top."""
    trades = executions(count + count // DAYS)
    last_day = trades[count].trade_date
    year = [trade for trade in trades if trade.trade_date < last_day]
    day = [trade for trade in trades if trade.trade_date == last_day]
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    engine = TaxEngine(ACCOUNTS)
    applied = engine.apply(year)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    sold = {row.close_id for row in applied.new_rows}
    washed = len({row.close_id for row in applied.new_rows if row.disallowed_units}) / len(sold)
    day_wall, day_processor = time.perf_counter(), time.process_time()
    engine.apply(day)
    day_wall, day_processor = time.perf_counter() - day_wall, time.process_time() - day_processor
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    disallowances = len(engine.result().disallowances)
    print(
        f"{len(year):>9,} executions: {processor:6.2f} s processor, {wall:6.2f} s wall; peak {peak_mb:,.0f} MB\n"
        f"          {len(applied.new_rows):,} rows, {washed:.0%} of sales washed, {disallowances:,} disallowances\n"
        f"          one more day of {len(day):,}: {day_processor * 1e3:.0f} ms processor, {day_wall * 1e3:.0f} ms wall"
    )


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["100000", "1000000"]:
        measure(int(wanted.replace(",", "").replace("_", "")))
