"""Corporate actions, indices, sectors, adjusted prices, and formula values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.builders import NOW, bars_file, daily_file, load, load_table, minutes
from shared import shared_path
from tapeline import bars, compute, sma
from tapeline.app.lake_import import import_table
from tapeline.domain.corporate import CashDividend, Split
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.lake.formulas import read_values, store_values
from tapeline.lake.lake import open_lake
from tapeline.lake.snapshots import take_snapshot

# Apple split four for one on 2020-08-31 and paid 0.82 on 2020-08-07; closes as traded.
APPLE = {"2020-08-06": 455.61, "2020-08-28": 499.23, "2020-08-31": 129.04, "2020-09-01": 134.18}
ACTIONS = [
    {"symbol": "AAPL", "ex": date(2020, 8, 31), "kind": "split", "new": "4", "old": "1", "amount": None},
    {"symbol": "AAPL", "ex": date(2020, 8, 7), "kind": "dividend", "new": None, "old": None, "amount": "0.82"},
    {"symbol": "MSFT", "ex": date(2020, 8, 19), "kind": "dividend", "new": None, "old": None, "amount": "0.51"},
]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    place = tmp_path / "lake"
    load(place, daily_file(tmp_path, "apple.parquet", {"AAPL": APPLE}))
    load_table(place, "corporate_actions", ACTIONS)
    return place


def test_corporate_actions_are_exact_and_of_the_asked_symbols_and_period(lake: Path) -> None:
    opened = open_lake(lake)

    assert opened.corporate_actions(["AAPL"]) == [
        CashDividend("AAPL", date(2020, 8, 7), Decimal("0.82")),
        Split("AAPL", date(2020, 8, 31), Decimal(4), Decimal(1)),
    ]
    assert opened.corporate_actions(["MSFT", "AAPL"], date(2020, 8, 8), date(2020, 8, 30)) == [
        CashDividend("MSFT", date(2020, 8, 19), Decimal("0.51"))
    ]


@pytest.mark.parametrize(
    ("at", "closes"),
    [
        # Before the open of the ex-date, 13:30 UTC, the split is not known; the dividend never changes a price.
        ("2020-08-31T13:29:59Z", [455.61, 499.23, 129.04, 134.18]),
        ("2020-08-31T13:30:00Z", [113.9025, 124.8075, 129.04, 134.18]),
        ("2024-01-02", [113.9025, 124.8075, 129.04, 134.18]),
    ],
)
def test_prices_are_in_the_shares_of_the_moment_they_are_seen_from(lake: Path, at: str, closes: list[float]) -> None:
    panel = open_lake(lake).read(adjusted_at=at).panel

    assert panel.close[:, 0].tolist() == pytest.approx(closes, rel=1e-12)
    assert (panel.close * panel.volume)[:2, 0] == pytest.approx([45_561.0, 49_923.0], rel=1e-12)


def test_prices_are_raw_unless_asked_otherwise(lake: Path) -> None:
    assert open_lake(lake).read().panel.close[:, 0].tolist() == list(APPLE.values())


def test_two_splits_are_compounded_and_a_reverse_split_raises_prices(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    load(place, daily_file(tmp_path, "x.parquet", {"X": {"2020-01-02": 12.0, "2020-01-03": 6.0, "2020-01-06": 60.0}}))
    splits = [("2020-01-03", "2", "1"), ("2020-01-06", "1", "10")]
    rows = [
        {"symbol": "X", "ex": date.fromisoformat(ex), "kind": "split", "new": new, "old": old}
        for ex, new, old in splits
    ]
    load_table(place, "corporate_actions", rows)

    # 12 / 2 x 10, and 6 x 10
    assert open_lake(place).read(adjusted_at="2020-02-01").panel.close[:, 0].tolist() == [60.0, 60.0, 60.0]


def test_a_fact_that_differs_is_a_correction_and_snapshots_keep_what_they_saw(lake: Path) -> None:
    take_snapshot(lake, "before", NOW)
    changed = [{**ACTIONS[1], "amount": "0.205"}]

    with pytest.raises(
        DataError, match=r"says amount 0\.205 for symbol AAPL, ex 2020-08-07, .* lake has 0\.82 .*--correct"
    ):
        load_table(lake, "corporate_actions", changed)
    report = load_table(lake, "corporate_actions", [*changed, ACTIONS[0]], correct=True)

    assert (report.stored.added, report.stored.same, report.stored.corrected) == (0, 1, 1)
    assert open_lake(lake).corporate_actions(["AAPL"])[0] == CashDividend("AAPL", date(2020, 8, 7), Decimal("0.205"))
    assert open_lake(f"{lake}@before").corporate_actions(["AAPL"])[0] == CashDividend(
        "AAPL", date(2020, 8, 7), Decimal("0.82")
    )


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"kind": "merger"}, r"a corporate action 'merger' of AAPL on 2020-08-31; known are split and dividend"),
        ({"new": "0"}, r"a split of AAPL on 2020-08-31 that is none: new .* above zero, found new 0"),
        ({"new": "four"}, r"found new four"),
        ({"symbol": None}, r"1 rows of corporate_actions without symbol or ex or kind"),
    ],
)
def test_corporate_actions_that_are_none(tmp_path: Path, row: dict[str, object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        load_table(tmp_path / "lake", "corporate_actions", [{**ACTIONS[0], **row}])

    assert not (tmp_path / "lake").exists()


def test_the_shared_corporate_actions_are_one_row_per_action(tmp_path: Path) -> None:
    path = shared_path("data/corporate_actions_sp500.parquet")
    pack = pl.read_parquet(path)

    import_table(tmp_path / "lake", path, "corporate_actions", now_ns=NOW, vendor="pack")

    table = open_lake(tmp_path / "lake").table("corporate_actions")
    assert table.filter(pl.col("kind") == "split").height == 473
    assert table.filter(pl.col("kind") == "dividend").height == pack.filter(pl.col("dividend") != 0).height
    assert Split("AAPL", date(2020, 8, 31), Decimal("4.0")) in open_lake(tmp_path / "lake").corporate_actions(["AAPL"])


def test_who_was_in_an_index_on_a_day(tmp_path: Path) -> None:
    path = shared_path("data/sp500_membership.parquet")

    import_table(tmp_path / "lake", path, "index_membership", now_ns=NOW, vendor="pack", columns={"index": "=SP500"})

    opened = open_lake(tmp_path / "lake")
    members = opened.index_members("SP500", date(2018, 3, 1))
    assert 490 < len(members) < 515
    assert {"AAPL", "CSRA"} <= set(members)  # CSRA left in April 2018
    assert "TSLA" not in members  # Tesla joined on 2020-12-21
    assert "TSLA" in opened.index_members("SP500", date(2020, 12, 21))
    with pytest.raises(UnknownNameError, match=r"index 'SP50' in lake .*\. Did you mean 'SP500'"):
        opened.index_members("SP50", date(2018, 3, 1))


def test_the_sector_is_that_which_was_known_on_the_day(tmp_path: Path) -> None:
    rows = [
        {"symbol": "META", "scheme": "GICS", "first": date(2017, 1, 1), "sector": "Information Technology"},
        {"symbol": "META", "scheme": "GICS", "first": date(2018, 9, 24), "sector": "Communication Services"},
        {"symbol": "META", "scheme": "NASDAQ", "first": date(2017, 1, 1), "sector": "Technology"},
    ]
    load_table(tmp_path / "lake", "sectors", rows)
    opened = open_lake(tmp_path / "lake")

    assert opened.sectors(date(2016, 12, 30), "GICS") == {}
    assert opened.sectors(date(2018, 9, 23), "GICS") == {"META": "Information Technology"}
    assert opened.sectors(date(2018, 9, 24), "GICS") == {"META": "Communication Services"}
    with pytest.raises(InputError, match="has sectors by GICS, NASDAQ"):
        opened.sectors(date(2018, 9, 24))


def test_an_unknown_table_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sectors'"):
        load_table(tmp_path / "lake", "sector", [{"symbol": "META"}])


def test_formula_values_are_read_back_bit_for_bit(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    minutes(place, bars_file(tmp_path, "bars.parquet", {"ALFA": [10.1, 11.3, 12.7, 12.9], "BETA": [20.0, 20.1 + 0.2]}))
    opened, average = open_lake(place), sma(bars().close, 2)
    panel = opened.read().panel
    values = compute({"average": average}, panel)["average"]
    values[0, 1] = np.frombuffer(b"\x01\0\0\0\0\0\xf8\x7f")[0]  # a NaN with a payload is a NaN of its own
    values[3, 0] = -0.0

    store_values(opened, average, panel, values, NOW)

    kept = read_values(opened, average)
    assert (kept.symbols, kept.end_ns.tolist()) == (panel.symbols, panel.end_ns.tolist())
    assert kept.values.tobytes() == values.tobytes()


def test_formula_values_belong_to_a_definition_and_a_commit(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    minutes(place, bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]}))
    average, first = sma(bars().close, 2), open_lake(place)
    store_values(first, average, first.read().panel, np.array([[np.nan], [10.5]]), NOW)
    minutes(place, bars_file(tmp_path, "more.parquet", {"ALFA": [10.5]}), correct=True)
    second = open_lake(place)

    assert read_values(first, average).values[1, 0] == 10.5
    with pytest.raises(InputError, match=r"has no values of formula [0-9a-f]{16}\. Compute it"):
        read_values(second, average)
    with pytest.raises(InputError, match="has no values of formula"):
        read_values(first, sma(bars().close, 3))
    with pytest.raises(InputError, match=r"shape \(1, 1\) do not belong to a panel of shape \(2, 1\)"):
        store_values(second, average, second.read().panel, np.zeros((1, 1)), NOW)

    store_values(first, average, first.read().panel, np.array([[np.nan], [99.0]]), NOW)
    assert read_values(first, average).values[1, 0] == 99.0
