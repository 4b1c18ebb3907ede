"""How long a year of executions takes, and one day on top of it: 2,000 symbols, 3 accounts, about 30 % of sales washed.

    .venv/bin/python benchmarks/bench_tax.py [executions ...]
    .venv/bin/python benchmarks/bench_tax.py forms      Form 8949 of a good 50,000 rows as PDF, Excel, CSV and TXF

Prints processor and wall seconds, peak memory, the share of washed sales, the time of one more day, and that of checks
before a trade in every symbol that is held.
"""

from __future__ import annotations

import gc
import random
import resource
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from statistics import median
from typing import Any

from tapeline.tax.accounts import Account, AccountKind
from tapeline.tax.amounts import SHARE
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, Sell, Trade
from tapeline.tax.pre_trade import wash_sale_check

SYMBOLS = [f"S{number:04d}" for number in range(2000)]
ACCOUNTS = [Account("first"), Account("second"), Account("roth", AccountKind.RETIREMENT)]
FIRST = date(2025, 1, 2)
DAYS = 252
DAYS_ON_TOP = 7
DRIFT_CENTS, SWING_CENTS = 400, 240


def executions(count: int, seed: int = 7) -> list[Trade]:
    """Return executions over one year of sessions: prices walk, lots are bought, and sold in parts."""
    draw = random.Random(seed)
    sessions = [day for day in (FIRST + timedelta(days=n) for n in range(400)) if day.weekday() < 5][
        : DAYS + DAYS_ON_TOP
    ]
    held: dict[tuple[str, str], int] = {}
    cents = {symbol: draw.randrange(1_000, 30_000) for symbol in SYMBOLS}
    trades: list[Trade] = []
    each = count / len(SYMBOLS)
    # the more often a symbol trades, the more of its losses are washed: prices rise faster to keep about 30 %
    drift = DRIFT_CENTS * (each / 50) ** 0.4
    for number in range(count):
        day = sessions[number * len(sessions) // count]
        symbol = draw.choice(SYMBOLS)
        account = ("first", "first", "first", "second", "second", "roth")[draw.randrange(6)]
        # over the year a price moves alike, however many executions look at it
        cents[symbol] = max(100, cents[symbol] + round(draw.gauss(drift / each, SWING_CENTS / each**0.5)))
        key, price = (account, symbol), Decimal(cents[symbol]).scaleb(-2)
        quantity = draw.randrange(1, 400)
        commission = Decimal(draw.randrange(35, 200)).scaleb(-2)
        words: dict[str, Any] = {
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
            trades.append(Sell(quantity=Decimal(quantity), **words))
        else:
            held[key] = held.get(key, 0) + quantity
            trades.append(Buy(quantity=Decimal(quantity), **words))
    return trades


def checks(engine: TaxEngine, kind: type[Trade]) -> str:
    """Time the wash-sale check of an order in every symbol that an account holds."""
    times = []
    for symbol in SYMBOLS:
        position = engine.book.position("first", symbol)
        if position.quantity < 10 * SHARE:
            continue
        order = kind(
            execution_id="next",
            account="first",
            symbol=symbol,
            quantity=Decimal(10),
            price=Decimal(50),
            trade_date=date.fromordinal(engine.closed_day) + timedelta(days=1),
        )
        start = time.thread_time()
        wash_sale_check(engine, order)
        times.append((time.thread_time() - start) * 1e6)
    times.sort()
    return f"median {median(times):.0f} us, 99 % below {times[len(times) * 99 // 100]:.0f} us"


def measure(count: int) -> None:
    """Time a year of so many executions from scratch, then one more day on top."""
    trades = executions(count + DAYS_ON_TOP * count // DAYS)
    last_day = trades[count].trade_date
    year = [trade for trade in trades if trade.trade_date < last_day]
    days = [list(day) for _, day in groupby(trades[len(year) :], key=lambda trade: trade.trade_date)]
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    engine = TaxEngine(ACCOUNTS)
    applied = engine.apply(year)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    sold = {row.close_id for row in applied.new_rows}
    washed = len({row.close_id for row in applied.new_rows if row.disallowed_units}) / len(sold)
    on_top = []
    for day in days:
        start = time.process_time()
        engine.apply(day)
        on_top.append((time.process_time() - start) * 1e3)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    disallowances = len(engine.result().disallowances)
    checked = {kind.__name__: checks(engine, kind) for kind in (Buy, Sell)}
    print(
        f"{len(year):>9,} executions: {processor:6.2f} s processor, {wall:6.2f} s wall; peak {peak_mb:,.0f} MB\n"
        f"          {len(applied.new_rows):,} rows, {washed:.0%} of sales washed, {disallowances:,} disallowances\n"
        f"          one more day of {len(days[0]):,}: {median(on_top):.0f} ms processor, best {min(on_top):.0f} ms\n"
        f"          check before a trade: {'; '.join(f'{name} {text}' for name, text in checked.items())}"
    )


EXECUTIONS_FOR_FORMS = 78_000


def measure_forms() -> None:
    """Time the files of a year with a good 50,000 rows; the engine's own time is not in it."""
    from tapeline.report.tax_excel import excel_bytes
    from tapeline.report.tax_pdf import pdf_bytes
    from tapeline.report.tax_tables import tables_of
    from tapeline.report.tax_text import csv_text
    from tapeline.tax.forms.filing import prepare
    from tapeline.tax.forms.txf import write_txf

    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions(EXECUTIONS_FOR_FORMS))
    result, day = engine.result(), date(2026, 2, 1)

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        done = work()
        size = f"; {len(done) / 1e6:.1f} MB" if isinstance(done, bytes) else ""
        spent = time.process_time() - processor
        print(f"{name:>10}: {spent:6.2f} s processor, {time.perf_counter() - wall:6.2f} s wall{size}")
        return done

    forms = timed("rows", lambda: prepare(result, FIRST.year))
    print(
        f"            {len(forms.rows):,} rows, {len(forms.pages):,} pages, {len(forms.disallowances):,} disallowances"
    )
    timed("PDF", lambda: pdf_bytes(forms, made_on=day))
    timed("Excel", lambda: excel_bytes(forms))
    timed("CSV", lambda: "".join(map(csv_text, tables_of(forms))).encode())
    timed("TXF", lambda: write_txf(forms.rows, "Tapeline", day)[0].encode())
    print(f"            peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:] == ["forms"]:
        measure_forms()
        sys.exit()
    for wanted in sys.argv[1:] or ["100000", "1000000"]:
        measure(int(wanted.replace(",", "").replace("_", "")))
