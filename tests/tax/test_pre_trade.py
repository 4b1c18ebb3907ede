"""The check before the trade says what the engine does after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.domain.errors import UnknownNameError
from tapeline.tax import pre_trade
from tapeline.tax.accounts import Account, InstrumentKind, Method, Right, TaxInstrument
from tapeline.tax.amounts import cents, dollars
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, Cover, Event, Sell, Short, StockSplit, Trade
from tapeline.tax.pre_trade import WashSaleFound, WashSaleLimit, wash_sale_check
from tax.random_books import ACCOUNTS, SYMBOLS, books, methods
from tax.tables import ACCOUNTS as NAMED
from tax.tables import executions
from tax.test_invariants import day_of, engine_of, state

KINDS: dict[str, type[Trade]] = {"buy": Buy, "sell": Sell, "short": Short, "cover": Cover}


def engine_with(table: str, **words: Any) -> TaxEngine:
    engine = TaxEngine(NAMED, **words)
    engine.apply(executions(table))
    return engine


def check(table: str, order: str, **words: Any) -> WashSaleFound | None:
    """Return what is found about an order after the executions of a table."""
    (wanted,) = executions(order)
    assert isinstance(wanted, Trade)
    return wash_sale_check(engine_with(table, **words), wanted)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    books,
    methods,
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(SYMBOLS),
    st.integers(1, 6),
    st.integers(3, 14),
    st.sampled_from((1, 2, 15, 30, 31)),
)
def test_what_is_found_before_is_what_is_disallowed_after(
    events: list[Event],
    by_account: dict[str, str],
    kind: str,
    account: str,
    symbol: str,
    count: int,
    price: int,
    gap: int,
) -> None:
    engine = engine_of(by_account)
    engine.apply(events)
    is_short = kind in ("short", "cover")
    account = "first" if is_short and account == "roth" else account
    held = engine.book.position(account, symbol, is_short=is_short).quantity // 10**12
    quantity = min(count, int(held)) if kind in ("sell", "cover") else count
    if not quantity:
        return
    order = KINDS[kind](
        execution_id="new",
        account=account,
        symbol=symbol,
        quantity=Decimal(quantity),
        price=Decimal(price),
        commission=Decimal("0.30"),
        trade_date=max(map(day_of, events)) + timedelta(days=gap),
    )
    before, known = state(engine), len(engine.book.wash_sales.disallowances)

    found = wash_sale_check(engine, order)

    assert state(engine) == before, "the check has changed something"
    engine.apply([order])
    new = engine.book.wash_sales.disallowances[known:]
    if found is None:
        assert new == []
        return
    assert found.quantity == sum(one.quantity for one in new)
    assert found.amount == dollars(cents(sum(one.amount_units for one in new)))
    assert found.permanent == dollars(cents(sum(one.amount_units for one in new if one.is_permanent)))
    assert set(found.others) == {one.lot_id if kind in ("sell", "cover") else one.row.close_id for one in new}


LOSS = """
2025-01-06  buy   b1  100 XYZ @ 20
2025-04-01  sell  s1  100 XYZ @ 15
"""


def test_a_purchase_names_the_loss_it_would_wash_and_when_it_is_clear() -> None:
    found = check(LOSS, "2025-04-10 buy b2 40 XYZ @ 16")

    assert found is not None
    assert found.sentence == (
        "Buying 40 XYZ at 16 in account main on 2025-04-10 would replace 40 shares sold at a loss (s1): 200.00"
        " disallowed (IRC 1091). It is clear from 2025-05-02 on."
    )
    # the window ends on 1 May, 30 days after the sale
    assert check(LOSS, "2025-05-01 buy b2 40 XYZ @ 16") is not None
    assert check(LOSS, "2025-05-02 buy b2 40 XYZ @ 16") is None


def test_a_purchase_in_a_retirement_account_loses_it_for_good() -> None:
    found = check(LOSS, "2025-04-10 buy b2 40 XYZ @ 16 account=roth")

    assert found is not None
    assert (found.amount, found.permanent) == (200, 200)
    assert "200.00 of it for good (Rev. Rul. 2008-5)" in found.sentence


def test_a_sale_names_the_purchases_that_would_replace_it() -> None:
    table = "2025-01-06 buy b1 100 XYZ @ 20\n2025-03-20 buy b2 30 XYZ @ 16 account=second"

    found = check(table, "2025-04-01 sell s1 100 XYZ @ 15")

    assert found is not None
    assert found.sentence == (
        "Selling 100 XYZ at 15 in account main on 2025-04-01 would make a loss, 150.00 of it disallowed: 30 shares"
        " replaced by b2 (IRC 1091). It is clear from 2025-04-20 on."
    )
    assert check(table, "2025-04-19 sell s1 100 XYZ @ 15") is not None
    assert check(table, "2025-04-20 sell s1 100 XYZ @ 15") is None


def test_a_sale_that_empties_every_lot_of_the_window_is_clear() -> None:
    table = "2025-01-06 buy b1 10 XYZ @ 20\n2025-03-20 buy b2 30 XYZ @ 16"

    assert check(table, "2025-04-01 sell s1 40 XYZ @ 15") is None
    assert check(table, "2025-04-01 sell s1 30 XYZ @ 15") is not None


def test_named_lots_are_those_looked_at() -> None:
    table = "2025-01-06 buy b1 10 XYZ @ 14\n2025-01-07 buy b2 10 XYZ @ 20\n2025-03-20 buy b3 30 XYZ @ 16"

    assert check(table, "2025-04-01 sell s1 10 XYZ @ 15") is None
    named = check(table, "2025-04-01 sell s1 10 XYZ @ 15 lots=b2:10")
    assert named is not None and named.amount == 50


def test_a_call_bought_stands_for_its_shares_and_for_losses_on_itself() -> None:
    call = TaxInstrument(
        "CALL", InstrumentKind.OPTION, Decimal(100), Right.CALL, "XYZ", Decimal(20), date(2025, 12, 19)
    )

    found = check(LOSS, "2025-04-10 buy c1 1 CALL @ 2", instruments=[call])

    assert found is not None
    assert (found.quantity, found.amount) == (100, 500)


def test_average_basis_is_looked_at_as_such() -> None:
    accounts = [Account("main", method=Method.AVERAGE)]
    engine = TaxEngine(accounts, [TaxInstrument("FUND", InstrumentKind.MUTUAL_FUND)])
    engine.apply(executions("2025-01-06 buy b1 10 FUND @ 10\n2025-03-20 buy b2 10 FUND @ 20"))
    (order,) = executions("2025-04-01 sell s1 5 FUND @ 12")

    found = wash_sale_check(engine, order)  # type: ignore[arg-type]

    # 15 a share on average: a loss of 3 on each of 5
    assert found is not None and found.amount == 15


def test_a_split_before_is_heeded() -> None:
    engine = engine_with(LOSS)
    engine.apply([StockSplit(event_id="a1", day=date(2025, 4, 3), symbol="XYZ", new=Decimal(2))])
    (order,) = executions("2025-04-10 buy b2 200 XYZ @ 8")

    found = wash_sale_check(engine, order)  # type: ignore[arg-type]

    assert found is not None and (found.quantity, found.amount) == (200, 500)


@pytest.mark.parametrize(
    ("limit", "plain", "permanent"),
    [
        (WashSaleLimit.OFF, False, False),
        (WashSaleLimit.WARN, False, False),
        (WashSaleLimit.REFUSE_PERMANENT, False, True),
        (WashSaleLimit.REFUSE, True, True),
    ],
)
def test_what_is_refused_is_chosen(limit: WashSaleLimit, plain: bool, permanent: bool) -> None:
    found = check(LOSS, "2025-04-10 buy b2 40 XYZ @ 16")
    lost = check(LOSS, "2025-04-10 buy b2 40 XYZ @ 16 account=roth")

    assert found is not None and lost is not None
    assert (limit.refuses(found), limit.refuses(lost)) == (plain, permanent)


def test_an_account_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'main'"):
        check(LOSS, "2025-04-10 buy b2 40 XYZ @ 16 account=mian")


def test_a_check_that_forgets_a_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault of the promise: shares that replace losses of their own acquisition."""
    table, order = "2025-03-20 buy b1 10 XYZ @ 20", "2025-04-01 sell s1 4 XYZ @ 15"
    engine = engine_with(table)
    engine.apply(executions(order))
    assert engine.result().disallowances == []
    assert check(table, order) is None

    real = pre_trade._losses
    monkeypatch.setattr(pre_trade, "_losses", lambda *facts: [replace(loss, acquisition=-1) for loss in real(*facts)])

    assert check(table, order) is not None
