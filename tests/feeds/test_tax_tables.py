"""Tables of trades that anybody can write: read as they are meant, or refused with line and column."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from tapeline.domain.errors import InputError, TaxRefusal
from tapeline.feeds.tax_rows import COLUMNS
from tapeline.feeds.tax_tables import TaxTable, read_tax_table
from tapeline.tax import events
from tapeline.tax.accounts import Account, AccountKind, InstrumentKind, Method, Owner, Right

HEADER = "id,time,account,side,symbol,quantity,price,commission\n"


def read(text: str, folder: Path, zone: str = "America/New_York") -> TaxTable:
    (folder / "trades.csv").write_text(text, encoding="utf-8")
    return read_tax_table(folder / "trades.csv", zone)


def test_a_row_is_an_execution_with_exact_amounts(tmp_path: Path) -> None:
    table = read(HEADER + "b1,2025-01-06T10:31:00-05:00,main,buy,XYZ,0.1,20.10,\n", tmp_path)

    assert table.events == [
        events.Buy(
            execution_id="b1",
            account="main",
            symbol="XYZ",
            quantity=Decimal("0.1"),
            price=Decimal("20.10"),
            trade_date=date(2025, 1, 6),
            time_of_day=time(10, 31),
        )
    ]
    assert table.accounts == {"main": Account("main")}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2025-01-01T01:30:00Z", date(2024, 12, 31)),  # 20:30 in New York, and last year
        ("2025-07-02T03:30:00+00:00", date(2025, 7, 1)),  # 23:30 in summer time
        ("2024-12-31T23:59:59-05:00", date(2024, 12, 31)),
        ("2025-01-01", date(2025, 1, 1)),  # a date is taken as it is
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_trade_date_is_that_of_the_exchange(moment: str, day: date, tmp_path: Path) -> None:
    (event,) = read(HEADER + f"b1,{moment},main,BUY,XYZ,1,20,\n", tmp_path).events

    assert isinstance(event, events.Buy) and event.trade_date == day


def test_every_other_event_has_its_word(tmp_path: Path) -> None:
    wide = ",".join(COLUMNS)
    rows = [
        {
            "side": "SELL",
            "quantity": "5",
            "price": "9",
            "lots": "b1:3 b2:2",
            "identified_on": "2025-03-04",
            "confirmed": "no",
        },
        {"side": "SHORT", "quantity": "5", "price": "9", "fees": "0.02", "order_id": "o1"},
        {"side": "COVER", "quantity": "5", "price": "9", "settlement_date": "2025-03-04", "lots": "h1:5"},
        {"side": "BUY", "quantity": "5", "price": "0", "acquisition": "gift", "holding_start": "2020-02-29"},
        {"side": "EXERCISE", "quantity": "1"},
        {"side": "ASSIGNMENT", "quantity": "1"},
        {"side": "EXPIRATION", "quantity": "1", "position": "short"},
        {"side": "SPLIT", "new": "3", "old": "2", "cash_in_lieu": "4.50"},
        {"side": "SPIN_OFF", "new": "1", "old": "4", "new_symbol": "KID", "basis_fraction_new": "0.2"},
        {"side": "MERGER", "new": "1", "new_symbol": "BUYER", "price": "2", "fair_value_new": "30"},
        {"side": "CASH_MERGER", "price": "12"},
        {"side": "RETURN_OF_CAPITAL", "price": "0.5"},
        {"side": "SYMBOL_CHANGE", "new_symbol": "NEW"},
        {"side": "WORTHLESS"},
        {"side": "YEAR_END_MARK", "price": "7"},
        {"side": "TRANSFER_IN", "quantity": "5", "basis": "100", "acquired": "2019-05-05"},
        {"side": "TRANSFER", "quantity": "5", "to_account": "second"},
        {"side": "METHOD", "method": "HIFO"},
    ]
    lines = []
    for number, row in enumerate(rows):
        full = {"id": f"x{number}", "time": "2025-03-03", "symbol": "XYZ", "account": "main"} | row
        lines.append(",".join(full.get(name, "") for name in COLUMNS))

    found = read("\n".join([wide, *lines]), tmp_path).events

    action = {"day": date(2025, 3, 3), "symbol": "XYZ"}
    trade = {
        "account": "main",
        "symbol": "XYZ",
        "quantity": Decimal(5),
        "price": Decimal(9),
        "trade_date": date(2025, 3, 3),
    }
    choice = events.LotChoice
    assert found == [
        events.Sell(
            execution_id="x0",
            **trade,
            lots=(choice("b1", Decimal(3)), choice("b2", Decimal(2))),
            identified_on=date(2025, 3, 4),
            confirmed=False,
        ),
        events.Short(execution_id="x1", **trade, fees=Decimal("0.02"), order_id="o1"),
        events.Cover(execution_id="x2", **trade, settlement_date=date(2025, 3, 4), lots=(choice("h1", Decimal(5)),)),
        events.Buy(
            execution_id="x3",
            **trade | {"price": Decimal(0)},
            acquisition=events.Acquisition.GIFT,
            holding_start=date(2020, 2, 29),
        ),
        events.OptionExercise(event_id="x4", **action, account="main", contracts=Decimal(1)),
        events.OptionAssignment(event_id="x5", **action, account="main", contracts=Decimal(1)),
        events.OptionExpiration(
            event_id="x6", **action, account="main", contracts=Decimal(1), position=events.OptionPosition.SHORT
        ),
        events.StockSplit(
            event_id="x7", **action, new=Decimal(3), old=Decimal(2), cash_in_lieu={"main": Decimal("4.50")}
        ),
        events.SpinOff(
            event_id="x8",
            **action,
            new_symbol="KID",
            new=Decimal(1),
            old=Decimal(4),
            basis_fraction_new=Decimal("0.2"),
        ),
        events.StockMerger(
            event_id="x9",
            **action,
            new_symbol="BUYER",
            new=Decimal(1),
            old=Decimal(1),
            cash_per_share=Decimal(2),
            fair_value_new=Decimal(30),
        ),
        events.CashMerger(event_id="x10", **action, cash_per_share=Decimal(12)),
        events.ReturnOfCapital(event_id="x11", **action, per_share=Decimal("0.5")),
        events.SymbolChange(event_id="x12", **action, new_symbol="NEW"),
        events.Worthless(event_id="x13", **action),
        events.MarkToMarket(event_id="x14", **action, price=Decimal(7)),
        events.TransferIn(
            event_id="x15",
            **action,
            account="main",
            quantity=Decimal(5),
            basis=Decimal(100),
            acquired=date(2019, 5, 5),
        ),
        events.Transfer(event_id="x16", **action, quantity=Decimal(5), account="main", to_account="second"),
        events.StandingOrder(event_id="x17", day=date(2025, 3, 3), account="main", method=Method.HIFO),
    ]


def test_accounts_and_instruments_are_described_in_any_of_their_rows(tmp_path: Path) -> None:
    table = read(
        "id,time,account,side,symbol,quantity,price,account_type,owner,type,right,underlying,strike,expiry\n"
        "b1,2025-01-06,roth,BUY,C20,1,2,ira,,option,C,XYZ,20,2025-12-19\n"
        "b2,2025-01-07,roth,BUY,C20,1,2,,,,,,,\n"
        "b3,2025-01-07,hers,BUY,XYZ,1,20,,spouse,,,,,\n",
        tmp_path,
    )

    call = table.instruments["C20"]
    assert table.accounts["roth"].kind is AccountKind.RETIREMENT
    assert table.accounts["hers"].owner is Owner.SPOUSE
    assert (call.kind, call.right, call.multiplier, call.strike) == (InstrumentKind.OPTION, Right.CALL, 100, 20)


ROW = "b1,2025-01-06,main,BUY,XYZ,100,20.00,1.00\n"

REFUSED = {
    "no price": (HEADER + "b1,2025-01-06,main,BUY,XYZ,100,,1\n", "line 2: column 'price' is empty; a row with side"),
    "no id": (HEADER + ROW + ",2025-01-06,main,BUY,XYZ,100,20,1\n", "line 3: column 'id' is empty"),
    "thousands": (HEADER + 'b1,2025-01-06,main,BUY,XYZ,"1,000",20,1\n', "quantity '1,000' is no number. Write it like"),
    "a currency": (HEADER + "b1,2025-01-06,main,BUY,XYZ,100,$20,1\n", "price '$20' is no number"),
    "infinite": (HEADER + "b1,2025-01-06,main,BUY,XYZ,inf,20,1\n", "quantity 'inf' is no number"),
    "no zone": (HEADER + "b1,2025-01-06T10:31:00,main,BUY,XYZ,1,20,1\n", "has no zone, and around midnight a zone"),
    "no day": (HEADER + "b1,2025-02-29,main,BUY,XYZ,1,20,1\n", "time '2025-02-29' is no time"),
    "american date": (HEADER + "b1,01/06/2025,main,BUY,XYZ,1,20,1\n", "Write 2025-01-31T15:59:00-05:00, or 2025-01-31"),
    "unknown side": (HEADER + "b1,2025-01-06,main,BOUGHT,XYZ,1,20,1\n", "line 2: Unknown side 'BOUGHT'. "),
    "cut off": (HEADER + ROW + "b2,2025-01-07,main,BU", "line 3: it has 4 cells where the header has 8. If the"),
    "a comma too many": (HEADER + "b1,2025-01-06,main,BUY,XYZ,1,20,1,\n", "it has 9 cells where the header has 8"),
    "unknown column": ("id,time,side,symbol,comission\n", "Unknown column 'comission' in"),
    "no side": ("id,time,symbol\n", "has no column 'side'; it has id, time, symbol. It needs id, time, side, symbol."),
    "twice": ("id,time,side,symbol,price,price\n", "has two columns 'price'. Keep one."),
    "no rows": (HEADER, "has a header and no row"),
    "nothing": ("", "has no column 'id'; it has nothing"),
    "open quote": (HEADER + 'b1,2025-01-06,main,BUY,"XYZ,1,20,1\n', "is no readable CSV file"),
    "unknown type": (
        "id,time,side,symbol,quantity,price,account_type\nb1,2025-01-06,BUY,XYZ,1,20,401k\n",
        "Unknown account_type '401k'. Known: ira, mtm475f, taxable.",
    ),
    "two types": (
        "id,time,side,symbol,quantity,price,account_type\nb1,2025-01-06,BUY,XYZ,1,20,ira\nb2,2025-01-06,BUY,XYZ,1,20,taxable\n",
        "line 3: account main is taxable of the taxpayer here and ira of the taxpayer in",
    ),
    "half an option": (
        "id,time,side,symbol,quantity,price,type,right\nb1,2025-01-06,BUY,C20,1,2,option,C\n",
        "line 2: Option C20 lacks right, underlying, strike or expiry",
    ),
    "two options": (
        "id,time,side,symbol,quantity,price,type,multiplier\nb1,2025-01-06,BUY,ES,1,2,section1256,50\n"
        "b2,2025-01-06,BUY,ES,1,2,section1256,5\n",
        "line 3: ES is described otherwise in",
    ),
    "lots": (
        "id,time,side,symbol,quantity,price,lots\ns1,2025-01-06,SELL,XYZ,1,20,b1=5\n",
        "lots 'b1=5' is no list of lots. Write it like b1:50 b2:10.",
    ),
    "an answer": (
        "id,time,side,symbol,quantity,price,confirmed\ns1,2025-01-06,SELL,XYZ,1,20,maybe\n",
        "confirmed 'maybe' is neither yes nor no",
    ),
    "no day acquired": (
        "id,time,side,symbol,quantity,basis\nt1,2025-01-06,TRANSFER_IN,XYZ,1,20\n",
        "column 'acquired' is empty",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_is_not_as_it_should_be_is_refused_with_its_line(case: str, tmp_path: Path) -> None:
    text, sentence = REFUSED[case]

    with pytest.raises(InputError) as refused:
        read(text, tmp_path)

    assert sentence in str(refused.value)
    assert "trades.csv" in str(refused.value)


@pytest.mark.parametrize("quantity", ["-5", "0"])
def test_a_quantity_below_zero_is_refused_with_the_name_of_the_rule(quantity: str, tmp_path: Path) -> None:
    with pytest.raises(
        TaxRefusal, match=r"line 2: .*quantity must be above zero, found .* \(positive_quantities\)"
    ) as refused:
        read(HEADER + f"b1,2025-01-06,main,BUY,XYZ,{quantity},20,1\n", tmp_path)

    assert refused.value.rule == "positive_quantities"


def test_empty_lines_and_a_mark_of_byte_order_are_passed_over(tmp_path: Path) -> None:
    assert len(read("\ufeff" + HEADER + "\n" + ROW + ",,,,,,,\n", tmp_path).events) == 1


def test_a_file_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(HEADER)

    with pytest.raises(InputError, match=r"Did you mean 'trades\.csv'"):
        read_tax_table(tmp_path / "trade.csv")
