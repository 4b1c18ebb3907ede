"""What another engine has published about its own buy-and-hold runs, from its own bars, to the cent.

The figures are the statistics that LEAN's regression algorithms expect (QuantConnect/Lean, Algorithm.CSharp, at commits
0124dffa and 11123e19, read 2026-11-20); the bars are those it ships. Its rules, as far as they matter here:

- "100 %" of the account means 99.75 % of it, at the close that the decision was made on, in whole shares.
- A decision on daily bars fills at the next open. So does ours, and the figures are equal.
- A decision on hourly bars fills at the close that it was made on, one on minutes at that moment's ask. Ours fills at
  the next open, the first price that can be had: docs/market.md. There the difference is the difference of these two
  prices, to the cent, and nothing else.
- Prices are adjusted for splits and dividends to come, unless an algorithm asks for raw ones. Commissions are half a
  cent per share, at least 1.00 per order, not rounded to cents.

Its stop-loss algorithm (99,995.41) is left out: it sends a stop on the wrong side of the market, which we deny.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from brokers.builders import an_order
from shared import shared_path
from tapeline import (
    Account,
    BuyAndHold,
    CashDividend,
    Costs,
    Market,
    Panel,
    PerShareCommission,
    Result,
    RunSettings,
    Split,
    backtest,
    read_bars,
)
from tapeline.app.replay import replay
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.order import Order
from tapeline.domain.times import from_iso
from tapeline.domain.words import OrderType, TimeInForce
from tapeline.feeds.replay import Replay
from tapeline.ledger.order_facts import OrderFilled
from tapeline.tape.calendars import sessions

LEAN = RunSettings(
    account=Account(cash=100_000, kind="margin", leverage=2.0),  # its default; one of the buys needs it
    costs=Costs(commission=(PerShareCommission(0.005, minimum=1.0),)),
    market=Market(tick_size=0.000001, commission_rounding="none"),  # adjusted prices are on no tick
)


def factors(symbol: str) -> list[tuple[date, float, float, float]]:
    """Return (last date, price factor, split factor, raw close of that date), oldest first."""
    table = pl.read_parquet(shared_path("data/lean_factor_files.parquet")).filter(pl.col("symbol") == symbol)
    return table.sort("date").drop("symbol").rows()


def adjusted(panel: Panel, day: date) -> Panel:
    """Return a panel of one symbol and a period without an event, adjusted for everything after it."""
    _, price, split, _ = next(row for row in factors(panel.symbols[0]) if row[0] >= day)
    return replace(panel, **{name: getattr(panel, name) * price * split for name in ("open", "high", "low", "close")})


def dividends(symbol: str, first: date, last: date) -> list[CashDividend]:
    """Return the dividends that went ex in a period, in cents, as the factors of two periods tell them."""
    rows = factors(symbol)
    return [
        CashDividend(
            symbol, before[0] + timedelta(days=1), Decimal(str(round(before[3] * (1 - before[1] / after[1]), 2)))
        )
        for before, after in pairwise(rows)
        if first < before[0] < last
    ]


def joined(before: Panel, after: Panel, symbol: str) -> Panel:
    """Return two periods of one security as one, under its later name."""
    names = ("start_ns", "end_ns", "open", "high", "low", "close", "volume")
    whole = {name: np.concatenate((getattr(before, name), getattr(after, name))) for name in names}
    first, last = date(2014, 3, 24), date(2014, 4, 7)
    return replace(before, symbols=(symbol,), sessions=sessions("XNYS", first, last), **whole)


def on_close(name: str, time_ns: int) -> Order:
    terms = {"order_type": OrderType.MARKET_ON_CLOSE, "time_in_force": TimeInForce.AUCTION}
    return an_order(name, symbol="SPY", quantity=Decimal(2), decision_time_ns=time_ns, **terms)


def fees_of(result: Result) -> float:
    return float(result.executions["commission"].sum())


def spy(pack: str, first: str, last: str) -> Panel:
    return read_bars(shared_path(f"data/{pack}.parquet"), symbols=["SPY"], first=first, last=last).panel


def test_buy_and_hold_on_daily_bars() -> None:
    """BasicTemplateDailyAlgorithm, 8 to 17 October 2013: 103,463.69 with fees of 3.45.

    Decided on the close of the 7th, 167.42 x 0.8646266 = 144.7558: 99,750 / 144.7558 = 689 shares, in at 167.45 and
    still there at 173.27: 100,000 - 689 x 0.005 + 689 x (173.27 - 167.45) x 0.8646266 = 103,463.69.
    """
    panel = adjusted(spy("lean_daily", "2013-10-07", "2013-10-17"), date(2013, 10, 17))

    result = backtest(BuyAndHold(), panel, LEAN)

    assert result.executions["quantity"].tolist() == [689.0]
    assert round(fees_of(result), 3) == 3.445
    assert round(result.final_equity, 2) == 103_463.69


def test_eight_years_of_dividends_in_raw_prices() -> None:
    """DividendRegressionAlgorithm, half the account in SPY from 1998 to 2005: 120,462.08 with fees of 2.56.

    512 shares, in at 97.84, 124.55 at the end, 33 dividends of 13.26 together:
    100,000 - 2.56 + 512 x (124.55 - 97.84 + 13.26) = 120,462.08.
    """
    panel = spy("lean_daily", "1998-01-02", "2005-12-30")
    paid = dividends("SPY", date(1998, 1, 2), date(2005, 12, 30))
    settings = replace(LEAN, market=Market())

    result = backtest(BuyAndHold(reserve=50.125), panel, settings, corporate_actions=paid)
    replayed = replay([BuyAndHold(reserve=50.125)], panel, ":memory:", settings, corporate_actions=paid).result

    assert len(paid) == 33
    assert round(result.financing, 2) == 6_789.12
    assert round(fees_of(result), 2) == 2.56
    assert round(result.final_equity, 2) == 120_462.08
    assert replayed.digest == result.digest


def test_a_split_in_raw_prices() -> None:
    """RawDataRegressionAlgorithm, GOOGL from 25 March to 7 April 2014: 92,720.82 with fees of 1.00.

    99,750 / 1,157.93 = 86 shares, in at 1,165.89; from 3 April two for one: 172 at 540.63. Until that day the ticker
    was GOOG. 100,000 - 1 - 86 x 1,165.89 + 172 x 540.63 = 92,720.82. (The open is above the close that was sized on:
    86 cost 100,266.54, a little of it borrowed, without interest.)
    """
    path = shared_path("data/lean_daily.parquet")
    before = read_bars(path, symbols=["GOOG"], first="2014-03-24", last="2014-04-02").panel
    after = read_bars(path, symbols=["GOOGL"], first="2014-04-03", last="2014-04-07").panel
    panel = joined(before, after, "GOOGL")
    split = Split("GOOGL", date(2014, 4, 3), new=Decimal(2))

    result = backtest(BuyAndHold(), panel, replace(LEAN, market=Market()), corporate_actions=[split])

    assert result.positions.tolist() == [172.0]
    assert round(result.final_equity, 2) == 92_720.82


@pytest.mark.parametrize(
    ("pack", "published", "reserve", "quantity", "their_price", "our_price"),
    [
        # BasicTemplateHourlyAlgorithm: the close of 10:00 is 167.72, the open after it 167.74.
        ("lean_hour", 101_529.08, 0.25, 687, 167.72, 167.74),
        # BasicTemplateAlgorithm: at 09:31 the ask is 167.45, the next bar opens at 167.47. The fee of 3.44 comes off
        # the amount before shares are counted, which here makes one less: 0.25 % and 3.44 of 100,000 are 0.25344 %.
        ("lean_minute_trade", 101_691.92, 0.25344, 688, 167.45, 167.47),
    ],
)
def test_within_the_day_the_difference_is_that_of_the_first_price_after_the_decision(
    pack: str, published: float, reserve: float, quantity: int, their_price: float, our_price: float
) -> None:
    """7 to 11 October 2013; the last close is 170.30."""
    factor = 0.8646266
    panel = adjusted(spy(pack, "2013-10-07", "2013-10-11"), date(2013, 10, 11))

    result = backtest(BuyAndHold(reserve=reserve), panel, LEAN)

    assert result.executions["quantity"].tolist() == [quantity]
    theirs = 100_000 - 0.005 * quantity + quantity * (170.30 - their_price) * factor
    assert round(theirs, 2) == published
    assert round(result.final_equity, 2) == round(theirs - quantity * (our_price - their_price) * factor, 2)


def test_orders_on_the_close() -> None:
    """MarketOnCloseOrderBufferRegressionAlgorithm, 7 and 8 October 2013: 99,994.65 with fees of 2.00.

    Two shares on the close of the 7th, ordered at 15:49, and two on that of the 8th, ordered at 17:00 the day before.
    100,000 - 2 + 2 x (165.48 - 167.42) x 0.8646266 = 99,994.65. Strategies send no such orders; the market takes them.
    """
    panel = adjusted(spy("lean_minute_trade", "2013-10-07", "2013-10-08"), date(2013, 10, 8))
    broker = SimulatedBroker(panel.symbols, panel.frame_ns, panel.sessions, LEAN)
    times = {"early": from_iso("2013-10-07T19:49:00Z"), "late": from_iso("2013-10-07T21:00:00Z")}

    waiting = dict(times)
    for now in Replay(panel).slices():
        for name in [name for name, time_ns in waiting.items() if time_ns < now.end_ns]:
            broker.submit([on_close(name, waiting.pop(name))])
        broker.play(now)
    filled = [report for report in broker.events() if isinstance(report, OrderFilled)]

    assert [report.execution.client_order_id for report in filled] == ["early", "late"]
    spent = sum(report.execution.quantity * report.execution.price + report.execution.commission for report in filled)
    assert round(100_000 - float(spent) + 4 * panel.close[-1, 0], 2) == 99_994.65
