"""Any broker's CSV: with our names, or with a mapping of theirs; nothing that was not mentioned is passed over."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tapeline.domain.adopted import HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import ConfigurationError, DataError, InputError, UnknownNameError
from tapeline.domain.times import to_iso
from tapeline.domain.words import Side
from tapeline.statements.table import TableMapping, read_mapping, read_table

OURS = """id,time,account,kind,side,symbol,quantity,price,commission,fees,amount,basis,acquired
b1,2025-01-06T10:31:00-05:00,joint,,BUY,QXR,100,20.10,1.00,0.05,,,
s1,2025-03-10,joint,,SELL,QXR,40,0.1,1,,,,
d1,2025-02-14,joint,DIVIDEND,,QXR,,,,,12.50,,
t1,2025-04-01,joint,TRANSFER_IN,,HELD,30,,,,,500,2019-02-28
p1,2025-12-31,joint,POSITION,,QXR,60,,,,,1206,
w1,2025-03-10,joint,WASH_SALE,,QXR,,,,,200.84,,
"""

THEIRS = """Trade #;When;What;Ticker;Shares;Px;Fee;Note
1;03/10/2025 15:30:00;Trade;QXR;-1.250,5;15,00;-1,04;x
2;03/11/2025 09:30:00;Reinvest;QXR;10;15,10;0;y
3;03/12/2025 09:30:00;Cash dividend;QXR;;;-;z
"""

MAPPING = """
zone = "Europe/Berlin"
time_format = "%m/%d/%Y %H:%M:%S"
decimal = ","
thousands = "."
delimiter = ";"
sells_are_negative = true
fees_are_negative = true
ignore = ["Note"]

[columns]
id = "Trade #"
time = "When"
kind = "What"
symbol = "Ticker"
quantity = "Shares"
price = "Px"
commission = "Fee"

[words.EXECUTION]
is = ["Trade"]
[words.REINVESTMENT]
is = ["Reinvest"]
"""


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_with_our_names_needs_no_mapping(tmp_path: Path) -> None:
    statement = read_table(written(tmp_path, OURS))
    bought, sold = (entry.fact.execution for entry in statement.executions)
    (transfer,), (dividend,) = statement.changes, statement.cash

    assert (bought.account, bought.price, bought.commission) == ("joint", Decimal("20.10"), Decimal("1.05"))
    assert to_iso(bought.event_time_ns) == "2025-01-06T15:31:00Z"
    assert (sold.side, sold.price, statement.executions[1].has_clock) == (Side.SELL, Decimal("0.1"), False)
    assert (dividend.fact.cause, dividend.fact.amount) == (CashCause.DIVIDEND, Decimal("12.5"))
    assert (transfer.fact.cause, transfer.fact.basis) == (HoldingCause.TRANSFER_IN, 500)
    assert to_iso(transfer.fact.acquired_ns or 0) == "2019-02-28T05:00:00Z"
    assert (statement.positions[0].quantity, statement.wash_figures[0].disallowed) == (60, Decimal("200.84"))
    assert (statement.first, statement.last) == (date(2025, 1, 6), date(2025, 12, 31))


def test_a_mapping_tells_names_signs_numbers_dates_and_zone(tmp_path: Path) -> None:
    """15:30 in Berlin in March is 14:30 UTC; -1.250,5 shares are a sale of 1250.5."""
    mapping = read_mapping(written(tmp_path, MAPPING, "m.toml"))
    body = "\n".join(THEIRS.splitlines()[:3])
    sold, again = (e.fact for e in read_table(written(tmp_path, body), mapping, "abroad").executions)

    assert (sold.execution.side, sold.execution.quantity, sold.execution.price) == (Side.SELL, Decimal("1250.5"), 15)
    assert (sold.execution.commission, sold.execution.account) == (Decimal("1.04"), "abroad")
    assert to_iso(sold.event_time_ns) == "2025-03-10T14:30:00Z"
    assert again.origin is Origin.REINVESTMENT


def test_a_word_that_the_mapping_does_not_know_is_refused(tmp_path: Path) -> None:
    mapping = read_mapping(written(tmp_path, MAPPING, "m.toml"))

    with pytest.raises(DataError, match="line 4: Unknown kind 'Cash dividend'"):
        read_table(written(tmp_path, THEIRS), mapping)


def test_rows_without_an_id_get_one_that_does_not_depend_on_their_neighbours(tmp_path: Path) -> None:
    head = "time,side,symbol,quantity,price\n"
    one, two = "2025-01-06,BUY,QXR,5,20\n", "2025-01-07,SELL,QXR,5,21\n"
    whole = read_table(written(tmp_path, head + one + one + two))
    part = read_table(written(tmp_path, head + two))

    ids = [entry.fact.execution_id for entry in whole.executions]
    assert len(set(ids)) == 3
    assert part.executions[0].fact.execution_id == ids[2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,side,symbol,quantity\n2025-01-06,BUY,QXR,5\n", "(price) is missing or empty"),
        ("time,side,symbol,quantity,price,tax\n", "Unknown column 'tax'"),
        ("time,time\n", "two columns 'time'"),
        ("time,side,symbol,quantity,price\n2025-01-06,BUY,QXR\n", "line 2: it has 3 cells where the header has 5"),
        ("time,side,symbol,quantity,price\n06.01.2025 10:00,BUY,QXR,5,1\n", "is not ISO 8601"),
        ("time,side,symbol,quantity,price\n2025-01-06,HOLD,QXR,5,1\n", "Unknown side 'HOLD'"),
        ("time,side,symbol,quantity,price\n2025-01-06,BUY,QXR,-5,1\n", "quantity above zero"),
        ("time,side,symbol,quantity,price\n2025-01-06,,QXR,5,1\n", "(side) is missing or empty"),
        ('time,side,symbol,quantity,price\n2025-01-06,BUY,QXR,"1,000",1\n', "is no number"),
        ("time,side,symbol,quantity,price\n2025-01-06,BUY,QXR,1e999999999,1\n", "is no number of an account"),
        ("time,kind,symbol,amount\n2025-01-06,BONUS,QXR,5\n", "Unknown kind 'BONUS'"),
        (
            "time,side,symbol,quantity,price,kind,acquired\n2025-01-06,,Q,5,1,TRANSFER_IN,May\n",
            "acquired 'May' is no date",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        read_table(written(tmp_path, text))

    assert sentence in str(refused.value)
    assert "t.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("zone = 5", "zone must be a str, found 5"),
        ("zoen = 'UTC'", "Unknown setting 'zoen'"),
        ("[columns]\nprize = 'P'", "Unknown column 'prize'"),
        ("[columns]\nprice = 7", "must be a name in quotes"),
        ("[words.BOUGHT]\nis = ['B']", "Unknown word 'BOUGHT'"),
        ("zone = ", "is no TOML"),
    ],
)
def test_a_mapping_that_is_none_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        read_mapping(written(tmp_path, text, "m.toml"))

    assert sentence in str(refused.value)


def test_a_mapped_column_that_is_not_there_and_a_zone_that_is_none(tmp_path: Path) -> None:
    mapping = read_mapping(written(tmp_path, MAPPING, "m.toml"))

    with pytest.raises(DataError, match="no column 'Trade #', which the mapping takes for id"):
        read_table(written(tmp_path, "When\n"), mapping)
    with pytest.raises(ConfigurationError, match="Zone 'Mars/Base' is not known"):
        read_table(written(tmp_path, OURS), TableMapping(zone="Mars/Base"))
    with pytest.raises(UnknownNameError):
        read_table(tmp_path / "none.csv")
