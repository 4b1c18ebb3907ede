"""One example of every function of the formula library, with short lengths, for the tests that hold for all of them.

An example takes the bars of a frame, any series and a small length. `test_every_indicator...` of `test_chunks` and
`test_warmup` go through this table, and a test there asks that no function of the public face is missing from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tapeline
from tapeline import formula as f
from tapeline.formula import Bars, Node
from tapeline.formula.library import maximum, minimum, round_to

Example = Callable[[Bars, Node, int], Node | tuple[Node, ...]]


def timed(frame: Bars) -> Bars:
    """Return a frame of which the length of a bar is known; the tests' data have bars of 5 minutes."""
    return frame if frame.frame.ns else f.bars("5min")


EXAMPLES: dict[str, Example] = {
    "accumulation_distribution": lambda b, x, n: f.accumulation_distribution(b),
    "adaptive_average": lambda b, x, n: f.adaptive_average(x, f.rolling_rank(x, n)),
    "adx": lambda b, x, n: f.adx(b, n),
    "aroon": lambda b, x, n: f.aroon(b, n),
    "atr": lambda b, x, n: f.atr(b, n),
    "bollinger": lambda b, x, n: f.bollinger(x, n + 1),
    "cci": lambda b, x, n: f.cci(b, n),
    "chaikin_money_flow": lambda b, x, n: f.chaikin_money_flow(b, n),
    "chaikin_oscillator": lambda b, x, n: f.chaikin_oscillator(b, n, n + 2),
    "corwin_schultz_spread": lambda b, x, n: f.corwin_schultz_spread(b, n),
    "crossed_above": lambda b, x, n: f.crossed_above(x, b.open),
    "crossed_below": lambda b, x, n: f.crossed_below(x, b.open),
    "cumulative_sum": lambda b, x, n: f.cumulative_sum(x),
    "dema": lambda b, x, n: f.dema(x, n),
    "donchian": lambda b, x, n: f.donchian(b, n),
    "efficiency_ratio": lambda b, x, n: f.efficiency_ratio(x, n),
    "ema": lambda b, x, n: (f.ema(x, n), f.ema(x, n, seed="first")),
    "exp": lambda b, x, n: f.exp(-abs(x)),
    "expected_volume_by_minute": lambda b, x, n: f.expected_volume_by_minute(timed(b), n, session_minutes=150),
    "fractional_difference": lambda b, x, n: f.fractional_difference(x, 0.4, threshold=0.2 / n),
    "garman_klass_volatility": lambda b, x, n: (
        f.garman_klass_volatility(b, n),
        f.garman_klass_volatility(b, n, overnight=True),
    ),
    "heikin_ashi": lambda b, x, n: f.heikin_ashi(b),
    "highest": lambda b, x, n: f.highest(x, n),
    "hma": lambda b, x, n: f.hma(x, n + 1),
    "ichimoku": lambda b, x, n: f.ichimoku(b, n, n + 1, n + 2, displacement=n),
    "kama": lambda b, x, n: f.kama(x, n),
    "keltner": lambda b, x, n: f.keltner(b, n + 1, 2, atr_length=n),
    "last_nonzero": lambda b, x, n: f.last_nonzero(f.sign(x - x.lag(1))),
    "linear_regression": lambda b, x, n: f.linear_regression(x, n + 1),
    "log": lambda b, x, n: f.log(abs(x)),
    "lowest": lambda b, x, n: f.lowest(x, n),
    "macd": lambda b, x, n: f.macd(x, n, n + 2, 2),
    "maximum": lambda b, x, n: maximum(x, b.open),
    "mfi": lambda b, x, n: f.mfi(b, n),
    "minimum": lambda b, x, n: minimum(x, b.open),
    "money_flow_volume": lambda b, x, n: f.money_flow_volume(b),
    "natr": lambda b, x, n: f.natr(b, n),
    "obv": lambda b, x, n: f.obv(b),
    "parabolic_sar": lambda b, x, n: (*f.parabolic_sar(b), *f.parabolic_sar(b, seed="down")),
    "parkinson_volatility": lambda b, x, n: f.parkinson_volatility(b, n),
    "ppo": lambda b, x, n: f.ppo(x, n, n + 2, 2),
    "quote_imbalance": lambda b, x, n: f.quote_imbalance(b),
    "quoted_spread": lambda b, x, n: (f.quoted_spread(b), f.quoted_spread(b, relative=True)),
    "realized_volatility": lambda b, x, n: f.realized_volatility(x, n + 1),
    "relative_volume": lambda b, x, n: f.relative_volume(b, n),
    "relative_volume_by_minute": lambda b, x, n: f.relative_volume_by_minute(timed(b), n, session_minutes=150),
    "roc": lambda b, x, n: f.roc(x, n),
    "rogers_satchell_volatility": lambda b, x, n: f.rogers_satchell_volatility(b, n),
    "roll_spread": lambda b, x, n: f.roll_spread(x, n + 1, positive="zero"),
    "rolling_argmax": lambda b, x, n: f.rolling_argmax(x, n),
    "rolling_argmin": lambda b, x, n: f.rolling_argmin(x, n),
    "rolling_beta": lambda b, x, n: f.rolling_beta(x, b.volume, n + 3),
    "rolling_correlation": lambda b, x, n: f.rolling_correlation(x, b.volume, n + 3),
    "rolling_covariance": lambda b, x, n: f.rolling_covariance(x, b.volume, n + 1),
    "rolling_kurtosis": lambda b, x, n: f.rolling_kurtosis(x, n + 2),
    "rolling_max": lambda b, x, n: f.rolling_max(x, n),
    "rolling_mean": lambda b, x, n: f.rolling_mean(x, n),
    "rolling_mean_deviation": lambda b, x, n: f.rolling_mean_deviation(x, n),
    "rolling_min": lambda b, x, n: f.rolling_min(x, n),
    "rolling_quantile": lambda b, x, n: f.rolling_quantile(x, n, 0.3),
    "rolling_r_squared": lambda b, x, n: f.rolling_r_squared(x, n + 1),
    "rolling_rank": lambda b, x, n: f.rolling_rank(x, n),
    "rolling_skewness": lambda b, x, n: f.rolling_skewness(x, n + 2),
    "rolling_slope": lambda b, x, n: f.rolling_slope(x, n + 1),
    "rolling_std": lambda b, x, n: f.rolling_std(x, n + 1),
    "rolling_sum": lambda b, x, n: f.rolling_sum(x, n),
    "rolling_variance": lambda b, x, n: f.rolling_variance(x, n + 1, ddof=1),
    "rolling_zscore": lambda b, x, n: f.rolling_zscore(x, n + 1),
    "round_to": lambda b, x, n: round_to(x, 0.25),
    "rsi": lambda b, x, n: f.rsi(x, n),
    "sign": lambda b, x, n: f.sign(x - b.open),
    "slow_stochastic": lambda b, x, n: f.slow_stochastic(b, n, 2, 2),
    "sma": lambda b, x, n: f.sma(x, n),
    "sqrt": lambda b, x, n: f.sqrt(abs(x)),
    "stoch_rsi": lambda b, x, n: f.stoch_rsi(x, n, n + 1, 2, 2),
    "stochastic": lambda b, x, n: f.stochastic(b, n),
    "supertrend": lambda b, x, n: f.supertrend(b, n, 1),
    "tema": lambda b, x, n: f.tema(x, n),
    "tick_imbalance": lambda b, x, n: (f.tick_imbalance(b, n), f.tick_imbalance(b, n, rule="tick")),
    "true_range": lambda b, x, n: f.true_range(b),
    "volume_zscore": lambda b, x, n: f.volume_zscore(b, n + 3),
    "vwap": lambda b, x, n: f.vwap(b),
    "where": lambda b, x, n: f.where(x > b.open, x, b.open),
    "wilder": lambda b, x, n: f.wilder(x, n),
    "williams_r": lambda b, x, n: f.williams_r(b, n),
    "wma": lambda b, x, n: f.wma(x, n),
    "yang_zhang_volatility": lambda b, x, n: f.yang_zhang_volatility(b, n + 1),
}


def parts_of(name: str, frame: Bars, series: Node, length: int) -> dict[str, Node]:
    """Return the nodes of an example by their names: one, or the fields of what it returns."""
    found = EXAMPLES[name](frame, series, length)
    if isinstance(found, Node):
        return {name: found}
    labels = getattr(found, "_fields", range(len(found)))
    return {f"{name}.{label}": node for label, node in zip(labels, found, strict=True)}


def functions_of_the_face() -> Iterator[str]:
    """Yield the public functions that live in the library's files."""
    for name in tapeline.__all__:
        module = getattr(getattr(tapeline, name), "__module__", None) or ""
        if module.startswith("tapeline.formula.library"):
            yield name
