"""Splits against prices, and closes against a second source."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from tape.quality_bars import FIRST, LAST, calendar, gate_of, planted, rows_with, scaled, walk
from tapeline.domain.corporate import CashDividend, Split
from tapeline.domain.times import DAY, MINUTE, date_to_ns, from_iso
from tapeline.tape.quality import Gate
from tapeline.tape.quality_reasons import QualityRules, Reason

EX = date(2018, 7, 10)


def split(frame: pl.DataFrame, symbol: str, ex: date, ratio: float) -> pl.DataFrame:
    """Return raw bars as they look with a split: prices lower, volumes higher from the ex-date on."""
    after = (pl.col("symbol") == symbol) & (pl.col("start_ns") >= date_to_ns(ex))
    prices = [
        pl.when(after).then(pl.col(name) / ratio).otherwise(name).alias(name)
        for name in ("open", "high", "low", "close")
    ]
    return frame.with_columns(*prices, volume=pl.when(after).then(pl.col("volume") * ratio).otherwise("volume"))


def told(gate: Gate) -> list[tuple[str, str, str, str]]:
    return [(str(one.reason), one.symbol, str(one.first), str(one.last)) for one in gate.report.findings]


@pytest.mark.parametrize("ratio", [2.0, 1.5, 3.0, 10.0, 0.1, 1 / 3, 0.04])
@pytest.mark.parametrize("frame_ns", [DAY, 30 * MINUTE])
def test_a_split_that_nobody_tells_of_is_missing(ratio: float, frame_ns: int) -> None:
    frame = split(walk("AAA", "BBB", frame_ns=frame_ns), "BBB", EX, ratio)

    gate = gate_of(frame, frame_ns=frame_ns)

    assert told(gate) == [("split_missing", "BBB", "2018-07-10", "2018-07-10")]
    days = frame.filter(pl.col("row").is_in(rows_with(gate, Reason.SPLIT_MISSING)))["start_ns"] // DAY * DAY
    assert days.unique().to_list() == [date_to_ns(EX)]


@pytest.mark.parametrize("ratio", [2.0, 0.25])
def test_a_split_that_is_told_where_it_happens_is_no_fault(ratio: float) -> None:
    frame = split(walk("AAA", "BBB", frame_ns=DAY), "BBB", EX, ratio)
    actions = [Split("BBB", EX, Decimal(str(ratio))), CashDividend("AAA", EX, Decimal(1)), Split("ZZZ", EX, Decimal(2))]

    gate = gate_of(frame, frame_ns=DAY, corporate_actions=actions)

    assert told(gate) == []
    assert gate.report.prices == "raw"


def test_an_ex_date_on_a_holiday_means_the_next_session() -> None:
    frame = split(walk(frame_ns=DAY), "AAA", date(2018, 7, 5), 2.0)

    gate = gate_of(frame, frame_ns=DAY, corporate_actions=[Split("AAA", date(2018, 7, 4), Decimal(2))])

    assert told(gate) == []


@pytest.mark.parametrize("days", [-4, -1, 1, 3])
def test_a_split_told_some_sessions_off_is_misplaced_and_both_sessions_are_marked(days: int) -> None:
    wrong = EX + timedelta(days)
    frame = split(walk(frame_ns=DAY), "AAA", EX, 2.0)

    gate = gate_of(frame, frame_ns=DAY, corporate_actions=[Split("AAA", wrong, Decimal(2))])

    assert told(gate) == [("split_misplaced", "AAA", str(min(wrong, EX)), str(max(wrong, EX)))]
    marked = frame.filter(pl.col("row").is_in(rows_with(gate, Reason.SPLIT_MISPLACED)))["start_ns"].to_list()
    assert marked == sorted([date_to_ns(wrong), date_to_ns(EX)])


def test_a_split_that_raw_prices_never_show_is_misplaced() -> None:
    frame = split(split(walk("AAA", "BBB", "CCC", frame_ns=DAY), "AAA", EX, 2.0), "BBB", EX, 3.0)
    actions = [Split("AAA", EX, Decimal(2)), Split("BBB", EX, Decimal(3)), Split("CCC", EX, Decimal(4))]

    gate = gate_of(frame, frame_ns=DAY, corporate_actions=actions)

    assert told(gate) == [("split_misplaced", "CCC", "2018-07-09", "2018-07-10")]
    assert "prices show none near it" in gate.report.findings[0].sentence


def test_in_adjusted_prices_no_split_shows_and_one_that_does_was_not_adjusted() -> None:
    frame = split(walk("AAA", "BBB", "CCC", frame_ns=DAY), "CCC", EX, 2.0)
    actions = [Split(symbol, EX, Decimal(2)) for symbol in ("AAA", "BBB", "CCC")]

    gate = gate_of(frame, frame_ns=DAY, corporate_actions=actions)

    assert gate.report.prices == "adjusted"
    assert told(gate) == [("split_missing", "CCC", "2018-07-10", "2018-07-10")]
    assert "adjusted, but not for the 2:1 split" in gate.report.findings[0].sentence


def test_prices_known_to_be_raw_need_not_be_guessed() -> None:
    gate = gate_of(
        walk(frame_ns=DAY),
        frame_ns=DAY,
        corporate_actions=[Split("AAA", EX, Decimal(2))],
        rules=QualityRules(prices="raw"),
    )

    assert told(gate) == [("split_misplaced", "AAA", "2018-07-09", "2018-07-10")]


def test_an_adjustment_factor_tells_of_splits_too() -> None:
    frame = split(walk(frame_ns=DAY), "AAA", EX, 2.0)
    factor = pl.when(pl.col("start_ns") < date_to_ns(EX) - DAY).then(0.5).otherwise(1.0)

    right = gate_of(
        frame.with_columns(adj_factor=pl.when(pl.col("start_ns") < date_to_ns(EX)).then(0.5).otherwise(1.0)),
        frame_ns=DAY,
    )
    early = gate_of(frame.with_columns(adj_factor=factor), frame_ns=DAY)

    assert told(right) == []
    assert told(early) == [("split_misplaced", "AAA", "2018-07-09", "2018-07-10")]
    assert "adj_factor" in early.good.columns


def test_a_crash_by_half_at_many_times_the_volume_is_no_split() -> None:
    frame = walk(frame_ns=DAY)
    row = frame.filter(pl.col("start_ns") == date_to_ns(EX))["row"][0]
    crash = scaled(frame, range(row, len(frame)), 0.5)
    crash = planted(crash, row, volume=pl.col("volume") * 30)

    assert told(gate_of(crash, frame_ns=DAY)) == []


def test_a_crash_that_swings_is_no_split() -> None:
    frame = walk(frame_ns=DAY)
    row = frame.filter(pl.col("start_ns") == date_to_ns(EX))["row"][0]
    crash = scaled(frame, range(row, len(frame)), 0.5)
    crash = planted(crash, row, low=pl.col("low") * 0.85, volume=pl.col("volume") * 2)

    assert told(gate_of(crash, frame_ns=DAY)) == []


def closes(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("symbol", day=pl.from_epoch(pl.col("start_ns") // DAY, "d"), maintain_order=True).agg(
        pl.col("close").last()
    )


@pytest.mark.parametrize("frame_ns", [DAY, 30 * MINUTE])
def test_the_prices_of_another_security_are_found_from_the_first_to_the_last_session(frame_ns: int) -> None:
    frame = walk("AAA", "BBB", frame_ns=frame_ns)
    other = walk("AAA", "BBB", frame_ns=frame_ns, seed=99)
    wrong = (pl.col("symbol") == "BBB") & pl.col("start_ns").is_between(
        from_iso("2018-06-20"), from_iso("2018-07-12"), "left"
    )
    mixed = frame.with_columns(
        pl.when(wrong).then(other[name] / 4).otherwise(name).alias(name) for name in ("open", "high", "low", "close")
    )

    gate = gate_of(mixed, frame_ns=frame_ns, reference=closes(frame))

    (found,) = [one for one in gate.report.findings if one.reason is Reason.REFERENCE_MISMATCH]
    sessions = calendar(date(2018, 6, 20), date(2018, 7, 11))
    assert (found.symbol, str(found.first), str(found.last), found.count) == (
        "BBB",
        "2018-06-20",
        "2018-07-11",
        len(sessions),
    )
    assert "another security" in found.sentence
    assert rows_with(gate, Reason.REFERENCE_MISMATCH) == mixed.filter(wrong)["row"].to_list()


def test_a_single_wrong_close_is_found() -> None:
    frame = walk(frame_ns=DAY)

    gate = gate_of(
        planted(frame, 20, close=pl.col("close") * 1.08, high=pl.col("high") * 1.08),
        frame_ns=DAY,
        reference=closes(frame),
    )

    assert rows_with(gate, Reason.REFERENCE_MISMATCH) == [20]


def test_a_reference_that_is_adjusted_otherwise_is_told_and_marks_nothing() -> None:
    frame = walk(frame_ns=DAY)
    other = closes(frame).with_columns(pl.col("close") * pl.when(pl.col("day") < EX).then(0.5).otherwise(1.0))

    gate = gate_of(frame, frame_ns=DAY, reference=other)

    (found,) = gate.report.findings
    assert (str(found.first), str(found.last)) == (str(FIRST), "2018-07-09")
    assert "otherwise adjusted" in found.sentence
    assert rows_with(gate, Reason.REFERENCE_MISMATCH) == []


def test_small_differences_of_two_sources_and_symbols_of_one_only_are_no_fault() -> None:
    frame = walk("AAA", "BBB", frame_ns=DAY)
    noise = np.random.default_rng(4).normal(0.0, 0.01, len(frame))
    other = closes(frame).with_columns(pl.col("close") * pl.Series(np.exp(noise))).filter(pl.col("symbol") == "AAA")
    more = pl.concat([other, other.with_columns(symbol=pl.lit("ZZZ"))])

    gate = gate_of(frame, frame_ns=DAY, reference=more)

    assert gate.report.findings == ()
    assert gate.report.days[-1] == date_to_ns(LAST) // DAY
