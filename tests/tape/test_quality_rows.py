"""The quality gate row by row: each fault planted into clean bars is found, alone, and nothing else is."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from tape.quality_bars import calendar, gate_of, numbered, planted, rows_with, said, walk
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.times import DAY, HOUR, MINUTE, SECOND, from_iso
from tapeline.tape.quality import check_bars
from tapeline.tape.quality_reasons import Action, QualityRules, Reason, bits_of, words_of

ROW = 40


def test_clean_bars_pass_without_a_word() -> None:
    frame = walk("AAA", "BBB", "CCC")

    gate = gate_of(frame)

    assert said(gate) == {}
    assert gate.report.findings == ()
    assert gate.good.drop("marks").equals(frame)
    assert gate.report.completeness.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"close": math.nan}, ["not_a_number"]),
        ({"high": math.inf}, ["not_a_number"]),
        ({"volume": None}, ["not_a_number"]),
        ({"low": 0.0}, ["non_positive_price"]),
        ({"low": -1.0}, ["non_positive_price"]),
        ({"volume": -5.0}, ["negative_volume"]),
        ({"high": pl.col("low") - 0.01}, ["ohlc_order"]),
        ({"open": pl.col("high") + 0.01}, ["ohlc_order"]),
        ({"close": pl.col("low") - 0.01}, ["ohlc_order"]),
        ({"close": -1.0, "volume": -1.0}, ["non_positive_price", "negative_volume", "ohlc_order"]),
    ],
)
def test_a_row_that_is_no_bar_is_quarantined_with_all_its_reasons(values: dict[str, object], words: list[str]) -> None:
    gate = gate_of(planted(walk("AAA", "BBB"), ROW, **values))

    assert said(gate) == {ROW: tuple(words)}
    assert gate.quarantined["row"].to_list() == [ROW]


def test_a_price_equal_to_its_high_and_low_is_no_fault_of_order() -> None:
    gate = gate_of(planted(walk(), ROW, open=pl.col("close"), high=pl.col("close"), low=pl.col("close")))

    assert rows_with(gate, Reason.OHLC_ORDER) == []


def test_a_bar_without_volume_goes_in_with_a_mark() -> None:
    gate = gate_of(planted(walk(), [ROW, ROW + 5], volume=0.0))

    assert said(gate) == {ROW: (Reason.ZERO_VOLUME,), ROW + 5: (Reason.ZERO_VOLUME,)}
    assert gate.quarantined.is_empty()


@pytest.mark.parametrize(
    ("moment", "outside"),
    [
        ("2018-07-02T13:00:00Z", True),  # 09:00-09:30: ends at the open
        ("2018-07-02T20:00:00Z", True),  # 16:00
        ("2018-07-03T17:00:00Z", True),  # 13:00 on the half day
        ("2018-07-04T15:00:00Z", True),  # the holiday
        ("2018-07-07T15:00:00Z", True),  # a Saturday
        ("2018-07-02T13:30:00Z", False),
        ("2018-07-03T16:30:00Z", False),
        ("2018-07-02T19:30:00Z", False),
    ],
)
def test_only_bars_that_overlap_a_session_go_in(moment: str, outside: bool) -> None:
    frame = walk().filter(pl.col("start_ns") != from_iso(moment))
    stray = frame.slice(ROW, 1).with_columns(start_ns=pl.lit(from_iso(moment)))
    frame = numbered(pl.concat([frame, stray]))

    gate = gate_of(frame)

    assert rows_with(gate, Reason.OUTSIDE_SESSION) == ([frame["row"][-1]] if outside else [])


def test_bars_beside_the_grid_are_quarantined_and_the_others_are_not() -> None:
    shift = pl.col("start_ns") + 499 * SECOND

    gate = gate_of(planted(walk(), [ROW, ROW + 3], start_ns=shift))

    assert rows_with(gate, Reason.OFF_GRID) == [ROW, ROW + 3]
    assert len(gate.quarantined) == 2


def test_the_grid_is_that_of_the_source_and_hour_bars_on_the_full_hour_are_no_fault() -> None:
    hours = calendar()
    start = np.concatenate(
        [np.arange(b - HOUR // 2, e, HOUR) for b, e in zip(hours.open_ns, hours.close_ns, strict=True)]
    )
    prices = 100.0 + np.cumsum(np.random.default_rng(3).normal(0, 0.2, len(start))).round(2)
    frame = numbered(
        pl.DataFrame(
            {"symbol": "AAA", "start_ns": start, "open": prices, "high": prices + 0.3, "low": prices - 0.3}
        ).with_columns(close=pl.col("open") + 0.01, volume=pl.lit(1_000.0))
    )

    gate = gate_of(frame, frame_ns=HOUR)

    assert said(gate) == {}
    assert set(gate.report.expected[gate.report.expected > 0].tolist()) == {7, 4}  # 4 on the half day


def test_of_equal_rows_the_first_is_kept() -> None:
    frame = walk("AAA", "BBB")
    frame = numbered(pl.concat([frame, frame.slice(ROW, 2), frame.slice(ROW, 1)]))

    gate = gate_of(frame)

    last = len(frame)
    assert said(gate) == dict.fromkeys(range(last - 3, last), (Reason.DUPLICATE,))


def test_of_contradicting_rows_none_is_kept() -> None:
    frame = walk()
    twin = frame.slice(ROW, 1).with_columns(pl.col("close") + 0.01)
    frame = numbered(pl.concat([frame, frame.slice(ROW, 1), twin, frame.slice(ROW + 9, 1)]))

    gate = gate_of(frame)

    end = len(frame)
    assert rows_with(gate, Reason.CONFLICTING_DUPLICATE) == [ROW, end - 3, end - 2]
    assert rows_with(gate, Reason.DUPLICATE) == [end - 1]


def test_a_broken_copy_does_not_make_a_good_row_doubtful() -> None:
    frame = walk()
    frame = numbered(pl.concat([frame, frame.slice(ROW, 1).with_columns(close=pl.lit(-1.0))]))

    gate = gate_of(frame)

    assert list(said(gate)) == [len(frame) - 1]
    assert Reason.NON_POSITIVE_PRICE in said(gate)[len(frame) - 1]


def test_daily_bars_are_placed_by_date_or_by_open() -> None:
    by_date = walk(frame_ns=DAY)
    hours = calendar()
    by_open = by_date.with_columns(start_ns=pl.Series(hours.open_ns))

    for frame in (by_date, by_open):
        gate = gate_of(frame, frame_ns=DAY)
        assert said(gate) == {}
        assert gate.report.days.tolist() == hours.days.tolist()


def test_a_daily_bar_on_a_holiday_is_outside_every_session() -> None:
    frame = walk(frame_ns=DAY)
    fourth = from_iso("2018-07-04")
    frame = planted(frame, ROW, start_ns=fourth)

    gate = gate_of(frame, frame_ns=DAY)

    assert rows_with(gate, Reason.OUTSIDE_SESSION) == [ROW]


def test_two_daily_bars_of_one_session_are_the_same_bar_whatever_moment_names_them() -> None:
    frame = walk(frame_ns=DAY)
    again = frame.slice(ROW, 1).with_columns(pl.col("start_ns") + 5 * HOUR)
    frame = numbered(pl.concat([frame, again]))

    assert rows_with(gate_of(frame, frame_ns=DAY), Reason.DUPLICATE) == [len(frame) - 1]


def test_bars_around_the_clock_have_a_grid_but_no_sessions() -> None:
    start = np.arange(from_iso("2018-07-01"), from_iso("2018-07-03"), MINUTE)
    price = 50.0 + np.random.default_rng(5).normal(0, 0.05, len(start)).cumsum().round(2)
    frame = numbered(
        pl.DataFrame(
            {"symbol": "AAA", "start_ns": start, "open": price, "high": price + 0.1, "low": price - 0.1}
        ).with_columns(close=pl.col("open") + 0.02, volume=pl.lit(10.0))
    )
    frame = planted(frame, 7, start_ns=pl.col("start_ns") + SECOND)

    gate = check_bars(frame, frame_ns=MINUTE, sessions=None)

    assert said(gate) == {7: (Reason.OFF_GRID,)}
    assert gate.report.expected.tolist() == [1_439, 1_440]


def test_what_follows_from_a_reason_can_be_changed_word_by_word() -> None:
    frame = planted(planted(walk(), ROW, volume=0.0), 2 * ROW, low=pl.col("high") + 1.0)
    rules = QualityRules(actions={Reason.ZERO_VOLUME: Action.QUARANTINE, Reason.OHLC_ORDER: Action.MARK})

    gate = gate_of(frame, rules=rules)

    assert gate.quarantined["row"].to_list() == [ROW]
    assert rows_with(gate, Reason.OHLC_ORDER) == [2 * ROW]


def test_marks_are_bits_that_never_move() -> None:
    # Lakes keep these numbers: a word may be added at the end, none may change its bit.
    assert {str(reason): reason.bit for reason in Reason} == {
        "not_a_number": 1,
        "non_positive_price": 2,
        "negative_volume": 4,
        "ohlc_order": 8,
        "outside_session": 16,
        "off_grid": 32,
        "duplicate": 64,
        "conflicting_duplicate": 128,
        "zero_volume": 256,
        "spike": 512,
        "stale": 1024,
        "gap": 2048,
        "volume_unit_break": 4096,
        "split_missing": 8192,
        "split_misplaced": 16384,
        "reference_mismatch": 32768,
    }
    assert words_of(bits_of([Reason.GAP, Reason.SPIKE])) == (Reason.SPIKE, Reason.GAP)
    assert words_of(0) == ()


def test_rules_outside_their_bounds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="spike_move must be above zero"):
        QualityRules(spike_move=0.0)
    with pytest.raises(ConfigurationError, match="prices must be"):
        QualityRules(prices="both")
    with pytest.raises(ConfigurationError, match="a Reason and an Action"):
        QualityRules(actions={"spike": "mark"})  # type: ignore[dict-item]


def test_a_frame_that_is_no_table_of_bars_is_refused_in_a_sentence() -> None:
    with pytest.raises(DataError, match="no column 'volume'"):
        gate_of(walk().drop("volume"))
    with pytest.raises(DataError, match=r"'symbol' .* is empty"):
        gate_of(planted(walk(), 3, symbol=None))


def test_no_rows_are_no_fault() -> None:
    gate = gate_of(walk().clear())

    assert gate.good.is_empty()
    assert gate.quarantined.is_empty()
    assert gate.report.to_dict()["rows"] == 0
    assert date(2018, 7, 2) not in gate.report.days
