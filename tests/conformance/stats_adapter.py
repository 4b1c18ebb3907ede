"""Names of the reference vectors in `shared/stats` mapped to tapeline's measures; see check.py there."""

import math
from itertools import islice

import numpy as np

from tapeline import compute as compute_formulas
from tapeline import formula
from tapeline.analysis import confidence, drawdown, ratios, returns
from tapeline.domain.panel import Panel
from tapeline.domain.times import DAY
from tapeline.indicators.memory import binomial_weights, fractional_weights


def compute(statistic, inputs):
    """Return a statistic of the reference vectors; NotImplementedError for those not built."""
    if statistic not in STATISTICS:
        raise NotImplementedError(f"Statistic {statistic!r} is not built.")
    return STATISTICS[statistic](inputs)


def split(kind, inputs):
    """Return the index sets of a splitter; none is built."""
    raise NotImplementedError(f"Splitter {kind!r} is not built.")


def _series(inputs, name="returns"):
    return np.asarray(inputs[name], dtype=np.float64)


def _periods(inputs):
    return inputs.get("periods_per_year", 1)


def _estimate(inputs):
    """Return the estimate from returns, or from published moments; annual ratios are brought to a period."""
    if "returns" in inputs:
        return confidence.SharpeEstimate.of(_series(inputs))
    sharpe = inputs.get("sr_per_period")
    if sharpe is None:
        sharpe = inputs["sr_annual"] / math.sqrt(_periods(inputs))
    return confidence.SharpeEstimate(sharpe, inputs.get("n", 0), inputs["skew"], inputs["kurtosis_nonexcess"])


def _benchmark_sharpe(inputs):
    if "sr_benchmark_annual" in inputs:
        return inputs["sr_benchmark_annual"] / math.sqrt(_periods(inputs))
    return inputs["sr_benchmark_per_period"]


def _alpha(inputs):
    line = _line(inputs)
    return {
        "none": lambda: line.alpha,
        "arithmetic": lambda: line.alpha_annual(_periods(inputs)),
        "compound": lambda: line.alpha_compound(_periods(inputs)),
    }[inputs["annualise"]]()


def _line(inputs):
    return ratios.regress_on_benchmark(_series(inputs), _series(inputs, "benchmark"), risk_free=inputs["rf_per_period"])


def _drawdown_positions(inputs):
    deepest = drawdown.deepest_drawdown(returns.wealth_path(_series(inputs)))
    return {"peak": deepest.peak, "trough": deepest.trough}


def _min_track_record_length(inputs):
    observations = _estimate(inputs).min_track_record_length(_benchmark_sharpe(inputs), confidence=inputs["confidence"])
    return observations / _periods(inputs) if inputs.get("unit") == "years" else observations


def _downside(function):
    return lambda i: function(_series(i), minimum_acceptable=i["mar_per_period"], periods_per_year=_periods(i))


def _against_benchmark(function):
    return lambda i: function(_series(i), _series(i, "benchmark"), periods_per_year=_periods(i))


def _of_bars(node, prices):
    """Return a formula's values over daily bars of one symbol, prices [bars, 4] open, high, low, close."""
    ends = (np.arange(len(prices)) + 1) * DAY
    fields = [np.asarray(prices, dtype=np.float64)[:, [column]] for column in range(4)]
    panel = Panel(("A",), DAY, ends - DAY, ends, *fields, np.zeros_like(fields[0]))
    return compute_formulas({"value": node}, panel)["value"][:, 0]


def _volatility(inputs):
    day, length, periods = formula.bars(), inputs["window"], inputs["periods_per_year"]
    node = {
        "parkinson": lambda: formula.parkinson_volatility(day, length, periods_per_year=periods),
        "garman_klass": lambda: formula.garman_klass_volatility(day, length, periods_per_year=periods),
        "garman_klass_yang_zhang": lambda: formula.garman_klass_volatility(
            day, length, overnight=True, periods_per_year=periods
        ),
        "rogers_satchell": lambda: formula.rogers_satchell_volatility(day, length, periods_per_year=periods),
        "yang_zhang": lambda: formula.yang_zhang_volatility(day, length, periods_per_year=periods),
        "close_to_close": lambda: formula.realized_volatility(day.close, length, periods_per_year=periods),
    }[inputs["estimator"]]()
    return _of_bars(node, inputs["ohlc"])[-1]


def _fractional_difference(inputs):
    node = formula.fractional_difference(formula.bars().close, inputs["d"], threshold=inputs["threshold"])
    return _of_bars(node, np.repeat(_series(inputs, "x")[:, None], 4, axis=1))


STATISTICS = {
    "mean": lambda i: returns.mean(_series(i)),
    "std": lambda i: returns.standard_deviation(_series(i), ddof=i["ddof"]),
    "annual_volatility": lambda i: returns.annual_volatility(_series(i), periods_per_year=_periods(i)),
    "skewness": lambda i: returns.skewness(_series(i)),
    "kurtosis": lambda i: returns.kurtosis(_series(i)),
    "cagr": lambda i: returns.cagr(_series(i), periods_per_year=_periods(i)),
    "hit_rate": lambda i: returns.hit_rate(_series(i), threshold=i["threshold_per_period"]),
    "tail_ratio": lambda i: returns.tail_ratio(_series(i), upper=i["upper"], lower=i["lower"]),
    "sharpe": lambda i: ratios.sharpe_ratio(_series(i), periods_per_year=_periods(i), risk_free=i["rf_per_period"]),
    "downside_deviation": _downside(ratios.downside_deviation),
    "sortino": _downside(ratios.sortino_ratio),
    "omega": lambda i: ratios.omega_ratio(_series(i), threshold=i["threshold_per_period"]),
    "calmar": lambda i: ratios.calmar_ratio(_series(i), periods_per_year=_periods(i)),
    "alpha": _alpha,
    "beta": lambda i: _line(i).beta,
    "tracking_error": _against_benchmark(ratios.tracking_error),
    "information_ratio": _against_benchmark(ratios.information_ratio),
    "max_drawdown": lambda i: drawdown.max_drawdown(_series(i)),
    "max_drawdown_indices": _drawdown_positions,
    "sharpe_standard_error": lambda i: _estimate(i).standard_error(),
    "psr": lambda i: _estimate(i).probability_above(_benchmark_sharpe(i)),
    "min_track_record_length": _min_track_record_length,
    "volatility": _volatility,
    "fracdiff_weights": lambda i: list(islice(binomial_weights(i["d"]), i["n"])),
    "fracdiff_ffd_weights": lambda i: fractional_weights(i["d"], i["threshold"]),
    "fracdiff_ffd": _fractional_difference,
    "sharpe_annualisation_factor_ar1": lambda i: confidence.annualisation_factor_ar1(i["rho"], i["q"]),
}
