"""From a table of trades to the files of a year, and from a row of the form back to the journal's bar."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.ledger.builders import MINUTE, T0, a_fill, a_run, a_signal, an_order

from tapeline.app.tax_forms import Format, FormsChoice, make_forms, write_forms
from tapeline.app.tax_trace import trace_row
from tapeline.app.taxes import TaxBooks, TaxChoice, open_books
from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import InputError, StorageError, UnknownNameError
from tapeline.domain.words import Role, Side
from tapeline.ledger.adopted_facts import ExecutionAdopted
from tapeline.ledger.facts import SignalRaised
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tax.carryover import Carryover

TRADES = """\
id,time,account,side,symbol,quantity,price,account_type
b1,2025-01-06,main,BUY,XYZ,100,20,
s1,2025-12-10,main,SELL,XYZ,100,15,
b2,2025-12-20,other,BUY,XYZ,30,16,
b3,2026-01-05,roth,BUY,XYZ,20,16,ira
b4,2026-03-01,main,BUY,XYZ,7,18,
"""
DAY = date(2026, 2, 1)


def _table(folder: Path, table: str = TRADES) -> Path:
    path = folder / "trades.csv"
    path.write_text(table, encoding="utf-8")
    return path


def books_of(folder: Path, table: str = TRADES, **words: object) -> TaxBooks:
    return open_books(TaxChoice(trades=(_table(folder, table),), year=2025, **words))  # type: ignore[arg-type]


def test_a_january_purchase_is_in_the_row_and_not_in_what_was_open_at_the_years_end(tmp_path: Path) -> None:
    forms = make_forms(books_of(tmp_path))

    # 30 shares replaced in December, 20 in January: 50 x 5
    assert [(row.codes, row.adjustment_cents) for row in forms.rows] == [("W", 25_000)]
    assert [(lot.open_id, lot.quantity, lot.cost_basis) for lot in forms.open_lots] == [("b2", 30, Decimal("630.00"))]
    assert not forms.is_provisional


def test_known_only_until_january_the_year_is_provisional(tmp_path: Path) -> None:
    forms = make_forms(books_of(tmp_path, as_of="2026-01-02"))

    assert forms.is_provisional
    assert [(loss.quantity, loss.last_day) for loss in forms.pending] == [(70, date(2026, 1, 9))]


def test_every_file_is_written_and_says_the_same(tmp_path: Path) -> None:
    forms = make_forms(books_of(tmp_path))

    written = write_forms(forms, tmp_path / "a" / "b", made_on=DAY)

    assert {path.name for path in written.files} == {path.name for path in (tmp_path / "a" / "b").iterdir()}
    assert {path.suffix for path in written.files} == {".csv", ".xlsx", ".txf", ".pdf"}
    with (tmp_path / "a" / "b" / "form-8949.csv").open(newline="") as file:
        assert [row["h_gain"] for row in csv.DictReader(file)] == ["-250.00"]
    text = (tmp_path / "a" / "b" / "form-8949-2025.txf").read_bytes()
    assert b"N321\r\n" in text and b"$2000.00\r\n$1500.00\r\n$250.00\r\n^\r\n" in text


def test_only_the_files_that_are_asked_for_are_written(tmp_path: Path) -> None:
    forms = make_forms(books_of(tmp_path))

    written = write_forms(forms, tmp_path / "out", (Format.PDF,), made_on=DAY)

    assert [path.name for path in written.files] == ["tax-forms-2025.pdf"]


def test_a_folder_that_cannot_be_made_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(StorageError, match="--out"):
        write_forms(make_forms(books_of(tmp_path)), tmp_path / "out", made_on=DAY)

    assert (tmp_path / "out").read_text() == "a file"


def test_one_account_is_reported_and_all_are_computed(tmp_path: Path) -> None:
    assert [row.adjustment_cents for row in make_forms(books_of(tmp_path, account="main")).rows] == [25_000]
    assert make_forms(books_of(tmp_path, account="other")).rows == ()


def test_lines_from_other_papers_and_carried_losses_are_netted(tmp_path: Path) -> None:
    carried = Carryover(Decimal(3), Decimal("1200.50"))

    schedule = make_forms(books_of(tmp_path), FormsChoice(lines=("13=10", "5 = -7"), carried=carried)).schedule

    assert [schedule.amounts[line] for line in ("5", "6", "13", "14")] == [-700, -300, 1000, -120_050]
    assert schedule.amounts["16"] == -25_000 - 700 - 300 + 1000 - 120_050


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (FormsChoice(lines=("7=1",)), "Unknown line '7'"),
        (FormsChoice(lines=("14=1",)), "Unknown line '14'"),
        (FormsChoice(lines=("13=a lot",)), "--line 13: 'a lot' is no amount"),
        (FormsChoice(taxable_income="none"), "--taxable-income: 'none' is no amount"),
        (FormsChoice(unreported=("mian",)), "Unknown account 'mian' in --no-1099. Did you mean 'main'?"),
    ],
)
def test_choices_that_are_none_are_refused(tmp_path: Path, choice: FormsChoice, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        make_forms(books_of(tmp_path), choice)

    assert said in str(refusal.value)


def test_a_row_from_a_table_leads_to_lot_sale_and_both_replacements(tmp_path: Path) -> None:
    books = books_of(tmp_path)

    trace = trace_row("8949:1", books, make_forms(books))

    (traced,) = trace.gains
    assert trace.page is not None and trace.page.copy == 1
    assert (traced.opened.event_id, traced.closed.event_id) == ("b1", "s1")
    assert [(step.other.event_id, step.disallowance.is_permanent) for step in traced.replaced] == [
        ("b2", False),
        ("b3", True),
    ]
    assert list(trace.answers()) == []


def test_a_row_whose_basis_has_a_carried_loss_leads_to_the_sale_it_came_from(tmp_path: Path) -> None:
    books = books_of(tmp_path, TRADES + "s2,2025-12-29,other,SELL,XYZ,30,30,\n")

    trace = trace_row("8949:2", books, make_forms(books))

    (traced,) = trace.gains
    assert [(step.other.event_id, step.disallowance.amount) for step in traced.carried_in] == [("s1", 150)]
    assert traced.replaced == ()


@pytest.mark.parametrize(
    ("question", "kind"), [("8949:0", UnknownNameError), ("8949:2", UnknownNameError), ("8949:x", InputError)]
)
def test_a_row_that_is_none_is_refused(tmp_path: Path, question: str, kind: type) -> None:
    books = books_of(tmp_path)

    with pytest.raises(kind):
        trace_row(question, books, make_forms(books))


def test_a_year_without_rows_names_the_years_that_have_some(tmp_path: Path) -> None:
    books = open_books(TaxChoice(trades=(_table(tmp_path),)))  # the last trade is of 2026

    with pytest.raises(InputError, match=r"Form 8949 of 2026 has no row; what was closed was so in 2025\. Use --year"):
        trace_row("8949:1", books, make_forms(books))


def test_a_row_from_a_journal_leads_to_execution_order_conditions_and_bar(tmp_path: Path) -> None:
    signal = a_signal()
    later = T0 + 30 * MINUTE
    leaving = an_order(client_order_id="Dip-ABCD-9", side=Side.SELL, decision_time_ns=later)
    facts = [
        a_run(),
        signal,
        OrderIntended(an_order(role=Role.ENTRY), signal.signal_id),
        a_fill(),
        OrderIntended(leaving),
        a_fill(
            execution_id="E-9", client_order_id="Dip-ABCD-9", side=Side.SELL, price=Decimal("9"), event_time_ns=later
        ),
    ]
    path = tmp_path / "journal.sqlite"
    with SqliteJournal.writing(path) as journal:
        for fact in facts:
            journal.append(fact)
        journal.commit()
    books = open_books(TaxChoice(journal=path))

    with SqliteJournal.reading(path) as journal:
        trace = trace_row("8949:1", books, make_forms(books), journal)

    (traced,) = trace.gains
    assert traced.opened.answer is not None and traced.closed.answer is not None
    (entry,) = traced.opened.answer.orders
    assert entry.client_order_id == "Dip-ABCD-1"
    assert [record.fact.execution_id for record in entry.events if isinstance(record.fact, OrderFilled)] == ["E-1"]
    assert entry.signal is not None and isinstance(entry.signal.fact, SignalRaised)
    assert entry.signal.fact.bar == signal.bar
    assert traced.closed.answer.orders[0].client_order_id == "Dip-ABCD-9"


def test_an_execution_without_an_order_of_ours_is_told_and_the_rest_is_followed(tmp_path: Path) -> None:
    signal = a_signal()
    facts = [
        a_run(),
        signal,
        OrderIntended(an_order(role=Role.ENTRY), signal.signal_id),
        a_fill(),
        a_fill(execution_id="X-9", client_order_id="external", side=Side.SELL, event_time_ns=T0 + 30 * MINUTE),
    ]
    path = tmp_path / "journal.sqlite"
    with SqliteJournal.writing(path) as journal:
        for fact in facts:
            journal.append(fact)
        journal.commit()
    books = open_books(TaxChoice(journal=path))

    with SqliteJournal.reading(path) as journal:
        (traced,) = trace_row("8949:1", books, make_forms(books), journal).gains

    assert traced.opened.answer is not None
    assert (traced.closed.answer, traced.closed.missing) == (
        None,
        "Unknown order 'external' in the journal. There are none.",
    )


def test_a_row_of_a_statement_ends_at_its_executions_and_names_the_statement(tmp_path: Path) -> None:
    grounds = Grounds("flex U1, 2024")
    bought, sold = a_fill().execution, a_fill(execution_id="E-2", side=Side.SELL, event_time_ns=T0 + MINUTE).execution
    path = tmp_path / "journal.sqlite"
    with SqliteJournal.writing(path) as journal:
        for execution in (bought, sold):
            journal.append(ExecutionAdopted(execution, grounds))
        journal.commit()
    books = open_books(TaxChoice(journal=path))

    with SqliteJournal.reading(path) as journal:
        (traced,) = trace_row("8949:1", books, make_forms(books), journal).gains

    assert traced.opened.event is not None and traced.closed.event is not None
    assert traced.opened.missing == "Execution E-1 was taken from flex U1, 2024; no order of this journal caused it."
    assert traced.closed.missing.startswith("Execution E-2 was taken from flex U1, 2024")
