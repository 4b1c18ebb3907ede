"""The quality gate over neighbours and sessions: bars by hand, one planted fault each, and what only looks like one."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from tape.quality_bars import gate_of, planted, rows_with, said, scaled, walk
from tapeline.domain.times import DAY, MINUTE, from_iso
from tapeline.tape.quality_reasons import Reason

ROW = 200


@pytest.mark.parametrize("factor", [1.04, 0.96, 1.1, 0.9])
def test_a_bar_that_jumps_away_and_back_is_a_spike(factor: float) -> None:
    gate = gate_of(scaled(walk("AAA", "BBB"), ROW, factor))

    assert said(gate) == {ROW: (Reason.SPIKE,)}
    assert gate.quarantined.is_empty()


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0, 1.5, 0.6])
def test_a_bar_far_away_as_a_whole_is_quarantined(factor: float) -> None:
    gate = gate_of(scaled(walk("AAA", "BBB"), ROW, factor))

    assert said(gate) == {ROW: (Reason.SPIKE,)}
    assert gate.quarantined["row"].to_list() == [ROW]


def test_an_excursion_of_a_few_bars_is_a_spike_in_each_of_them() -> None:
    rows = [ROW, ROW + 1, ROW + 2]

    assert rows_with(gate_of(scaled(walk(), rows, 1.08)), Reason.SPIKE) == rows


def test_a_close_that_the_next_open_knows_nothing_of_is_a_spike() -> None:
    close = pl.col("close") * 1.05

    assert rows_with(gate_of(planted(walk(), ROW, close=close, high=close)), Reason.SPIKE) == [ROW]


@pytest.mark.parametrize(("field", "factor"), [("high", 1.2), ("low", 0.8)])
def test_a_high_or_low_that_stands_alone_is_a_spike(field: str, factor: float) -> None:
    assert rows_with(gate_of(planted(walk(), ROW, **{field: pl.col(field) * factor})), Reason.SPIKE) == [ROW]


def test_a_low_that_several_symbols_share_is_a_crash_and_no_spike() -> None:
    frame = walk("AAA", "BBB", "CCC", "DDD")
    bars = len(frame) // 4

    alone = gate_of(planted(frame, ROW, low=pl.col("low") * 0.8))
    together = gate_of(planted(frame, [ROW, bars + ROW, 2 * bars + ROW], low=pl.col("low") * 0.8))

    assert rows_with(alone, Reason.SPIKE) == [ROW]
    assert said(together) == {}


def test_news_that_stay_are_no_spike() -> None:
    frame = walk()

    assert said(gate_of(scaled(frame, range(ROW, len(frame)), 1.12))) == {}


def test_a_move_that_trading_takes_back_is_no_spike() -> None:
    # Up by 8 % in one bar and down again within the next: there are prices on the way.
    frame = walk()
    peak = pl.col("open") * 1.08
    frame = planted(frame, ROW, close=peak, high=peak)
    frame = planted(frame, ROW + 1, open=frame["close"][ROW], high=frame["close"][ROW])

    assert said(gate_of(frame)) == {}


def test_prices_that_stand_still_are_stale() -> None:
    frame = walk()
    still = frame["close"][ROW]
    rows = list(range(ROW + 1, ROW + 9))

    gate = gate_of(planted(frame, rows, open=still, high=still, low=still, close=still))

    assert rows_with(gate, Reason.STALE) == rows


def test_a_bar_repeated_again_and_again_is_stale_whatever_its_volume() -> None:
    frame = walk()
    whole = {name: frame[name][ROW] for name in ("open", "high", "low", "close")}
    rows = list(range(ROW + 1, ROW + 7))

    assert rows_with(gate_of(planted(frame, rows, **whole)), Reason.STALE) == rows


def test_a_single_day_frozen_at_the_close_before_is_stale() -> None:
    frame = walk(frame_ns=DAY)
    still = frame["close"][19]

    gate = gate_of(planted(frame, 20, open=still, high=still, low=still, close=still), frame_ns=DAY)

    assert said(gate) == {20: (Reason.STALE,)}


def test_a_thin_name_may_rest_at_a_price() -> None:
    # A third of its bars are one trade at the price before: runs of five and six of them are its habit.
    frame = walk(frame_ns=MINUTE, last=date(2018, 6, 5))
    random = np.random.default_rng(11)
    rows = []
    last = 100.0
    for step, rests in zip(random.integers(-3, 4, len(frame)), random.random(len(frame)) < 0.35, strict=True):
        close = last if rests else last + 0.01 * step
        rows.append((last, max(last, close) + 0.01 * (not rests), min(last, close) - 0.01 * (not rests), close))
        last = close
    thin = pl.DataFrame(rows, schema=["open", "high", "low", "close"], orient="row")
    frame = frame.with_columns(*thin.get_columns(), volume=pl.lit(100.0))

    assert rows_with(gate_of(frame, frame_ns=MINUTE), Reason.STALE) == []


def test_a_hole_in_a_session_is_a_gap_and_the_bar_after_it_marked() -> None:
    frame = walk(frame_ns=5 * MINUTE)
    day = frame["start_ns"][ROW] // DAY

    gate = gate_of(frame.filter(~pl.col("row").is_between(ROW, ROW + 5)), frame_ns=5 * MINUTE)

    assert said(gate) == {ROW + 6: (Reason.GAP,)}
    (finding,) = gate.report.findings
    assert (finding.symbol, finding.count, (finding.first - date(1970, 1, 1)).days) == ("AAA", 6, day)
    assert finding.sentence == f"AAA lacks 6 bars in a row on {finding.first}."


def test_the_missing_end_of_a_session_is_a_gap() -> None:
    frame = walk(frame_ns=5 * MINUTE)

    gate = gate_of(frame.filter(~pl.col("row").is_between(70, 77)), frame_ns=5 * MINUTE)  # 78 bars a day

    assert said(gate) == {69: (Reason.GAP,)}


def test_a_last_session_that_still_goes_on_has_no_gap_but_a_symbol_that_stopped_earlier_has() -> None:
    frame = walk("AAA", "BBB", frame_ns=5 * MINUTE)
    noon = from_iso("2018-07-31T16:00:00Z")
    going_on = frame.filter(pl.col("start_ns") < noon)
    stopped = going_on.filter((pl.col("symbol") == "AAA") | (pl.col("start_ns") < noon - 60 * MINUTE))

    assert said(gate_of(going_on, frame_ns=5 * MINUTE)) == {}
    (finding,) = gate_of(stopped, frame_ns=5 * MINUTE).report.findings
    assert finding.sentence == "BBB lacks 12 bars in a row on 2018-07-31."


def test_missing_minutes_of_a_thin_name_are_no_gap() -> None:
    frame = walk(frame_ns=MINUTE, last=date(2018, 6, 15))
    traded = np.random.default_rng(2).random(len(frame)) < 0.3

    gate = gate_of(frame.filter(pl.Series(traded)), frame_ns=MINUTE)

    assert rows_with(gate, Reason.GAP) == []
    assert gate.report.completeness[0] == pytest.approx(0.3, abs=0.02)


def test_missing_sessions_are_a_gap_before_the_next_bar() -> None:
    frame = walk("AAA", "BBB", frame_ns=DAY, first=date(2017, 1, 3))
    gone = (pl.col("symbol") == "BBB") & pl.col("start_ns").is_between(from_iso("2018-07-02"), from_iso("2018-07-05"))

    gate = gate_of(frame.filter(~gone), frame_ns=DAY)

    (finding,) = gate.report.findings
    assert finding.sentence == "BBB has no bar from 2018-07-02 to 2018-07-05: 3 sessions missing."
    assert len(rows_with(gate, Reason.GAP)) == 1


def test_a_symbol_that_trades_on_some_days_only_is_told_once() -> None:
    frame = walk(frame_ns=DAY)

    gate = gate_of(frame.filter(pl.col("row") % 3 != 1), frame_ns=DAY)

    (finding,) = gate.report.findings
    assert finding.sentence == "AAA lacks 14 sessions between 2018-06-04 and 2018-07-30: thinly traded?"
    assert said(gate) == {}


def lots(frame: pl.DataFrame, first: str, factor: float, *symbols: str) -> pl.DataFrame:
    """Return the bars with volumes in another unit from a day on."""
    where = (pl.col("start_ns") >= from_iso(first)) & pl.col("symbol").is_in(symbols)
    return frame.with_columns(volume=pl.when(where).then(pl.col("volume") * factor).otherwise("volume"))


@pytest.mark.parametrize("factor", [1 / 100, 1 / 30, 100.0])
def test_a_volume_unit_that_changes_for_most_symbols_is_found_with_its_factor(factor: float) -> None:
    frame = lots(walk("AAA", "BBB", "CCC", "DDD"), "2018-07-25", factor, "AAA", "BBB", "CCC")

    gate = gate_of(frame)

    found = [one for one in gate.report.findings if one.reason is Reason.VOLUME_UNIT_BREAK]
    assert [(one.symbol, str(one.first), str(one.last)) for one in found] == [
        (symbol, "2018-07-25", "2018-07-31") for symbol in ("AAA", "BBB", "CCC")
    ]
    after = frame.filter((pl.col("start_ns") >= from_iso("2018-07-25")) & (pl.col("symbol") != "DDD"))
    assert rows_with(gate, Reason.VOLUME_UNIT_BREAK) == after["row"].to_list()


def test_a_break_of_one_symbol_is_found_where_it_is_strong() -> None:
    frame = lots(walk("AAA", "BBB", "CCC"), "2018-07-16", 1 / 100, "BBB")

    found = gate_of(frame).report.findings

    assert [(one.symbol, one.reason, str(one.first)) for one in found] == [
        ("BBB", Reason.VOLUME_UNIT_BREAK, "2018-07-16")
    ]
    assert "1/100" in found[0].sentence or "1/9" in found[0].sentence or "1/10" in found[0].sentence


def test_what_is_sure_in_one_symbol_is_believed_of_another_that_jumps_along() -> None:
    frame = walk("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    weak = lots(frame, "2018-07-16", 1 / 6, "AAA")

    alone = gate_of(weak).report.findings
    beside = gate_of(lots(weak, "2018-07-16", 1 / 100, "BBB")).report.findings

    assert alone == ()
    assert [(one.symbol, str(one.first)) for one in beside] == [("AAA", "2018-07-16"), ("BBB", "2018-07-16")]


def test_a_busy_day_and_a_symbol_that_becomes_popular_with_its_price_are_no_break() -> None:
    frame = walk("AAA", "BBB", "CCC")
    day = (pl.col("start_ns") // DAY * DAY == from_iso("2018-07-16")) & (pl.col("symbol") == "AAA")
    busy = frame.with_columns(volume=pl.when(day).then(pl.col("volume") * 50).otherwise("volume"))
    later = frame.filter((pl.col("symbol") == "BBB") & (pl.col("start_ns") >= from_iso("2018-07-16")))["row"].to_list()
    popular = scaled(lots(busy, "2018-07-16", 30.0, "BBB"), later, 1.3)

    assert gate_of(popular).report.findings == ()


def test_a_break_that_is_taken_back_ends_there() -> None:
    frame = walk("AAA", "BBB", "CCC")
    frame = lots(lots(frame, "2018-07-02", 1 / 50, "AAA", "BBB", "CCC"), "2018-07-20", 50.0, "AAA", "BBB", "CCC")

    found = [one for one in gate_of(frame).report.findings if one.symbol == "AAA"]

    assert [(str(one.first), str(one.last)) for one in found] == [
        ("2018-07-02", "2018-07-19"),
        ("2018-07-20", "2018-07-31"),
    ]


def test_volume_that_falls_to_a_hundredth_is_a_break_whatever_the_price_does() -> None:
    frame = walk("AAA", "BBB", "CCC")
    later = frame.filter((pl.col("symbol") == "BBB") & (pl.col("start_ns") >= from_iso("2018-07-16")))["row"].to_list()

    gate = gate_of(scaled(lots(frame, "2018-07-16", 1 / 100, "BBB"), later, 0.9))

    assert rows_with(gate, Reason.VOLUME_UNIT_BREAK) == later
