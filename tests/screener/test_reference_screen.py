"""The report of the referee over a small universe: its shape, and who is dropped, stale or too short."""

from __future__ import annotations

import json

import pytest

from screener.planted import BAR, path, sessions
from screener.reference.bars import Symbol, build_symbol
from screener.reference.market import build_market, report
from screener.reference.profiles import SOURCE, TAPELINE, Profile
from screener.reference.watchlist import screen

LAST = sessions()[-1]
NOON = LAST.open + 10 * BAR


@pytest.fixture(scope="module")
def market() -> dict[str, Symbol]:
    """Five symbols: three whole, one that ended the day before, one of four sessions, one without the last hours."""
    bars = {f"FULL{seed}": path(seed) for seed in range(3)}
    bars["GONE"] = path(3)[:-26]
    bars["YOUNG"] = path(4)[-26 * 4 :]
    bars["QUIET"] = [bar for bar in path(5) if not LAST.open + 4 * BAR <= bar.start < LAST.open + 9 * BAR]
    return {name: build_symbol(name, rows, sessions()) for name, rows in bars.items()}


def test_a_symbol_without_a_bar_in_the_session_is_dropped(market: dict[str, Symbol]) -> None:
    report = screen(market, NOON, sessions(), SOURCE)

    assert report["dropped"] == [{"symbol": "GONE", "reason": "no bar in this session"}]
    assert [row["symbol"] for row in report["rows"]] == ["FULL0", "FULL1", "FULL2", "QUIET", "YOUNG"]
    assert report["universe"] == 6


def test_a_symbol_whose_hour_did_not_trade_is_judged_and_marked_stale(market: dict[str, Symbol]) -> None:
    def stale(slot: int) -> list[str]:
        rows = screen(market, LAST.open + slot * BAR, sessions(), SOURCE)["rows"]
        return [row["symbol"] for row in rows if row["t2_stale"]]

    # QUIET has no bar from 10:30 to 11:45, and one from 11:45 on: the hour that ends at 11:30 does not exist.
    assert [stale(slot) for slot in (1, 4, 7, 8, 11, 12)] == [[], [], [], ["QUIET"], ["QUIET"], []]


def test_too_few_bars_leave_the_score_unknown_and_raise_the_flag(market: dict[str, Symbol]) -> None:
    report = screen(market, NOON, sessions(), SOURCE)
    young = report["rows"][-1]

    assert (young["grade"], young["sabr20"], young["coarse"]["passed"]) == (None, None, None)
    assert "incomplete" in report["flags"]  # GONE, YOUNG and QUIET of 6


@pytest.mark.parametrize("profile", [SOURCE, TAPELINE], ids=lambda profile: profile.name)
def test_the_report_is_json_without_numbers_that_json_has_not(market: dict[str, Symbol], profile: Profile) -> None:
    report = screen(market, NOON, sessions(), profile, regime={"label": "NEUTRAL_HIGH_VOL"})

    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["at"], report["profile"]) == ("2024-03-06T17:00:00Z", profile.name)
    assert set(report["rows"][0]) == {
        "symbol", "coarse", "tree", "sabr20", "raw", "state", "accumulation_phase", "accumulation_ratio", "grade", "rr",
        "stop", "target", "quartile", "bars_since_pivot", "drawdown_pct", "exhaustion", "t2_stale",
    }  # fmt: skip


def test_nothing_in_a_report_depends_on_later_bars(market: dict[str, Symbol]) -> None:
    cut = {
        f"FULL{seed}": build_symbol(f"FULL{seed}", [bar for bar in path(seed) if bar.start < NOON], sessions())
        for seed in range(3)
    }
    whole = {name: market[name] for name in cut}

    assert screen(cut, NOON, sessions(), TAPELINE) == screen(whole, NOON, sessions(), TAPELINE)


def test_the_regime_of_a_report_is_that_of_the_latest_t2_close() -> None:
    whole = build_market({"SPY": path(0), "QQQ": path(1)}, sessions(), SOURCE)
    vix = [(session.close, 16.0 + place) for place, session in enumerate(sessions())]

    at_close, later, next_close = (report(whole, LAST.open + slot * BAR, SOURCE, vix) for slot in (8, 11, 12))

    assert at_close["regime"] == later["regime"] != next_close["regime"]
    assert later["regime"]["volatility"]["level"] == 16.0 + 43  # the last session is not completed
    assert set(later["regime"]["missing"]) == {"IWM", "DIA", "correlation"}
    assert later["rows"] != at_close["rows"]
    assert report(whole, sessions()[0].open + BAR, SOURCE, vix)["regime"] is None
