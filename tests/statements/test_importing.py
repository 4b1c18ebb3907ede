"""Importing: only what is new, however often and however overlapping; corrections become facts; taxes work on it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.statements.books import ZONE, Book, books
from tests.statements.flex_sample import OTHERS, TRADES, flex_file

from tapeline.app.statements import (
    Outside,
    Reconciliation,
    StatementChoice,
    accept,
    import_statement,
    read_statement,
    reconcile_statement,
)
from tapeline.app.taxes import TaxChoice, open_books
from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.errors import DataError, InputError, TaxRefusal, UnknownNameError
from tapeline.domain.execution import Execution
from tapeline.domain.times import from_iso
from tapeline.domain.words import Side
from tapeline.feeds.clock import VirtualClock
from tapeline.ledger.adopted_facts import ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.views import rebuild
from tapeline.ports.web import WebAnswer
from tapeline.statements.discrepancy import Cause
from tapeline.statements.importing import additions
from tapeline.statements.model import StatedExecution, Statement
from tapeline.statements.our_books import our_books
from tapeline.statements.reconcile import reconcile
from tapeline.statements.reconcile_trades import corrected_id
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

TAXABLE = re.sub(r"<CorporateAction [^>]*NEWQ[^>]*/>|<Transfers>.*?</Transfers>", "", OTHERS, flags=re.DOTALL)

CANCELED = '<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="" '


def part(statement: Statement, first: int, last: int) -> Statement:
    return replace(statement, executions=statement.executions[first:last])


@given(books(), st.data())
def test_overlapping_statements_add_up_to_the_whole_in_any_cut(book: Book, data: st.DataObject) -> None:
    count = len(book.statement.executions)
    cut = data.draw(st.integers(0, count))
    again = data.draw(st.integers(0, cut))
    facts: list[object] = []
    for statement in (part(book.statement, 0, cut), part(book.statement, again, count), book.statement):
        facts += additions(our_books(facts, ZONE), statement, ZONE).facts  # type: ignore[arg-type]

    once = additions(our_books([], ZONE), book.statement, ZONE)
    assert len(facts) == len(once.facts) == len(book.facts)
    assert additions(our_books(facts, ZONE), book.statement, ZONE).known == len(book.facts)  # type: ignore[arg-type]
    assert reconcile(our_books(facts, ZONE), book.statement, ZONE) == []  # type: ignore[arg-type]


def test_a_flex_file_imported_twice_changes_nothing_and_can_be_taxed(tmp_path: Path) -> None:
    """Bought 100 for 2,001.05, sold for 1,498.96: a loss of 502.09.

    60 shares that stand are bought again within 30 days (the 10 were canceled): 60/100 of the loss, 301.25.
    """
    choice, journal = StatementChoice(flex_file(tmp_path, TRADES + TAXABLE), "flex"), tmp_path / "books.sqlite"

    first = import_statement(choice, journal)
    second = import_statement(choice, journal)
    with SqliteJournal.reading(journal) as opened:
        views = rebuild(opened)
    (row,) = open_books(TaxChoice(journal=journal)).gains()

    assert dict(first.additions.counts) == {
        "ExecutionAdopted": 7, "ExecutionCorrected": 1, "ExecutionBusted": 1, "CashAdopted": 6, "HoldingChanged": 3,
    }  # fmt: skip
    assert (second.additions.facts, second.head) == ([], first.head)
    assert views.position(EXTERNAL, "QXR", "U7000001").quantity == 320
    assert (row.proceeds, row.cost, row.adjustment) == (Decimal("1498.96"), Decimal("2001.05"), Decimal("301.25"))
    assert verify(journal).is_sound


def test_an_assignment_puts_the_premium_into_the_basis_of_its_shares(tmp_path: Path) -> None:
    """One put written for 80.00 less 0.70, assigned at 15: 100 shares for 1,500 - 79.30 = 1,420.70.

    The split makes 200 of them. The return of capital of April is no matter of shares that came in June.
    """
    journal = tmp_path / "books.sqlite"
    import_statement(StatementChoice(flex_file(tmp_path, TRADES + TAXABLE), "flex"), journal)

    lots = open_books(TaxChoice(journal=journal)).result.open_lots()

    (assigned,) = [lot for lot in lots if lot.acquired == date(2025, 6, 20)]
    assert (assigned.quantity, assigned.cost_basis) == (200, Decimal("1420.70"))


def test_our_own_fill_is_not_booked_again_under_the_brokers_id(tmp_path: Path) -> None:
    statement = read_statement(StatementChoice(flex_file(tmp_path), "flex"))
    theirs = statement.executions[0].fact.execution
    ours = OrderFilled(replace(theirs, execution_id="Dip-QXR-1/1", strategy="Dip"), Decimal(0))

    found = additions(our_books([ours], ZONE), statement, ZONE)

    assert theirs.execution_id not in [getattr(fact, "execution_id", "") for fact in found.facts]
    assert [remark.sentence for remark in found.alike] == [f"{theirs.execution_id} stands as Dip-QXR-1/1"]


def test_our_own_fill_at_another_price_is_left_to_the_reconciliation(tmp_path: Path) -> None:
    statement = read_statement(StatementChoice(flex_file(tmp_path), "flex"))
    theirs = statement.executions[0].fact.execution
    ours = OrderFilled(replace(theirs, execution_id="Dip-QXR-1/1", strategy="Dip", price=Decimal("20.02")), Decimal(0))

    found = additions(our_books([ours], ZONE), statement, ZONE)

    assert theirs.execution_id not in [getattr(fact, "execution_id", "") for fact in found.facts]
    assert "stands as Dip-QXR-1/1 with other terms" in found.differing[0].sentence


def test_a_later_version_of_an_id_that_says_the_same_is_known() -> None:
    first = an_adopted("0000abcd.65900001.01.01")
    later = an_adopted("0000abcd.65900001.01.02")

    found = additions(our_books([first], ZONE), Statement("s", executions=[StatedExecution(later, "row")]), ZONE)

    assert (found.facts, found.known) == ([], 1)


def test_a_correction_in_a_later_file_corrects_what_an_earlier_one_brought(tmp_path: Path) -> None:
    """The trade alone, then its cancellation and what was booked instead, under the ids of the first."""
    row = (
        '<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="" tradeDate="2025-03-24"'
    )
    before, after = TRADES.split(row)
    early = flex_file(tmp_path, before + "</Trades>", "early.xml")
    late = flex_file(tmp_path, "<Trades>" + row + after, "late.xml")
    journal = tmp_path / "books.sqlite"

    import_statement(StatementChoice(early, "flex"), journal)
    report = import_statement(StatementChoice(late, "flex"), journal)

    fact = next(fact for fact in report.additions.facts if isinstance(fact, ExecutionCorrected))
    assert (fact.corrected.price, fact.execution.price) == (Decimal("17.50"), Decimal("17.40"))
    with SqliteJournal.reading(journal) as opened:
        standing = our_books([record.fact for record in opened.read()], ZoneInfo("America/New_York")).executions
    prices = [s.execution.price for s in standing if s.execution.execution_id.startswith("0000aaaa.65900005")]
    assert prices == [Decimal("17.40")]
    assert import_statement(StatementChoice(flex_file(tmp_path, TRADES), "flex"), journal).additions.facts == []


def test_a_cancellation_in_a_later_file_takes_back_what_an_earlier_one_brought(tmp_path: Path) -> None:
    """The cancellation names a trade id that the journal never saw; side, quantity, price and date name the trade."""
    row = (
        '<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="" tradeDate="2025-03-21"'
    )
    before, after = TRADES.split(row)
    early = flex_file(tmp_path, before + "</Trades>", "early.xml")
    late = flex_file(tmp_path, "<Trades>" + row + after.split("/>")[0] + "/></Trades>", "late.xml")
    journal = tmp_path / "books.sqlite"

    import_statement(StatementChoice(early, "flex"), journal)
    (fact,) = import_statement(StatementChoice(late, "flex"), journal).additions.facts
    again = import_statement(StatementChoice(late, "flex"), journal)

    assert isinstance(fact, ExecutionBusted)
    assert (fact.busted.execution_id, fact.busted.quantity) == ("0000aaaa.65900004.01.01", 10)
    assert again.additions.facts == []
    assert "which is not here to take back" in again.additions.remarks[0].sentence


def test_a_known_execution_that_says_something_else_is_left_and_told(tmp_path: Path) -> None:
    journal = tmp_path / "books.sqlite"
    import_statement(StatementChoice(flex_file(tmp_path), "flex"), journal)
    changed = flex_file(tmp_path, TRADES.replace('tradePrice="20.00"', 'tradePrice="20.01"') + OTHERS)

    report = import_statement(StatementChoice(changed, "flex"), journal)
    found = reconcile_statement(StatementChoice(changed, "flex"), journal)

    assert report.additions.facts == []
    assert "stands with other terms" in report.additions.differing[0].sentence
    assert Cause.PRICE in [one.cause for one in found.found]


def test_accepting_a_difference_writes_a_new_fact_with_reason_and_name_and_settles_it(tmp_path: Path) -> None:
    journal = tmp_path / "books.sqlite"
    import_statement(StatementChoice(flex_file(tmp_path), "flex"), journal)
    choice = StatementChoice(flex_file(tmp_path, TRADES.replace('"20.00"', '"20.01"') + OTHERS), "flex")
    found = reconcile_statement(choice, journal)
    (key,) = [one.key for one in found.found if one.cause is Cause.PRICE]

    accept(journal, found, [key], reason="letter of 3 May", who="ann")

    with SqliteJournal.reading(journal) as opened:
        (fact,) = [r.fact for r in opened.read(kind="ExecutionCorrected") if r.fact.execution.price == Decimal("20.01")]  # type: ignore[attr-defined]
    assert isinstance(fact, ExecutionCorrected)
    assert fact.grounds == Grounds("flex U7000001", "letter of 3 May", "ann")
    assert (fact.corrected.price, fact.execution_id) == (20, "0000aaaa.65900001.01.01~2")
    assert key not in [one.key for one in reconcile_statement(choice, journal).found]
    with pytest.raises(InputError, match="is settled: the journal changed since"):
        accept(journal, found, [key], reason="again", who="ann")


def test_what_cannot_be_accepted(tmp_path: Path) -> None:
    journal = tmp_path / "books.sqlite"
    choice = StatementChoice(flex_file(tmp_path, TRADES + TAXABLE), "flex")
    import_statement(choice, journal)
    found = reconcile_statement(choice, journal)
    total = next(one for one in found.found if one.cause is Cause.BALANCE)

    with pytest.raises(UnknownNameError, match="Unknown difference 'nothing'"):
        accept(journal, found, ["nothing"], reason="r", who="w")
    with pytest.raises(InputError, match="has no suggested entry: Cash at the end"):
        accept(journal, found, [total.key], reason="r", who="w")
    with pytest.raises(InputError, match="Give --reason and --who"):
        accept(journal, found, [total.key], reason=" ", who="w")


def test_accounts_get_the_names_of_the_journal(tmp_path: Path) -> None:
    path = flex_file(tmp_path)

    assert read_statement(StatementChoice(path, "flex", ("main",))).accounts == ["main"]
    assert read_statement(StatementChoice(path, "flex", ("U7000001=ira",))).accounts == ["ira"]
    with pytest.raises(UnknownNameError, match="Unknown account 'U9'"):
        read_statement(StatementChoice(path, "flex", ("U9=ira",)))
    with pytest.raises(InputError, match="write NAME, or BROKERS=NAME"):
        read_statement(StatementChoice(path, "flex", ("=",)))


def test_one_name_for_two_accounts_is_refused() -> None:
    statement = Statement("s", executions=[])
    both = [an_adopted("a", account="one"), an_adopted("b", account="two")]
    statement.executions += [StatedExecution(fact, "row") for fact in both]

    with pytest.raises(DataError, match=r"has the accounts one, two; one name is not enough"):
        statement.in_accounts({"": "main"})


def an_adopted(key: str, **changes: str) -> ExecutionAdopted:
    execution = Execution(key, key, EXTERNAL, "Q", Side.BUY, Decimal(1), Decimal(1), Decimal(0), 0)
    return ExecutionAdopted(replace(execution, **changes), Grounds("s"))  # type: ignore[arg-type]


def test_a_statement_that_cannot_be_read_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    journal = tmp_path / "books.sqlite"
    before = import_statement(StatementChoice(flex_file(tmp_path), "flex"), journal)
    broken = flex_file(tmp_path, TRADES.replace('tradePrice="15.00"', 'tradePrice="x"'), "broken.xml")

    with pytest.raises(DataError, match="cannot be read"):
        import_statement(StatementChoice(broken, "flex"), journal)

    with SqliteJournal.reading(journal) as opened:
        assert opened.head().text == before.head


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (OTHERS, "missing_acquisition_date"),
        (re.sub(r"<Transfers>.*?</Transfers>", "", OTHERS, flags=re.DOTALL), "8937"),
        (TAXABLE.replace("SPLIT 2 FOR 1", "SPLIT").replace('proceeds="0"', 'proceeds="7"'), "ratio_from_the_issuer"),
    ],
    ids=["transfer without basis", "spin-off without its part of the basis", "split without a ratio"],
)
def test_what_a_statement_does_not_tell_is_refused_by_the_rule_that_needs_it(
    tmp_path: Path, body: str, rule: str
) -> None:
    journal = tmp_path / "books.sqlite"
    import_statement(StatementChoice(flex_file(tmp_path, TRADES + body), "flex"), journal)

    with pytest.raises(TaxRefusal, match=rule):
        _ = open_books(TaxChoice(journal=journal)).result


TABLE = """id,time,kind,side,symbol,quantity,price,new_symbol,new_quantity,new,old,basis,acquired,basis_fraction,account
t1,2025-01-02,TRANSFER_IN,,HELD,100,,,,,,1000,2020-05-04,,here
o1,2025-02-03,TRANSFER_OUT,,HELD,-40,,,,,,,,,here
i1,2025-02-05,TRANSFER_IN,,HELD,40,,,,,,,,,there
f1,2025-03-03,SPIN_OFF,,HELD,0,,CHLD,10,1,10,,,0.2,here
f2,2025-03-03,SPIN_OFF,,HELD,0,,CHLD,4,1,10,,,0.2,there
s1,2025-04-01,,SELL,HELD,60,15,,,,,,,,here
s2,2025-04-01,,SELL,CHLD,4,40,,,,,,,,there
"""


def test_transfers_and_a_spin_off_of_two_accounts_are_taxed_once(tmp_path: Path) -> None:
    """100 shares came with 1,000 of basis; 40 go on with 400. A fifth of the basis leaves with the child.

    here: 60 sold for 900 with a basis of 600 * 0.8 = 480; there: 4 of the child for 160 with 400 * 0.2 = 80.
    """
    path, journal = tmp_path / "t.csv", tmp_path / "books.sqlite"
    path.write_text(TABLE)
    import_statement(StatementChoice(path, "csv"), journal)

    rows = {row.symbol: row for row in open_books(TaxChoice(journal=journal)).gains()}

    assert (rows["HELD"].cost, rows["HELD"].gain) == (480, 420)
    assert (rows["CHLD"].cost, rows["CHLD"].gain, rows["CHLD"].term.value) == (80, 80, "long")


def test_a_purchase_in_an_imported_retirement_account_loses_the_loss_for_good(tmp_path: Path) -> None:
    """100 bought at 20 and sold at 15; 40 bought back in a retirement account: 200 of the 500 are lost."""
    head, journal = "id,time,side,symbol,quantity,price\n", tmp_path / "books.sqlite"
    (tmp_path / "a.csv").write_text(head + "b1,2025-01-06,BUY,QXR,100,20\ns1,2025-03-10,SELL,QXR,100,15\n")
    (tmp_path / "b.csv").write_text(head + "b2,2025-03-20,BUY,QXR,40,16\n")
    import_statement(StatementChoice(tmp_path / "a.csv", "csv"), journal)
    choice = StatementChoice(tmp_path / "b.csv", "csv", ("roth",), kind="ira")
    first, second = import_statement(choice, journal), import_statement(choice, journal)

    result = open_books(TaxChoice(journal=journal)).result

    assert (first.additions.counts["AccountDescribed"], second.additions.facts) == (1, [])
    assert (result.permanently_disallowed, result.carried) == (200, 0)
    with pytest.raises(UnknownNameError, match="Unknown kind of account 'irra'"):
        import_statement(replace(choice, kind="irra"), journal)


def test_a_sale_of_more_than_is_held_is_no_short_sale_unless_the_statement_says_so(tmp_path: Path) -> None:
    """10 are held; of 30 sold the other 20 are a short sale only where the row says so, or a purchase is missing."""
    head = "id,time,side,symbol,quantity,price\nb1,2025-01-06,BUY,QXR,10,20\n"
    rest = "s1,2025-03-10,{},QXR,30,25\nc1,2025-03-20,COVER,QXR,20,24\n"
    for side in ("SELL", "SHORT"):
        (tmp_path / f"{side}.csv").write_text(head + rest.format(side))
        import_statement(StatementChoice(tmp_path / f"{side}.csv", "csv"), tmp_path / f"{side}.sqlite")

    with pytest.raises(TaxRefusal, match="sells 30 QXR on 2025-03-10 where 10 are held") as refused:
        open_books(TaxChoice(journal=tmp_path / "SELL.sqlite"))
    rows = open_books(TaxChoice(journal=tmp_path / "SHORT.sqlite")).gains()

    assert refused.value.rule == "insufficient_lots"
    assert [(row.quantity, row.gain, row.open_date) for row in rows] == [
        (10, 50, date(2025, 1, 6)),
        (20, 20, date(2025, 3, 10)),
    ]


def test_shares_that_leave_for_nowhere_are_refused(tmp_path: Path) -> None:
    path, journal = tmp_path / "t.csv", tmp_path / "books.sqlite"
    path.write_text("\n".join(line for line in TABLE.splitlines() if not line.startswith(("i1", "f", "s2"))))
    import_statement(StatementChoice(path, "csv"), journal)

    with pytest.raises(TaxRefusal, match="transfer_needs_both_sides"):
        open_books(TaxChoice(journal=journal))


@pytest.mark.parametrize(
    ("before", "wanted", "used", "expected"),
    [
        ("a", "b", (), "b"),
        ("a", "a", ("a",), "a~2"),
        ("a~2", "a", ("a", "a~2"), "a~3"),
        ("a", "b", ("b", "a~2"), "a~3"),
    ],
)
def test_a_correction_gets_an_id_that_nobody_had(
    before: str, wanted: str, used: tuple[str, ...], expected: str
) -> None:
    assert corrected_id(before, wanted, frozenset(used)) == expected


def test_changes_of_a_sample_are_the_ones_reconciled(tmp_path: Path) -> None:
    choice, journal = StatementChoice(flex_file(tmp_path), "flex"), tmp_path / "books.sqlite"
    import_statement(choice, journal)

    found: Reconciliation = reconcile_statement(choice, journal)

    assert {one.cause for one in found.found} <= {Cause.BALANCE, Cause.POSITION}
    assert "not compared, because ours cannot be computed" in found.note
    assert HoldingCause.SPLIT in [entry.fact.cause for entry in found.statement.changes]


def test_two_equal_fills_of_a_broker_are_two_also_when_he_tells_of_several_accounts() -> None:
    """The first file knew one of them; the second knows both, and another account besides."""
    first, second = an_adopted("a"), an_adopted("b")
    known = [replace(first, grounds=Grounds("flex one"))]
    entries = [StatedExecution(fact, "row") for fact in (first, second, an_adopted("c", account="two"))]

    found = additions(our_books(known, ZONE), Statement("flex one, two", executions=entries), ZONE)

    assert [fact.execution_id for fact in found.facts if isinstance(fact, ExecutionAdopted)] == ["b", "c"]
    assert (found.known, found.alike) == (1, [])


def test_a_table_exported_again_under_another_name_adds_nothing(tmp_path: Path) -> None:
    rows = "time,side,symbol,quantity,price\n2025-01-06,BUY,QXR,5,20\n2025-01-06,BUY,QXR,5,20\n"
    journal = tmp_path / "books.sqlite"
    for name in ("may.csv", "june.csv"):
        (tmp_path / name).write_text(rows)
        report = import_statement(StatementChoice(tmp_path / name, "csv"), journal)

    assert (report.additions.facts, report.additions.known) == ([], 2)


class OnePage:
    """A server with one page of activities."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []

    def get(self, url: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> WebAnswer:
        self.asked.append((url, dict(parameters), dict(headers)))
        fill = {
            "id": "20250106153000123::u1", "activity_type": "FILL", "transaction_time": "2025-01-06T15:30:00Z",
            "type": "fill", "side": "buy", "qty": "3", "price": "20.5", "symbol": "QXR", "order_id": "o1",
        }  # fmt: skip
        return WebAnswer(200, json.dumps([fill]).encode())


def test_alpaca_is_asked_with_the_keys_of_the_environment_for_the_days_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APCA_API_KEY_ID", "KEYID")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "very-secret")
    web, journal = OnePage(), tmp_path / "books.sqlite"
    outside = Outside(lambda: web, VirtualClock(from_iso("2025-03-01T02:00:00Z")))
    choice = StatementChoice(None, "alpaca", ("main",), first="2025-01-02", is_paper=True)

    report = import_statement(choice, journal, outside)

    ((url, parameters, headers),) = web.asked
    assert url == "https://paper-api.alpaca.markets/v2/account/activities"
    assert (parameters["after"][:10], parameters["until"][:10]) == ("2025-01-02", "2025-02-28")
    assert headers["APCA-API-SECRET-KEY"] == "very-secret"
    assert (report.statement.first, report.statement.last) == (date(2025, 1, 2), date(2025, 2, 28))
    assert b"very-secret" not in journal.read_bytes()
    with SqliteJournal.reading(journal) as opened:
        assert rebuild(opened).position(EXTERNAL, "QXR").quantity == 3
