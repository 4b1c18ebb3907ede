"""The summary of a result: session returns from an intraday curve, and a schema that is kept."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tapeline.analysis.measures import ALL_MEASURES, MEASURES, measures_as_markdown
from tapeline.analysis.summary import summarize, to_json_values
from tapeline.domain.errors import DataError, InvariantError
from tapeline.domain.times import DAY, HOUR, SECOND, from_iso

DOCS = Path(__file__).resolve().parents[2] / "docs" / "result-schema.md"

# Three sessions of two rows; session ends 110, 99, 108.9: returns +10 %, -10 %, +10 %.
FIRST = from_iso("2018-02-14")
TIMES = FIRST + np.array(
    [15 * HOUR, 21 * HOUR, DAY + 15 * HOUR, DAY + 21 * HOUR, 2 * DAY + 15 * HOUR, 2 * DAY + 21 * HOUR]
)
EQUITY = np.array([102.0, 110.0, 88.0, 99.0, 101.0, 108.9])


def test_every_measure_of_the_list_is_given_in_its_order():
    assert list(summarize(TIMES, EQUITY)) == [measure.name for measure in ALL_MEASURES]


def test_names_of_measures_are_unique():
    assert len({measure.name for measure in ALL_MEASURES}) == len(ALL_MEASURES)


def test_the_account_from_its_start_to_its_end():
    found = summarize(TIMES, EQUITY, starting_equity=100.0)

    assert (found["starting_equity"], found["final_equity"]) == (100.0, 108.9)
    assert found["net_profit"] == pytest.approx(8.9)
    assert found["total_return"] == pytest.approx(0.089)
    assert found["sessions"] == 3
    assert found["years"] == pytest.approx(3 / 252)


def test_ratios_are_over_session_returns():
    # Returns 0.1 -0.1 0.1: mean 1/30, sample variance 2 x (1/15)^2 + (2/15)^2 over 2 = 0.04/3.
    found = summarize(TIMES, EQUITY, starting_equity=100.0)

    assert found["mean_return"] == pytest.approx(1 / 30)
    assert found["volatility"] == pytest.approx(math.sqrt(0.04 / 3 * 252))
    assert found["sharpe"] == pytest.approx((1 / 30) / math.sqrt(0.04 / 3) * math.sqrt(252))
    assert found["sortino"] == pytest.approx((1 / 30) / math.sqrt(0.01 / 3) * math.sqrt(252))
    assert found["omega"] == pytest.approx(2.0)
    assert found["winning_sessions"] == pytest.approx(2 / 3)
    assert (found["best_session"], found["worst_session"]) == (pytest.approx(0.1), pytest.approx(-0.1))


def test_drawdown_of_session_ends_and_of_every_row():
    found = summarize(TIMES, EQUITY, starting_equity=100.0)

    assert found["max_drawdown"] == pytest.approx(-0.10)
    assert found["max_drawdown_intraday"] == pytest.approx(-0.20)
    assert found["max_drawdown_peak_s"] == TIMES[1] // SECOND
    assert found["max_drawdown_trough_s"] == TIMES[3] // SECOND
    assert math.isnan(found["max_drawdown_recovery_s"])
    assert (found["max_drawdown_fall_sessions"], found["max_drawdown_sessions"]) == (1, 2)
    assert found["longest_drawdown_sessions"] == 2


def test_a_drawdown_from_the_start_has_no_time_of_its_peak():
    found = summarize(TIMES, EQUITY, starting_equity=200.0)

    assert math.isnan(found["max_drawdown_peak_s"])
    assert found["max_drawdown"] == pytest.approx(-0.505)
    assert found["max_drawdown_fall_sessions"] == 2


def test_rows_between_session_ends_change_no_ratio():
    ends = np.array([1, 3, 5])

    fine, coarse = (
        summarize(TIMES, EQUITY, starting_equity=100.0),
        summarize(TIMES[ends], EQUITY[ends], starting_equity=100.0),
    )

    for name in ("sharpe", "sortino", "cagr", "calmar", "max_drawdown", "probabilistic_sharpe"):
        assert fine[name] == coarse[name], name


def test_the_currency_changes_no_ratio():
    here, there = summarize(TIMES, EQUITY), summarize(TIMES, EQUITY * 7.3)

    for measure in ALL_MEASURES:
        if measure.unit != "currency":
            assert there[measure.name] == pytest.approx(here[measure.name], nan_ok=True), measure.name


def test_an_account_that_never_traded_has_no_ratios():
    found = summarize(TIMES, np.full(6, 100.0), round_trips={"side": [], "entry_ns": [], "exit_ns": [], "net_pnl": []})

    assert found["net_profit"] == 0.0
    assert found["max_drawdown"] == 0.0
    assert found["round_trips"] == 0.0
    assert found["exposure_share"] == 0.0
    for name in ("sharpe", "sortino", "calmar", "omega", "probabilistic_sharpe", "profit_factor", "win_rate"):
        assert math.isnan(found[name]), name


def test_an_empty_curve_has_a_summary_of_unknowns():
    found = summarize(np.zeros(0, np.int64), np.zeros(0))

    assert found["sessions"] == 0.0
    assert math.isnan(found["sharpe"])
    assert math.isnan(found["max_drawdown"])


def test_the_benchmark_itself_has_beta_one_and_no_information_ratio():
    found = summarize(TIMES, EQUITY, benchmark=EQUITY * 2.0)

    assert found["beta"] == pytest.approx(1.0)
    assert found["alpha"] == pytest.approx(0.0, abs=1e-9)
    assert found["tracking_error"] == 0.0
    assert math.isnan(found["information_ratio"])
    assert found["benchmark_return"] == pytest.approx(found["total_return"])


def test_round_trips_executions_and_exposure_come_into_the_summary():
    found = summarize(
        TIMES,
        EQUITY,
        {"side": [1], "entry_ns": [TIMES[0]], "exit_ns": [TIMES[3]], "net_pnl": [-3.0]},
        {"notional": [102.0, 99.0], "commission": [0.5, 0.5]},
        gross_exposure=np.array([51.0, 55.0, 44.0, 0.0, 0.0, 0.0]),
        net_exposure=np.array([-51.0, -55.0, -44.0, 0.0, 0.0, 0.0]),
    )

    assert found["losses"] == 1
    assert found["exposure_share"] == pytest.approx(0.5)
    assert found["average_gross_exposure"] == pytest.approx(0.25)
    assert found["max_gross_exposure"] == pytest.approx(0.5)
    assert found["average_net_exposure"] == pytest.approx(-0.25)
    assert found["costs_bps"] == pytest.approx(1.0 / 201.0 * 1e4)


def test_exposure_of_another_length_is_refused():
    with pytest.raises(DataError, match="gross exposure has 2 rows, but the equity curve has 6"):
        summarize(TIMES, EQUITY, gross_exposure=np.zeros(2))


def test_a_hole_in_the_benchmark_is_named():
    levels = EQUITY.copy()
    levels[4] = math.nan

    with pytest.raises(DataError, match="Row 4 of the benchmark"):
        summarize(TIMES, EQUITY, benchmark=levels)


def test_json_has_null_for_unknown_and_whole_numbers_for_counts():
    text = json.dumps(to_json_values(summarize(TIMES, EQUITY)), allow_nan=False)

    back = json.loads(text)

    assert back["round_trips"] is None
    assert back["sessions"] == 3
    assert isinstance(back["sessions"], int)
    assert back["final_equity"] == 108.9


def test_an_infinite_measure_is_our_fault_and_stops():
    with pytest.raises(InvariantError, match="'sharpe' is infinite"):
        to_json_values({"sharpe": math.inf})


def test_the_documented_schema_is_the_list_of_measures():
    assert measures_as_markdown() in DOCS.read_text()


def test_every_measure_has_a_unit_a_meaning_and_a_definition():
    assert MEASURES.keys() >= {"Account", "Ratios", "Drawdown", "Round trips", "Trading and costs"}
    assert all(measure.unit and measure.meaning and measure.source for measure in ALL_MEASURES)
