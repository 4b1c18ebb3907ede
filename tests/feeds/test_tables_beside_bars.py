"""Corporate actions and memberships from files: what they mean, and what is refused with its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bar_tables import bars_of
from shared import shared_path
from tapeline import CashDividend, Split, read_bars
from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.feeds.corporate_actions import read_corporate_actions
from tapeline.feeds.membership import members_on, with_membership

ACTIONS = {
    "symbol": ["B", "A", "A", "A"],
    "date": [date(2020, 3, 2), date(2020, 3, 2), date(2020, 1, 6), date(2020, 5, 4)],
    "dividend": [0.05, 0.1, 0.0, 0.25],
    "split_ratio": [1.0, 2.0, 0.125, 1.0],
}
STAYS = {
    "symbol": ["A", "A", "B", "Z"],
    "start_date": [date(2018, 1, 1), date(2018, 1, 5), date(2018, 1, 4), date(2018, 1, 1)],
    "end_date": [date(2018, 1, 3), None, None, None],
}
DAYS = bars_of(
    """
          A   | B
    2018-01-02
    21:00 100 | 50
    2018-01-03
    21:00 100 | 50
    2018-01-04
    21:00 100 | -
    2018-01-05
    20:59 100 | 50
    21:00 100 | 50
    """,
    calendar="XNYS",
)


def written(path: Path, columns: dict[str, list[Any]], **changes: list[Any]) -> Path:
    pl.DataFrame({**columns, **changes}).write_parquet(path)
    return path


def test_actions_come_by_ex_date_and_symbol_the_dividend_before_the_split(tmp_path: Path) -> None:
    path = written(tmp_path / "actions.parquet", ACTIONS)

    assert read_corporate_actions(path) == [
        Split("A", date(2020, 1, 6), new=Decimal("0.125")),
        CashDividend("A", date(2020, 3, 2), Decimal("0.1")),
        Split("A", date(2020, 3, 2), new=Decimal(2)),
        CashDividend("B", date(2020, 3, 2), Decimal("0.05")),
        CashDividend("A", date(2020, 5, 4), Decimal("0.25")),
    ]


def test_actions_can_be_chosen_by_symbol_and_period(tmp_path: Path) -> None:
    path = written(tmp_path / "actions.parquet", ACTIONS)

    chosen = read_corporate_actions(path, symbols=["A"], first=date(2020, 3, 2), last=date(2020, 3, 2))

    assert [type(action) for action in chosen] == [CashDividend, Split]


@pytest.mark.parametrize(
    ("written_ratio", "new", "old"),
    [
        (0.333333333333, 1, 3),
        (0.33333333, 1, 3),
        (0.142857142857, 1, 7),
        (1.333333, 4, 3),
        (0.03125, Decimal("0.03125"), 1),
        (1.068833, Decimal("1.068833"), 1),
        (0.955000382, Decimal("0.955000382"), 1),
        (1.07, Decimal("1.07"), 1),
    ],
)
def test_a_ratio_that_a_table_had_to_round_is_what_it_means(
    tmp_path: Path, written_ratio: float, new: object, old: int
) -> None:
    path = written(tmp_path / "actions.parquet", ACTIONS, split_ratio=[1.0, written_ratio, 1.0, 1.0])

    (split,) = [action for action in read_corporate_actions(path) if isinstance(action, Split)]

    assert (split.new, split.old) == (new, old)


def test_the_shared_actions_are_read_to_the_last_row() -> None:
    """Counted in the file: 27,729 rows with a dividend, 473 with a ratio, 11 with both."""
    path = shared_path("data/corporate_actions_sp500.parquet")
    rows = pl.read_parquet(path)

    found = read_corporate_actions(path)

    assert sum(isinstance(action, Split) for action in found) == 473
    assert len(found) == (rows["dividend"] != 0).sum() + 473
    assert Split("PFE", date(2020, 11, 17), new=Decimal("1.054")) in found


def test_a_member_is_in_from_the_first_day_to_the_day_before_the_end(tmp_path: Path) -> None:
    """A from the 1st to the 2nd and again from the 5th; B from the 4th, a day on which it has no bar."""
    path = written(tmp_path / "stays.parquet", STAYS)

    member = with_membership(DAYS, path).series["member"]

    assert member.tolist() == [[1, 0], [0, 0], [0, 1], [1, 1], [1, 1]]


def test_membership_of_daily_bars_goes_by_the_session_date() -> None:
    """VIAC replaced CBS on 5 December 2019; Apple was there throughout."""
    panel = read_bars(
        shared_path("data/daily_sp500.parquet"), symbols=["AAPL", "VIAC"], first="2019-12-03", last="2019-12-06"
    ).panel

    member = with_membership(panel, shared_path("data/sp500_membership.parquet")).series["member"]

    assert member.tolist() == [[1, 0], [1, 0], [1, 1], [1, 1]]


Reader = Callable[[Path], object]


def members(path: Path) -> object:
    return with_membership(DAYS, path)


REFUSED: dict[str, tuple[Reader, dict[str, list[Any]], dict[str, list[Any]], str]] = {
    "a negative dividend": (
        read_corporate_actions, ACTIONS, {"dividend": [0.05, -0.1, 0.0, 0.25]},
        "Row 1 of actions.parquet: Dividend of A on 2020-03-02 must be above zero, found -0.1. Mend it there",
    ),
    "a ratio of nothing": (
        read_corporate_actions, ACTIONS, {"split_ratio": [1.0, 2.0, 0.0, 1.0]},
        "Row 2 of actions.parquet: Split of A on 2020-01-06: 0 for 1 is no ratio",
    ),
    "an unknown ratio": (
        read_corporate_actions, ACTIONS, {"split_ratio": [1.0, 2.0, float("nan"), 1.0]},
        "Row 2 of actions.parquet: Split of A on 2020-01-06: NaN for 1 is no ratio",
    ),
    "an action twice": (
        read_corporate_actions, ACTIONS, {"symbol": ["A", "A", "A", "A"]},
        "has A on 2020-03-02 in rows 0 and 1. Keep one row for a symbol and day.",
    ),
    "no dividends": (
        lambda path: read_corporate_actions(path), {name: ACTIONS[name] for name in ("symbol", "date", "split_ratio")},
        {}, "actions.parquet has no column 'dividend'; it has symbol, date, split_ratio. It needs symbol, date,",
    ),
    "an ex-date as text": (
        read_corporate_actions, ACTIONS, {"date": ["2020-03-02"] * 4},
        "Column 'date' of actions.parquet has type String; dates without a clock time are needed.",
    ),
    "an empty symbol": (
        read_corporate_actions, ACTIONS, {"symbol": ["B", None, "A", "A"]},
        "Column 'symbol' is empty in row 1 of actions.parquet. Fill it, or leave the row out.",
    ),
    "a stay that ends before it begins": (
        members, STAYS, {"end_date": [date(2018, 1, 1), None, None, None]},
        "Row 0 of actions.parquet: the stay of A from 2018-01-01 ends on 2018-01-01, before it has lasted a day.",
    ),
    "the table of another index": (
        members, STAYS, {"symbol": ["X", "X", "Y", "Z"]},
        "None of the 2 symbols of the data is in actions.parquet, which has stays of 4, such as X, X, Y.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_cannot_be_used_is_refused_with_its_row(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reader, columns, changes, sentence = REFUSED[case]
    path = written(Path("actions.parquet"), columns, **changes)

    with pytest.raises(DataError) as refusal:
        reader(path)

    assert sentence in str(refusal.value)


def test_a_file_that_is_not_there_or_none_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "actions.parquet", ACTIONS)
    (tmp_path / "text.parquet").write_text("symbol,date")

    with pytest.raises(UnknownNameError, match=r"Did you mean 'actions.parquet'\?"):
        read_corporate_actions(tmp_path / "action.parquet")
    with pytest.raises(DataError, match="is no readable Parquet file"):
        read_corporate_actions(tmp_path / "text.parquet")


def test_the_members_of_any_past_day_are_those_of_that_day() -> None:
    """Tesla came in at the open of 2020-12-21; Monsanto was bought in June 2018; Yahoo's rest left in June 2017."""
    path = shared_path("data/sp500_membership.parquet")
    on = {
        day: members_on(path, date.fromisoformat(day))
        for day in ("2017-06-16", "2018-04-19", "2020-12-20", "2020-12-21")
    }

    assert all(500 <= len(members) <= 507 and list(members) == sorted(set(members)) for members in on.values())
    assert [("TSLA" in members) for members in on.values()] == [False, False, False, True]
    assert [("MON" in members) for members in on.values()] == [True, True, False, False]
    assert [("AABA" in members) for members in on.values()] == [True, False, False, False]
