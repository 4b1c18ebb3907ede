"""Trades that were not made: their consequence is what the engine would say of all events with them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import Account, AccountKind, InstrumentKind, Method, Right, TaxInstrument
from tapeline.tax.estimate import Rates, tax_on_rows
from tapeline.tax.events import Buy, Event, LotChoice, Sell, SymbolChange, Trade
from tapeline.tax.lot_choice import best_lots
from tapeline.tax.policies import Policies
from tapeline.tax.what_if import LAST_MOMENT, TRADE_ID, Consequence, WhatIf
from tax.random_books import ACCOUNTS, SYMBOLS, books, methods
from tax.tables import ACCOUNTS as NAMED
from tax.tables import executions
from tax.test_invariants import day_of, engine_of, state

RATES = Rates(Decimal("0.35"), Decimal("0.15"))
LENIENT = Policies(refuse_constructive_sales=False)


def what_if(table: str, *events: Event, **words: Any) -> WhatIf:
    return WhatIf(NAMED, words.pop("instruments", ()), Policies(**words), [*executions(table), *events])


def asked(table: str, order: str, *events: Event, **words: Any) -> Consequence:
    """Return the consequence of one more execution."""
    (wanted,) = executions(order)
    assert isinstance(wanted, Trade)
    return what_if(table, *events, **words).trade(wanted)


HELD = """
2025-01-06  buy   b1  100 XYZ @ 20
2025-03-20  buy   b2   40 XYZ @ 16
"""


def test_a_trade_that_leaves_too_little_for_a_later_one_is_told_from_one_that_cannot_be_made() -> None:
    later = HELD + "2025-05-05 sell s1 120 XYZ @ 25"

    with pytest.raises(
        TaxRefusal, match=r"can be made on 2025-04-01, but not before what came after it: Sale s1 closes"
    ):
        asked(later, "2025-04-01 sell w 30 XYZ @ 22")
    with pytest.raises(TaxRefusal, match=r"^Sale w closes 200 shares where 140 are held"):
        asked(later, "2025-04-01 sell w 200 XYZ @ 22")


def test_a_sale_tells_gain_term_and_the_purchases_that_would_replace_its_loss() -> None:
    found = asked(HELD, "2025-04-01 sell s1 100 XYZ @ 15")

    (row,) = found.rows
    assert (row.gain, row.adjustment, row.term.value) == (-300, 200, "short")
    assert [(one.lot_id, one.quantity, one.amount) for one in found.washed] == [("b2", 40, 200)]
    assert [(loss.quantity, loss.amount, loss.last_day) for loss in found.pending] == [(60, 300, date(2025, 5, 1))]
    assert found.gain == -300
    assert found.permanent == 0


def test_purchases_made_after_the_day_asked_about_replace_too() -> None:
    table = HELD + "2025-04-20 buy b3 10 XYZ @ 15"

    found = asked(table, "2025-04-01 sell s1 100 XYZ @ 15")

    assert [(one.lot_id, one.amount) for one in found.washed] == [("b2", 200), ("b3", 50)]


def test_a_purchase_tells_the_loss_it_would_wash_and_what_is_lost_for_good() -> None:
    table = "2025-01-06 buy b1 100 XYZ @ 20\n2025-04-01 sell s1 100 XYZ @ 15"

    found = asked(table, "2025-04-10 buy b2 40 XYZ @ 16 account=roth")

    assert found.rows == []
    assert [(one.row.close_id, one.amount, one.is_permanent) for one in found.washes] == [("s1", 200, True)]
    assert found.permanent == 200
    assert [(one.before, one.after) for one in found.changed] == [(-500, -300)]


def test_other_rows_that_would_change_are_told() -> None:
    table = HELD + "2025-06-02 sell s2 40 XYZ @ 30"

    found = asked(table, "2025-05-01 sell s1 60 XYZ @ 22")

    # without it s2 sells 40 of b1 at 20, with it 40 of what is left of b1
    assert found.changed == []
    found = asked(table, "2025-05-01 sell s1 90 XYZ @ 22")
    # now s2 takes 10 of b1, once 40, and 30 of b2: its row of b1 shrinks
    assert [(one.row.close_id, one.before, one.after) for one in found.changed] == [("s2", 400, 100)]


def test_nothing_is_remembered() -> None:
    book = what_if(HELD)
    (sale,) = executions("2025-04-01 sell s1 100 XYZ @ 15")

    first, second = book.trade(sale), book.trade(sale)  # type: ignore[arg-type]

    assert [row.gain for row in first.rows] == [row.gain for row in second.rows] == [-300]


def test_symbols_that_have_to_do_with_each_other_are_taken_together() -> None:
    call = TaxInstrument(
        "CALL", InstrumentKind.OPTION, Decimal(100), Right.CALL, "XYZ", Decimal(20), date(2025, 12, 19)
    )
    table = HELD + "2025-03-25 buy c1 1 CALL @ 2\n2025-03-25 buy d1 10 OLD @ 2\n2025-03-25 buy e1 10 LIKE @ 2"
    renamed = SymbolChange(event_id="a1", day=date(2025, 3, 26), symbol="OLD", new_symbol="XYZ")

    book = what_if(table, renamed, instruments=[call], identical_groups=(frozenset(("XYZ", "LIKE")),))

    names = {getattr(event, "symbol", "") for event in book.events_of("XYZ")}
    assert names == {"XYZ", "CALL", "OLD", "LIKE"}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    books, methods, st.sampled_from(ACCOUNTS), st.sampled_from(SYMBOLS), st.booleans(), st.integers(5, 14), st.data()
)
def test_it_is_what_the_engine_says_of_everything(
    events: list[Event],
    by_account: dict[str, str],
    account: str,
    symbol: str,
    is_sale: bool,
    price: int,
    draw: st.DataObject,
) -> None:
    day = draw.draw(st.sampled_from(sorted({day_of(event) for event in events})))
    words = {
        "execution_id": TRADE_ID,
        "account": account,
        "symbol": symbol,
        "price": Decimal(price),
        "trade_date": day,
        "time_of_day": LAST_MOMENT,
    }
    held = engine_of(by_account)
    held.apply(event for event in events if day_of(event) <= day)
    have = int(held.book.position(account, symbol).quantity // 10**12)
    # a purchase never leaves a later sale without shares; a sale might, so it comes last
    is_sale = is_sale and have > 0 and day == max(map(day_of, events))
    trade = Sell(quantity=Decimal(have), **words) if is_sale else Buy(quantity=Decimal(2), **words)

    found = WhatIf(_accounts(by_account), (), LENIENT, events).trade(trade)

    everything = engine_of(by_account)
    everything.apply([*events, trade])
    whole, alone = everything.result(), engine_of(by_account)
    alone.apply(events)
    assert [(row.key, row.gain) for row in found.rows] == [
        (row.key, row.gain) for row in whole.rows if row.close_id == TRADE_ID
    ]
    assert found.permanent == whole.permanently_disallowed - alone.result().permanently_disallowed
    before = {row.key: row.gain for row in alone.result().rows}
    changed = {row.key: row.gain for row in whole.rows if before.get(row.key, row.gain) != row.gain}
    assert {one.row.key: one.after for one in found.changed} == changed
    assert state(alone) == state(alone)


def _accounts(by_account: dict[str, str]) -> list[Account]:
    return [
        Account(name, AccountKind.RETIREMENT if name == "roth" else AccountKind.TAXABLE, method=Method(method))
        for name, method in by_account.items()
    ]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(books, methods, st.sampled_from(("first", "second")), st.integers(1, 5), st.integers(5, 14))
def test_no_identification_of_lots_owes_less_than_the_best(
    events: list[Event], by_account: dict[str, str], account: str, count: int, price: int
) -> None:
    asking = WhatIf(_accounts(by_account), (), LENIENT, events)
    engine = engine_of(by_account)
    engine.apply(events)
    lots = [
        lot
        for lot in engine.result().open_lots()
        if lot.symbol == "AAA" and lot.account == account and not lot.is_short
    ]
    assume(len(lots) > 1)
    quantity = min(count, int(sum(lot.quantity for lot in lots)))
    sale = Sell(
        execution_id=TRADE_ID,
        account=account,
        symbol="AAA",
        quantity=Decimal(quantity),
        price=Decimal(price),
        trade_date=max(map(day_of, events)) + timedelta(days=5),
    )

    best = best_lots(asking, sale, RATES)

    assert best is not None
    assert best.tax == tax_on_rows(best.consequence.rows, RATES)
    assert sum(row.quantity for row in best.consequence.rows) == quantity
    choices = [
        counts
        for counts in itertools.product(*(range(int(lot.quantity) + 1) for lot in lots))
        if sum(counts) == quantity
    ]
    assume(len(choices) <= 40)
    for counts in choices if best.is_exact else []:
        named = tuple(
            LotChoice(lot.open_id, Decimal(taken), lot.holding_start)
            for lot, taken in zip(lots, counts, strict=True)
            if taken
        )
        other = asking.trade(Sell(**{name: getattr(sale, name) for name in FIELDS}, lots=named))
        # each row is rounded to cents before it is taxed
        assert tax_on_rows(other.rows, RATES) >= best.tax - Decimal("0.02")


FIELDS = ("execution_id", "account", "symbol", "quantity", "price", "trade_date")


def test_lots_are_not_chosen_at_average_basis_inside_retirement_accounts_or_before_other_events() -> None:
    table = HELD + "2025-03-20 buy r1 40 XYZ @ 16 account=roth"
    (sale,) = executions("2025-04-01 sell s1 10 XYZ @ 15")
    (roth,) = executions("2025-04-01 sell s1 10 XYZ @ 15 account=roth")
    (early,) = executions("2025-03-01 sell s1 10 XYZ @ 15")

    assert best_lots(what_if(table), sale, RATES) is not None  # type: ignore[arg-type]
    assert best_lots(what_if(table), roth, RATES) is None  # type: ignore[arg-type]
    assert best_lots(what_if(table), early, RATES) is None  # type: ignore[arg-type]


def test_a_long_term_loss_is_kept_for_a_short_term_one_that_saves_more() -> None:
    table = "2023-01-06 buy b1 100 XYZ @ 20\n2025-01-06 buy b2 100 XYZ @ 19"
    (sale,) = executions("2025-06-02 sell s1 100 XYZ @ 15")

    best = best_lots(what_if(table), sale, RATES)  # type: ignore[arg-type]

    # 500 at 15 % against 400 at 35 %
    assert best is not None and best.is_exact
    assert [(choice.lot_id, choice.quantity) for choice in best.lots] == [("b2", 100)]
    assert best.tax == -140


def test_parts_of_a_lot_are_told_apart_by_where_their_holding_starts() -> None:
    table = """
        2025-01-06  buy   b1   40 XYZ @ 20
        2025-04-01  sell  s1   40 XYZ @ 15
        2025-04-10  buy   b2  100 XYZ @ 16
    """
    # 40 of b2 carry a loss of 5 a share and are held from 15 January
    (sale,) = executions("2026-01-20 sell s2 60 XYZ @ 18")

    best = best_lots(what_if(table), sale, RATES)  # type: ignore[arg-type]

    # the first part, at 21, loses 3 a share at the rate of long-term losses; the rest gains 2 a share, short-term
    assert best is not None and best.is_exact
    rows = {(row.holding_start, row.quantity, row.gain) for row in best.consequence.rows}
    assert rows == {(date(2025, 1, 15), 40, -120), (date(2025, 4, 10), 20, 40)}
