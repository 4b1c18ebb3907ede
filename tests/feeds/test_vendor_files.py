"""Vendors' files: their columns, times and zones become ours, and what cannot be read is named by its row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.times import DAY, HOUR, MINUTE, from_iso, to_iso
from tapeline.feeds.vendor_files import VendorFormat, read_vendor_bars
from tapeline.feeds.vendor_tables import read_vendor_table
from tapeline.tape.calendars import sessions

XNYS = sessions("XNYS")
HEAD = "symbol,time,open,high,low,close,volume"


def starts(folder: Path, times: list[str], zone: str = "", **options: str) -> list[str]:
    """Return the starts that a CSV file with these times has."""
    path = folder / "bars.csv"
    path.write_text("\n".join([HEAD, *(f"ALFA,{moment},10,11,9,10.5,100" for moment in times)]))
    rows = read_vendor_bars(path, VendorFormat(zone=zone, **options), XNYS).frame  # type: ignore[arg-type]
    return [to_iso(start_ns) for start_ns in rows["start_ns"]]


@pytest.mark.parametrize(
    ("times", "options"),
    [
        (["2023-07-05T13:30:00Z", "2023-07-05T13:31:00Z"], {}),
        (["2023-07-05T09:30:00-04:00", "2023-07-05T09:31:00-04:00"], {}),
        (["2023-07-05 09:30:00", "2023-07-05 09:31:00"], {"zone": "America/New_York"}),
        (["2023-07-05 09:31", "2023-07-05 09:32"], {"zone": "America/New_York", "label": "end"}),
        (["07/05/2023 09:30", "07/05/2023 09:31"], {"zone": "America/New_York", "time_format": "%m/%d/%Y %H:%M"}),
        (["2023-07-05 14:30:00", "2023-07-05 14:31:00"], {"zone": "Europe/London"}),
    ],
)
def test_every_way_of_writing_two_minutes_is_the_same_two_minutes(
    tmp_path: Path, times: list[str], options: dict[str, str]
) -> None:
    assert starts(tmp_path, times, **options) == ["2023-07-05T13:30:00Z", "2023-07-05T13:31:00Z"]


@pytest.mark.parametrize("unit_ns", [1_000_000_000, 1_000_000, 1_000, 1])
def test_whole_numbers_are_seconds_to_nanoseconds_by_their_size(tmp_path: Path, unit_ns: int) -> None:
    first = from_iso("2023-07-05T13:30:00Z")
    path = tmp_path / "bars.parquet"
    pl.DataFrame(
        {"symbol": "ALFA", "time": [first // unit_ns, (first + MINUTE) // unit_ns]}
        | dict.fromkeys(("open", "high", "low", "close", "volume"), 10.0)
    ).write_parquet(path)

    assert read_vendor_bars(path, VendorFormat(), XNYS).frame["start_ns"].to_list() == [first, first + MINUTE]


def test_winter_and_summer_keep_new_yorks_hours(tmp_path: Path) -> None:
    """The clocks changed on 2023-03-12: 09:30 is 14:30 UTC before and 13:30 UTC after."""
    times = ["2023-03-10 09:30:00", "2023-03-10 09:31:00", "2023-03-13 09:30:00"]

    assert starts(tmp_path, times, "America/New_York")[::2] == ["2023-03-10T14:30:00Z", "2023-03-13T13:30:00Z"]


def test_a_short_last_bar_named_by_its_end_begins_where_the_grid_says(tmp_path: Path) -> None:
    """Hours from 09:30; the last bar, 15:30 to 16:00, is named 16:00 and does not begin at 15:00."""
    times = [f"2023-07-05 {hour}:30" for hour in range(10, 16)] + ["2023-07-05 16:00"]

    found = starts(tmp_path, times, "America/New_York", label="end", frame="1h")

    assert found == [f"2023-07-05T{hour}:30:00Z" for hour in range(13, 20)]


def test_dates_are_daily_bars_that_begin_at_the_open(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(
        "Ticker,Date,Open,High,Low,Close,Volume\nALFA,20230703,10,11,9,10,100\nALFA,20230705,10,11,9,10,100\n"
    )

    found = read_vendor_bars(path, VendorFormat({"symbol": "Ticker"}, time_format="%Y%m%d"), XNYS)

    assert found.frame_ns == DAY
    assert [to_iso(start) for start in found.frame["start_ns"]] == ["2023-07-03T13:30:00Z", "2023-07-05T13:30:00Z"]


def test_date_and_time_may_stand_in_two_columns_and_the_symbol_outside(tmp_path: Path) -> None:
    path = tmp_path / "ALFA.txt"
    path.write_text(
        "Date;Time;Open;High;Low;Last;Vol\n2023-07-05;09:30;10;11;9;10.5;100\n2023-07-05;10:30;10;11;9;10.5;\n"
    )
    columns = {"time": "Date+Time", "close": "Last", "volume": "Vol"}

    found = read_vendor_bars(path, VendorFormat(columns, zone="America/New_York", symbol="ALFA", separator=";"), XNYS)

    assert found.frame_ns == HOUR
    assert found.columns == ("Date", "Time", "Open", "High", "Low", "Last", "Vol")
    assert found.frame.select("symbol", "close", "volume", "row").rows() == [
        ("ALFA", 10.5, 100.0, 0),
        ("ALFA", 10.5, None, 1),
    ]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("symbol,open\n", {}, r"has columns but no rows"),
        (
            f"{HEAD}\nALFA,2023-07-05 09:30,10,11,9,10,1\n",
            {},
            r"times without a time zone.*--zone, for example America",
        ),
        (f"{HEAD}\nALFA,2023-07-05 09:30,10,11,9,10,1\n", {"zone": "New York"}, r"zone 'New York'.* another --zone"),
        (
            f"{HEAD}\nALFA,2023-03-12 02:30,10,11,9,10,1\n",
            {"zone": "America/New_York"},
            r"cannot be read as those of zone",
        ),
        (f"{HEAD}\nALFA,2023-07-05T13:30:00Z,10,11,9,ten,1\n", {}, r"'close' in row 0 .* is 'ten', which is no number"),
        (f"{HEAD}\nALFA,yesterday,10,11,9,10,1\n", {}, r"time in row 0 .* is 'yesterday', which is not ISO 8601"),
        (f"{HEAD}\n,2023-07-05T13:30:00Z,10,11,9,10,1\n", {}, r"'symbol' is empty in row 0"),
        (f"{HEAD}\nALFA,2023-07-05T13:30:00Z,10,11,9,10,1\n", {}, r"no two bars of one symbol .* --frame"),
        ("symbol,time,open,high,low,Clse,volume\na,b,1,1,1,1,1\n", {}, r"no column for close; .*--columns close=Clse"),
        ("time,open,high,low,close,volume\nb,1,1,1,1,1\n", {}, r"no column for symbol; .*--symbol"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(
    tmp_path: Path, text: str, options: dict[str, str], sentence: str
) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=sentence):
        read_vendor_bars(path, VendorFormat(**options), XNYS)  # type: ignore[arg-type]


def test_files_and_words_that_do_not_exist(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(HEAD)

    with pytest.raises(UnknownNameError, match=r"file 'bar\.csv'.* Did you mean 'bars\.csv'"):
        read_vendor_bars(tmp_path / "bar.csv", VendorFormat(), XNYS)
    with pytest.raises(UnknownNameError, match="label 'begin'"):
        VendorFormat(label="begin")
    with pytest.raises(UnknownNameError, match=r"column 'clse'.* Did you mean 'close'"):
        VendorFormat({"clse": "Last"})
    (tmp_path / "bars.json").write_text("{}")
    with pytest.raises(InputError, match=r"no Parquet or CSV file by its name"):
        read_vendor_bars(tmp_path / "bars.json", VendorFormat(), XNYS)


def test_a_frame_that_does_not_fit_the_times_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(f"{HEAD}\nALFA,2023-07-05,10,11,9,10,1\n")

    with pytest.raises(InputError, match=r"Frame 1min was asked, but .* names its bars by session dates"):
        read_vendor_bars(path, VendorFormat(frame="1min"), XNYS)


def test_tables_of_facts_know_the_usual_names_of_dates(tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    path.write_text("symbol,start_date,end_date\nALFA,2018-02-16,\nBETA,2017-01-03,2018-02-16\n")

    found = read_vendor_table(path, {"index": "=TOP"})

    assert found.frame.select("index", "symbol", "first", "last").rows() == [
        ("TOP", "ALFA", date(2018, 2, 16), None),
        ("TOP", "BETA", date(2017, 1, 3), date(2018, 2, 15)),  # out on the 16th
    ]
    path.write_text("symbol,start_date\nALFA,16.2.2018\n")
    with pytest.raises(DataError, match=r"'first' in row 0 .* is '16\.2\.2018', no date like 2018-02-16"):
        read_vendor_table(path, {})
    with pytest.raises(DataError, match=r"no column 'idx' for index; it has symbol, start_date"):
        read_vendor_table(path, {"index": "idx"})
