"""The report of the quality gate: counts that add up, plain values for JSON, and a page that stands alone."""

from __future__ import annotations

import base64
import json
import re
import zlib

import numpy as np
import polars as pl

from tape.quality_bars import gate_of, planted, scaled, walk
from tapeline.domain.times import DAY, MINUTE, from_iso
from tapeline.tape.quality import Gate, check_bars
from tapeline.tape.quality_picture import picture_html
from tapeline.tape.quality_report import QualityReport

HALF_DAY, FULL_DAY = "2018-07-03", "2018-07-02"


def a_gate() -> Gate:
    """Two symbols over two months; AAA lacks a day, has two bad rows on one and a doubtful one on another."""
    frame = walk("AAA", "BBB")
    on = {day: pl.col("start_ns") // DAY * DAY == from_iso(day) for day in ("2018-06-05", "2018-06-06", "2018-06-07")}
    rows = {day: frame.filter(where)["row"].to_list() for day, where in on.items()}
    frame = planted(frame, rows["2018-06-06"][2:4], close=-1.0)
    frame = planted(frame, rows["2018-06-07"][0], volume=0.0)
    return gate_of(frame.filter(~(on["2018-06-05"] & (pl.col("symbol") == "AAA"))))


def cell(report: QualityReport, symbol: str, day: str) -> tuple[int, int, int, int]:
    """Return bars expected, found, quarantined and marked."""
    n, d = report.symbols.index(symbol), report.days.tolist().index(from_iso(day) // DAY)
    return tuple(
        int(counts)
        for counts in (report.expected[d], *(t[n, d] for t in (report.found, report.quarantined, report.marked)))
    )  # type: ignore[return-value]


def test_every_cell_counts_what_is_expected_there_bad_and_doubtful() -> None:
    report = a_gate().report

    assert cell(report, "BBB", FULL_DAY) == (13, 13, 0, 0)
    assert cell(report, "BBB", HALF_DAY) == (7, 7, 0, 0)
    assert cell(report, "AAA", "2018-06-05") == (13, 0, 0, 0)
    assert cell(report, "AAA", "2018-06-06") == (13, 11, 2, 1)  # the first bar after the missing day is marked
    assert cell(report, "AAA", "2018-06-07") == (13, 13, 0, 1)


def test_completeness_is_measured_between_a_symbols_own_first_and_last_day() -> None:
    frame = walk("AAA", "BBB")
    late = frame.filter((pl.col("symbol") == "AAA") | (pl.col("start_ns") >= from_iso("2018-07-02")))

    report = gate_of(late).report

    assert report.completeness.tolist() == [1.0, 1.0]
    assert cell(report, "BBB", "2018-06-05") == (13, 0, 0, 0)
    assert report.findings == ()


def test_the_report_in_sentences_names_counts_reasons_and_findings() -> None:
    sentences = a_gate().report.sentences()

    # 41 full days of 13 bars and a half day of 7, twice, less one day of 13.
    assert sentences == [
        "1,067 30min bars of 2 symbols: 1,065 go in, 2 of them marked; 2 quarantined.",
        "Quarantined for: non positive price 2, ohlc order 2.",
        "Marked for: zero volume 1, gap 1.",
        "98.6 % of the bars are there between each symbol's first and last day; AAA lacks most, 2.8 %.",
        "AAA has no bar on 2018-06-05: 1 session missing.",
    ]


def test_many_findings_are_counted_and_not_all_told() -> None:
    sentences = a_gate().report.sentences(findings_max=0)

    assert sentences[-1] == "And 1 more findings of this kind."


def test_the_report_as_plain_values_goes_through_json_and_adds_up() -> None:
    gate = a_gate()

    told = json.loads(json.dumps(gate.report.to_dict()))

    assert (told["rows"], told["good"], told["quarantined"], told["marked"]) == (1_067, 1_065, 2, 2)
    assert sum(day["good"] for day in told["days"]) == sum(one["good"] for one in told["symbols"]) == 1_065
    assert [one["completeness"] for one in told["symbols"]] == [round(525 / 540, 6), 1.0]
    assert {one["reason"]: (one["action"], one["rows"]) for one in told["reasons"]} == {
        "non_positive_price": ("quarantine", 2),
        "ohlc_order": ("quarantine", 2),
        "zero_volume": ("mark", 1),
        "gap": ("mark", 1),
    }
    assert told["findings"][0]["sentence"] == gate.report.findings[0].sentence


def test_bars_of_other_days_have_a_column_of_their_own() -> None:
    frame = walk()

    report = gate_of(planted(frame, 40, start_ns=from_iso("2018-07-04T15:00:00Z"))).report

    assert cell(report, "AAA", "2018-07-04") == (0, 0, 1, 0)


def test_the_picture_is_one_page_that_asks_nothing_of_a_network() -> None:
    gate = a_gate()

    page = picture_html(gate.report, "bars <of> tuesday.parquet")

    assert "Quality of bars &lt;of&gt; tuesday.parquet" in page
    assert not re.search(r"https?://|src=|@import|<link", page)
    assert gate.report.findings[0].sentence in page
    assert "{" not in page.split("<style>")[0]


def test_the_picture_carries_the_counts_of_every_cell() -> None:
    report = a_gate().report

    page = picture_html(report, "x")

    facts = json.loads(re.search(r'id="facts">(.*?)</script>', page, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert (facts["symbols"], len(facts["days"])) == (["AAA", "BBB"], len(report.days))
    for name, counts in (("found", report.found), ("quarantined", report.quarantined), ("marked", report.marked)):
        cells = np.frombuffer(zlib.decompress(base64.b64decode(facts[name])), dtype="<u4")
        assert cells.reshape(counts.shape).tolist() == counts.tolist()


def test_a_text_in_the_data_cannot_leave_the_script() -> None:
    frame = walk().with_columns(symbol=pl.lit("</script><b>"))

    page = picture_html(check_bars(frame, frame_ns=30 * MINUTE, sessions=None).report, "x")

    assert page.count("</script>") == 2


def test_the_same_rows_make_the_same_page() -> None:
    frame = scaled(walk("AAA", "BBB"), 100, 1.1)

    assert picture_html(gate_of(frame).report, "x") == picture_html(gate_of(frame[::-1]).report, "x")
