"""What holds for the quality gate whatever comes in: nothing is lost, order does not matter, symbols stand alone."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tape.quality_bars import gate_of, numbered, planted, rows_with, said, walk
from tapeline.domain.panel import Panel
from tapeline.domain.times import MINUTE, SECOND, date_to_ns
from tapeline.feeds.simulated import simulate_market
from tapeline.tape.calendars import sessions
from tapeline.tape.quality import check_bars
from tapeline.tape.quality_reasons import QualityRules, Reason, bits_of

LAST = date(2018, 6, 13)
CLEAN = walk("AAA", "BBB", "CCC", last=LAST)
ROW_FAULTS = (
    Reason.NOT_A_NUMBER,
    Reason.NON_POSITIVE_PRICE,
    Reason.NEGATIVE_VOLUME,
    Reason.OHLC_ORDER,
    Reason.OUTSIDE_SESSION,
    Reason.OFF_GRID,
    Reason.DUPLICATE,
    Reason.CONFLICTING_DUPLICATE,
    Reason.ZERO_VOLUME,
)

FAULTS = st.sampled_from(
    [
        {"close": math.nan},
        {"low": -1.0},
        {"volume": -1.0},
        {"volume": 0.0},
        {"high": pl.col("low") - 1.0},
        {"start_ns": pl.col("start_ns") + 37 * SECOND},
        {"start_ns": pl.col("start_ns") + 24 * 60 * MINUTE},
        {"close": pl.col("close") * 1.2, "high": pl.col("high") * 1.2},
        {
            "open": pl.col("open") * 10,
            "high": pl.col("high") * 10,
            "low": pl.col("low") * 10,
            "close": pl.col("close") * 10,
        },
    ]
)


@st.composite
def dirty(draw: st.DrawFn) -> pl.DataFrame:
    """Return clean bars with up to a dozen faults, some rows missing and some there twice."""
    frame = CLEAN
    for _ in range(draw(st.integers(0, 12))):
        frame = planted(frame, draw(st.integers(0, len(CLEAN) - 1)), **draw(FAULTS))
    # The first and last bars of a symbol stay: where a source begins and ends is a fact about all its symbols.
    bars = len(CLEAN) // 3
    inner = st.integers(0, len(CLEAN) - 1).filter(lambda row: 20 <= row % bars < bars - 20)
    gone = draw(st.lists(inner, max_size=20))
    twice = draw(st.lists(st.integers(0, len(CLEAN) - 1), max_size=5))
    frame = frame.filter(~pl.col("row").is_in(gone))
    return numbered(pl.concat([frame, frame.filter(pl.col("row").is_in(twice))]))


@settings(max_examples=40)
@given(dirty())
def test_every_row_comes_out_exactly_once_and_as_it_was(frame: pl.DataFrame) -> None:
    gate = gate_of(frame)

    out = pl.concat([gate.good.drop("marks"), gate.quarantined.drop("reasons")]).sort("row")
    assert out.equals(frame, null_equal=True)
    assert gate.good.filter(pl.col("marks") & QualityRules().quarantine_bits > 0).is_empty()
    assert all(words for words in gate.quarantined["reasons"].to_list())
    report = gate.report
    assert (report.good_count, report.quarantined_count) == (len(gate.good), len(gate.quarantined))
    assert report.marked_count == len(gate.good.filter(pl.col("marks") > 0))


@settings(max_examples=30)
@given(dirty(), st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(frame: pl.DataFrame, seed: int) -> None:
    shuffled = frame[np.random.default_rng(seed).permutation(len(frame))]

    one, other = gate_of(frame), gate_of(shuffled)

    assert one.good.equals(other.good, null_equal=True)
    assert one.quarantined.equals(other.quarantined, null_equal=True)
    assert one.report.to_dict() == other.report.to_dict()


@settings(max_examples=30)
@given(dirty())
def test_bars_of_another_symbol_change_no_verdict(frame: pl.DataFrame) -> None:
    alone = frame.filter(pl.col("symbol") == "BBB")

    among = {row: words for row, words in said(gate_of(frame)).items() if row in set(alone["row"])}

    assert among == said(gate_of(alone))


@settings(max_examples=30)
@given(dirty(), st.integers(3, 8))
def test_faults_of_rows_stay_when_later_days_are_not_there_yet(frame: pl.DataFrame, days: int) -> None:
    calendar = sessions("XNYS", date(2018, 6, 1), LAST)
    until = int(calendar.open_ns[days]) - MINUTE
    past = frame.filter(pl.col("start_ns") < until)

    def faults(part: pl.DataFrame) -> dict[int, list[Reason]]:
        told = said(gate_of(part))
        kept = {row: [word for word in words if word in ROW_FAULTS] for row, words in told.items()}
        return {row: words for row, words in kept.items() if words and row in set(past["row"])}

    assert faults(past) == faults(frame)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_clean_walks_give_no_word_at_all(seed: int) -> None:
    gate = gate_of(walk("AAA", "BBB", seed=seed, last=date(2018, 7, 13)))

    assert said(gate) == {}
    assert gate.report.findings == ()


def rows_of(panel: Panel) -> pl.DataFrame:
    """Return the bars of a panel as rows."""
    row, column = np.nonzero(~np.isnan(panel.close))
    fields = {name: getattr(panel, name)[row, column] for name in ("open", "high", "low", "close", "volume")}
    names = np.array(panel.symbols)[column]
    return numbered(
        pl.DataFrame({"symbol": names, "start_ns": panel.start_ns[row], **fields}).sort("symbol", "start_ns")
    )


def test_the_simulated_market_is_clean_but_for_its_halt() -> None:
    calendar = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 26))
    frame = rows_of(simulate_market(7, sessions=calendar, symbols=20).panel)

    gate = check_bars(frame, frame_ns=MINUTE, sessions=sessions("XNYS"))

    assert gate.quarantined.is_empty()
    # The market has one halt of five minutes; a symbol that skips bars anyway may lose it among them.
    assert len(rows_with(gate, Reason.GAP)) <= 1
    others = bits_of(reason for reason in Reason if reason not in (Reason.GAP, Reason.ZERO_VOLUME))
    doubtful = gate.good.filter(pl.col("marks") & others > 0)
    assert len(doubtful) <= len(frame) / 10_000


def test_a_gate_on_the_days_before_says_the_same_of_them() -> None:
    frame = planted(CLEAN, [5, 60], volume=0.0)
    until = date_to_ns(date(2018, 6, 8))
    past = frame.filter(pl.col("start_ns") < until)

    whole, part = said(gate_of(frame)), said(gate_of(past))

    assert (
        part
        == {row: words for row, words in whole.items() if row in set(past["row"])}
        == {
            5: (Reason.ZERO_VOLUME,),
            60: (Reason.ZERO_VOLUME,),
        }
    )
