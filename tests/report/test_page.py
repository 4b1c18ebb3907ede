"""The page: whole, alone, the same every time, and readable where nothing happened."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from plotly.graph_objects import Figure

from report.builders import Page, a_result, payload
from tapeline import Result
from tapeline.domain.errors import DataError, StorageError, UnknownNameError

Write = Callable[..., str]


@pytest.fixture
def page_of(tmp_path: Path) -> Write:
    def write(result: Result, **arguments: object) -> str:
        return result.report(tmp_path / "x.html", **arguments).read_text(encoding="utf-8")  # type: ignore[arg-type]

    return write


def many_trips(count: int = 10_000, symbols: int = 500, sessions: int = 2_520) -> Result:
    """Return a run of ten years whose every price and result differs from the others."""
    rng = np.random.default_rng(3)
    entries = rng.integers(0, sessions - 20, count)
    trips = [
        (int(rng.integers(symbols)), int(entry), int(entry + 1 + rng.integers(15)), float(rng.normal(5, 100)))
        for entry in entries
    ]
    equity = 100 * np.exp(np.cumsum(rng.normal(3e-4, 0.01, sessions)))
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (sessions, symbols)), axis=0))
    names = tuple(f"SYM{number:03d}" for number in range(symbols))
    return a_result(equity, trips=trips, symbols=names, close=np.round(close, 2))


def one_slice() -> Result:
    return a_result([101.0], trips=())


def no_inputs() -> Result:
    return a_result(inputs=False)


def no_equity_left() -> Result:
    return a_result([50.0, -10.0, -20.0], trips=((0, 0, 2, -120.0),))


def half_a_year() -> Result:
    return a_result(100 + np.cumsum(np.sin(np.arange(130))), trips=((0, 3, 9, 1.0), (0, 20, 40, -2.0)))


RUNS: list[Callable[[], Result]] = [a_result, one_slice, no_inputs, no_equity_left, half_a_year]


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_the_page_is_well_formed_and_its_figures_are_plotlys(page_of: Write, make: Callable[[], Result]) -> None:
    source = page_of(make())

    page = Page(source)
    assert page.faults == []
    assert page.open == []
    drawn = payload(source)["figures"]
    assert {"chart-equity", "chart-exposure", "chart-turnover"} <= set(drawn)
    for figure in drawn.values():
        Figure(figure)  # refuses a property that Plotly does not know
    places = {attributes.get("id") for tag, attributes in page.elements if tag == "div"}
    assert set(drawn) <= places
    assert [words for words in page.words if re.match(r"\s*[+-]?nan\b", words, re.IGNORECASE)] == []


def test_the_page_loads_nothing(page_of: Write) -> None:
    page = Page(page_of(a_result()))

    addressed = [
        (tag, name, value)
        for tag, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "poster") or "://" in (value or "")
    ]
    assert addressed == []
    style = re.search(r"<style>(.*?)</style>", page_of(a_result()), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_policy_lets_run_the_pages_script_and_the_library_and_nothing_else(page_of: Write) -> None:
    source = page_of(a_result())
    page = Page(source)
    (policy,) = [a["content"] or "" for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    (script,) = [text for attributes, text in page.scripts if not attributes]

    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in allowed
    assert len(allowed) == 2
    assert policy.startswith("default-src 'none';")
    assert "script-src 'unsafe" not in policy


def test_the_same_result_gives_the_same_bytes(page_of: Write) -> None:
    one, other = page_of(half_a_year()), page_of(half_a_year())

    assert one == other
    assert one != page_of(half_a_year(), remarks=["Another remark."])


HOSTILE = "<script>alert('A & B')</script>"


def test_names_and_remarks_are_words_wherever_they_stand(page_of: Write) -> None:
    result = a_result(strategies=(HOSTILE,), symbols=(HOSTILE,))
    result = replace(result, manifest={"strategies": [HOSTILE]})

    source = page_of(result, remarks=[HOSTILE])

    page = Page(source)
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3
    assert page.text.count(HOSTILE) >= 4
    assert payload(source)["trips"]["symbols"] == [HOSTILE]


def test_months_are_those_of_the_sessions(page_of: Write) -> None:
    # Wednesday 31 January 2024 and two days of February: 101/100, then 99/101 and 102/99
    source = page_of(a_result(first=date(2024, 1, 31)))

    (row,) = [cells for cells in Page(source).cells if cells[:1] == ["2024"]]

    # benchmark: the price stays at 9.00
    assert row == ["2024", "+1.00", "+0.99", *[""] * 10, "+2.00", "0.00"]


def test_cards_tell_the_metrics(page_of: Write) -> None:
    text = Page(page_of(a_result())).text

    # 102 from 100; one round trip of 2.00; 0.50 paid; exposure 50 + 20 over 101, 99 and 102
    assert "Net profit, USD +2.00 2.00 % of 100.00" in text
    assert "Round trips 1 held 24.0 hours on average" in text
    assert "Win rate 100.0 %" in text
    assert "Commissions, USD 0.50" in text
    assert "Exposure 69.5 % mean gross; invested 100.0 % of the time" in text


def test_a_run_without_round_trips_says_so(page_of: Write) -> None:
    source = page_of(a_result(trips=()))

    assert "No round trip was closed." in Page(source).text
    assert "No commission was paid" in Page(source).text
    assert 'id="trips"' not in source
    assert set(payload(source)["figures"]) == {"chart-equity", "chart-exposure", "chart-turnover"}


def test_a_short_run_says_what_a_rolling_ratio_needs(page_of: Write) -> None:
    text = Page(page_of(a_result())).text

    assert "A rolling ratio needs at least 42 sessions; this run has 3." in text
    assert "extrapolated from less than a year" in text


def test_without_bars_the_page_says_what_is_missing(page_of: Write) -> None:
    source = page_of(no_inputs())
    text = Page(source).text

    assert "There is no benchmark: the result came without bars, and none was given." in text
    assert "Prices are missing" in text
    assert payload(source)["prices"] == {}
    assert payload(source)["explanations"] == {}


def test_ten_thousand_round_trips_over_ten_years_fit_into_eight_megabytes(page_of: Write) -> None:
    source = page_of(many_trips())

    assert len(source.encode()) < 8_000_000
    found = payload(source)
    assert len(found["trips"]["net"]) == 10_000
    assert len(found["explanations"]) == 200
    assert sum(len(line["p"]) for line in found["prices"].values()) <= 400_000


def test_the_manifest_on_the_page_is_json_that_names_the_run(page_of: Write) -> None:
    result = a_result()
    page = Page(page_of(result))

    text = " ".join(page.words)
    manifest = json.loads(text[text.index("{") : text.rindex("}") + 1])

    assert manifest["digest"] == result.digest
    assert manifest["manifest"] == {"tapeline": "test"}
    assert manifest["metrics"]["net_profit"] == 2.0


def test_a_result_without_slices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The result has no slices, so there is nothing to report"):
        a_result([], trips=()).report(tmp_path / "x.html")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is a folder. Name a file in it"),
        ("missing/x.html", "does not exist. Make it"),
        ("data.parquet", "exists and is no page of HTML, so it is not replaced"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "data.parquet").write_bytes(b"PAR1")

    with pytest.raises(StorageError, match=sentence):
        a_result().report(tmp_path / name)

    assert (tmp_path / "data.parquet").read_bytes() == b"PAR1"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_later_report_takes_the_place_of_an_earlier_one_and_a_refused_one_does_not(tmp_path: Path) -> None:
    place = a_result().report(tmp_path / "x.html")
    first = place.read_bytes()

    with pytest.raises(UnknownNameError):
        a_result().report(place, benchmark="ZZZ")
    assert place.read_bytes() == first

    a_result([100.0, 100.0, 100.0]).report(place)
    assert place.read_bytes() != first
    assert list(tmp_path.iterdir()) == [place]


def test_windows_of_equal_returns_have_no_ratio_and_no_chart(page_of: Write) -> None:
    source = page_of(a_result([100.0] * 60, trips=()))

    assert "The ratio is undefined: within every window the returns are all equal." in Page(source).text
    assert "chart-sharpe" not in payload(source)["figures"]
