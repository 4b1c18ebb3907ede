"""`tapeline backtest --report`: the page of a run, both ways, and what is refused before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.bar_files import a_market, as_table, write_bars
from cli.running import run
from report.builders import Page, payload

CROSS = "moving-average-cross"
BARS = ("--data", "bars.parquet")


@pytest.fixture(scope="module")
def bars_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    write_bars(path, as_table(a_market()))
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bars_file: Path) -> Path:
    (tmp_path / "bars.parquet").write_bytes(bars_file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_of_both_ways_tells_the_same_run(folder: Path) -> None:
    compiled = run("backtest", CROSS, *BARS, "--report", "compiled.html")
    journaled = run("backtest", CROSS, *BARS, "--report", "journaled.html", "--journal", "run.sqlite")

    assert (compiled.code, journaled.code) == (0, 0), compiled.err + journaled.err
    assert "Report: compiled.html" in compiled.out
    one, other = (payload((folder / name).read_text()) for name in ("compiled.html", "journaled.html"))
    assert len(one["trips"]["net"]) > 0
    assert one["trips"] == other["trips"]
    assert one["prices"] == other["prices"]
    assert {n: r["tree"] for n, r in one["explanations"].items()} == {
        n: r["tree"] for n, r in other["explanations"].items()
    }
    assert len(one["explanations"]) == len(one["trips"]["net"])
    assert all("equity" in found["size"] for found in other["explanations"].values())


def test_the_page_says_where_its_bars_came_from_and_keeps_json_clean(folder: Path) -> None:
    outcome = run("backtest", CROSS, *BARS, "--report", "x.html", "--benchmark", "BETA", "--json")

    text = Page((folder / "x.html").read_text()).text
    assert outcome.code == 0
    assert outcome.out.startswith("{")
    assert "bars.parquet" in text
    assert "Benchmark: BETA, bought and held" in text
    assert "The market was simulated" not in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--report", "missing/x.html"), "Page missing/x.html: folder missing does not exist. Make it"),
        (("--report", "."), "is a folder. Name a file in it"),
        (("--report", "bars.parquet"), "File bars.parquet exists and is no page of HTML, so it is not replaced."),
        (("--report", "x.html", "--journal", "./x.html"), "--report and --journal both name x.html."),
        (("--benchmark", "ALFA"), "--benchmark is for the report. Name its file with --report"),
        (("--report", "x.html", "--benchmark", "ALFFA"), "Unknown symbol 'ALFFA' in the data. Did you mean 'ALFA'?"),
    ],
)
def test_what_cannot_be_reported_is_refused_before_the_run(folder: Path, words: tuple[str, ...], sentence: str) -> None:
    before = (folder / "bars.parquet").read_bytes()

    outcome = run("backtest", CROSS, *BARS, *words)

    assert outcome.code == 2
    assert sentence in outcome.sentence
    assert outcome.out == ""
    assert (folder / "bars.parquet").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["bars.parquet"]
