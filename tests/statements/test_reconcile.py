"""Reconciliation: an exact copy gives nothing; errors planted into a copy are found, all of them and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statements.books import GROUNDS, KINDS_OF_ERROR, ZONE, Book, a_statement, books, plant

from tapeline.domain.adopted import EXTERNAL, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import (
    CashAdopted,
    ExecutionAdopted,
    ExecutionBusted,
    ExecutionCorrected,
    HoldingChanged,
)
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ports.journal import Fact
from tapeline.statements import reconcile_trades
from tapeline.statements.discrepancy import Cause, Discrepancy
from tapeline.statements.model import ClosedLot, StatedBust, Statement, WashFigure, day_ns, moment_ns
from tapeline.statements.our_books import our_books
from tapeline.statements.reconcile import reconcile
from tapeline.statements.reconcile_tax import TaxRows, lot_discrepancies, wash_discrepancies
from tapeline.tax.accounts import Account, AccountKind
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, Sell


def found_in(facts: list[Fact], statement: Statement) -> list[Discrepancy]:
    return reconcile(our_books(facts, ZONE), statement, ZONE)


def causes(found: list[Discrepancy]) -> list[tuple[Cause, str]]:
    return sorted([(one.cause, one.ours or one.theirs) for one in found], key=str)


errors_at_random = st.dictionaries(st.integers(0, 18), st.sampled_from(KINDS_OF_ERROR), max_size=8)


@given(books())
def test_an_exact_copy_gives_nothing(book: Book) -> None:
    assert found_in(book.facts, book.statement) == []


@settings(max_examples=300)
@given(books(), errors_at_random)
def test_planted_errors_are_found_exactly(book: Book, errors: dict[int, Cause]) -> None:
    facts, statement, expected = plant(book, errors)

    found = found_in(facts, statement)

    assert causes(found) == sorted(expected, key=str)
    assert all(len(one.causes) == 1 for one in found)


def test_a_reconciler_that_is_generous_with_fees_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    execution = an_execution(1, Side.BUY, 10, "5", ny(10, 10))
    book = Book([ExecutionAdopted(execution, GROUNDS)], a_statement([execution], [], []))
    facts, statement, expected = plant(book, {0: Cause.FEE})

    assert causes(found_in(facts, statement)) == expected
    monkeypatch.setattr(reconcile_trades, "FEE_TOLERANCE", Decimal(1))
    assert causes(found_in(facts, statement)) != expected


@settings(max_examples=100)
@given(books(), errors_at_random)
def test_without_common_ids_errors_are_found_all_the_same(book: Book, errors: dict[int, Cause]) -> None:
    """Every execution of the statement has an id of its own; pairs are found by what they say."""
    one_at_a_time = {
        number: cause for number, cause in errors.items()
        if cause in (Cause.MISSING_HERE, Cause.MISSING_THERE, Cause.PRICE, Cause.FEE, Cause.DATE, Cause.DOUBLED_HERE)
    }  # fmt: skip
    facts, statement, expected = plant(book, one_at_a_time)
    renamed = [
        replace(e, fact=replace(e.fact, execution=replace(e.fact.execution, execution_id=f"theirs-{number}")))
        for number, e in enumerate(statement.executions)
    ]
    ids = {f"theirs-{number}": e.fact.execution_id for number, e in enumerate(statement.executions)}

    found = found_in(facts, replace(statement, executions=renamed))

    # Of two equal executions either is the copy.
    told = [(one.cause, ids.get(one.ours or one.theirs, one.ours or one.theirs)) for one in found]
    assert sorted([cause.value for cause, _ in told]) == sorted([cause.value for cause, _ in expected])
    exact = {pair for pair in expected if pair[0] is not Cause.DOUBLED_HERE}
    assert exact <= set(told)


@settings(max_examples=100)
@given(books(), errors_at_random, st.data())
def test_the_order_of_both_sides_does_not_matter(book: Book, errors: dict[int, Cause], data: st.DataObject) -> None:
    facts, statement, _ = plant(book, errors)
    shuffled = replace(
        statement,
        executions=data.draw(st.permutations(statement.executions)),
        cash=data.draw(st.permutations(statement.cash)),
        busts=data.draw(st.permutations(statement.busts)),
    )

    assert found_in(data.draw(st.permutations(facts)), shuffled) == found_in(facts, statement)


@settings(max_examples=200)
@given(books(), errors_at_random)
def test_accepting_every_suggestion_settles_everything_and_twice_is_once(book: Book, errors: dict[int, Cause]) -> None:
    never = (Cause.DOUBLED_THERE, Cause.ACTION, Cause.ACTION_MISSING_THERE, Cause.CASH_DATE)
    facts, statement, _ = plant(book, {n: cause for n, cause in errors.items() if cause not in never})

    found = found_in(facts, statement)
    booked = [fact for one in found for fact in one.suggestion]

    assert all(one.suggestion for one in found)
    assert found_in([*facts, *booked], statement) == []


def an_execution(number: int, side: Side, quantity: int, price: str, at: datetime, **changes: object) -> Execution:
    usual = Execution(
        f"x{number}", f"o{number}", EXTERNAL, "QXR", side, Decimal(quantity), Decimal(price), Decimal(1), moment_ns(at)
    )  # fmt: skip
    return replace(usual, **changes)  # type: ignore[arg-type]


def ny(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 3, day, hour, minute, tzinfo=ZONE)


def test_a_time_zone_mistaken_around_midnight_is_a_different_date() -> None:
    """20:30 of the 10th in New York, read as UTC, is 16:30 of the 10th; read the other way it is the 11th."""
    theirs = an_execution(1, Side.BUY, 10, "5", ny(10, 20, 30))
    ours = replace(theirs, event_time_ns=moment_ns(ny(11, 0, 30)))

    (one,) = found_in([ExecutionAdopted(ours, GROUNDS)], a_statement([theirs], [], []))

    assert one.causes == (Cause.DATE,)
    assert "trade date 2025-03-11 here, 2025-03-10 there" in one.sentence
    (correction,) = one.suggestion
    assert isinstance(correction, ExecutionCorrected)
    assert (correction.execution_id, correction.execution.event_time_ns) == ("x1~2", theirs.event_time_ns)


def test_several_differences_of_one_execution_are_told_together() -> None:
    theirs = an_execution(1, Side.SELL, 10, "5", ny(10, 10))
    ours = replace(theirs, side=Side.BUY, price=Decimal(6), commission=Decimal(2))

    (one,) = found_in([ExecutionAdopted(ours, GROUNDS)], a_statement([theirs], [], []))

    assert one.causes == (Cause.SIDE, Cause.PRICE, Cause.FEE)
    assert "price 6 here, 5 there (-1)" in one.sentence


def test_our_own_fills_are_matched_with_the_brokers_though_their_ids_differ() -> None:
    ours = an_execution(1, Side.BUY, 10, "5", ny(10, 10), strategy="Dip", execution_id="Dip-QXR-1/1")
    theirs = replace(ours, execution_id="0000abcd.65900001.01.01", event_time_ns=ours.event_time_ns + 2 * 10**9)

    assert found_in([OrderFilled(ours, Decimal(0))], a_statement([theirs], [], [])) == []


def test_of_equal_fills_the_nearest_in_time_are_paired() -> None:
    early, late = (an_execution(n, Side.BUY, 10, "5", ny(10, 10 + n)) for n in (1, 2))
    only = replace(late, execution_id="theirs")

    (one,) = found_in([ExecutionAdopted(e, GROUNDS) for e in (early, late)], a_statement([only], [], []))

    assert (one.cause, one.ours) == (Cause.DOUBLED_HERE, "x1")


def test_a_later_version_of_an_execution_id_is_a_correction() -> None:
    """Interactive Brokers counts corrections in the last part: .01 becomes .02."""
    ours = an_execution(1, Side.BUY, 10, "5", ny(10, 10), execution_id="0000abcd.65900001.01.01")
    theirs = replace(ours, execution_id="0000abcd.65900001.01.02", price=Decimal("5.1"), quantity=Decimal(12))

    (one,) = found_in([ExecutionAdopted(ours, GROUNDS)], a_statement([theirs], [], []))
    (fact,) = one.suggestion

    assert isinstance(fact, ExecutionCorrected)
    assert one.causes == (Cause.QUANTITY, Cause.PRICE)
    assert fact.execution_id == "0000abcd.65900001.01.02"


def test_equal_executions_ten_days_apart_are_two() -> None:
    ours, theirs = (an_execution(n, Side.BUY, 10, "5", ny(day, 10)) for n, day in ((1, 3), (2, 13)))

    found = found_in([ExecutionAdopted(ours, GROUNDS)], a_statement([theirs], [], []))

    assert [one.cause for one in found] == [Cause.MISSING_THERE, Cause.MISSING_HERE]


def test_interest_of_another_day_is_told_and_a_dividend_is_not() -> None:
    paid = CashAdopted(day_ns(date(2025, 4, 2), ZONE), "c1", CashCause.INTEREST, Decimal("12.5"), GROUNDS)
    ours = CashMoved(day_ns(date(2025, 3, 31), ZONE), CashCause.INTEREST, Decimal("12.5"))

    (one,) = found_in([ours], a_statement([], [paid], []))

    assert one.cause is Cause.CASH_DATE
    assert "is of 2025-03-31 here and of 2025-04-02 there" in one.sentence


def test_what_lies_outside_the_statement_is_no_matter_of_it() -> None:
    before = an_execution(1, Side.BUY, 10, "5", datetime(2024, 12, 30, 12, tzinfo=ZONE))
    other = an_execution(2, Side.BUY, 10, "5", ny(10, 10), account="elsewhere")
    theirs = an_execution(3, Side.BUY, 1, "6", ny(11, 10))
    statement = replace(a_statement([theirs], [], []), positions=[], balances=[])
    facts = [ExecutionAdopted(e, GROUNDS) for e in (before, other, theirs)]

    assert found_in(facts, statement) == []


def test_an_end_position_that_nothing_explains_is_told_with_what_is_left() -> None:
    theirs = an_execution(1, Side.BUY, 10, "5", ny(10, 10))
    missing = an_execution(2, Side.BUY, 3, "5.5", ny(11, 10))
    statement = a_statement([theirs, missing], [], [])
    more = replace(statement.positions[0], quantity=Decimal(20))

    found = found_in([ExecutionAdopted(theirs, GROUNDS)], replace(statement, positions=[more]))

    assert [one.cause for one in found] == [Cause.MISSING_HERE, Cause.POSITION]
    assert "10 here, 20 there, of which 3 is explained above; 7 is unexplained" in found[1].sentence


def test_a_dividend_booked_on_its_ex_date_is_the_one_paid_weeks_later() -> None:
    paid = CashAdopted(day_ns(date(2025, 4, 2), ZONE), "c1", CashCause.DIVIDEND, Decimal("12.5"), GROUNDS, "QXR")
    ours = CashMoved(day_ns(date(2025, 3, 10), ZONE), CashCause.DIVIDEND, Decimal("12.5"), "QXR", "Dip")

    assert found_in([ours], a_statement([], [paid], [])) == []


def test_a_difference_of_an_entry_without_an_id_is_booked_once() -> None:
    paid = CashAdopted(day_ns(date(2025, 4, 2), ZONE), "c1", CashCause.INTEREST, Decimal("12.5"), GROUNDS)
    ours = CashMoved(paid.event_time_ns, CashCause.INTEREST, Decimal(12))
    statement = a_statement([], [paid], [])

    (one,) = found_in([ours], statement)

    assert (one.cause, one.cash_effect) == (Cause.CASH_AMOUNT, Decimal("0.5"))
    assert found_in([ours, *one.suggestion], statement) == []


def test_a_split_that_the_engine_applied_is_that_of_the_statement() -> None:
    bought = an_execution(1, Side.BUY, 10, "5", ny(10, 10))
    time_ns = moment_ns(datetime(2025, 11, 20, 9, 30, tzinfo=ZONE))
    ours = SplitApplied(time_ns, "QXR", EXTERNAL, Decimal(2), Decimal(1), Decimal(10), Decimal(20))

    theirs = HoldingChanged(
        day_ns(date(2025, 11, 20), ZONE), "a1", HoldingCause.SPLIT, "QXR", Decimal(10), GROUNDS,
        new_shares=Decimal(2), old_shares=Decimal(1),
    )  # fmt: skip

    assert found_in([ExecutionAdopted(bought, GROUNDS), ours], a_statement([bought], [], [theirs])) == []


def test_fees_that_are_told_apart_are_compared_by_day() -> None:
    """Two fills with 0.03 each; the broker tells 0.06 for the day in an entry of cash."""
    ours = [replace(an_execution(n, Side.SELL, 10, "5", ny(10, 10 + n)), commission=Decimal("0.03")) for n in (1, 2)]
    theirs = [replace(e, commission=Decimal(0)) for e in ours]
    fee = CashAdopted(day_ns(date(2025, 3, 10), ZONE), "f1", CashCause.FEE, Decimal("-0.06"), GROUNDS)
    statement = replace(a_statement(theirs, [fee], []), fees_apart=True)
    facts: list[Fact] = [ExecutionAdopted(e, GROUNDS) for e in ours]

    assert found_in(facts, statement) == []
    more = replace(statement, cash=[replace(statement.cash[0], fact=replace(fee, amount=Decimal("-1")))], balances=[])
    assert [one.cause for one in found_in(facts, more)] == [Cause.CASH_MISSING_HERE]


def test_a_bust_finds_what_it_cancels_by_what_it_tells() -> None:
    """The broker names a trade id that only he uses; side, quantity, price and date name one execution."""
    ours, other = an_execution(1, Side.BUY, 10, "5", ny(10, 10)), an_execution(2, Side.BUY, 11, "5", ny(10, 11))
    like = replace(ours, execution_id="9001", commission=Decimal(0))
    statement = replace(
        a_statement([other], [], []), busts=[StatedBust("9001", "main", ours.event_time_ns, "row", like)]
    )

    (one,) = found_in([ExecutionAdopted(e, GROUNDS) for e in (ours, other)], statement)

    assert (one.cause, one.ours) == (Cause.BUSTED, "x1")
    assert isinstance(one.suggestion[0], ExecutionBusted)


# The broker's own tax figures -------------------------------------------------------------------------------


def a_trade(key: str, account: str, quantity: int, price: int, day: date) -> dict[str, Any]:
    return {
        "execution_id": key, "account": account, "symbol": "QXR", "quantity": Decimal(quantity),
        "price": Decimal(price), "trade_date": day,
    }  # fmt: skip


def tax_rows(replacement_account: str, kind: AccountKind = AccountKind.TAXABLE) -> TaxRows:
    """Return a loss of 500 on 100 shares, 40 of which are bought back 10 days later: 200 is disallowed."""
    engine = TaxEngine([Account("main"), Account("other", kind)])
    bought, sold, again = date(2025, 1, 6), date(2025, 3, 10), date(2025, 3, 20)
    engine.apply(
        [
            Buy(**a_trade("b1", "main", 100, 20, bought)),
            Sell(**a_trade("s1", "main", 100, 15, sold)),
            Buy(**a_trade("b2", replacement_account, 40, 16, again)),
        ]
    )
    result = engine.result()
    retirement = frozenset({"other"} if kind is AccountKind.RETIREMENT else set())
    return TaxRows(list(result.rows), list(result.disallowances), lambda _: False, retirement)


def wash(amount: str, **changes: object) -> Statement:
    figure = WashFigure("main", "QXR", date(2025, 3, 10), Decimal(amount), "row 7")
    return Statement("broker", date(2025, 1, 1), date(2025, 12, 31), wash_figures=[replace(figure, **changes)])  # type: ignore[arg-type]


def test_equal_wash_sales_give_nothing() -> None:
    assert list(wash_discrepancies(tax_rows("main"), wash("200"))) == []


@pytest.mark.parametrize(
    ("rows", "amount", "why"),
    [
        (tax_rows("other"), "0", "rightly larger: replaced in account other; a broker looks at one account"),
        (tax_rows("other", AccountKind.RETIREMENT), "0", "replaced in the retirement account other"),
        (tax_rows("main"), "100", "so the broker should have it too"),
        (tax_rows("main"), "300", "The broker sees more"),
    ],
    ids=["other account", "retirement account", "same account", "broker more"],
)
def test_a_wash_sale_that_differs_is_told_with_the_reason(rows: TaxRows, amount: str, why: str) -> None:
    (one,) = wash_discrepancies(rows, wash(amount))

    assert one.cause is Cause.WASH_SALE
    assert why in one.sentence
    assert not one.suggestion


def test_a_statement_that_tells_no_wash_sale_is_not_one_that_denies_them() -> None:
    assert list(wash_discrepancies(tax_rows("main"), Statement("b", date(2025, 1, 1), date(2025, 12, 31)))) == []


def test_closed_lots_that_differ_name_another_choice_or_a_missing_execution() -> None:
    def lot(opened: date, quantity: int, gain: str) -> Statement:
        one = ClosedLot(
            "main", "QXR", Decimal(quantity), opened, date(2025, 3, 10), Decimal(2000), Decimal(gain), "row 3"
        )
        return Statement("b", date(2025, 1, 1), date(2025, 12, 31), lots=[one])

    rows = tax_rows("main")
    day = date(2025, 1, 6)

    assert list(lot_discrepancies(rows, lot(day, 100, "-500"))) == []
    assert "Other lots were sold" in next(lot_discrepancies(rows, lot(date(2024, 1, 2), 100, "-400"))).sentence
    assert "cost something else" in next(lot_discrepancies(rows, lot(day, 100, "-400"))).sentence
    assert "An execution is missing" in next(lot_discrepancies(rows, lot(day, 90, "-450"))).sentence
