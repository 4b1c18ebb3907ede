"""All measures of a result from its equity curve, round trips and executions.

Ratios are over session returns, whatever the bar length of the run: the last equity of each session over
that of the session before, the first over the starting equity. Minute returns annualised by the root of
98,280 would multiply every rounding and every spread at the close into the Sharpe ratio.

What was not handed in (no benchmark, no executions) is NaN, as is what is undefined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tapeline.analysis.confidence import SharpeEstimate, sharpe_ratio_ar1
from tapeline.analysis.drawdown import deepest_drawdown, longest_drawdown, max_drawdown_of
from tapeline.analysis.measures import ALL_MEASURES
from tapeline.analysis.ratios import (
    calmar_ratio,
    information_ratio,
    omega_ratio,
    regress_on_benchmark,
    sharpe_ratio,
    sortino_ratio,
    tracking_error,
)
from tapeline.analysis.returns import (
    NAN,
    annual_volatility,
    cagr,
    hit_rate,
    is_usable,
    kurtosis,
    mean,
    session_last_rows,
    simple_returns,
    skewness,
    tail_ratio,
)
from tapeline.analysis.trades import (
    Columns,
    Executions,
    RoundTrips,
    execution_measures,
    exposure_share,
    ratio,
    round_trip_measures,
)
from tapeline.domain.errors import DataError, InvariantError
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import SECOND


def summarize(
    equity_ns: Times,
    equity: Floats,
    round_trips: Columns | None = None,
    executions: Columns | None = None,
    *,
    starting_equity: float | None = None,
    session: Times | None = None,
    benchmark: Floats | None = None,
    gross_exposure: Floats | None = None,
    net_exposure: Floats | None = None,
    risk_free: float = 0.0,
    periods_per_year: int = 252,
) -> dict[str, float]:
    """Return every measure of `measures.ALL_MEASURES` by name, in that order; NaN where undefined.

    equity_ns, equity : int64 and float64 of shape (T,), UTC nanoseconds and currency, times increasing
    round_trips, executions : columns as `trades.RoundTrips` and `trades.Executions` name them
    starting_equity : currency before the first row; None = the first row
    session : int64 (T,), the session of each row, never falling; None = the UTC date
    benchmark : float64 (T,), level of the benchmark at each row; its first row is its start
    gross_exposure, net_exposure : float64 (T,), currency at each row
    risk_free : rate per session, used in the Sharpe ratio, alpha and beta
    periods_per_year : sessions in a year
    Raises DataError where lengths differ, times do not increase or a value is not finite.
    """
    last_rows = session_last_rows(equity_ns, equity, session=session)
    start = _first(equity) if starting_equity is None else starting_equity
    returns = simple_returns(equity[last_rows], start=start)
    years = len(returns) / periods_per_year
    values: dict[str, float] = dict.fromkeys((measure.name for measure in ALL_MEASURES), NAN)
    values |= _account(equity, start, returns, years, periods_per_year)
    values |= _risk(returns, periods_per_year)
    values |= _ratios(returns, risk_free, periods_per_year)
    values |= _drawdown(equity, start, equity_ns[last_rows], equity[last_rows])
    if benchmark is not None:
        last_levels = benchmark[session_last_rows(equity_ns, benchmark, session=session, what="the benchmark")]
        market = simple_returns(last_levels, start=_first(benchmark))
        values |= _against(returns, market, risk_free, periods_per_year)
        values["benchmark_return"] = ratio(_last(benchmark) - _first(benchmark), _first(benchmark))
    if round_trips is not None:
        closed = RoundTrips.from_columns(round_trips)
        values |= round_trip_measures(closed)
        values["exposure_share"] = exposure_share(closed, equity_ns)
    values |= _exposure(equity, gross_exposure, net_exposure)
    if executions is not None:
        fills = Executions.from_columns(executions)
        values |= execution_measures(fills, mean_equity=mean(equity), years=years)
    return values


def to_json_values(values: Mapping[str, float]) -> dict[str, float | int | None]:
    """Return the measures as JSON can hold them: NaN becomes None, counts become whole numbers.

    Raises InvariantError on an infinite value: no measure may be one.
    """
    whole = {measure.name for measure in ALL_MEASURES if measure.unit == "count"}
    converted: dict[str, float | int | None] = {}
    for name, value in values.items():
        if math.isinf(value):
            raise InvariantError(f"Measure {name!r} is infinite; an undefined measure must be NaN.")
        if math.isnan(value):
            converted[name] = None
        else:
            # Adding 0.0 turns -0.0, which prints badly, into 0.0.
            converted[name] = int(value) if name in whole else value + 0.0
    return converted


def _first(values: Floats) -> float:
    return float(values[0]) if len(values) else NAN


def _last(values: Floats) -> float:
    return float(values[-1]) if len(values) else NAN


def _account(equity: Floats, start: float, returns: Floats, years: float, periods_per_year: int) -> dict[str, float]:
    final = _last(equity)
    return {
        "starting_equity": start,
        "final_equity": final,
        "net_profit": final - start,
        "total_return": ratio(final - start, start),
        "sessions": float(len(returns)),
        "years": years,
        "cagr": cagr(returns, periods_per_year=periods_per_year),
    }


def _risk(returns: Floats, periods_per_year: int) -> dict[str, float]:
    known = is_usable(returns, 1)
    return {
        "mean_return": mean(returns),
        "volatility": annual_volatility(returns, periods_per_year=periods_per_year),
        "best_session": float(returns.max()) if known else NAN,
        "worst_session": float(returns.min()) if known else NAN,
        "winning_sessions": hit_rate(returns),
        "skewness": skewness(returns),
        "kurtosis": kurtosis(returns),
        "tail_ratio": tail_ratio(returns),
    }


def _ratios(returns: Floats, risk_free: float, periods_per_year: int) -> dict[str, float]:
    estimate = SharpeEstimate.of(returns, risk_free=risk_free)
    return {
        "sharpe": sharpe_ratio(returns, periods_per_year=periods_per_year, risk_free=risk_free),
        "sharpe_standard_error": estimate.standard_error() * math.sqrt(periods_per_year),
        "sharpe_ar1": sharpe_ratio_ar1(returns, periods_per_year=periods_per_year, risk_free=risk_free),
        "probabilistic_sharpe": estimate.probability_above(0.0),
        "min_track_record_sessions": estimate.min_track_record_length(0.0, confidence=0.95),
        "sortino": sortino_ratio(returns, periods_per_year=periods_per_year),
        "calmar": calmar_ratio(returns, periods_per_year=periods_per_year),
        "omega": omega_ratio(returns),
    }


def _drawdown(equity: Floats, start: float, session_ns: Times, session_end: Floats) -> dict[str, float]:
    path = np.concatenate(([start], session_end))
    values = {
        "max_drawdown": max_drawdown_of(path),
        "max_drawdown_intraday": max_drawdown_of(np.concatenate(([start], equity))),
    }
    deepest, longest = deepest_drawdown(path), longest_drawdown(path)
    if deepest is None or longest is None:
        return values | {"longest_drawdown_sessions": 0.0 if len(session_end) else NAN}

    def seconds(position: int | None) -> float:
        # Position 0 of the path is the starting capital, which has no row and no time.
        return float(session_ns[position - 1] // SECOND) if position else NAN

    return values | {
        "max_drawdown_peak_s": seconds(deepest.peak),
        "max_drawdown_trough_s": seconds(deepest.trough),
        "max_drawdown_recovery_s": seconds(deepest.recovery),
        "max_drawdown_fall_sessions": float(deepest.fall),
        "max_drawdown_sessions": float(deepest.length),
        "longest_drawdown_sessions": float(longest.length),
    }


def _against(returns: Floats, market: Floats, risk_free: float, periods_per_year: int) -> dict[str, float]:
    line = regress_on_benchmark(returns, market, risk_free=risk_free)
    return {
        "alpha": line.alpha_annual(periods_per_year),
        "beta": line.beta,
        "tracking_error": tracking_error(returns, market, periods_per_year=periods_per_year),
        "information_ratio": information_ratio(returns, market, periods_per_year=periods_per_year),
    }


def _exposure(equity: Floats, gross: Floats | None, net: Floats | None) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, exposure in (("gross", gross), ("net", net)):
        if exposure is None:
            continue
        if len(exposure) != len(equity):
            raise DataError(f"The {name} exposure has {len(exposure)} rows, but the equity curve has {len(equity)}.")
        share = exposure[equity > 0.0] / equity[equity > 0.0]
        values[f"average_{name}_exposure"] = mean(share)
        if name == "gross":
            values["max_gross_exposure"] = float(share.max()) if is_usable(share, 1) else NAN
            values["exposure_share"] = mean((exposure > 0.0).astype(np.float64))
    return values
