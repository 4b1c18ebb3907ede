"""Bars as they really come: each row says what is unknown and why, and the run is flagged, never silently thinner."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from screener.golden import a_market
from tapeline.app.screen_data import only_members, universe_of, with_universe
from tapeline.app.screen_explain import explain_at
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screening import Screening, screen_at
from tapeline.domain.errors import DataError
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.domain.times import HOUR, MINUTE, from_iso, ns_to_date
from tapeline.screener.universe import SymbolFacts, UniverseSettings

SETTINGS = ScreenerSettings()


@pytest.fixture(scope="module")
def market() -> Panel:
    return a_market()


def without(panel: Panel, gone: np.ndarray) -> Panel:
    """Return the bars without those of a mask [T, N]."""
    fields = {name: np.where(gone, np.nan, getattr(panel, name)) for name in BAR_FIELDS}
    return Panel(panel.symbols, panel.frame_ns, panel.start_ns, panel.end_ns, sessions=panel.sessions, **fields)


def opened(panel: Panel) -> int:
    assert panel.sessions is not None
    return int(panel.sessions.open_ns[-1])


def row_of(screening: Screening, symbol: str) -> dict:
    return next(row for row in screening.as_dict(all_fine=True)["rows"] if row["symbol"] == symbol)


def remarks_of(screening: Screening, symbol: str) -> list[str]:
    return screening.snapshot.remarks(screening.snapshot.symbols.index(symbol))


def test_all_is_known_of_a_whole_symbol(market: Panel) -> None:
    screening = screen_at(market, opened(market) + 3 * HOUR, SETTINGS)

    assert remarks_of(screening, "SIM02") == []
    assert screening.as_dict()["flags"] == []


def test_a_young_symbol_has_no_score_and_says_so(market: Panel) -> None:
    gone = np.zeros(market.close.shape, dtype=bool)
    gone[: -78 * 3, 1] = True

    screening = screen_at(without(market, gone), int(market.end_ns[-1]), SETTINGS)

    row = row_of(screening, "SIM02")
    assert (row["grade"], row["sabr20"], row["coarse"]["passed"]) == (None, None, None)
    told = remarks_of(screening, "SIM02")
    assert row["remarks"] == told and row_of(screening, "SIM01")["remarks"] == []
    assert told[0] == "fewer than 30 bars of 1h"
    assert "q1, hostile unknown: too few or flat bars of 4h" in told


def test_a_symbol_without_a_bar_of_the_regime_frame_is_judged_without_it(market: Panel) -> None:
    gone = np.zeros(market.close.shape, dtype=bool)
    gone[:, 1] = market.start_ns < opened(market)

    screening = screen_at(without(market, gone), opened(market) + 2 * HOUR, SETTINGS)

    assert "no bar of 4h yet" in remarks_of(screening, "SIM02")
    assert row_of(screening, "SIM02")["tree"]["q1"] is None
    assert row_of(screening, "SIM02")["tree"]["confirmation"] == "no"


def test_a_halted_symbol_is_judged_by_its_last_bars_and_marked(market: Panel) -> None:
    gone = np.zeros(market.close.shape, dtype=bool)
    gone[:, 1] = market.start_ns >= opened(market) + 30 * MINUTE

    screening = screen_at(without(market, gone), opened(market) + 3 * HOUR, SETTINGS)

    assert row_of(screening, "SIM02")["t2_stale"] is True
    told = row_of(screening, "SIM02")["remarks"]
    assert told[0] == "no bar of 1h in the last one that could have closed"
    assert told[-1] == "its last bar ended 2024-02-14T15:00:00Z"


def test_a_renamed_symbol_is_dropped_and_its_successor_is_young(market: Panel) -> None:
    gone = np.zeros(market.close.shape, dtype=bool)
    gone[:, 1] = market.start_ns >= opened(market)
    gone[:, 2] = market.start_ns < opened(market)

    screening = screen_at(without(market, gone), int(market.end_ns[-1]), SETTINGS)
    found = screening.as_dict()

    since = "its last bar ended 2024-02-13T21:00:00Z"
    assert found["dropped"] == [{"symbol": "SIM02", "reason": "no bar in this session", "remarks": [since]}]
    assert remarks_of(screening, "SIM02") == ["no bar in this session"]
    assert "fewer than 30 bars of 1h" in remarks_of(screening, "SIM03")


def test_a_silent_symbol_is_explained_by_its_last_bars(market: Panel) -> None:
    gone = np.zeros(market.close.shape, dtype=bool)
    gone[:, 1] = market.start_ns >= opened(market)
    gone[:, 2] = True

    told = explain_at(without(market, gone), int(market.end_ns[-1]), SETTINGS, "SIM02").as_dict()
    never = explain_at(without(market, gone), int(market.end_ns[-1]), SETTINGS, "SIM03").as_dict()

    assert {frame: bar["end"] for frame, bar in told["bars"].items()} == dict.fromkeys(
        ("15min", "1h", "4h"), "2024-02-13T21:00:00Z"
    )
    assert told["at"] == "2024-02-14T21:00:00Z"
    assert told["bars"]["15min"]["close"] == market.close[market.end_ns == from_iso("2024-02-13T21:00:00Z"), 1]
    grade = never["numbers"]["score.grade"]
    assert never["bars"] == {} and grade["value"] is None and grade["word"] is None


def test_bars_without_volume_are_told(market: Panel) -> None:
    volume = market.volume.copy()
    volume[-78:, 1] = np.where(np.isnan(volume[-78:, 1]), np.nan, 0.0)
    quiet = Panel(**{**vars(market), "volume": volume})

    screening = screen_at(quiet, int(market.end_ns[-1]), SETTINGS)

    assert "no volume in the newest bar of 15min" in remarks_of(screening, "SIM02")
    assert row_of(screening, "SIM02")["coarse"]["v"] is False


def test_half_of_the_feed_missing_flags_the_run_and_names_everybody(market: Panel) -> None:
    gone = np.zeros(market.close.shape, dtype=bool)
    gone[market.start_ns >= opened(market), ::2] = True

    found = screen_at(without(market, gone), int(market.end_ns[-1]), SETTINGS).as_dict()

    assert "incomplete" in found["flags"]
    assert [one["symbol"] for one in found["dropped"]] == sorted(market.symbols[::2])
    assert len(found["rows"]) + len(found["dropped"]) == found["universe"] == len(market.symbols)


def test_members_of_which_there_are_no_bars_at_all_are_told_and_counted(market: Panel) -> None:
    loose = ScreenerSettings(universe=UniverseSettings(average_volume_min=0.0, price_max=1e9))
    members = [*market.symbols[:6], "GONE1", "GONE2"]
    universe = universe_of(market, date(2024, 2, 14), loose, members)

    found = screen_at(only_members(market, universe), int(market.end_ns[-1]), SETTINGS).as_dict()

    assert [one["symbol"] for one in found["dropped"]] == ["GONE1", "GONE2"]
    assert found["universe"] == 8 and "incomplete" in found["flags"]


@pytest.mark.parametrize(
    ("announced", "near"),
    [("2024-02-15", True), ("2024-02-16", True), ("2024-02-20", False), ("2024-05-02", False), ("2024-02-13", True)],
)
def test_earnings_after_the_last_bar_are_counted_in_sessions_too(market: Panel, announced: str, near: bool) -> None:
    """The bars end on Wednesday 2024-02-14; Monday the 19th is a holiday, so the 20th is three sessions away."""
    facts = {"SIM01": SymbolFacts(earnings=(date.fromisoformat(announced),))}

    found = universe_of(market, date(2024, 2, 14), ScreenerSettings(), ["SIM01"], facts)

    assert found.members[0].in_blackout is near


def test_the_universe_beside_the_bars_is_that_of_each_day_and_knows_no_future(market: Panel) -> None:
    assert market.sessions is not None
    crossed = float(np.nanmean(market.close[-78 * 8 :, 2]))  # a price that SIM03 crosses in its last sessions
    settings = ScreenerSettings(universe=UniverseSettings(price_max=crossed))
    column = market.symbols.index("SIM05")
    member = np.ones(market.close.shape)
    member[market.start_ns >= opened(market), column] = 0.0  # leaves the index on the last day

    found = with_universe(market.with_series("member", member), settings).series["in_universe"]

    place = market.sessions.index_of(market.start_ns)
    seen = set()
    for number in range(int(place[-1]) + 1):
        rows = found[place == number]
        assert (rows == rows[0]).all()
        day = ns_to_date(int(market.sessions.open_ns[number]))
        candidates = [symbol for symbol in market.symbols if symbol != "SIM05" or number < place[-1]]
        kept = () if number == 0 else tuple(one.symbol for one in universe_of(market, day, settings, candidates).kept)
        assert tuple(symbol for symbol, inside in zip(market.symbols, rows[0], strict=True) if inside) == kept
        seen.add(kept)
    assert len(seen) > 3 and any("SIM05" in each for each in seen) and "SIM05" not in kept
    half = market.rows(0, len(market) // 2)
    assert with_universe(half, settings).series["in_universe"].tobytes() == found[: len(half)].tobytes()


def test_a_missing_vix_is_named_and_gives_no_points(market: Panel) -> None:
    regime = screen_at(market, int(market.end_ns[-1]), SETTINGS).as_dict()["regime"]

    assert {"VIX", "volatility", "SPY", "correlation"} <= set(regime["missing"])
    assert (regime["volatility"]["points"], regime["volatility"]["bucket"]) == (0.0, None)
    assert regime["label"] == "NEUTRAL_HIGH_VOL"


def test_a_frame_closes_although_nobody_traded_up_to_its_end(market: Panel) -> None:
    """At 11:30 the last bar is that of 11:20; the quarter and the hour end all the same."""
    silent = market.rows(0, int(np.searchsorted(market.end_ns, opened(market) + 110 * MINUTE, side="right")))
    later = int(np.searchsorted(market.end_ns, opened(market) + 120 * MINUTE, side="right"))
    gone = np.zeros((later, len(market.symbols)), dtype=bool)
    gone[len(silent) :] = True
    gone[:, 0] &= False  # one symbol trades on, so that the same moment is known from the bars themselves

    quiet = screen_at(silent, opened(market) + 120 * MINUTE, SETTINGS)
    beside = screen_at(without(market.rows(0, later), gone), opened(market) + 120 * MINUTE, SETTINGS)

    assert quiet.snapshot.time_ns == beside.snapshot.time_ns == opened(market) + 120 * MINUTE
    assert quiet.as_dict(all_fine=True)["rows"][1:] == beside.as_dict(all_fine=True)["rows"][1:]


def test_before_the_first_close_nothing_can_be_said(market: Panel) -> None:
    with pytest.raises(DataError, match="No bar of 15min had closed by"):
        screen_at(market, int(market.end_ns[1]), SETTINGS)
    with pytest.raises(DataError, match="No bar of 15min had closed by"):
        explain_at(market, int(market.end_ns[1]), SETTINGS, "SIM01")
    endless = Panel(**{**vars(market), "sessions": None})
    with pytest.raises(DataError, match="needs the sessions of an exchange"):
        screen_at(endless, int(market.end_ns[-1]), SETTINGS)


@pytest.mark.parametrize("frames", ["30min/1h/1d", "1h/4h/1d"])
def test_other_sets_of_frames_screen_as_well(market: Panel, frames: str) -> None:
    settings = load_screener_settings(None, frames=frames)

    found = screen_at(market, int(market.end_ns[-1]), settings).as_dict(all_fine=True)

    assert len(found["rows"]) == len(market.symbols)
    assert any(row["coarse"]["score"] for row in found["rows"])
    assert not any(row["tree"]["q1"] for row in found["rows"])  # 31 sessions are too few for a daily MACD
