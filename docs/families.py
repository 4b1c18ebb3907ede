"""What the catalogue shows, family by family: each function and the call of which its picture is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One function of the library.

    name : its name in `tapeline`
    call : the call to draw, in the words of a formula, with `frame` for the bars and their fields by name; none for
        functions of one moment
    is_below : whether it has a pane of its own below the prices
    fields : of several results those to draw; none means all
    has_dots : whether it is drawn as dots
    market : "daily", the real bars, or "intraday", the simulated ones
    """

    name: str
    call: str = ""
    is_below: bool = False
    fields: tuple[str, ...] = ()
    has_dots: bool = False
    market: str = "daily"


def over(call: str, *fields: str, dots: bool = False, market: str = "daily") -> Entry:
    """Return an entry drawn over the prices."""
    return Entry(call.partition("(")[0], call, False, fields, dots, market)


def below(call: str, *fields: str, market: str = "daily") -> Entry:
    """Return an entry drawn in a pane of its own."""
    return Entry(call.partition("(")[0], call, True, fields, market=market)


FAMILIES: dict[str, tuple[Entry, ...]] = {
    "Averages": (
        over("sma(close, 20)"),
        over("ema(close, 20)"),
        over("wilder(close, 14)"),
        over("wma(close, 20)"),
        over("dema(close, 20)"),
        over("tema(close, 20)"),
        over("hma(close, 20)"),
        over("kama(close, 10)"),
        over("adaptive_average(close, rolling_rank(volume, 20) / 4)"),
        over("vwap(frame)", market="intraday"),
        over("linear_regression(close, 20)"),
    ),
    "Bands and trend": (
        over("bollinger(close, 20, 2)", "upper", "middle", "lower"),
        over("keltner(frame, 20, 2)"),
        over("donchian(frame, 20)"),
        over("ichimoku(frame)"),
        over("supertrend(frame, 10, 3)", "line"),
        over("parabolic_sar(frame)", "stop", dots=True),
        over("heikin_ashi(frame)", "open", "close"),
        below("adx(frame, 14)"),
        below("aroon(frame, 14)", "up", "down"),
    ),
    "Oscillators": (
        below("rsi(close, 14)"),
        below("stochastic(frame, 14)"),
        below("slow_stochastic(frame, 14, 3, 3)"),
        below("stoch_rsi(close, 14, 14, 3, 3)"),
        below("williams_r(frame, 14)"),
        below("macd(close, 12, 26, 9)"),
        below("ppo(close, 12, 26, 9)"),
        below("cci(frame, 20)"),
        below("mfi(frame, 14)"),
        below("roc(close, 10)"),
        below("efficiency_ratio(close, 10)"),
    ),
    "Volatility": (
        below("true_range(frame)"),
        below("atr(frame, 14)"),
        below("natr(frame, 14)"),
        below("realized_volatility(close, 20)"),
        below("parkinson_volatility(frame, 20)"),
        below("garman_klass_volatility(frame, 20)"),
        below("rogers_satchell_volatility(frame, 20)"),
        below("yang_zhang_volatility(frame, 20)"),
    ),
    "Volume": (
        below("obv(frame)"),
        below("money_flow_volume(frame)"),
        below("accumulation_distribution(frame)"),
        below("chaikin_oscillator(frame, 3, 10)"),
        below("chaikin_money_flow(frame, 20)"),
        below("relative_volume(frame, 20)"),
        below("volume_zscore(frame, 20)"),
        below("expected_volume_by_minute(frame, 10)", market="intraday"),
        below("relative_volume_by_minute(frame, 10)", market="intraday"),
    ),
    "Statistics": (
        over("rolling_mean(close, 20)"),
        over("rolling_quantile(close, 20, 0.5)"),
        over("rolling_min(close, 20)"),
        over("rolling_max(close, 20)"),
        below("rolling_argmin(close, 20)"),
        below("rolling_argmax(close, 20)"),
        below("rolling_sum(volume, 20)"),
        below("rolling_std(close, 20)"),
        below("rolling_variance(close, 20)"),
        below("rolling_mean_deviation(close, 20)"),
        below("rolling_zscore(close, 20)"),
        below("rolling_rank(close, 20)"),
        below("rolling_skewness(roc(close, 1), 60)"),
        below("rolling_kurtosis(roc(close, 1), 60)"),
        below("rolling_covariance(roc(close, 1), relative_volume(frame), 20)"),
        below("rolling_correlation(close, volume, 20)"),
        below("rolling_beta(roc(close, 1), roc(open, 1), 60)"),
        below("rolling_slope(close, 20)"),
        below("rolling_r_squared(close, 20)"),
        below("cumulative_sum(close - open)"),
        below("last_nonzero(sign(close - close.lag(1)))"),
        below("fractional_difference(log(close), 0.4)"),
    ),
    "Costs of trading": (
        below("corwin_schultz_spread(frame, 20)"),
        below('roll_spread(close, 20, positive="zero")'),
        below("quoted_spread(frame)", market="intraday"),
        below("quote_imbalance(frame)", market="intraday"),
        below("tick_imbalance(frame, 20)", market="intraday"),
    ),
    "Building blocks": tuple(
        Entry(name)
        for name in (
            *("highest", "lowest", "crossed_above", "crossed_below", "where", "minimum", "maximum", "round_to"),
            *("log", "exp", "sqrt", "sign"),
        )
    ),
}
