"""What a report tells of a real run: sessions, brackets, explanations and benchmarks, each from somewhere else."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bar_tables import bars_of
from engine.acts import run
from engine.builders import SETTINGS, FreeCross, Reversal, simulated_panel
from engine.test_brackets import Bracketed
from report.builders import a_result, weekdays
from tapeline import MovingAverageCross, Result, Split, backtest, backtest_each, explain, replay, sweep
from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.times import DAY, MINUTE
from tapeline.domain.words import Role
from tapeline.engine.entry_explanations import explanations_from_formulas, explanations_from_journal
from tapeline.engine.report_content import benchmark_of, content_of, levels_of
from tapeline.ledger.order_facts import OrderIntended, ReplaceIntended
from tapeline.report.content import Content
from tapeline.store.sqlite_journal import SqliteJournal


def told(result: Result, **arguments: Any) -> Content:
    return content_of(result, **{"benchmark": None, "journal": None, "remarks": (), **arguments})


@cache
def a_run() -> Result:
    """Return a run of three strategies with brackets, moved stops, scale-outs and free-form code."""
    return backtest([Reversal(), MovingAverageCross(), FreeCross()], simulated_panel(), SETTINGS["margin"])


@pytest.fixture(scope="module")
def journal_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of the same run, made slice by slice."""
    path = tmp_path_factory.mktemp("journal") / "run.sqlite"
    replay([Reversal(), MovingAverageCross(), FreeCross()], simulated_panel(), path, SETTINGS["margin"])
    return path


def test_stops_and_targets_are_those_that_the_journal_recorded(journal_file: Path) -> None:
    result = a_run()
    first: dict[str, float] = {}
    target: dict[str, float] = {}
    moved: dict[str, list[tuple[int, float]]] = {}
    with SqliteJournal.reading(journal_file) as journal:
        for record in journal.read(kind=OrderIntended.kind):
            order = record.fact.order  # type: ignore[attr-defined]
            if order.parent and order.role is Role.STOP and order.stop_price is not None:
                first[order.parent] = float(order.stop_price)
            if order.parent and order.role is Role.TARGET:
                target[order.parent] = float(order.limit_price)
        for record in journal.read(kind=ReplaceIntended.kind):
            fact = record.fact
            name = fact.client_order_id.rsplit("-", 3)[0]  # type: ignore[attr-defined]
            moved.setdefault(name, []).append((fact.event_time_ns, float(fact.stop_price)))  # type: ignore[attr-defined]

    levels = levels_of(result, result.round_trips)

    bracketed = changed = 0
    for place, trip in enumerate(result.round_trips):
        entry = result.order_id(int(trip["entry_ticket"]))
        if entry not in first:
            assert np.isnan(levels.first_stop[place])
            assert np.isnan(levels.target[place])
            continue
        bracketed += 1
        assert levels.first_stop[place] == pytest.approx(first[entry], abs=1e-6)
        assert levels.target[place] == pytest.approx(target[entry], abs=1e-9)
        name = entry.rsplit("-", 3)[0]
        later = [price for time, price in moved.get(name, []) if trip["entry_ns"] <= time < trip["exit_ns"]]
        changed += bool(later) and levels.first_stop[place] != pytest.approx(levels.last_stop[place], abs=1e-6)
        assert levels.last_stop[place] == pytest.approx(later[-1] if later else first[entry], abs=1e-9)
    assert bracketed >= 10
    assert changed >= 3


def test_explanations_computed_again_are_those_that_the_journal_recorded(journal_file: Path) -> None:
    result = a_run()
    trips = range(len(result.round_trips))
    assert result.inputs is not None

    computed = explanations_from_formulas(result, trips, result.inputs)
    with SqliteJournal.reading(journal_file) as journal:
        recorded = explanations_from_journal(result, trips, journal)

    assert set(computed) == set(recorded) == set(trips)
    for trip in trips:
        assert computed[trip].order_id == recorded[trip].order_id
        assert computed[trip].tree == recorded[trip].tree
    assert all(found.size for found in recorded.values())


def test_an_explanation_is_what_explain_says_of_that_moment() -> None:
    result = a_run()
    content = told(result)
    strategy = MovingAverageCross()
    checked = 0
    for place, found in content.explanations.items():
        trip = content.round_trips[place]
        if result.strategies[trip["strategy"]] == strategy.name:
            decided_ns = int(result.orders[trip["entry_ticket"]]["decided_ns"])
            formula = strategy.enter_long if trip["side"] > 0 else strategy.enter_short
            symbol = result.symbols[trip["symbol"]]
            expected = explain(formula, simulated_panel(), symbol, decided_ns, parameters=strategy.parameters)
            assert found.tree == expected.as_dict()
            assert found.tree["value"] is True
            checked += 1
        if checked == 3:
            break
    assert checked == 3


def test_runs_of_a_sweep_and_of_single_symbols_are_explained_by_their_own_parameters_and_bars() -> None:
    panel = simulated_panel(symbols=3)
    swept = sweep(MovingAverageCross, panel, [{"fast_bars": 5}, {"fast_bars": 9}], SETTINGS["margin"])
    alone = backtest_each(MovingAverageCross(), panel, SETTINGS["margin"])

    for result, bars in zip(swept, (5, 9), strict=True):
        trees = [found.tree for found in told(result).explanations.values()]
        assert len(trees) > 3
        assert all(tree["value"] is True and f", {bars})" in tree["text"] for tree in trees)
    for result, symbol in zip(alone, panel.symbols, strict=True):
        content = told(result)
        assert list(content.prices) == [symbol]
        assert content.benchmark is not None
        assert content.benchmark.name == f"{symbol}, bought and held"
        assert all(found.tree["value"] is True for found in content.explanations.values())


def test_the_round_trips_of_largest_profit_or_loss_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapeline.engine.report_content.EXPLANATIONS_MAX", 2)
    result = a_result([100.0] * 4, trips=((0, 0, 1, 1.0), (0, 0, 2, -5.0), (0, 1, 3, 3.0), (0, 0, 3, 2.0)))

    assert set(told(result).explanations) == {1, 2}


def test_round_trips_stand_in_the_order_of_their_exits() -> None:
    result = a_result([100.0] * 4, trips=((0, 0, 3, 1.0), (0, 1, 2, 2.0)))

    assert told(result).round_trips["net_pnl"].tolist() == [2.0, 1.0]


def test_sessions_have_the_dates_of_their_exchange() -> None:
    result = a_result([101.0, 99.0, 102.0], first=date(2024, 1, 30))

    assert told(result).session_days.tolist() == weekdays(date(2024, 1, 30), 3).tolist()
    assert told(result).facts[0] == "2024-01-30 to 2024-02-01"


def test_without_a_calendar_midnight_belongs_to_the_day_that_it_ends() -> None:
    times = np.array([19_724 * DAY, 19_724 * DAY + MINUTE])
    result = replace(a_result([100.0, 100.0], inputs=False), times_ns=times, session=np.array([-1, -1]))

    assert told(result).session_days.tolist() == [19_723, 19_724]


def test_commissions_and_notionals_are_those_of_each_session() -> None:
    # in and out of one share at 9.00 each, 0.25 paid each time
    content = told(a_result([100.0] * 3, trips=((0, 0, 1, 1.0), (0, 1, 1, 1.0))))

    assert content.session_commissions.tolist() == [0.25, 0.75, 0.0]
    assert content.session_notionals.tolist() == [9.0, 27.0, 0.0]


CLOSE = [[10.0, 20.0], [11.0, 20.0], [12.0, 10.0]]


def two_symbols() -> Result:
    return a_result([101.0, 103.02, 100.0], symbols=("AAA", "BBB"), close=CLOSE)


def test_the_benchmark_is_all_symbols_in_equal_parts_unless_one_is_named() -> None:
    together, alone = benchmark_of(two_symbols(), None), benchmark_of(two_symbols(), "AAA")
    assert together is not None
    assert alone is not None

    # bought at the first open, which is the first close here: (1 + 1)/2, (1.1 + 1)/2, (1.2 + 0.5)/2
    assert together.levels == pytest.approx([1.0, 1.05, 0.85])
    assert together.name == "the 2 symbols of the run in equal parts, bought and held"
    assert "A close of 1 symbol moves by a factor of 1.8 or more" in together.caution
    assert alone.levels == pytest.approx([1.0, 1.1, 1.2])
    assert alone.name == "AAA, bought and held"
    assert "factor" not in alone.caution


def test_alpha_and_beta_against_a_benchmark_by_hand() -> None:
    # benchmark returns 0, 10, 20 %, ours 1, 2, 3 %: beta 0.1; alpha 0.01 a session, 2.52 a year
    result = a_result([101.0, 101 * 1.02, 101 * 1.02 * 1.03])

    found = benchmark_of(result, np.array([5.0, 5.5, 6.6]))

    assert found is not None
    assert found.measures["beta"] == pytest.approx(0.1)
    assert found.measures["alpha"] == pytest.approx(2.52)
    assert found.measures["benchmark_return"] == pytest.approx(0.32)
    # differences 1, -8, -17 %: mean -8, deviation 9
    assert found.measures["information_ratio"] == pytest.approx(-8 / 9 * np.sqrt(252))
    assert found.years.tolist() == pytest.approx([0.32])


def test_another_run_is_a_benchmark_as_of_each_slice() -> None:
    shorter = a_result([110.0, 120.0])

    found = benchmark_of(two_symbols(), shorter)

    assert found is not None
    assert found.levels.tolist() == [1.1, 1.2, 1.2]


def test_a_split_that_the_run_was_given_is_no_loss_of_the_benchmark() -> None:
    table = """
              A
    2018-01-03
    20:59 100
    21:00 100
    2018-01-04
    14:31 50
    14:32 51
    """
    panel = bars_of(table, calendar="XNYS")
    with_split = run(Bracketed(), panel, corporate_actions=[Split("A", date(2018, 1, 4), Decimal(2))])

    found = benchmark_of(with_split, None)

    assert found is not None
    assert found.levels.tolist() == [1.0, 1.0, 1.0, 1.02]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.array([1.0, 2.0]), r"one level for each slice; the run has 3 slices, the benchmark has shape \(2,\)"),
        (np.array([1.0, np.nan, 2.0]), "Level 1 of the benchmark is nan; give a number above zero"),
        (np.array([1.0, 1.0, 0.0]), "Level 2 of the benchmark is 0.0"),
    ],
)
def test_a_benchmark_that_does_not_fit_is_refused(given: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        benchmark_of(two_symbols(), given)


def test_a_benchmark_of_a_symbol_needs_the_bars() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'AAA'"):
        benchmark_of(two_symbols(), "AA")
    with pytest.raises(DataError, match="Benchmark AAA needs the bars of the run"):
        benchmark_of(a_result(inputs=False), "AAA")


def test_nights_of_a_short_intraday_run_are_left_out_of_the_picture() -> None:
    result = a_run()
    content = told(result)

    opens = {int(value) for value in np.array(simulated_panel().end_ns)}
    assert len(content.gaps_ns) == len(content.session_ns) - 1 > 3
    for (last, first), end in zip(content.gaps_ns, content.session_ns, strict=False):
        assert last == end
        assert first in opens
        assert first - last > 12 * 60 * MINUTE
    assert told(a_result()).gaps_ns == []


def test_a_pickled_result_leaves_its_bars_behind() -> None:
    result = a_run()

    copy = pickle.loads(pickle.dumps(result))

    assert result.inputs is not None
    assert copy.inputs is None
    assert copy.digest == result.digest


def test_a_figure_for_notebooks_has_equity_benchmark_and_drawdown() -> None:
    figure = a_result([110.0, 99.0, 104.5]).plot()

    assert [trace.name for trace in figure.data] == ["benchmark", "equity", "drawdown"]
    assert list(figure.data[1].y) == [110.0, 99.0, 104.5]
    # 99/110 - 1 = -10 %, 104.5/110 - 1 = -5 %
    assert list(figure.data[2].y) == pytest.approx([0.0, -0.1, -0.05])
