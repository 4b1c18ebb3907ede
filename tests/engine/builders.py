"""Settings, strategies and data for tests of the engine."""

from __future__ import annotations

from datetime import date

import numpy as np

from shared import shared_path
from tapeline import (
    Account,
    Costs,
    Limits,
    Market,
    Panel,
    PercentCommission,
    PerShareCommission,
    RuleStrategy,
    RunSettings,
    SaleFees,
    ScaleOut,
    Slippage,
    Strategy,
    atr,
    bars,
    crossed_above,
    crossed_below,
    distance,
    ema,
    param,
    percent_of_equity,
    position,
    read_bars,
    risk_per_stop,
    rsi,
)
from tapeline.feeds.simulated import simulate_market
from tapeline.tape.calendars import sessions


def real_panel(name: str, first: str, last: str, symbols: int | None = None) -> Panel:
    """Return bars of a shared pack, all symbols or the first so many by name."""
    path = shared_path(f"data/{name}")
    panel = read_bars(path, first=first, last=last).panel
    if symbols is None:
        return panel
    return read_bars(path, first=first, last=last, symbols=panel.symbols[:symbols]).panel


def simulated_panel(symbols: int = 6, seed: int = 11, last: date = date(2024, 1, 12)) -> Panel:
    """Return a small simulated market with missing minutes and a halt."""
    return simulate_market(seed, sessions=sessions("XNYS", date(2024, 1, 2), last), symbols=symbols).panel


SETTINGS = {
    "cash": RunSettings(),
    "margin": RunSettings(
        account=Account(kind="margin", leverage=2.0, short_allowed=True),
        costs=Costs(
            commission=(
                PerShareCommission(0.005, minimum=1.0, maximum_pct=1.0),
                SaleFees("2018-01-01", 0.0000278, 0.000166, 8.3),
            ),
            slippage=Slippage("bps", bps=1.5),
            borrow_rate=0.03,
            interest_rate=0.06,
        ),
        market=Market(participation=0.05),
        limits=Limits(position=0.1, gross=1.5, net=1.0, positions=20, risk_per_trade=0.005),
    ),
    "late": RunSettings(
        account=Account(kind="margin", leverage=4.0, short_allowed=True),
        costs=Costs(commission=(PercentCommission(0.0005),), slippage=Slippage("volatility", k=0.1)),
        market=Market(participation=0.2, latency_s=5.0, limit_fill="touch", inside_first="limit"),
        limits=Limits(positions=12),
    ),
    "fractions": RunSettings(
        account=Account(kind="margin", leverage=2.0, short_allowed=True),
        costs=Costs(slippage=Slippage("impact", k=0.1, initial_sigma=0.02)),
        market=Market(quantity_step=0.001, commission_rounding="none"),
        limits=Limits(gross=1.0),
        compare="exact",
    ),
}


class Reversal(RuleStrategy):
    """Uses everything a rule strategy may declare: bracket, scale-out, moved stop, two frames, both sides."""

    low_rsi = param(35.0, low=5.0, high=50.0)

    m5, m30 = bars("5min"), bars("30min")
    momentum = rsi(m5.close, 14)
    rising = m30.close > ema(m30.close, 5)

    enter_long = (momentum < low_rsi) & rising
    enter_short = (momentum > 65) & ~rising
    exit_long = (position.bars_held >= 40) | (momentum > 60)
    exit_short = (position.bars_held >= 40) | (momentum < 40)
    stop = distance(2 * atr(m5, 14))
    target = distance(4 * atr(m5, 14))
    scale_out = ScaleOut(position.unrealized_r >= 1, fraction=0.5)
    move_stop = position.entry_price
    rank = -momentum
    size = risk_per_stop(0.5)
    positions_max = 8


class Keep(RuleStrategy):
    """Buy at the first chance and keep, with a far stop; odd quantities."""

    enter_long = bars().close > 0
    stop = bars().close * 0.5
    size = percent_of_equity(7)


class FreeCross(Strategy):
    """The moving-average cross in free-form code."""

    bar = bars()
    fast, slow = ema(bar.close, 20), ema(bar.close, 50)
    up, down = crossed_above(fast, slow), crossed_below(fast, slow)
    size = percent_of_equity(10)

    def on_slice(self, now):  # type: ignore[no-untyped-def]
        now.exit(now.down)
        now.enter(now.up)


class FreeBracket(Strategy):
    """Free-form code with stops, targets and tightened stops."""

    bar = bars("5min")
    momentum, reach = rsi(bar.close, 14), atr(bar, 14)
    price = bar.close * 1
    size = risk_per_stop(0.5)

    def on_slice(self, now):  # type: ignore[no-untyped-def]
        now.enter(now.momentum < 30, stop=now.price - 2 * now.reach, target=now.price + 4 * now.reach)
        held = now.quantity > 0
        now.set_stop(held, now.price - 3 * now.reach)
        now.exit(held & (now.momentum > 70))


def with_last_bar_changed(panel: Panel) -> Panel:
    """Return a copy whose last row has other prices and volumes."""
    fields = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(panel, name).copy()
        values[-1] *= 1.5 if name != "volume" else 3.0
        fields[name] = np.round(values, 2) if name != "volume" else values
    return Panel(panel.symbols, panel.frame_ns, panel.start_ns, panel.end_ns, **fields, sessions=panel.sessions)
