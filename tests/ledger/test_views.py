"""Positions, cash, P&L and equity as sums of the facts; every expected number is worked out beside it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import (
    MINUTE,
    T0,
    a_deposit,
    a_fill,
    a_signal,
    a_stop,
    a_target,
    an_execution,
    an_order,
    traded,
)
from tests.ledger.facts_at_random import trading

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.cash import Cash, CashCause
from tapeline.domain.errors import InvariantError
from tapeline.domain.order import Order
from tapeline.domain.position import Position
from tapeline.domain.words import OrderStatus, Reason, Role, Side
from tapeline.ledger.adopted_facts import AccountDescribed, ExecutionAdopted, HoldingChanged
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.facts import CashMoved, RunEnded, SessionClosed, SplitApplied
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    ReplaceDenied,
    ReplaceIntended,
)
from tapeline.ledger.profits import WHOLE
from tapeline.ledger.views import Views, rebuild
from tapeline.ports.journal import Fact
from tapeline.store.sqlite_journal import SqliteJournal


def views_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def test_an_accountant_can_check_cash_positions_and_profit() -> None:
    """Three purchases, a sale of a part, a short that is opened, and the session's close.

                                    cash          ABCD                         WXYZ
    deposit                   100,000.00
    BUY  100 ABCD at 10.00   - 1,001.00   100, cost 1,000.00
    BUY  100 ABCD at 10.50   - 1,051.00   200, cost 2,050.00
    SELL  50 ABCD at 11.00   +   549.00   150, cost 1,537.50, realized 37.50
    SELL  40 WXYZ at 30.00   + 1,199.50                                - 40, cost -1,200.00
                             = 99,696.50  commissions 3.00             commissions 0.50
    close: ABCD 10.80, WXYZ 29.00: 99,696.50 + 150 * 10.80 - 40 * 29.00 = 100,156.50
    """
    views = views_of(
        a_deposit(),
        *traded(
            """
            BUY  100 ABCD at 10.00 costs 1.00
            BUY  100 ABCD at 10.50 costs 1.00
            SELL  50 ABCD at 11.00 costs 1.00
            SELL  40 WXYZ at 30.00 costs 0.50
            CLOSE ABCD 10.80 WXYZ 29.00
            """
        ),
    )

    cash, long, short = views.cash["main"], views.position("Dip", "ABCD"), views.position("Dip", "WXYZ")
    assert cash.amount == views.cash_amount() == Decimal("99696.50")
    assert cash == Cash("main", Decimal(100_000), Decimal(-300), Decimal("3.50"), Decimal(0))
    assert (long.quantity, long.cost, long.realized) == (150, Decimal("1537.50"), Decimal("37.50"))
    assert long.commissions == 3
    assert (short.quantity, short.cost, short.average_price) == (-40, -1200, 30)
    assert [equity for _, equity in views.equity["main"]] == [Decimal("100156.50")]
    assert long.unrealized(Decimal("10.80")) == Decimal("82.50")


def test_two_strategies_hold_one_symbol_apart_and_the_account_holds_their_sum() -> None:
    views = views_of(*traded("BUY 100 ABCD at 10.00 costs 0", "Dip"), *traded("SELL 30 ABCD at 11.00 costs 0", "Fade"))

    assert views.position("Dip", "ABCD").quantity == 100
    assert views.position("Fade", "ABCD").quantity == -30
    assert views.quantity("ABCD") == 70
    assert views.position("Dip", "NONE").is_flat
    assert amount_text(views.quantity("NONE")) == "0"


def test_what_was_never_traded_is_flat_and_of_whoever_is_asked_for() -> None:
    assert views_of().position("Dip", "NONE", "second") == Position("second", "Dip", "NONE")


def test_another_account_counts_for_nothing_in_this_one() -> None:
    """It holds 7 of another symbol, of which no price is known here; 100,000 - 1,000 + 100 * 10 are its own."""
    adopted = an_execution(client_order_id="V-1", quantity=Decimal(7), symbol="WXYZ", account="second")
    views = views_of(
        a_deposit(),
        *traded("BUY 100 ABCD at 10.00 costs 0"),
        ExecutionAdopted(adopted, Grounds("flex U1")),
    )
    del views.marks["WXYZ"]

    assert views.equity_now() == 100_000
    assert (views.quantity("WXYZ"), views.quantity("WXYZ", "second")) == (0, 7)


def test_sums_are_exact_however_far_their_parts_lie_apart() -> None:
    """A billion billion shares and a hundred-millionth of one, whose sum has 29 digits, at 3.00."""
    views = views_of(
        *traded("BUY 100000000000000000000 ABCD at 3.00 costs 0", "Dip"),
        *traded("BUY 0.00000001 ABCD at 3.00 costs 0", "Fade"),
        a_deposit("1E-9"),
    )

    assert views.quantity("ABCD") == Decimal("100000000000000000000.00000001")
    assert views.equity_now() == Decimal("1E-9")
    assert views.cash_amount() == Decimal("-300000000000000000000.000000029")
    assert views.as_tree()["cash"]["main"]["amount"] == "-300000000000000000000.000000029"


def test_what_an_account_is_to_the_law_moves_nothing() -> None:
    assert views_of(AccountDescribed(T0, "main", "ira", Grounds("desk"))).to_bytes() == views_of().to_bytes()


def test_a_split_rescales_the_mark_once_however_many_hold_the_symbol() -> None:
    splits = [
        SplitApplied(T0, "ABCD", strategy, Decimal(2), Decimal(1), Decimal(100), Decimal(200))
        for strategy in ("Dip", "Fade")
    ]
    views = views_of(
        *traded("BUY 100 ABCD at 10.00 costs 0", "Dip"), *traded("BUY 100 ABCD at 10.00 costs 0", "Fade"), *splits
    )

    assert views.marks["ABCD"] == 5


def test_shares_that_came_from_outside_are_marked_at_their_cost_until_a_price_is_known() -> None:
    came = HoldingChanged(
        T0, "t1", HoldingCause.TRANSFER_IN, "ABCD", Decimal(4), Grounds("flex U1"), basis=Decimal(50), acquired_ns=T0
    )
    views = views_of(came, replace(came, entry_id="t2", basis=Decimal(90)))

    assert views.marks == {"ABCD": Decimal("12.5")}


def test_cash_of_a_transfer_is_the_account_s_and_that_of_a_merger_its_holding_s() -> None:
    came = HoldingChanged(
        T0, "t1", HoldingCause.TRANSFER_IN, "ABCD", Decimal(4), Grounds("flex U1"), cash=Decimal(-3),
        basis=Decimal(50), acquired_ns=T0,
    )  # fmt: skip
    gone = HoldingChanged(
        T0 + 9, "m1", HoldingCause.CASH_MERGER, "ABCD", Decimal(-4), Grounds("flex U1"), cash=Decimal(70)
    )
    views = views_of(came, replace(came, entry_id="t2", symbol="WXYZ", cash=Decimal(0)), gone)

    assert views.profits.paid["main"] == {WHOLE: -3, EXTERNAL: -50 - 50 + 70}
    assert (views.profits.began_ns, views.cash_amount()) == ({"main": T0}, 67)
    assert views.moved == {("main", EXTERNAL, "ABCD"), ("main", EXTERNAL, "WXYZ")}


def test_an_open_round_trip_has_made_what_it_sold_and_received_and_what_the_rest_is_worth() -> None:
    """100 at 10.00, 50 sold at 12.00, 50 worth 550, a dividend of 20 and 2 of costs: 600 + 550 + 20 - 1,002."""
    views = views_of(
        *traded("BUY 100 ABCD at 10.00 costs 1\nSELL 50 ABCD at 12.00 costs 1"),
        CashMoved(T0, CashCause.DIVIDEND, Decimal(20), "ABCD", "Dip"),
    )

    assert views.open_trips["main", "Dip", "ABCD"].net_with(Decimal(550)) == 168


def test_a_lot_that_was_sold_to_the_last_share_is_gone() -> None:
    views = views_of(
        *traded(
            """
            BUY  100 ABCD at 10.00 costs 0
            BUY   50 ABCD at 11.00 costs 0
            SELL 100 ABCD at 12.00 costs 0
            """
        )
    )

    assert [(lot.quantity, lot.cost) for lot in views.open_trips["main", "Dip", "ABCD"].lots] == [(50, 550)]


def test_cash_of_a_symbol_that_no_strategy_held_is_the_account_s_alone() -> None:
    views = views_of(
        a_deposit(),
        CashMoved(T0 + 1, CashCause.DIVIDEND, Decimal(5), "ABCD"),
        CashMoved(T0 + 2, CashCause.INTEREST, Decimal(2), strategy="Dip"),
    )

    assert (views.cash_amount(), views.positions) == (100_007, {})
    assert (views.profits.paid, views.profits.began_ns) == ({"main": {WHOLE: 7}}, {"main": T0})


def test_the_books_are_written_in_one_form_that_older_journals_are_proven_by() -> None:
    """RunEnded keeps a digest of these bytes, so a name that changes here is a journal that cannot be checked."""
    denied = OrderDenied(T0, "Dip-ABCD-9", "Dip", "ABCD", Side.BUY, "too much")
    views = views_of(
        a_deposit(),
        *traded(
            """
            BUY  100 ABCD at 10.00 costs 1.00
            SELL 100 ABCD at 12.00 costs 1.00 for target
            SELL  40 WXYZ at 30.00 costs 0.50
            CLOSE WXYZ 29.00
            """
        ),
        denied,
        denied,
    )

    flat = {"account": "main", "commissions": "2", "cost": "0", "income": "0", "quantity": "0", "realized": "200",
            "strategy": "Dip", "symbol": "ABCD"}  # fmt: skip
    short = {"account": "main", "commissions": "0.5", "cost": "-1200", "income": "0", "quantity": "-40",
             "realized": "0", "strategy": "Dip", "symbol": "WXYZ"}  # fmt: skip
    trip = {
        "account": "main", "commissions": "2", "entry_average_price": "10", "entry_order_ids": ["Dip-ABCD-1"],
        "entry_time_ns": T0 + MINUTE, "exit_average_price": "12", "exit_order_ids": ["Dip-ABCD-2"],
        "exit_purpose": "TARGET", "exit_time_ns": T0 + 2 * MINUTE, "gross_profit": "200", "income": "0",
        "net_profit": "198", "quantity": "100", "side": "BUY", "strategy": "Dip", "symbol": "ABCD",
    }  # fmt: skip
    assert views.as_tree() == {
        "cash": {
            "main": {"amount": "101397.5", "commissions": "2.5", "deposits": "100000", "income": "0", "traded": "1400"}
        },
        "denied_count": 2,
        "ended_orders": {"Dip-ABCD-1": "FILLED", "Dip-ABCD-2": "FILLED", "Dip-WXYZ-3": "FILLED"},
        "equity": {"main": [[T0 + 4 * MINUTE, "100237.5"]]},
        "marks": {"ABCD": "12", "WXYZ": "29"},
        "open_orders": {},
        "positions": [flat, short],
        "round_trips": [trip],
    }


def test_orders_and_replaces_that_the_gate_denied_are_counted_together() -> None:
    views = views_of(*[OrderDenied(T0, "Dip-ABCD-9", "Dip", "ABCD", Side.BUY, "too much")] * 2)
    views.apply_all([ReplaceDenied(T0, "Dip-ABCD-9", "too far")] * 2)

    assert views.denied_count == 4


def test_views_of_a_journal_are_those_of_its_facts(tmp_path: Path) -> None:
    facts = [a_deposit(), a_signal(), *traded("BUY 100 ABCD at 10.00 costs 1.00")]
    with SqliteJournal.writing(tmp_path / "a.sqlite") as journal:
        for fact in facts:
            journal.append(fact)
        journal.commit()

        assert rebuild(journal).to_bytes() == views_of(*facts).to_bytes()


def test_corporate_cash_and_interest_move_cash_and_the_position_they_belong_to() -> None:
    # 100,000 - 1,000 + 25.00 dividend - 3.10 interest - 0.40 borrow = 99,021.50
    views = views_of(
        a_deposit(),
        *traded("BUY 100 ABCD at 10.00 costs 0"),
        CashMoved(T0, CashCause.DIVIDEND, Decimal("25.00"), "ABCD", "Dip"),
        CashMoved(T0, CashCause.INTEREST, Decimal("-3.10")),
        CashMoved(T0, CashCause.BORROW, Decimal("-0.40"), "ABCD", "Dip"),
    )

    assert views.cash_amount() == Decimal("99021.50")
    assert views.position("Dip", "ABCD").income == Decimal("24.60")
    assert views.position("Dip", "ABCD").net_realized == Decimal("24.60")


def test_a_split_keeps_equity_to_the_cent_and_rescales_the_mark() -> None:
    """100 at 3.00, 1 for 8: 12.5 shares, half of one paid at 24.80: 12.40.

    Cash 100,000 - 300 + 12.40 = 99,712.40; 12 shares at a mark of 3.00 * 8 = 24.00 are 288.00: 100,000.40.
    """
    views = views_of(
        a_deposit(),
        *traded("BUY 100 ABCD at 3.00 costs 0"),
        SplitApplied(T0, "ABCD", "Dip", Decimal(1), Decimal(8), Decimal(100), Decimal(12)),
        CashMoved(T0, CashCause.FRACTION_PAID, Decimal("12.40"), "ABCD", "Dip"),
    )

    assert views.marks["ABCD"] == 24
    assert views.equity_now() == Decimal("100000.40")
    assert views.position("Dip", "ABCD").realized == Decimal("0.40")


def a_bracket(*after: Fact, **entry: object) -> Views:
    orders: tuple[Order, ...] = (an_order(role=Role.ENTRY, **entry), a_stop(), a_target())
    return views_of(*[OrderIntended(order) for order in orders], *after)


def test_the_children_of_a_bracket_work_for_what_the_entry_has_filled() -> None:
    views = a_bracket(a_fill(70, quantity=Decimal(30)))
    entry, stop, target = (views.orders.working[f"Dip-ABCD-{number}"] for number in (1, 2, 3))

    assert (entry.status, entry.leaves_quantity) == (OrderStatus.PARTIALLY_FILLED, 70)
    assert (stop.leaves_quantity, target.leaves_quantity) == (30, 30)


def test_the_fill_of_one_member_reduces_the_others_of_its_group() -> None:
    stop_fills = a_fill(60, execution_id="E-2", client_order_id="Dip-ABCD-2", side=a_stop().side, quantity=Decimal(40))
    views = a_bracket(a_fill(), OrderTriggered(T0, "Dip-ABCD-2"), stop_fills)

    assert views.orders.working["Dip-ABCD-3"].leaves_quantity == 60
    assert views.orders.working["Dip-ABCD-2"].status is OrderStatus.PARTIALLY_FILLED
    assert views.orders.ended["Dip-ABCD-1"] is OrderStatus.FILLED


def test_cancels_rejections_and_expiries_end_orders() -> None:
    names = [f"Dip-ABCD-{number}" for number in range(3)]
    views = views_of(
        *[OrderIntended(an_order(client_order_id=name)) for name in names],
        CancelIntended(T0, names[0]),
        OrderCanceled(T0, names[0]),
        OrderRejected(T0, names[1], Reason.TOO_LATE),
        OrderExpired(T0, names[2]),
    )

    assert list(views.orders.ended.values()) == [
        OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED
    ]  # fmt: skip
    assert not views.orders.working


def test_a_replace_has_its_terms_when_the_venue_says_so_and_not_before() -> None:
    order = a_stop(role=Role.SINGLE, parent=None, group=None)
    asked = views_of(OrderIntended(order), OrderAccepted(T0, order.client_order_id, "V-77"),
                     ReplaceIntended(T0, order.client_order_id, stop_price=Decimal("9.80")))  # fmt: skip

    state = asked.orders.working[order.client_order_id]
    assert (state.status, state.stop_price) == (OrderStatus.PENDING_REPLACE, Decimal("9.5"))
    asked.apply(OrderReplaced(T0, order.client_order_id, Decimal(100), Decimal(100), stop_price=Decimal("9.80")))
    assert (state.status, state.stop_price) == (OrderStatus.NEW, Decimal("9.80"))
    assert state.venue_order_id == "V-77"


def test_a_cancel_that_finds_its_order_ended_does_nothing() -> None:
    views = views_of(OrderIntended(an_order()), a_fill(), CancelIntended(T0, "Dip-ABCD-1"))

    assert views.orders.ended["Dip-ABCD-1"] is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ([a_fill()], "OrderFilled names the order Dip-ABCD-1, which was never intended"),
        ([CancelIntended(T0, "nobody")], "CancelIntended names the order nobody, which was never intended"),
        ([OrderIntended(an_order())] * 2, "is intended a second time"),
        (
            [OrderIntended(an_order()), a_fill(50, quantity=Decimal(50)), a_fill(0, quantity=Decimal(50))],
            "Execution E-1 is booked a second time",
        ),
        ([OrderIntended(an_order()), a_fill(), a_fill(execution_id="E-2")], "is for 100, but 200 filled"),
        ([OrderIntended(an_order()), a_fill(quantity=Decimal(101))], "is for 100, but 101 filled"),
        ([OrderIntended(an_order()), a_fill(symbol="WXYZ")], "Execution E-1 is for .*WXYZ.*, its order .* for .*ABCD"),
        (
            [SplitApplied(T0, "ABCD", "Dip", Decimal(2), Decimal(1), Decimal(10), Decimal(20))],
            "10 were held, the books say 0: 10 too many",
        ),
        (
            [
                *traded("BUY 7 ABCD at 3.00 costs 0"),
                SplitApplied(T0, "ABCD", "Dip", Decimal(2), Decimal(1), Decimal(10), Decimal(20)),
            ],
            "10 were held, the books say 7: 3 too many",
        ),
        ([RunEnded(T0, "0" * 64)], "the same facts give [0-9a-f]{64} here"),
        ([a_deposit("1E+40"), a_deposit("1E-40")], "does not fit 60 digits, at CashMoved.*1E-40"),
    ],
)
def test_facts_that_contradict_the_books_stop_them(facts: list[Fact], sentence: str) -> None:
    with pytest.raises(InvariantError, match=sentence):
        views_of(*facts)
    views = views_of(*facts[:-1])
    with pytest.raises(InvariantError, match=sentence):
        views.apply(facts[-1])


@given(trading())
def test_views_built_fact_by_fact_and_all_at_once_are_the_same_bytes(facts: list[Fact]) -> None:
    piecemeal = Views()
    for fact in facts:
        piecemeal.apply(fact)
        piecemeal.to_bytes()

    assert views_of(*facts).to_bytes() == piecemeal.to_bytes()
    piecemeal.apply(RunEnded(T0, piecemeal.digest()))


@given(trading())
def test_cash_is_deposits_less_what_was_traded_and_paid_exactly(facts: list[Fact]) -> None:
    views = views_of(*facts)

    fills = [fact.execution for fact in facts if fact.kind == "OrderFilled"]
    moved = [fact.amount for fact in facts if fact.kind == "CashMoved"]
    expected = sum(moved, Decimal(0)) - sum((e.signed_quantity * e.price + e.commission for e in fills), Decimal(0))
    assert views.cash_amount() == expected


@given(trading())
def test_cash_equals_deposits_and_profits_less_what_is_tied_up(facts: list[Fact]) -> None:
    views = views_of(*facts)

    positions = views.positions.values()
    profit = sum((p.net_realized - p.cost for p in positions), Decimal(0))
    assert views.cash_amount() == views.cash["main"].deposits + profit


@given(trading())
def test_profits_of_round_trips_are_the_realized_profit_of_what_is_flat(facts: list[Fact]) -> None:
    views = views_of(*facts, *closing(views_of(*facts)))

    for key, position in views.positions.items():
        trips = [t for t in views.round_trips if (t.account, t.strategy, t.symbol) == key]
        assert position.is_flat
        assert sum((trip.gross_profit for trip in trips), Decimal(0)) == position.realized
        # A commission that two round trips share is cut at eight decimals, the rest goes to the second.
        assert sum((trip.commissions for trip in trips), Decimal(0)) == position.commissions


@given(trading(), st.randoms(use_true_random=False))
def test_nothing_is_lost_where_the_stream_is_cut_in_two(facts: list[Fact], random: object) -> None:
    cut = random.randint(0, len(facts))  # type: ignore[attr-defined]
    views = views_of(*facts[:cut])
    views.apply_all(facts[cut:])

    assert views.digest() == views_of(*facts).digest()


def closing(views: Views) -> list[Fact]:
    """Return the trades that make every position flat at 20.00."""
    facts: list[Fact] = []
    for (_, strategy, symbol), position in views.positions.items():
        if not position.is_flat:
            side = "SELL" if position.quantity > 0 else "BUY"
            row = f"{side} {abs(position.quantity)} {symbol} at 20.00 costs 0.01"
            facts += traded(row, strategy, first=100)
    return facts


def test_a_position_without_a_mark_has_no_equity() -> None:
    views = views_of(a_deposit(), *traded("BUY 1 ABCD at 3.00 costs 0"))
    views.marks.clear()

    with pytest.raises(InvariantError, match="ABCD is held but has no mark"):
        views.apply(SessionClosed(T0, {}))
