"""Bad input is answered with one sentence and exit code 2; no trace, and nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cli.bar_files import a_market, as_table, write_bars
from cli.running import run
from tapeline.cli.main import DEBUG

CROSS = "moving-average-cross"
BARS = ("--data", "bars.parquet")


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return as_table(a_market())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: pl.DataFrame) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DEBUG, raising=False)
    write_bars(tmp_path / "bars.parquet", table)
    return tmp_path


def refuse(*arguments: str) -> str:
    """Run a command that must be refused, and return its sentence without the name of the program."""
    before = set(Path.cwd().rglob("*"))

    outcome = run(*arguments)

    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    assert outcome.sentence.startswith("tapeline: ")
    assert set(Path.cwd().rglob("*")) == before, "something was left behind"
    return outcome.sentence.removeprefix("tapeline: ")


FILES: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "unknown column": (
        lambda t: t.rename({"close": "klose"}),
        "other.parquet has no column 'close'. Did you mean 'klose'? Rename it",
    ),
    "unlabelled time zone": (
        lambda t: t.with_columns(pl.col("ts").dt.replace_time_zone(None)),
        "has times without a time zone, so the bars cannot be placed. Write it with one",
    ),
    "time that runs backwards": (
        lambda t: t[[0, 2, 1, *range(3, len(t))]],
        "row 2 of other.parquet (ALFA, 2024-01-02T14:31:00Z) comes after row 1 of other.parquet",
    ),
    "a price that is no number": (
        lambda t: t.with_columns(close=pl.when(pl.int_range(pl.len()) == 7).then(float("nan")).otherwise("close")),
        "The close price in row 7 of other.parquet (ALFA, 2024-01-02T14:37:00Z) is nan",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_used(case: str, table: pl.DataFrame) -> None:
    change, sentence = FILES[case]
    write_bars(Path("other.parquet"), change(table))

    assert sentence in refuse("backtest", CROSS, "--data", "other.parquet")


WORDS: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown strategy": (("moving-avg-cross", *BARS), "Did you mean 'moving-average-cross'?"),
    "the screener's settings for another strategy": (
        (CROSS, *BARS, "--filters", "on"),
        "moving-average-cross does not. Leave --settings, --profile, --vix and --filters out",
    ),
    "unknown profile": (("momentum-reversal", *BARS, "--profile", "sourc"), "Did you mean 'source'?"),
    "unknown filters": (("momentum-reversal", *BARS, "--filters", "onn"), "Unknown filters 'onn'. Did you mean 'on'?"),
    "unknown parameter": (
        (CROSS, *BARS, "--set", "fast_bar=3"),
        "Unknown parameter 'fast_bar' in moving-average-cross. Did you mean 'fast_bars'?",
    ),
    "parameter without a number": ((CROSS, *BARS, "--set", "fast_bars=ten"), "Write it like fast=10."),
    "parameter outside its bounds": (
        (CROSS, *BARS, "--set", "fast_bars=0"),
        "Parameter fast_bars must be 1 to 1000, not 0.",
    ),
    "unknown symbol": (
        (CROSS, *BARS, "--symbols", "ALFA,BETTA"),
        "Unknown symbol 'BETTA' in bars.parquet. Did you mean 'BETA'?",
    ),
    "frame that is no multiple": (
        (CROSS, *BARS, "--frame", "90s"),
        "Frame 90s is no multiple of the data's bars of 1min",
    ),
    "frame that is none": ((CROSS, *BARS, "--frame", "fortnight"), "Frame 'fortnight' is unknown."),
    "empty period": (
        (CROSS, *BARS, "--from", "2024-06-01"),
        "they run from 2024-01-02T14:30:00Z to 2024-01-04T20:59:00Z. Choose a period inside.",
    ),
    "period that is none": ((CROSS, *BARS, "--from", "soon"), "--from 'soon' is no date."),
    "period backwards": ((CROSS, *BARS, "--from", "2024-01-04", "--to", "2024-01-02"), "Swap the two dates."),
    "too little data": (
        ("swing-trend", *BARS),
        "Strategy SwingTrend can never enter: enter_long needs ema(close[1h], 50), which has its first value"
        " at bar 50 of 1h; the data has 21 (2024-01-02T14:30:00Z to 2024-01-04T21:00:00Z).",
    ),
    "negative cash": ((CROSS, *BARS, "--cash", "-5"), "cash must be above zero, found -5.0."),
    "missing file": (
        (CROSS, "--data", "bar.parquet"),
        "Unknown file 'bar.parquet' in folder",
    ),
    "simulated holiday": (
        (CROSS, "--from", "2024-07-04", "--to", "2024-07-04"),
        "XNYS has no session from 2024-07-04 to 2024-07-04. Choose a period with a trading day.",
    ),
    "simulated without sessions": ((CROSS, "--calendar", "none"), "--calendar none does not fit it."),
    "journal in a folder that is not there": (
        (CROSS, *BARS, "--journal", "nowhere/run.sqlite"),
        "Journal nowhere/run.sqlite: folder nowhere does not exist. Make it, or name another path.",
    ),
    "journal that is another file": (
        (CROSS, *BARS, "--journal", "bars.parquet"),
        "it is no journal but a file of another kind",
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_words_that_cannot_be_followed(case: str) -> None:
    arguments, sentence = WORDS[case]

    assert sentence in refuse("backtest", *arguments)


def test_a_damaged_parquet_file(folder: Path) -> None:
    whole = (folder / "bars.parquet").read_bytes()
    (folder / "bars.parquet").write_bytes(whole[: len(whole) // 2])

    assert "bars.parquet is no readable Parquet file" in refuse("backtest", CROSS, *BARS)


SETTINGS: dict[str, tuple[str, str]] = {
    "malformed": ("[account\n", "Settings file run.toml is not TOML: Expected ']'"),
    "unknown section": (
        "[acount]\ncash = 1\n",
        "Unknown section 'acount' in run.toml. Did you mean 'account'?",
    ),
    "unknown setting": ("[account]\ncahs = 1\n", "Unknown setting 'cahs' in run.toml: account. Did you mean"),
    "text for a number": (
        '[account]\ncash = "much"\n',
        "run.toml: account.cash must be a number, found 'much'.",
    ),
    "number for a truth": ("[account]\nshort_allowed = 1\n", "must be true or false, found 1."),
    "value for a section": ("account = 3\n", "run.toml: account must be a table of settings, found 3."),
    "unknown choice": (
        '[market]\nlimit_fill = "thruogh"\n',
        "Unknown value 'thruogh' in run.toml: market.limit_fill. Did you mean 'through'?",
    ),
    "negative": ("[account]\ncash = -1\n", "run.toml: account: cash must be above zero, found -1.0."),
    "fraction of a count": (
        "[limits]\npositions = 2.5\n",
        "limits.positions must be a whole number, found 2.5.",
    ),
    "unknown model": (
        '[costs]\ncommission = [{model = "pershare", rate = 1}]\n',
        "Unknown commission model 'pershare' in run.toml: costs.commission. Did you mean 'per_share'?",
    ),
    "missing setting": (
        '[costs]\ncommission = [{model = "per_share"}]\n',
        "rate must be given. Add it there.",
    ),
    "a start behind the end": ('trade_from = "2030-01-01"\n', "Set trade_from to a time inside the data."),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_cannot_be_used(case: str, folder: Path) -> None:
    text, sentence = SETTINGS[case]
    (folder / "run.toml").write_text(text)

    assert sentence in refuse("backtest", CROSS, *BARS, "--config", "run.toml")


def test_settings_that_are_not_there() -> None:
    assert "Settings file run.toml cannot be read: No such file" in refuse(
        "backtest", CROSS, *BARS, "--config", "run.toml"
    )


@pytest.mark.parametrize("question", [("why", "X"), ("journal", "verify")])
def test_a_question_before_any_run(question: tuple[str, str]) -> None:
    assert "tapeline-work yet. Run `tapeline demo` here first, or name a journal" in refuse(*question)


def test_a_journal_that_is_not_there() -> None:
    assert "Journal run.sqlite: there is no such file." in refuse("journal", "verify", "run.sqlite")


def test_the_trace_is_shown_on_demand_wherever_debug_stands() -> None:
    with pytest.raises(Exception, match="cash must be above zero"):
        run("backtest", CROSS, *BARS, "--cash", "-5", "--debug")


def test_a_period_of_the_simulated_market_can_be_chosen() -> None:
    from tapeline.app.data_choice import DataChoice

    reading = DataChoice(None, "ALFA,BETA", "2023-07-03", "2023-07-05").read()

    assert reading.panel.symbols == ("ALFA", "BETA")
    assert reading.panel.sessions is not None
    assert len(reading.panel) == 210 + 390  # the third is a half day, the fourth a holiday
    assert date(2023, 7, 3).isoformat() in reading.report.sentences()[0]
