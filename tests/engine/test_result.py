"""The result: books that balance, round trips and excursions recomputed, a schema that holds, a digest that tells."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine import accountant
from engine.builders import SETTINGS, FreeCross, Reversal, simulated_panel
from tapeline import MovingAverageCross, Result, backtest, backtest_each, sweep
from tapeline.domain.words import OrderType, Purpose

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "result-schema.md"


@cache
def a_result(settings: str = "margin") -> Result:
    """Return a run of three strategies that uses every declaration, over simulated bars."""
    return backtest([Reversal(), MovingAverageCross(), FreeCross()], simulated_panel(), SETTINGS[settings])


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_cash_is_what_the_executions_and_the_financing_leave(settings: str) -> None:
    result = a_result(settings)

    assert len(result.executions) > 50
    # cash is kept in whole units of 1e-12 within an account of 1e5
    assert result.cash == pytest.approx(float(accountant.cash(result)), abs=1e-6)
    assert result.positions.tolist() == accountant.positions(result)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_equity_is_cash_and_positions_at_their_last_price(settings: str) -> None:
    """Rebuilt at every row: executions up to then, closes of the last bar with volume."""
    result, panel = a_result(settings), simulated_panel()
    cash, held = result.starting_cash, np.zeros(len(result.symbols))
    marks, place, checked = np.zeros(len(result.symbols)), 0, 0
    financed = SETTINGS[settings].costs.borrow_rate > 0
    for row, end_ns in enumerate(panel.end_ns):
        while place < len(result.executions) and result.executions[place]["time_ns"] == end_ns:
            fill = result.executions[place]
            cash -= fill["side"] * fill["quantity"] * fill["price"] + fill["commission"]
            held[fill["symbol"]] += fill["side"] * fill["quantity"]
            marks[fill["symbol"]] = fill["price"]
            place += 1
        traded = panel.volume[row] > 0
        marks[traded] = panel.close[row][traded]
        value = held * marks
        longs, shorts = value[value > 0].sum(), -value[value < 0].sum()
        assert result.long_exposure[row] == pytest.approx(longs, abs=1e-6)
        assert result.short_exposure[row] == pytest.approx(shorts, abs=1e-6)
        # debits of borrowed shares and cash are no executions; they are settled at the end
        owed = abs(result.financing) if financed else 0.0
        assert abs(result.equity[row] - (cash + longs - shorts)) <= owed + 1e-6
        checked += 1

    assert checked == len(result.equity)
    assert result.equity[-1] == pytest.approx(result.cash + float(result.positions @ marks), abs=1e-6)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_round_trips_are_those_that_an_accountant_finds_in_the_executions(settings: str) -> None:
    result, panel = a_result(settings), simulated_panel()
    expected = accountant.round_trips(result)

    assert len(result.round_trips) == len(expected) > 20
    for trip, found in zip(result.round_trips, expected, strict=True):
        names = ("strategy", "symbol", "side", "entry_ns", "exit_ns", "exit_purpose")
        assert [int(trip[name]) for name in names] == [getattr(found, name) for name in names]
        assert trip["quantity"] == float(found.bought)
        assert trip["entry_price"] == pytest.approx(float(found.entry_price), rel=1e-12)
        assert trip["exit_price"] == pytest.approx(float(found.received / found.sold), rel=1e-12)
        assert trip["commission"] == pytest.approx(float(found.commission), abs=1e-9)
        assert trip["net_pnl"] == pytest.approx(float(found.net_pnl), abs=1e-6)
        assert trip["bars_held"] >= 0
        highest, lowest = accountant.excursions(found, panel)
        entry, quantity = float(found.entry_price), float(found.bought)
        up, down = max(highest - entry, 0) * quantity, max(entry - lowest, 0) * quantity
        worst, best = (-down, up) if found.side > 0 else (-up, down)
        assert trip["mae"] == pytest.approx(worst, abs=1e-6)
        assert trip["mfe"] == pytest.approx(best, abs=1e-6)


def test_r_multiples_are_gains_over_the_risk_to_the_first_stop() -> None:
    result = a_result()
    first_stop: dict[int, float] = {}
    for order in result.orders:
        if order["purpose"] == Purpose.STOP and order["parent"] >= 0 and order["order_type"] == OrderType.STOP:
            first_stop[int(order["parent"])] = float(order["stop_price"])
    known = 0
    for trip in result.round_trips:
        if int(trip["entry_ticket"]) not in first_stop:
            assert np.isnan(trip["r_multiple"])
            continue
        moved = first_stop[int(trip["entry_ticket"])]
        if (moved - trip["entry_price"]) * trip["side"] >= 0:
            continue  # tightened to the entry or beyond: the first level stands in no order any more
        if result.strategies[trip["strategy"]] == "Reversal":
            known += trip["r_multiple"] != 0
    assert known > 0


def test_r_multiples_of_a_stop_that_never_moves() -> None:
    """Risk from the stop's own order: |entry price - stop price| x quantity."""

    class Still(Reversal):
        move_stop = None
        scale_out = None

    result = backtest([Still()], simulated_panel(), SETTINGS["margin"])
    stops = {int(order["parent"]): order for order in result.orders if order["purpose"] == Purpose.STOP}

    assert len(result.round_trips) > 10
    for trip in result.round_trips:
        risk = abs(trip["entry_price"] - stops[int(trip["entry_ticket"])]["stop_price"]) * trip["quantity"]
        assert trip["r_multiple"] == pytest.approx(trip["net_pnl"] / risk, rel=1e-9)


DOCUMENT = {
    "schema", "digest", "manifest", "metrics", "cash", "financing", "positions", "equity", "round_trips", "executions",
}  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_json_is_plain_and_holds_every_measure_of_its_document(settings: str) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} in JSON")

    result = a_result(settings)
    read = json.loads(result.to_json(), parse_constant=refuse)
    documented = re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|$", SCHEMA.read_text().split("## Measures")[1], re.MULTILINE)

    assert set(read) == DOCUMENT
    assert set(read["metrics"]) == set(documented)
    assert read["schema"] == 1
    assert read["digest"] == result.digest
    assert len(read["executions"]) == len(result.executions)
    assert len(read["round_trips"]) == len(result.round_trips)
    assert read["equity"]["equity"][-1] == result.final_equity
    assert read["metrics"]["final_equity"] == result.final_equity
    assert read["metrics"]["executions"] == len(result.executions)
    assert read["manifest"]["strategies"][0]["version"] == Reversal().version


def test_a_run_without_a_trade_has_a_result_too() -> None:
    class Never(MovingAverageCross):
        enter_long = MovingAverageCross.bar.close < 0

    result = backtest(Never(), simulated_panel(symbols=1))
    read = json.loads(result.to_json())

    assert (read["round_trips"], read["executions"], read["positions"]) == ([], [], {})
    assert result.final_equity == result.cash == 100_000.0
    assert read["metrics"]["win_rate"] is None


CHANGES = {
    "executions": ("ticket", "time_ns", "stage", "side", "quantity", "price", "commission"),
    "orders": (
        "strategy", "symbol", "side", "order_type", "time_in_force", "status", "reason", "sequence", "decided_ns",
        "quantity", "filled", "limit_price", "stop_price", "trail",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("table", "name"), [(table, name) for table, names in CHANGES.items() for name in names])
def test_a_change_in_any_order_or_execution_changes_the_digest(table: str, name: str) -> None:
    result = a_result()
    records = getattr(result, table).copy()
    place = len(records) // 2
    value = records[place][name]
    if np.isnan(value):
        records[place][name] = 1.0
    elif name in ("side", "strategy", "symbol", "stage", "order_type", "time_in_force", "status", "reason"):
        records[place][name] = next(row[name] for row in records if row[name] != value)
    else:
        records[place][name] = value + 1

    assert replace(result, **{table: records}).digest != result.digest
    assert replace(result, **{table: getattr(result, table).copy()}).digest == result.digest


def test_an_order_more_or_less_changes_the_digest() -> None:
    result = a_result()

    digests = {
        replace(result, orders=np.append(result.orders, result.orders[-1:])).digest,
        replace(result, executions=result.executions[:-1]).digest,
        replace(result, executions=result.executions[::-1]).digest,
        result.digest,
    }

    assert len(digests) == 4


def assert_equal(one: Result, other: Result) -> None:
    assert one.digest == other.digest
    assert one.equity.tobytes() == other.equity.tobytes()
    assert one.round_trips.tobytes() == other.round_trips.tobytes()
    assert one.metrics.keys() == other.metrics.keys()
    np.testing.assert_array_equal(list(one.metrics.values()), list(other.metrics.values()))


def test_the_text_of_a_number_does_not_depend_on_those_before_it() -> None:
    result = a_result()
    executions = np.repeat(result.executions[:1], 4)
    executions["commission"] = [0.0, -0.0, 0.0, 1.5]

    lines = list(replace(result, executions=executions).execution_lines())

    assert [line.split()[6] for line in lines] == ["0", "-0", "0", "1.5"]


def test_a_sweep_is_the_single_runs() -> None:
    panel, settings = simulated_panel(symbols=3), SETTINGS["margin"]
    sets = [{"fast_bars": fast, "slow_bars": slow} for fast in (5, 10) for slow in (20, 50)]

    results = sweep(MovingAverageCross, panel, sets, settings)

    assert len({result.digest for result in results}) == 4
    for result, parameters in zip(results, sets, strict=True):
        assert_equal(result, backtest(MovingAverageCross(**parameters), panel, settings))


def test_runs_of_each_symbol_are_the_runs_of_one_symbol() -> None:
    panel, settings = simulated_panel(symbols=4), SETTINGS["margin"]

    results = backtest_each(Reversal(), panel, settings)

    for column, result in enumerate(results):
        assert result.symbols == (panel.symbols[column],)
        assert_equal(result, backtest(Reversal(), panel.columns(column, column + 1), settings))


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, settings = simulated_panel(symbols=5), SETTINGS["margin"]
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        results.append(backtest_each(Reversal(), panel, settings))

    for other in results[1:]:
        for first, second in zip(results[0], other, strict=True):
            assert_equal(first, second)


def resident_mb() -> float:
    """Return the memory of this process that is in use now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Only Linux tells a process its present memory.")
def test_two_hundred_runs_leave_no_memory_behind() -> None:
    panel, settings, strategy = simulated_panel(symbols=3), SETTINGS["margin"], Reversal()
    for _ in range(20):
        backtest(strategy, panel, settings)
    before = resident_mb()

    for _ in range(180):
        backtest(strategy, panel, settings)

    assert resident_mb() - before < 20
