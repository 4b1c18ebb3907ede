"""Tapeline: from tape to tax.

    from tapeline import RuleStrategy, backtest, bars, ema, read_bars

The names below are the public face. Each is imported when it is first used, so that `import tapeline` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_FACE = {
    "tapeline.formula.bars": ("bars",),
    "tapeline.formula.parameters": ("param",),
    "tapeline.formula.library": (
        "adx",
        "atr",
        "bollinger",
        "crossed_above",
        "crossed_below",
        "ema",
        "highest",
        "lowest",
        "macd",
        "obv",
        "realized_volatility",
        "relative_volume",
        "relative_volume_by_minute",
        "maximum",
        "minimum",
        "roc",
        "round_to",
        "rolling_argmax",
        "rolling_argmin",
        "rolling_max",
        "rolling_mean",
        "rolling_min",
        "rolling_std",
        "rolling_sum",
        "rolling_zscore",
        "rsi",
        "sma",
        "stoch_rsi",
        "stochastic",
        "true_range",
        "vwap",
        "where",
        "wilder",
    ),
    "tapeline.formula.library_averages": (
        "adaptive_average",
        "dema",
        "hma",
        "kama",
        "tema",
        "wma",
    ),
    "tapeline.formula.library_oscillators": (
        "aroon",
        "cci",
        "efficiency_ratio",
        "mfi",
        "ppo",
        "slow_stochastic",
        "williams_r",
    ),
    "tapeline.formula.library_spreads": (
        "corwin_schultz_spread",
        "quote_imbalance",
        "quoted_spread",
        "roll_spread",
        "tick_imbalance",
    ),
    "tapeline.formula.library_statistics": (
        "cumulative_sum",
        "exp",
        "fractional_difference",
        "last_nonzero",
        "linear_regression",
        "log",
        "rolling_beta",
        "rolling_correlation",
        "rolling_covariance",
        "rolling_kurtosis",
        "rolling_mean_deviation",
        "rolling_quantile",
        "rolling_r_squared",
        "rolling_rank",
        "rolling_skewness",
        "rolling_slope",
        "rolling_variance",
        "sign",
        "sqrt",
    ),
    "tapeline.formula.library_trend": (
        "donchian",
        "heikin_ashi",
        "ichimoku",
        "keltner",
        "parabolic_sar",
        "supertrend",
    ),
    "tapeline.formula.library_volatility": (
        "garman_klass_volatility",
        "natr",
        "parkinson_volatility",
        "rogers_satchell_volatility",
        "yang_zhang_volatility",
    ),
    "tapeline.formula.library_volume": (
        "accumulation_distribution",
        "chaikin_money_flow",
        "chaikin_oscillator",
        "expected_volume_by_minute",
        "money_flow_volume",
        "volume_zscore",
    ),
    "tapeline.formula.series": ("series",),
    "tapeline.formula.compute": ("Stream", "compute", "explain"),
    "tapeline.strategies.base": ("RuleStrategy", "Strategy"),
    "tapeline.strategies.catalogue": (
        "BuyAndHold",
        "CrossSectionalMomentum",
        "IntradayMeanReversion",
        "MovingAverageCross",
        "SwingTrend",
    ),
    "tapeline.strategies.rules": (
        "ScaleOut",
        "SessionWindow",
        "distance",
        "fixed_quantity",
        "percent_of_equity",
        "risk_per_stop",
        "volatility_target",
    ),
    "tapeline.simulation.execution_settings": (
        "Algorithm",
        "Algorithms",
        "adaptive",
        "limit",
        "market",
        "participation",
        "twap",
        "volume_weighted",
    ),
    "tapeline.simulation.limit_settings": ("Limits", "usual_limits"),
    "tapeline.simulation.settings": (
        "Account",
        "Costs",
        "Market",
        "PercentCommission",
        "PerShareCommission",
        "RunSettings",
        "SaleFees",
        "Slippage",
    ),
    "tapeline.domain.corporate": ("CashDividend", "Split"),
    "tapeline.domain.errors": ("TapelineError",),
    "tapeline.domain.panel": ("Panel", "Sessions"),
    "tapeline.app.backtest": ("backtest",),
    "tapeline.engine.backtest": ("backtest_each", "sweep"),
    "tapeline.engine.result": ("Result",),
    "tapeline.feeds.parquet": ("read_bars",),
    "tapeline.feeds.simulated": ("simulate_market",),
    "tapeline.app.replay": ("replay",),
    "tapeline.app.lake_import": ("import_bars", "import_table"),
    "tapeline.feeds.vendor_files": ("VendorFormat",),
    "tapeline.lake.lake": ("Lake", "open_lake"),
    "tapeline.lake.snapshots": ("take_snapshot",),
    "tapeline.lake.formulas": ("read_values", "store_values"),
}
_WHERE = {name: module for module, names in _FACE.items() for name in names} | {
    "position": "tapeline.formula.position",
    "session": "tapeline.formula.session",
}

__all__ = ["__version__", *sorted(_WHERE)]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'tapeline' has no attribute {name!r}")
    module = importlib.import_module(_WHERE[name])
    value = module if _WHERE[name].endswith(f".{name}") and not hasattr(module, name) else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
