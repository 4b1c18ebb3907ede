"""A result as a report tells it: its sessions, its benchmark, the brackets of its trades and why they were entered.

Explained are the round trips that mattered most: the EXPLANATIONS_MAX of largest profit or loss. Ten thousand
trees would make a page that no browser likes, and nobody reads them; a journal answers for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tapeline.analysis.benchmark import LEAP, Ratios, buy_and_hold, leaping, split_ratios
from tapeline.analysis.calendar_returns import calendar_returns
from tapeline.analysis.ratios import information_ratio, regress_on_benchmark, tracking_error
from tapeline.analysis.returns import NAN, session_last_rows, simple_returns
from tapeline.analysis.rolling import rolling_sharpe, window_for
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Panel, Times
from tapeline.domain.times import DAY, frame_text, ns_to_date
from tapeline.domain.words import Purpose, Role
from tapeline.engine.entry_explanations import explanations_from_formulas, explanations_from_journal
from tapeline.engine.inputs import Inputs
from tapeline.engine.result import Result
from tapeline.ports.journal import Journal
from tapeline.report.amounts import plural
from tapeline.report.content import Benchmark, Content, EntryExplanation, Levels, PriceLine, Records

EXPLANATIONS_MAX = 200
SESSIONS_PER_YEAR = 252
GAPS_MAX = 130

GivenBenchmark = str | Result | Floats | None


def content_of(
    result: Result, *, benchmark: GivenBenchmark, journal: Journal | None, remarks: Sequence[str]
) -> Content:
    """Return what a report tells of a result; arguments and errors as `Result.report` has them."""
    check_slices(result)
    rows = _session_rows(result)
    days = session_days(result, rows)
    returns = simple_returns(result.equity[rows], start=result.starting_cash)
    held = benchmark_of(result, benchmark)
    window = window_for(len(returns))
    order = np.argsort(result.round_trips["exit_ns"], kind="stable")
    trips = result.round_trips[order]
    return Content(
        strategies=result.strategies,
        symbols=result.symbols,
        facts=_facts(result, days),
        remarks=tuple(remarks),
        metrics=result.metrics,
        financing=result.financing,
        starting_cash=result.starting_cash,
        times_ns=result.times_ns,
        equity=result.equity,
        gross_exposure=result.long_exposure + result.short_exposure,
        net_exposure=result.long_exposure - result.short_exposure,
        is_daily=len(rows) == len(result.times_ns),
        gaps_ns=_gaps(result, rows),
        session_ns=result.times_ns[rows],
        session_days=days,
        session_returns=returns,
        session_equity=result.equity[rows],
        session_commissions=_by_session(result, rows, result.executions["commission"]),
        session_notionals=_by_session(result, rows, result.executions["quantity"] * result.executions["price"]),
        calendar=calendar_returns(days, returns),
        rolling=None if window is None else rolling_sharpe(returns, window, periods_per_year=SESSIONS_PER_YEAR),
        benchmark=held,
        round_trips=trips,
        exit_reasons=[Purpose(int(purpose)).word for purpose in trips["exit_purpose"]],
        levels=levels_of(result, trips),
        explanations=_explanations(result, order, journal),
        prices=_prices(result),
        digest=result.digest,
        manifest=result.manifest,
    )


def check_slices(result: Result) -> None:
    """Raise DataError for a result that has nothing to show."""
    if not len(result.times_ns):
        raise DataError("The result has no slices, so there is nothing to report. Run it over at least one bar.")


def benchmark_of(result: Result, given: GivenBenchmark) -> Benchmark | None:
    """Return the benchmark of a report with its measures, None where none was given and no bars are at hand.

    Raises DataError for one that does not fit the run, UnknownNameError for a symbol that the bars do not have.
    """
    found = _levels(result, given)
    if found is None:
        return None
    name, levels, caution = found
    rows = _session_rows(result)
    market = simple_returns(levels[rows], start=1.0)
    returns = simple_returns(result.equity[rows], start=result.starting_cash)
    line = regress_on_benchmark(returns, market)
    return Benchmark(
        name,
        levels,
        calendar_returns(session_days(result, rows), market).totals,
        {
            "benchmark_return": float(levels[-1]) - 1.0,
            "alpha": line.alpha_annual(SESSIONS_PER_YEAR),
            "beta": line.beta,
            "tracking_error": tracking_error(returns, market, periods_per_year=SESSIONS_PER_YEAR),
            "information_ratio": information_ratio(returns, market, periods_per_year=SESSIONS_PER_YEAR),
        },
        caution,
    )


def _levels(result: Result, given: GivenBenchmark) -> tuple[str, Floats, str] | None:
    if isinstance(given, Result):
        return f"the run of {', '.join(given.strategies)}", _levels_of_run(result, given), ""
    if given is not None and not isinstance(given, str):
        return "the given series", _given_levels(result, np.asarray(given, dtype=np.float64)), ""
    if result.inputs is None:
        if given is None:
            return None
        raise DataError(
            f"Benchmark {given} needs the bars of the run, and this result does not carry them. Give a level for"
            f" each of its {plural(len(result.times_ns), 'slice')} instead."
        )
    data = result.inputs.data
    names = result.symbols if given is None else (given,)
    columns = [data.column(name) for name in names]
    splits = _splits(result.inputs, columns)
    # All columns are taken as they are: a copy of a large panel's prices may not fit into the memory.
    open_, close = (data.open, data.close) if names == data.symbols else (data.open[:, columns], data.close[:, columns])
    levels = buy_and_hold(open_, close, splits)
    if np.isnan(levels[-1]):
        if given is None:
            return None
        raise DataError(f"Benchmark {given} has no bar in the run. Name a symbol that was traded, or give levels.")
    caution = "It has no costs and no dividends, and only those splits that the run was given."
    if leaps := leaping(close, splits):
        caution += (
            f" A close of {plural(leaps, 'symbol')} moves by a factor of {LEAP} or more between two bars, as it does in"
            " a split: take the benchmark with care."
        )
    several = f"the {len(names)} symbols of the run in equal parts"
    return f"{names[0] if len(names) == 1 else several}, bought and held", levels, caution


def _levels_of_run(result: Result, other: Result) -> Floats:
    check_slices(other)
    growth = np.concatenate(([1.0], other.equity / other.starting_cash))
    at_slices: Floats = growth[np.searchsorted(other.times_ns, result.times_ns, side="right")]
    return at_slices


def _given_levels(result: Result, levels: Floats) -> Floats:
    slices = len(result.times_ns)
    if levels.shape != (slices,):
        raise DataError(
            f"A benchmark needs one level for each slice; the run has {slices} slices, the benchmark has shape"
            f" {levels.shape}. Align it with result.times_ns."
        )
    if not (np.isfinite(levels).all() and (levels > 0.0).all()):
        row = int(np.argmin(np.isfinite(levels) & (levels > 0.0)))
        raise DataError(f"Level {row} of the benchmark is {levels[row]}; give a number above zero for every slice.")
    found: Floats = levels / levels[0]
    return found


def _splits(inputs: Inputs, columns: Sequence[int]) -> dict[int, Ratios]:
    known = split_ratios(inputs.corporate_actions, inputs.data)
    return {columns.index(column): ratios for column, ratios in known.items() if column in columns}


def _session_rows(result: Result) -> Times:
    session = result.session if result.session[0] >= 0 else None
    return session_last_rows(result.times_ns, result.equity, session=session)


def session_days(result: Result, rows: Times) -> Times:
    """Return the dates of the sessions that end at some rows, as days since 1970-01-01.

    They are the exchange's dates where the calendar is at hand, else UTC's; midnight belongs to the day it ends.
    """
    sessions = None if result.inputs is None else result.inputs.data.sessions
    if sessions is None or result.session[0] < 0:
        return (result.times_ns[rows] - 1) // DAY
    return sessions.days[result.session[rows] - sessions.ordinal]


def _gaps(result: Result, rows: Times) -> list[tuple[int, int]]:
    """Return the nights of a run of a few months; over years they are too thin to be seen, and too many to draw."""
    if len(rows) == len(result.times_ns) or len(rows) > GAPS_MAX:
        return []
    last, first = result.times_ns[rows[:-1]], result.times_ns[rows[:-1] + 1]
    return list(zip(last.tolist(), first.tolist(), strict=True))


def _by_session(result: Result, rows: Times, amounts: Floats) -> Floats:
    place = np.searchsorted(result.times_ns[rows], result.executions["time_ns"])
    # A report of after the last slice belongs to the last session.
    sums = np.zeros(len(rows))
    np.add.at(sums, np.minimum(place, len(rows) - 1), amounts)
    return sums


def levels_of(result: Result, trips: Records) -> Levels:
    """Return the levels of the brackets of round trips: the stop at first and in the end, and the target.

    The first stop follows from the R multiple, whose R is the distance to it (Tharp 1998); an order's record has
    the level of its end. A trailing stop has a distance, and no level in the end.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        risk = trips["net_pnl"] / trips["r_multiple"] / trips["quantity"]
    first_stop = np.where(np.isfinite(risk), trips["entry_price"] - trips["side"] * risk, NAN)
    last_stop, target = np.full((2, len(trips)), NAN)
    orders = result.orders
    stops = _numbers_of(result, Role.STOP)
    for place, trip in enumerate(trips):
        known = stops.get((int(trip["strategy"]), int(trip["symbol"])))
        if known is not None:
            # of the orders given until the exit, the last one that is not of an earlier holding
            last = int(np.searchsorted(orders["decided_ns"][known], trip["exit_ns"])) - 1
            if last >= 0 and known[last] > trip["entry_ticket"]:
                last_stop[place] = orders["stop_price"][known[last]]
    targets = np.flatnonzero(orders["role"] == Role.TARGET)
    by_parent = dict(zip(orders["parent"][targets].tolist(), targets.tolist(), strict=True))
    for place, entry in enumerate(trips["entry_ticket"].tolist()):
        if entry in by_parent:
            target[place] = orders["limit_price"][by_parent[entry]]
    return Levels(first_stop, last_stop, target)


def _numbers_of(result: Result, role: Role) -> dict[tuple[int, int], Times]:
    orders = result.orders
    found: dict[tuple[int, int], list[int]] = {}
    for number in np.flatnonzero(orders["role"] == role).tolist():
        order = orders[number]
        found.setdefault((int(order["strategy"]), int(order["symbol"])), []).append(number)
    return {key: np.array(numbers, dtype=np.int64) for key, numbers in found.items()}


def _explanations(result: Result, order: Times, journal: Journal | None) -> dict[int, EntryExplanation]:
    """Return explanations by position in the order of exits."""
    size = np.abs(result.round_trips["net_pnl"][order])
    chosen = np.sort(np.argsort(-size, kind="stable")[:EXPLANATIONS_MAX])
    numbers = order[chosen].tolist()
    if journal is not None:
        found = explanations_from_journal(result, numbers, journal)
    elif result.inputs is not None:
        found = explanations_from_formulas(result, numbers, result.inputs)
    else:
        found = {}
    return {place: found[number] for place, number in zip(chosen.tolist(), numbers, strict=True) if number in found}


def _prices(result: Result) -> Mapping[str, PriceLine]:
    if result.inputs is None:
        return {}
    data: Panel = result.inputs.data
    names = [result.symbols[number] for number in np.unique(result.round_trips["symbol"]).tolist()]
    return {name: PriceLine(data.end_ns, data.close[:, data.column(name)]) for name in names}


def _facts(result: Result, days: Times) -> list[str]:
    first, last = (ns_to_date(int(day) * DAY).isoformat() for day in days[[0, -1]])
    facts = [f"{first} to {last}", plural(len(days), "session"), plural(len(result.symbols), "symbol")]
    if result.inputs is not None:
        data = result.inputs.data
        facts.append(f"bars of {frame_text(data.frame_ns)}")
        if data.sessions is not None:
            facts.append(f"calendar {data.sessions.name}")
    return facts
