"""What became of a name is told of its row: renamed, merged, used by another company, whose bars do not count."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cli.running import run
from screener.golden import a_market
from shared import shared_path
from tapeline.app.screen_remarks import own_bars, read_name_uses, with_names
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screening import screen_at
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Panel
from tapeline.domain.times import from_iso
from tapeline.feeds.parquet import read_bars

NAMES = """
symbol  date        mapped_symbol
SIM01   2010-01-04  SIM01
SIM01   2050-12-31  SIM01
SIM02   2010-01-04  SIM02
SIM02   2024-02-05  SIM02
SIM02   2050-12-31  SIM88
SIM03   2010-01-04  SIM77
SIM03   2024-02-05  SIM77
SIM03   2050-12-31  SIM03
SIM04.1 2001-01-02  SIM04
SIM04.1 2024-01-31  SIM04
SIM04   2024-02-01  SIM04
SIM04   2050-12-31  SIM04
SIM05   2010-01-04  SIM05
SIM05   2024-02-05  SIM05
"""


@pytest.fixture(scope="module")
def market() -> Panel:
    return a_market()


@pytest.fixture
def names(tmp_path: Path) -> Path:
    lines = [line.split() for line in NAMES.split("\n")[2:-1]]
    table = pl.DataFrame(
        {"symbol": [one[0] for one in lines], "date": [date.fromisoformat(one[1]) for one in lines],
         "mapped_symbol": [one[2] for one in lines]}
    )  # fmt: skip
    path = tmp_path / "names.parquet"
    table.write_parquet(path)
    return path


def remarks(panel: Panel, names: Path, settings: ScreenerSettings, at: str) -> dict[str, list[str]]:
    uses, at_ns = read_name_uses(names), from_iso(at)
    screened = own_bars(panel, uses, at_ns)
    report = with_names(screen_at(screened, at_ns, settings), screened, uses).as_dict(all_fine=True)
    return {one["symbol"]: one["remarks"] for one in (*report["rows"], *report["dropped"])}


def test_names_that_changed_are_told_of_their_rows(market: Panel, names: Path) -> None:
    until = {"SIM02": "2024-02-06", "SIM05": "2024-02-06"}
    since = {"SIM03": "2024-02-06"}
    rows = {name: value.copy() for name, value in vars(market).items() if name in ("open", "high", "low", "close")}
    for column, symbol in enumerate(market.symbols):
        for values in rows.values():
            if symbol in until:
                values[market.start_ns >= from_iso(f"{until[symbol]}T00:00:00Z"), column] = float("nan")
            if symbol in since:
                values[market.start_ns < from_iso(f"{since[symbol]}T00:00:00Z"), column] = float("nan")
    volume = market.volume.copy()
    volume[rows["close"] != rows["close"]] = float("nan")
    panel = Panel(**{**vars(market), **rows, "volume": volume})

    told = remarks(panel, names, ScreenerSettings(), "2024-02-14T16:00:00Z")

    assert told["SIM01"] == told["SIM06"] == []
    assert told["SIM02"] == ["its last bar ended 2024-02-05T21:00:00Z", "renamed SIM88 after 2024-02-05"]
    assert told["SIM05"] == ["its last bar ended 2024-02-05T21:00:00Z", "merged or delisted after 2024-02-05"]
    assert told["SIM03"][-1] == "was SIM77 until 2024-02-05; bars under that name are not read"
    assert told["SIM04"][-1] == "bars until 2024-01-31 are of another company, SIM04.1, and left out"


def test_a_row_is_not_judged_by_another_companys_bars(market: Panel, names: Path) -> None:
    at_ns = from_iso("2024-02-02T20:00:00Z")
    uses = read_name_uses(names)

    before = screen_at(market, at_ns, ScreenerSettings()).snapshot
    after = screen_at(own_bars(market, uses, at_ns), at_ns, ScreenerSettings()).snapshot

    column = market.column("SIM04")
    assert before["is_long_enough"][column] == 1.0 and after["is_long_enough"][column] == 0.0
    assert own_bars(market, {}, at_ns) is market


def test_a_table_of_names_needs_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("symbol,date\nA,2020-01-02\n")

    with pytest.raises(DataError, match="no column 'mapped_symbol'"):
        read_name_uses(path)


def test_real_renames_and_reused_tickers_are_told() -> None:
    """VXX is a new note since 2019, called VXXB before May; TAPA became TAP.A; SPWRA became SPWR."""
    names = shared_path("data/lean_map_files.parquet")
    settings = load_screener_settings(None, frames="1h/4h/1d")
    panel = read_bars(shared_path("data/lean_hour.parquet"), calendar="XNYS", first=date(2018, 9, 4)).panel

    told = remarks(panel, names, settings, "2019-05-03T19:30:00Z")

    assert told["SPY"] == []
    assert told["VXX"][0] == "fewer than 30 bars of 4h"
    assert told["VXX"][-2:] == [
        "was VXXB until 2019-05-01; bars under that name are not read",
        "bars until 2019-01-29 are of another company, VXX.1, and left out",
    ]


def test_the_command_tells_them_on_screen(names: Path) -> None:
    words = ("--symbols", "SIM01,SIM02", "--at", "2024-02-14T16:00:00Z", "--names", names)

    assert "SIM02: renamed SIM88 after 2024-02-05." in run("screen", *words).out
