"""Flex statements: every section in neutral words, nothing dropped in silence, and files that are none refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.statements.flex_sample import FOOT, HEAD, TRADES, flex_file

from tapeline.domain.adopted import HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.times import from_iso, to_iso
from tapeline.domain.words import Side
from tapeline.statements import flex_rows
from tapeline.statements.flex import read_flex
from tapeline.statements.model import Statement


@pytest.fixture
def statement(tmp_path: Path) -> Statement:
    return read_flex(flex_file(tmp_path))


@pytest.mark.parametrize(
    ("indicator", "origin"),
    [("C", Origin.TRADE), ("O", Origin.SHORT_SALE), ("C;O", Origin.SHORT_SALE), ("", Origin.TRADE)],
)
def test_a_sale_is_a_short_sale_where_the_broker_says_that_it_opens(
    tmp_path: Path, indicator: str, origin: Origin
) -> None:
    body = TRADES.replace(
        'openCloseIndicator="C" notes="" buySell="SELL"', f'openCloseIndicator="{indicator}" buySell="SELL"'
    )

    bought, sold = read_flex(flex_file(tmp_path, body)).executions[:2]

    assert (bought.fact.origin, sold.fact.origin) == (Origin.TRADE, origin)


def test_executions_come_with_their_times_in_utc_and_all_their_costs(statement: Statement) -> None:
    """10:31 in New York in January is 15:31 UTC; 15:30 on 10 March, a day after the change of clocks, is 19:30."""
    bought, sold = (entry.fact.execution for entry in statement.executions[:2])

    assert (bought.side, bought.quantity, bought.price, bought.commission) == (Side.BUY, 100, 20, Decimal("1.05"))
    assert (bought.execution_id, bought.client_order_id) == ("0000aaaa.65900001.01.01", "5001")
    assert to_iso(bought.event_time_ns) == "2025-01-06T15:31:00Z"
    assert (sold.side, sold.commission) == (Side.SELL, Decimal("1.04"))
    assert to_iso(sold.event_time_ns) == "2025-03-10T19:30:00Z"
    assert (statement.source, statement.first, statement.last) == (
        "flex U7000001",
        date(2025, 1, 1),
        date(2025, 12, 31),
    )


def test_sums_beside_executions_are_not_booked(statement: Statement) -> None:
    assert [e.fact.execution.symbol for e in statement.executions] == ["QXR"] * 6 + ["QXR250620P00015000", "QXR"]


def test_a_canceled_trade_is_busted_and_one_booked_again_is_corrected(statement: Statement) -> None:
    (bust,) = statement.busts
    (corrected,) = [entry for entry in statement.executions if entry.corrects]

    assert bust.execution_id == "0000aaaa.65900004.01.01"
    assert corrected.corrects == "0000aaaa.65900005.01.01"
    assert corrected.fact.execution_id == "0000aaaa.65900005.01.01/70008"
    assert corrected.fact.execution.price == Decimal("17.40")
    ids = [entry.fact.execution_id[-11:] for entry in statement.standing()]
    assert ids == ["00001.01.01", "00002.01.01", "00003.01.01", "01.01/70008", "00006.01.01", "70011"]


def test_an_assigned_option_ends_once_and_its_shares_are_its_delivery(statement: Statement) -> None:
    written, delivered = statement.executions[-2:]
    (ended,) = [c.fact for c in statement.changes if c.fact.cause is HoldingCause.OPTION_ASSIGNMENT]

    assert (written.fact.multiplier, written.fact.execution.price) == (100, Decimal("0.80"))
    assert (ended.symbol, ended.quantity) == ("QXR250620P00015000", 1)
    assert (delivered.fact.origin, delivered.fact.execution.price) == (Origin.ASSIGNMENT, 15)


def test_cash_is_told_by_cause_and_equal_entries_without_ids_stay_two(statement: Statement) -> None:
    found = [(entry.fact.cause, entry.fact.amount) for entry in statement.cash]

    assert found == [
        (CashCause.DEPOSIT, 10_000),
        (CashCause.DIVIDEND, Decimal("12.50")),
        (CashCause.TAX_WITHHELD, Decimal("-1.88")),
        (CashCause.INTEREST, Decimal("2.22")),
        (CashCause.INTEREST, Decimal("2.22")),
        (CashCause.FEE, Decimal("-4.50")),
        (CashCause.DEPOSIT, 250),
    ]
    assert len({entry.fact.entry_id for entry in statement.cash}) == 7


def test_corporate_actions_have_their_ratio_and_the_day_they_take_effect(statement: Statement) -> None:
    by_cause = {entry.fact.cause: entry.fact for entry in statement.changes}
    split, spin = by_cause[HoldingCause.SPLIT], by_cause[HoldingCause.SPIN_OFF]

    assert (split.quantity, split.new_shares, split.old_shares) == (160, 2, 1)
    assert to_iso(split.event_time_ns) == "2025-08-11T04:00:00Z"
    assert (spin.symbol, spin.new_symbol, spin.new_quantity, spin.new_shares, spin.old_shares) == (
        "QXR", "NEWQ", 32, 1, 10,
    )  # fmt: skip
    assert by_cause[HoldingCause.RETURN_OF_CAPITAL].cash == 3
    assert (by_cause[HoldingCause.TRANSFER_IN].quantity, by_cause[HoldingCause.TRANSFER_IN].basis) == (30, None)


def test_end_figures_and_the_brokers_own_lots_and_wash_sales_are_kept(statement: Statement) -> None:
    (held,), (cash,), (lot,), (wash,) = (
        statement.positions, statement.balances, statement.lots, statement.wash_figures,
    )  # fmt: skip

    assert (held.symbol, held.quantity, held.cost_basis) == ("QXR", 320, 2400)
    assert cash.amount == Decimal("9000.50")
    assert (lot.opened, lot.closed, lot.gain) == (date(2025, 1, 6), date(2025, 3, 10), Decimal("-502.09"))
    assert (wash.day, wash.disallowed) == (date(2025, 3, 10), Decimal("200.84"))


def test_what_was_not_taken_is_said_with_its_line(statement: Statement) -> None:
    said = {remark.sentence.split(";")[0]: remark.where for remark in statement.remarks}

    assert "Trade in EUR was not taken" in said
    assert "Trade of CASH EUR.USD was not taken" in said
    assert "attribute moonPhase of Trade is not known and was not read." in said
    assert any("element MoonRow is not read" in sentence for sentence in said)
    assert any("corporate action TO of QXR was not taken" in sentence for sentence in said)
    assert any("HELD came without basis" in sentence for sentence in said)
    assert all(" line " in where for where in said.values())


def test_a_file_is_read_twice_with_the_same_result(tmp_path: Path) -> None:
    path = flex_file(tmp_path)

    assert read_flex(path) == read_flex(path)


def test_the_zone_of_the_account_can_be_another(tmp_path: Path) -> None:
    first = read_flex(flex_file(tmp_path, TRADES), "Europe/London").executions[0].fact

    assert first.event_time_ns == from_iso("2025-01-06T10:31:00Z")


def a_trade(**changes: str) -> str:
    fields = {
        "currency": "USD", "assetCategory": "STK", "symbol": "QXR", "tradeDate": "2025-01-06",
        "dateTime": "2025-01-06;103100", "quantity": "1", "tradePrice": "2", "ibExecID": "x",
        "levelOfDetail": "EXECUTION",
    } | changes  # fmt: skip
    words = " ".join(f'{name}="{value}"' for name, value in fields.items() if value)
    return f"<Trades>\n<Trade {words}/>\n</Trades>"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tradePrice": "two"}, "line 7, element Trade: tradePrice 'two' cannot be read"),
        ({"tradePrice": ""}, "it has no tradePrice. Add that field to the Flex query"),
        ({"dateTime": "01/06/2025;103100"}, "Set the query's date format to yyyy-MM-dd"),
        ({"dateTime": "2025-01-06;10:31:00-05:00"}, "names a zone of its own"),
        ({"dateTime": "2025-01-06 10:31:00 EST"}, "names a zone of its own"),
        ({"dateTime": "2025-13-06;103100"}, "cannot be read as datetime.datetime"),
        ({"ibExecID": ""}, "neither ibExecID, transactionID nor tradeID"),
        ({"quantity": "0"}, "quantity must be an exact number"),
        ({"tradePrice": "NaN"}, "tradePrice 'NaN' is no number of an account"),
        ({"tradePrice": "1e999999"}, "tradePrice '1e999999' is no number of an account"),
        ({"transactionType": "Magic"}, "Unknown transactionType 'Magic'"),
        ({"transactionType": "TradeCancel"}, "it cancels a trade and does not name it"),
        ({"ibCommission": "-1", "ibCommissionCurrency": "EUR"}, "its commission is in EUR"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(f"{k}={v}" for k, v in value.items()),
)
def test_a_row_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(DataError) as refused:
        read_flex(flex_file(tmp_path, a_trade(**changes)))

    assert sentence in str(refused.value)
    assert "flex.xml line 7, element Trade" in str(refused.value)


def test_one_id_for_two_different_trades_is_refused(tmp_path: Path) -> None:
    both = a_trade() + a_trade(tradePrice="3")

    with pytest.raises(DataError, match=r"line 9 has the id x of .*line 7 and says something else"):
        read_flex(flex_file(tmp_path, both))


def test_a_row_that_repeats_another_is_left_out_with_a_remark(tmp_path: Path) -> None:
    statement = read_flex(flex_file(tmp_path, a_trade() + a_trade()))

    assert len(statement.executions) == 1
    assert "to the letter" in statement.remarks[0].sentence


BILLION = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
EXTERNAL_ENTITY = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("declaration", [BILLION, EXTERNAL_ENTITY, "<!DOCTYPE x>"])
def test_a_document_type_or_an_entity_is_refused(tmp_path: Path, declaration: str) -> None:
    path = tmp_path / "flex.xml"
    path.write_text(HEAD.replace("?>\n", f"?>\n{declaration}\n", 1) + a_trade(symbol="&a;") + FOOT)

    with pytest.raises(DataError, match="declares a document type or an entity"):
        read_flex(path)


def test_limits_of_size_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="deep; a Flex file has five"):
        read_flex(flex_file(tmp_path, "<A>" * 20 + "</A>" * 20))
    monkeypatch.setattr(flex_rows, "ELEMENTS_MAX", 5)
    with pytest.raises(DataError, match="more than 5 elements"):
        read_flex(flex_file(tmp_path))
    monkeypatch.setattr(flex_rows, "SIZE_MAX_BYTES", 100)
    with pytest.raises(DataError, match="up to 100 are read"):
        read_flex(flex_file(tmp_path))


def test_files_that_are_no_statement(tmp_path: Path) -> None:
    cut, other = tmp_path / "cut.xml", tmp_path / "other.xml"
    cut.write_text((HEAD + TRADES)[:900])
    other.write_text("<html/>")

    with pytest.raises(DataError, match=r"line \d+ is no well-formed XML"):
        read_flex(cut)
    with pytest.raises(DataError, match="outermost element is html"):
        read_flex(other)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'other\.xml'"):
        read_flex(tmp_path / "othr.xml")
