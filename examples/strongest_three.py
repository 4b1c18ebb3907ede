"""A strategy in free-form code. Run it with

./tapeline backtest examples/strongest_three.py --data bars.parquet
"""

import numpy as np

from tapeline import Strategy, bars, percent_of_equity, roc


class StrongestThree(Strategy):
    """Hold the three symbols that gained most over the last session, each for a fifth of equity."""

    frame = "30min"
    size = percent_of_equity(20)

    gain = roc(bars().close, 13)

    def on_slice(self, now):
        gain = np.nan_to_num(now.gain, nan=-np.inf)  # unknown is no reason to hold
        best = np.zeros(now.symbol_count, dtype=bool)
        best[np.argsort(-gain, kind="stable")[:3]] = True
        best &= gain > 0

        now.exit((now.quantity > 0) & ~best)
        now.enter(best)
