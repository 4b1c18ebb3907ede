"""A strategy that is all rules. Run it with

./tapeline backtest examples/breakout.py --data bars.parquet
"""

from tapeline import RuleStrategy, SessionWindow, atr, bars, distance, param, relative_volume, risk_per_stop


class Breakout(RuleStrategy):
    """Buy a close above the highest price of two hours on twice the usual volume; flat before the close."""

    reward = param(2.0, low=0.5, high=10.0)  # target, in multiples of the distance to the stop

    bar = bars("5min")
    ceiling = bar.high.lag(1).highest(24)
    range_size = atr(bar, 14)

    enter_long = (bar.close > ceiling) & (relative_volume(bar, 24) > 2)
    stop = distance(range_size)
    target = distance(reward * range_size)

    size = risk_per_stop(0.25)  # percent of equity
    positions_max = 5
    entry_window = SessionWindow(after_open_minutes=30, before_close_minutes=60)
    flat_before_close_minutes = 5
