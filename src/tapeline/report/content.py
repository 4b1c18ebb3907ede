"""What a report tells, as plain arrays and words: filled from a result, drawn by `figures`, written by `page`.

Times are UTC nanoseconds, amounts in the account's currency, shares and returns fractions. Nothing here is thinned
or rounded; that belongs to the drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tapeline.analysis.calendar_returns import CalendarReturns
from tapeline.analysis.rolling import RollingSharpe
from tapeline.domain.panel import Floats, Times

Records = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Benchmark:
    """What the equity is held against.

    name : as a sentence tells it; levels : float64 [T], growth of 1 that started before the first row
    years : returns of the same calendar years as the run's
    measures : alpha, beta, tracking_error, information_ratio and benchmark_return
    caution : sentences on what it leaves out
    """

    name: str
    levels: Floats
    years: Floats
    measures: Mapping[str, float]
    caution: str = ""


@dataclass(frozen=True, eq=False)
class Levels:
    """Prices of the bracket of each round trip, float64 [K], NaN where it had none.

    first_stop, last_stop : where the stop stood at first and in the end; target : of the limit order
    """

    first_stop: Floats
    last_stop: Floats
    target: Floats


@dataclass(frozen=True)
class EntryExplanation:
    """Why a round trip was entered.

    order_id : of its entry; tree : the explanation as plain values; size : how its quantity came about, or ""
    """

    order_id: str
    tree: Mapping[str, Any]
    size: str = ""


@dataclass(frozen=True, eq=False)
class PriceLine:
    """Closes of one symbol, oldest first: int64 and float64 [T], NaN = no bar. Views of the run's bars, not copies."""

    times_ns: Times
    close: Floats


@dataclass(frozen=True, eq=False)
class Content:
    """One run, ready to be told.

    strategies, symbols : names; facts : what the run was over, one short text each; remarks : sentences
    times_ns, equity, gross_exposure, net_exposure : [T]; starting_cash : before the first row
    session_ns, session_returns : [n], end and return of each session; is_daily : times mean whole sessions
    gaps_ns : between one session's last slice and the next one's first, to be left out of a picture
    session_commissions, session_notionals : [n], paid and traded in each session; session_equity : at its end
    round_trips : records in order of their exits; levels : of their brackets; explanations : by position in them
    prices : by symbol, for those with round trips; empty where the bars were not at hand
    """

    strategies: Sequence[str]
    symbols: Sequence[str]
    facts: Sequence[str]
    remarks: Sequence[str]
    metrics: Mapping[str, float]
    financing: float
    starting_cash: float
    times_ns: Times
    equity: Floats
    gross_exposure: Floats
    net_exposure: Floats
    is_daily: bool
    gaps_ns: Sequence[tuple[int, int]]
    session_ns: Times
    session_days: Times
    session_returns: Floats
    session_equity: Floats
    session_commissions: Floats
    session_notionals: Floats
    calendar: CalendarReturns
    rolling: RollingSharpe | None
    benchmark: Benchmark | None
    round_trips: Records
    exit_reasons: Sequence[str]
    levels: Levels
    explanations: Mapping[int, EntryExplanation]
    prices: Mapping[str, PriceLine]
    digest: str
    manifest: Mapping[str, Any] = field(default_factory=dict)
