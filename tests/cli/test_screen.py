"""The screener at the command line: the report of Python, explained down to the bars, kept, refused in words."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from cli.bar_files import as_table
from cli.running import LIMIT_S, command, environment, run
from screener.golden import GOLDEN, a_market, kept_of
from tapeline.app.screen_settings import load_screener_settings
from tapeline.app.screening import screen_at
from tapeline.app.watchlist import Watchlist
from tapeline.cli.screen_tables import watch_view
from tapeline.domain.times import from_iso
from tapeline.store.screen_store import ScreenStore

AT = "2024-02-14T16:00:00Z"
ROW = {
    "symbol", "coarse", "tree", "sabr20", "raw", "state", "accumulation_phase", "accumulation_ratio", "grade", "rr",
    "stop", "target", "quartile", "bars_since_pivot", "drawdown_pct", "exhaustion", "t2_stale",
    "remarks",
}  # fmt: skip
REPORT = {
    "at", "profile", "universe", "passed", "flags", "handed_over", "watchlist", "watchlist_all", "regime", "rows",
    "dropped",
}  # fmt: skip


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    as_table(a_market()).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def vix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    days = [date(2023, 11, 1) + timedelta(days=place) for place in range(120)]
    table = pl.DataFrame({"date": days, "close": [13.0 + place % 7 for place in range(120)]})
    path = tmp_path_factory.mktemp("vix") / "vix.parquet"
    table.write_parquet(path)
    table.write_csv(path.with_suffix(".csv"))
    return path


@pytest.fixture(scope="module")
def lake(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lakes") / "lake"
    outcome = run("data", "import", bars, "--lake", folder, "--vendor", "acme")
    assert outcome.code == 0, outcome.err
    return folder


def asked(*words: str | Path) -> dict:
    outcome = run(*words, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_the_report_is_the_one_of_python_and_of_the_golden_file(bars: Path) -> None:
    found = asked("screen", "--data", bars, "--at", AT, "--all-fine")
    golden = next(one for one in json.loads(GOLDEN.read_text())["tapeline"] if one["at"] == AT)

    assert set(found) == REPORT and all(set(row) == ROW for row in found["rows"])
    assert kept_of(found) == golden
    whole = screen_at(a_market(), from_iso(AT), load_screener_settings(None)).as_dict(all_fine=True)
    assert json.loads(json.dumps(whole)) == found


def test_without_all_fine_only_those_handed_over_have_tree_and_score(bars: Path) -> None:
    found = asked("screen", "--data", bars, "--at", AT, "--profile", "source")

    assert found["handed_over"] and found["profile"] == "source"
    for row in found["rows"]:
        fine = row["symbol"] in found["handed_over"]
        assert (row["tree"] is not None) == fine and (row["sabr20"] is not None) == fine
        assert row["coarse"]["score"] is not None and set(row) == ROW


def test_bars_that_are_named_by_their_end_give_the_same_report(bars: Path, tmp_path: Path) -> None:
    ends = tmp_path / "ends.parquet"
    pl.read_parquet(bars).with_columns(pl.col("ts") + pl.duration(minutes=5)).write_parquet(ends)

    right = asked("screen", "--data", ends, "--at", AT, "--label", "end")

    assert right == asked("screen", "--data", bars, "--at", AT)


def test_bars_of_a_lake_give_the_report_of_the_file_they_came_from(bars: Path, lake: Path) -> None:
    for words in (("screen", "--all-fine"), ("regime",), ("screen", "--explain", "SIM05")):
        assert asked(*words, "--lake", lake, "--at", AT) == asked(*words, "--data", bars, "--at", AT)


def test_a_snapshot_of_a_lake_is_screened_by_its_name_and_some_of_its_symbols(lake: Path) -> None:
    assert run("data", "snapshot", "spring", "--lake", lake).code == 0

    outcome = run("screen", "--lake", f"{lake}@spring", "--at", AT, "--symbols", "SIM01,SIM05")

    assert outcome.code == 0, outcome.err
    assert "2 symbols from lake" in outcome.err and "snapshot spring" in outcome.err
    assert "of 2 symbols pass the coarse screen" in outcome.out


def test_a_lake_that_is_not_there_and_two_sources_are_refused_in_words(bars: Path, lake: Path) -> None:
    gone = run("screen", "--lake", lake.parent / "gone", "--at", AT)
    both = run("screen", "--lake", lake, "--data", bars, "--at", AT)

    assert gone.code != 0 and "gone" in gone.err
    assert both.code != 0 and "Leave one of them out" in both.err


def test_the_table_tells_regime_flags_and_what_is_unknown(bars: Path) -> None:
    outcome = run("screen", "--data", bars, "--at", "2024-01-04T16:00:00Z", "--top", "3")

    assert outcome.code == 0, outcome.err
    assert "Flags: few_passed, incomplete." in outcome.out
    assert "fewer than 30 bars of 1h" in outcome.out
    assert "unknown: too few or flat bars of 4h" in outcome.out
    assert "Regime NEUTRAL_HIGH_VOL" in outcome.out


def test_every_number_of_a_row_is_explained_down_to_the_bars(bars: Path) -> None:
    outcome = run("screen", "--data", bars, "--at", AT, "--explain", "SIM05")
    told = asked("screen", "--data", bars, "--at", AT, "--explain", "SIM05")
    row = next(r for r in asked("screen", "--data", bars, "--at", AT, "--all-fine")["rows"] if r["symbol"] == "SIM05")

    leaves = {name: row[name] for name in row.keys() - {"symbol", "sabr20", "t2_stale", "remarks"}}
    leaves |= {f"{group}.{name}": value for group in ("coarse", "tree", "raw") for name, value in row[group].items()}
    named = {
        "score.total": row["sabr20"]["total"],
        "score.phase": leaves.pop("accumulation_phase"),
        "score.ratio": leaves.pop("accumulation_ratio"),
        "tree.setup_class": leaves.pop("tree.class"),
    }
    named |= {name if name.startswith(("coarse.", "tree.")) else f"score.{name.removeprefix('raw.')}": value
              for name, value in leaves.items() if name not in ("coarse", "tree", "raw")}  # fmt: skip
    explained = {**told["conditions"], **told["numbers"]}
    assert {name: one.get("word", one["value"]) for name, one in explained.items()} == named
    assert all(f"\n{name} = " in outcome.out for name in explained)
    frame = pl.read_parquet(bars).filter(symbol="SIM05").filter(pl.col("ts") < from_iso_time(AT))
    assert told["bars"]["15min"]["close"] == frame["close"][-1] and told["bars"]["15min"]["end"] == AT
    assert told["bars"]["15min"]["high"] == frame["high"][-3:].max()
    assert told["bars"]["15min"]["volume"] == frame["volume"][-3:].sum()
    assert "close[15min] >= bollinger(close[15min], 20, 2).middle) = " in outcome.out
    assert f"[{frame['close'][-1]:.6g} " in outcome.out


def from_iso_time(text: str) -> pl.Expr:
    return pl.lit(text).str.to_datetime(time_zone="UTC")


def test_only_completed_sessions_of_vix_count_from_parquet_as_from_csv(bars: Path, vix: Path) -> None:
    words = ("regime", "--data", bars, "--at", AT, "--vix")

    found, again, without = asked(*words, vix), asked(*words, vix.with_suffix(".csv")), asked(*words[:-1])

    # 2024-02-14 is not over; the day before is day 104 of the file
    assert found["volatility"]["level"] == 13.0 + 104 % 7 and not found["volatility"]["proxy"]
    assert again == found
    assert without["volatility"]["proxy"] and {"VIX", "volatility"} <= set(without["missing"])
    said = run(*words, vix).out
    assert found["recommendations"] and all(sentence in said for sentence in found["recommendations"])


def test_a_watched_session_is_kept_and_can_be_repeated(bars: Path, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())["tapeline"]
    words = ("screen", "watch", "--data", bars, "--store", tmp_path / "kept.sqlite")

    first = run(*words)
    with ScreenStore.open(tmp_path / "kept.sqlite") as store:
        lists = [store.watchlist("tapeline", from_iso(one["at"])) for one in golden]
        alerts = store.alerts()
    again = run(*words)

    assert first.code == again.code == 0, first.err
    assert [[row["symbol"] for row in kept[1]] for kept in lists if kept] == [one["watchlist"] for one in golden]
    assert first.out == again.out
    assert "Refreshed 26 times" in first.out
    for _, _, _, sentence in alerts:
        assert sentence in first.out


def test_a_terminal_sees_regime_and_newest_alerts_above_the_rows(bars: Path) -> None:
    golden = max(json.loads(GOLDEN.read_text())["tapeline"], key=lambda one: len(one["watchlist"]))
    at, listed = golden["at"], golden["watchlist"]
    refresh = Watchlist().refresh(screen_at(a_market(), from_iso(at), load_screener_settings(None)))
    terminal = Console(width=100, record=True, file=io.StringIO(), force_terminal=True)

    terminal.print(watch_view(refresh, [(1, "An old one."), (from_iso(at), "A new one.")], 20))

    lines = terminal.export_text(styles=True).splitlines()
    assert at in lines[0] and "Regime NEUTRAL_HIGH_VOL" in lines[1]
    assert "A new one." in lines[2] and "An old one." in lines[3]
    assert lines[2].startswith("\x1b[1;33m") and lines[3].startswith("\x1b[2m")  # new: bold and yellow; old: dim
    assert len(listed) > 1 and [line.split()[1] for line in lines[5:]] == listed


def test_ctrl_c_ends_a_watch_well(bars: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    watching = subprocess.Popen(
        command("screen", "watch", "--data", bars, "--store", kept, "--speed", "300"), cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED="1"), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert watching.stdout is not None
    first = watching.stdout.readline()

    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=LIMIT_S)

    assert watching.returncode == 0, err
    assert first.startswith("2024-02-14T14:45:00Z")
    assert "Refreshed 1 time; " in out and f"Kept in {kept}. Stopped by you." in out
    with ScreenStore.open(kept) as store:
        found = store.watchlist("tapeline")
    assert found is not None and found[0] == from_iso("2024-02-14T14:45:00Z")


def test_a_universe_is_built_kept_shown_and_compared(bars: Path, tmp_path: Path) -> None:
    store = tmp_path / "u.sqlite"
    members = tmp_path / "members.txt"
    members.write_text("SIM01\nSIM02  # the second\n\nGONE\n")

    whole = asked("universe", "build", "--data", bars, "--day", "2024-02-13", "--store", store)
    few = asked(
        "universe", "build", "--data", bars, "--day", "2024-02-14", "--store", store, "--members", members
    )  # fmt: skip
    shown = asked("universe", "show", "--store", store, "--day", "2024-02-13")
    change = asked("universe", "diff", "2024-02-13", "2024-02-14", "--store", store)

    assert whole["changes"] is None and shown["members"] == whole["members"]
    assert [(one["symbol"], one["reason"]) for one in few["members"] if one["symbol"] == "GONE"] == [
        ("GONE", "no bars")
    ]
    kept = {one["symbol"] for one in whole["members"] if not one["reason"]}
    assert {symbol for symbol, _ in change["removed"]} == kept - {"SIM01", "SIM02"}
    assert few["changes"] == change
    text = run("universe", "show", "--store", store)
    assert "Universe of 2024-02-14" in text.out and "GONE dropped: no bars" in text.out


def test_with_the_filters_on_only_the_universe_of_the_day_is_screened(bars: Path, tmp_path: Path) -> None:
    members = asked("universe", "build", "--data", bars, "--day", "2024-02-14", "--store", tmp_path / "u.sqlite")
    kept = sorted(one["symbol"] for one in members["members"] if not one["reason"])

    found = asked("screen", "--data", bars, "--at", AT, "--filters", "on")

    assert 0 < len(kept) < len(a_market().symbols)
    assert sorted(row["symbol"] for row in [*found["rows"], *found["dropped"]]) == kept


def test_the_chart_is_a_page_that_needs_nothing_else(bars: Path, tmp_path: Path) -> None:
    page = tmp_path / "SIM05.html"

    outcome = run("chart", "SIM05", "--data", bars, "--at", AT, "--output", page)

    text = page.read_text(encoding="utf-8")
    assert outcome.code == 0, outcome.err
    for word in ("15min, trigger", "1h, confirmation", "4h, regime", "candlestick", "StochRSI", "MACD", "tree.q3"):
        assert word in text
    assert "<script src" not in text and "2024-02-14 16:00" in text and "2024-02-14 16:15" not in text


def test_an_evaluation_and_a_validation_are_told_in_words_and_as_json(bars: Path) -> None:
    told = run("screen", "evaluate", "--data", bars, "--no-switches", "--horizon", "8")
    found = asked("screen", "validate", "--data", bars)

    assert told.code == 0, told.err
    assert "Rows overlap and symbols move together" in told.out and "8 x 15min" in told.out
    assert "grade A:" in told.out and "trigger: accepted" in told.out
    assert set(found["conditions"]) == set("abcdv")
    assert found["advice"] in run("screen", "validate", "--data", bars).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--profile", "sauce"), "Unknown profile 'sauce'. Did you mean 'source'?"),
        (("--at", "2024-02-14"), "is a day. Name a moment of it"),
        (("--at", "2024-02-14T16:00:00"), "has no time zone"),
        (("--at", "2023-02-14T16:00:00Z"), "No bar of 15min had closed by 2023-02-14T16:00:00Z"),
        (("--filters", "maybe"), "Unknown filters 'maybe'"),
        (("--members", "few.txt"), "Add --filters on, or leave them out"),
        (("--frames", "5min"), "There is no set of frames '5min'"),
        (("--vix", "gone.parquet"), "gone.parquet"),
        (("--explain", "SIM99"), "Unknown symbol 'SIM99'"),
        (("--config", "gone.yaml"), "Settings file gone.yaml cannot be read"),
        (("--calendar", "none"), "needs the sessions of an exchange"),
    ],
)
def test_what_cannot_be_screened_is_refused_in_a_sentence(bars: Path, words: tuple[str, ...], sentence: str) -> None:
    outcome = run("screen", "--data", bars, *words)

    assert outcome.code == 2
    assert sentence in outcome.sentence


@pytest.mark.parametrize(
    "words",
    [("screen",), ("screen", "watch"), ("screen", "evaluate"), ("screen", "validate"), ("universe", "build"),
     ("universe", "show"), ("universe", "diff"), ("regime",), ("chart",)],
)  # fmt: skip
def test_every_command_of_the_screener_has_help(words: tuple[str, ...]) -> None:
    outcome = run(*words, "--help")

    assert outcome.code == 0
    assert f"Usage: tapeline {' '.join(words)}" in outcome.out
