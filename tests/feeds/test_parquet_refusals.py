"""Bad input is answered with one sentence: what was asked, what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feeds.bar_files import MONDAY_OPEN, bars, with_value, write
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.feeds import parquet
from tapeline.feeds.parquet import read_bars


def daily() -> pl.DataFrame:
    return bars(count=1).drop("ts").with_columns(date=pl.lit(date(2018, 7, 2)))


def late_bar_first() -> pl.DataFrame:
    return bars("AAA", "BBB")[[0, 2, 1, 3, 4, 5, 6, 7, 8, 9]]


def five_minute_symbol() -> pl.DataFrame:
    return pl.concat([bars("AAA", count=300), bars("SLOW", step=timedelta(minutes=5), count=60)])


def five_minute_session() -> pl.DataFrame:
    later = bars(start=MONDAY_OPEN + timedelta(days=3), step=timedelta(minutes=5), count=78)
    return pl.concat([bars(count=390), later])


# What is wrong, how to write it, and the sentence, or the telling part of it.
CASES: dict[str, tuple[Callable[[], pl.DataFrame], str]] = {
    "no rows": (lambda: bars().clear(), "bars.parquet has columns but no rows. Name another file."),
    "missing column": (lambda: bars().drop("close"), "bars.parquet has no column 'close'."),
    "column in capitals": (
        lambda: bars().rename({"close": "Close"}),
        "has no column 'close'. Did you mean 'Close'? Rename it",
    ),
    "misspelt column": (
        lambda: bars().rename({"volume": "volum"}),
        "has no column 'volume'. Did you mean 'volum'? Rename it",
    ),
    "time under another name": (
        lambda: bars().rename({"ts": "moment"}),
        "has no column 'ts'. It has symbol, moment, open",
    ),
    "prices as text": (
        lambda: bars().cast({"close": pl.String}),
        "bars.parquet has type String; numbers are needed.",
    ),
    "symbols as numbers": (lambda: bars().with_columns(symbol=7), "has type Int32; text are needed."),
    "times as numbers": (
        lambda: bars().cast({"ts": pl.Int64}),
        "has type Int64; times with a time zone are needed.",
    ),
    "dates as text": (
        lambda: daily().cast({"date": pl.String}),
        "has type String; dates without a clock time are needed.",
    ),
    "times without a zone": (
        lambda: bars().with_columns(pl.col("ts").dt.replace_time_zone(None)),
        "has times without a time zone, so the bars cannot be placed. Write it with one",
    ),
    "empty symbol": (lambda: with_value(bars(), 3, "symbol", None), "Column 'symbol' is empty in row 3 of"),
    "empty time": (lambda: with_value(bars(), 3, "ts", None), "Column 'ts' is empty in row 3 of"),
    "empty price": (lambda: with_value(bars(), 3, "low", None), "Column 'low' is empty in row 3 of"),
    "price not a number": (
        lambda: with_value(bars(), 1, "open", float("nan")),
        "(AAA, 2018-07-02T13:31:00Z) is nan; a price must be a finite number above zero.",
    ),
    "price zero": (
        lambda: with_value(bars(), 2, "low", 0.0),
        "(AAA, 2018-07-02T13:32:00Z) is 0; a price must be a finite number above zero.",
    ),
    "price below zero": (lambda: with_value(bars(), 2, "low", -3.5), "The low price in row 2 of"),
    "price infinite": (lambda: with_value(bars(), 2, "high", float("inf")), "is inf; a price must be"),
    "volume below zero": (lambda: with_value(bars(), 4, "volume", -1), "The volume in row 4 of"),
    "volume not a number": (
        lambda: with_value(bars(), 4, "volume", float("nan")),
        "is nan; a volume must be finite and not below zero.",
    ),
    "high below low": (
        lambda: with_value(bars(), 4, "high", 9.9),
        "has open 10.04, high 9.9, low 9.99, close 10.06: open and close must lie between low and high.",
    ),
    "high below close": (lambda: with_value(bars(), 4, "high", 10.05), "high 10.05, low 9.99, close 10.06:"),
    "low above open": (lambda: with_value(bars(), 4, "low", 10.05), "high 10.09, low 10.05, close 10.06:"),
    "daily low above high": (
        lambda: with_value(daily(), 0, "low", 11.0),
        "(AAA, 2018-07-02) has open 10, high 10.05, low 11, close 10.02:",
    ),
    "times out of order": (late_bar_first, "(AAA, 2018-07-02T13:31:00Z) comes after row 1 of"),
    "times out of order among alternating symbols": (
        lambda: bars("AAA", "BBB")[[0, 5, 2, 6, 1, 7]],
        "(AAA, 2018-07-02T13:31:00Z) comes after row 2 of",
    ),
    "duplicate": (
        lambda: bars("AAA", "BBB", count=3)[[0, 1, 2, 2, 3, 4]],
        "The same bar stands twice: row 2 of",
    ),
    "duplicate among alternating symbols": (
        lambda: bars("AAA", "BBB")[[0, 5, 1, 6, 1, 7]],
        "The same bar stands twice: row 2 of",
    ),
    "daily duplicate": (lambda: daily()[[0, 0]], "The same bar stands twice: row 0 of"),
    "a single bar": (lambda: bars(count=1), "has no two bars of one symbol in one session"),
    "some shorter bars": (
        lambda: pl.concat([bars(step=timedelta(minutes=5), count=8), bars("BBB", count=2)]),
        "(BBB, 2018-07-02T13:31:00Z) is off the 5min grid on which the other bars stand.",
    ),
    "a bar off the grid": (
        lambda: with_value(bars(count=20), 7, "ts", MONDAY_OPEN + timedelta(minutes=7, seconds=19)),
        "(AAA, 2018-07-02T13:37:19Z) is off the 1min grid",
    ),
    "a symbol with longer bars": (
        five_minute_symbol,
        "is 1min, but the bars of SLOW from 2018-07-02T13:30:00Z on stand 5min apart.",
    ),
    "a session with longer bars": (
        five_minute_session,
        "is 1min, but the bars of AAA from 2018-07-05T13:30:00Z on stand 5min apart.",
    ),
    "bars on a holiday only": (
        lambda: bars(start=MONDAY_OPEN + timedelta(days=2)),
        "None of the 5 bars of",
    ),
    "times of the wrong unit": (
        lambda: bars().with_columns(ts=pl.lit(10**14).cast(pl.Datetime("ms", "UTC"))),
        "has times before 1678 or after 2262, which no bar has.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bars_that_cannot_be_used_are_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    content, sentence = CASES[case]
    path = write(content(), tmp_path / "bars.parquet")

    with pytest.raises(DataError) as refusal:
        read_bars(path)

    assert sentence in str(refusal.value)
    assert "bars.parquet" in str(refusal.value)


def test_the_row_named_is_the_row_of_the_file_also_when_only_a_part_is_read(tmp_path: Path) -> None:
    path = write(with_value(bars("AAA", "BBB", "CCC"), 8, "low", 0.0), tmp_path / "bars.parquet")

    with pytest.raises(DataError, match=r"row 8 of .*bars\.parquet \(BBB, 2018-07-02T13:33:00Z\) is 0"):
        read_bars(path, symbols=["CCC", "BBB"], first="2018-07-02")


def test_a_duplicate_is_found_also_where_a_symbol_asked_for_has_no_bars_in_the_period(tmp_path: Path) -> None:
    july = bars("AAA", "BBB", count=3)[[0, 3, 0]]
    path = write(pl.concat([july, bars("CCC", start=MONDAY_OPEN + timedelta(days=3))]), tmp_path / "bars.parquet")

    with pytest.raises(DataError, match="The same bar stands twice: row 0 of"):
        read_bars(path, symbols=["AAA", "BBB", "CCC"], last="2018-07-02", frame="1min")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(bars(count=5), tmp_path / "bars.parquet")
    read = parquet.collect

    def read_then_replace(*arguments: Any) -> pl.DataFrame:
        frame = read(*arguments)
        write(bars(count=6), path)
        return frame

    monkeypatch.setattr(parquet, "collect", read_then_replace)

    with pytest.raises(DataError, match=r"bars\.parquet was changed while it was read"):
        read_bars(path)


def test_a_bar_that_stands_in_two_files_of_a_folder_is_refused_with_both_places(tmp_path: Path) -> None:
    write(bars("AAA", "BBB"), tmp_path / "one.parquet")
    write(bars("BBB", start=MONDAY_OPEN + timedelta(minutes=4)), tmp_path / "two.parquet")

    with pytest.raises(DataError, match=r"twice: row 9 of .*one\.parquet .* and row 0 of .*two\.parquet\."):
        read_bars(tmp_path)


def test_a_folder_with_daily_and_minute_files_is_refused(tmp_path: Path) -> None:
    write(bars(), tmp_path / "minutes.parquet")
    write(daily(), tmp_path / "days.parquet")

    with pytest.raises(DataError, match=r"mixes daily and shorter bars: days\.parquet and minutes\.parquet"):
        read_bars(tmp_path)


def test_a_folder_without_parquet_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no \*\.parquet file in it"):
        read_bars(tmp_path)


def test_a_missing_file_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    write(bars(), tmp_path / "minute_2018.parquet")

    with pytest.raises(UnknownNameError, match=r"'minute_2108\.parquet'.*mean 'minute_2018\.parquet'\?"):
        read_bars(tmp_path / "minute_2108.parquet")
    with pytest.raises(UnknownNameError, match="There are none"):
        read_bars(tmp_path / "nowhere" / "bars.parquet")


@pytest.mark.parametrize("content", [b"", b"symbol,ts,open\nAAA,2018-07-02,10\n", b"PAR1 and more PAR1"])
def test_a_file_that_is_not_parquet_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"bars\.parquet is no readable Parquet file \(.*Write it again"):
        read_bars(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(share: float, tmp_path: Path) -> None:
    path = write(bars(count=50), tmp_path / "bars.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(DataError, match="no readable Parquet file"):
        read_bars(path)


def test_an_unknown_symbol_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    path = write(bars("AAPL", "MSFT"), tmp_path / "bars.parquet")

    with pytest.raises(UnknownNameError, match=r"Unknown symbol 'APPL' in .*Did you mean 'AAPL'\?"):
        read_bars(path, symbols=["MSFT", "APPL"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"first": "2018-07-05"},
            "has no bars from 2018-07-05 to its end; they run from 2018-07-02T13:30:00Z to",
        ),
        ({"symbols": ["AAA"], "last": "2018-06-29"}, "has no bars of AAA from its beginning to 2018-06-29"),
        ({"first": "2018-07-04", "last": "2018-07-04"}, "XNYS has no session from 2018-07-04 to 2018-07-04."),
        ({"first": "2018-07-03", "last": "2018-07-02"}, "ends before it begins. Swap the two dates."),
        ({"first": MONDAY_OPEN}, "has a clock time, but periods are made of sessions. Give a date."),
        ({"first": "July 2nd"}, "first='July 2nd' is no date. Write it like 2018-02-16."),
        ({"symbols": []}, "No symbol was asked of"),
        ({"symbols": ["AAA", "AAA"]}, "Symbol 'AAA' was asked twice"),
        ({"label": "middle"}, "Unknown label 'middle'"),
        ({"frame": "1 fortnight"}, "Frame '1 fortnight' is unknown."),
        ({"frame": "1d"}, "has times, so its frame is below a day."),
        ({"frame": "3min"}, 'Read them with frame="1min"; slower frames are built from them in formulas.'),
        ({"calendar": "XNYT"}, "Unknown calendar 'XNYT'"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_sentence(
    arguments: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    path = write(bars("AAA", "BBB"), tmp_path / "bars.parquet")

    with pytest.raises(InputError) as refusal:
        read_bars(path, **arguments)  # type: ignore[arg-type]

    assert sentence in str(refusal.value)


def test_a_frame_shorter_than_the_data_is_refused(tmp_path: Path) -> None:
    path = write(bars(step=timedelta(minutes=5), count=78), tmp_path / "bars.parquet")

    with pytest.raises(DataError, match=r"is 1min, but the bars of AAA .* stand 5min apart"):
        read_bars(path, frame="1min")


def test_a_daily_file_has_no_other_frame(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has session dates, so its frame is 1d"):
        read_bars(write(daily(), tmp_path / "bars.parquet"), frame="1min")
