"""What accepting a difference books, and to whom, and what becomes of the exits that were for more than is left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.running import SETTINGS
from ledger.builders import T0, a_deposit
from risk.builders import Desk, an_order
from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.control import GapCause, TradingState
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.parent import ParentEnd
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose, Reason, Side
from tapeline.execution.acceptance import Acceptance, accepted_sentence
from tapeline.execution.fitting import Fitting
from tapeline.execution.messages import Cancel, Message, Replace
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT, KeeperSettings
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.control_facts import GapOpened, Reconciled, SymbolLocked
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderAccepted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderTriggered,
    OutcomeLost,
    ReplaceIntended,
)
from tapeline.ledger.parent_facts import ParentOrderEnded, ParentOrderIntended, ParentOrderStopped
from tapeline.ports.journal import Fact

SYMBOL, PRICE = "ABCD", Decimal(100)


def desk_with(account: str = "main", **held: int | str) -> Desk:
    """Return a desk whose strategies hold so much, signed, each bought or sold at 100."""
    desk = Desk()
    hold(desk, account, **held)
    return desk


def hold(desk: Desk, account: str = "main", **held: int | str) -> None:
    for strategy, amount in held.items():
        quantity = Decimal(amount)
        if not quantity:
            continue
        side, name = Side.BUY if quantity > 0 else Side.SELL, f"{account}-{strategy}"
        order = an_order(f"entry-{name}", strategy=strategy, side=side, quantity=abs(quantity), account=account)
        desk.work(order)
        execution = Execution(
            f"E-{name}", order.client_order_id, strategy, SYMBOL, side, order.quantity, PRICE, Decimal(0), T0,
            account=account,
        )  # fmt: skip
        desk.record(OrderFilled(execution, Decimal(0)))


def a_finding(name: str, ours: Any, theirs: Any, kind: str = "POSITION_BREAK") -> dict[str, Any]:
    """Return what a comparison records of one difference."""
    sides = {"ours": f"{ours}", "theirs": None if theirs is None else f"{theirs}"}
    return {"finding": kind, "name": name, "remedy": "REPORT", "text": "", **sides}


def broken(desk: Desk, theirs: int | str | None, account: str = "main") -> None:
    """Let a comparison have found that the venue holds so much."""
    ours = desk.views.quantity(SYMBOL, account)
    desk.record(SymbolLocked(T0, SYMBOL, ours, None if theirs is None else Decimal(theirs), account))
    desk.record(Reconciled(T0, [a_finding(SYMBOL, ours, theirs)]))


def accepting(
    desk: Desk, price: Decimal | None = PRICE, account: str = "main", settings: KeeperSettings = PERFECT
) -> tuple[Acceptance, OrderKeeper]:
    keeper = OrderKeeper(desk.views, desk.record, settings, random=Random(0), account=account)
    return Acceptance(desk.views, desk.record, keeper, lambda symbol: price), keeper


def accept(desk: Desk, theirs: int | str | None, account: str = "main") -> tuple[BreakAccepted, OrderKeeper]:
    """Let a comparison find, and a person accept, that the venue holds so much."""
    broken(desk, theirs, account)
    acceptance, keeper = accepting(desk, account=account)
    shown = None if theirs is None else str(theirs)
    fact = acceptance.accept(SYMBOL, shown, who="anna", reason="asked them", now_ns=T0 + 1)
    Fitting(["Art", "Dip", "Trend"], desk.views, desk.record, keeper, lambda name: None).fit([fact], T0 + 1)
    return fact, keeper


@given(
    held=st.fixed_dictionaries({name: st.integers(-200, 200) for name in ("Dip", "Trend", EXTERNAL)}),
    theirs=st.none() | st.integers(-300, 300),
)
def test_ours_is_theirs_and_no_strategy_is_made_larger_or_turned_round(
    held: dict[str, int], theirs: int | None
) -> None:
    """The account holds what the venue said, its cash is as before, and what was gained or lost is the difference."""
    desk = desk_with(**held)
    views = desk.views
    if sum(held.values()) == (theirs or 0):
        return
    broken(desk, theirs)
    cash, equity = views.cash_amount(), views.equity_now() if views.marks else Decimal(0)

    accepting(desk)[0].accept(
        SYMBOL, None if theirs is None else str(theirs), who="anna", reason="asked them", now_ns=T0 + 1
    )

    assert views.quantity(SYMBOL) == (theirs or 0)
    for strategy in ("Dip", "Trend"):
        before, after = held[strategy], views.position(strategy, SYMBOL).quantity
        assert abs(after) <= abs(before) and after * before >= 0
    assert views.cash_amount() == cash
    difference = (theirs or 0) - sum(held.values())
    assert views.equity_now() == equity + difference * PRICE
    profit = sum(p.net_realized + p.unrealized(PRICE) for p in views.positions.values())
    trips = sum(trip.net_profit for trip in views.round_trips)
    opened = sum(trip.net_with(trip.held * PRICE) for trip in views.open_trips.values())
    assert profit == trips + opened == difference * PRICE
    assert not views.control.locks and not views.control.findings


@pytest.mark.parametrize(
    ("held", "theirs", "changes"),
    [
        ({"Dip": 100, EXTERNAL: 50}, 80, {EXTERNAL: -50, "Dip": -20}),
        ({"Dip": 100}, 130, {EXTERNAL: 30}),
        ({"Trend": 30, "Dip": 30, "Art": 30}, 20, {"Art": -30, "Dip": -30, "Trend": -10}),
        ({"Dip": 100}, -20, {"Dip": -100, EXTERNAL: -20}),
        ({"Dip": -100, EXTERNAL: -5}, None, {"Dip": 100, EXTERNAL: 5}),
        ({"Dip": 100, "Trend": -50}, 80, {EXTERNAL: 30}),
        ({"Dip": 100, "Trend": -50}, 20, {"Dip": -30}),
        ({"Dip": "1", "Trend": "-0.5"}, "1", {EXTERNAL: Decimal("0.5")}),
        ({"Dip": "0.75", EXTERNAL: "0.5"}, "0.5", {EXTERNAL: Decimal("-0.5"), "Dip": Decimal("-0.25")}),
    ],
)
def test_what_is_missing_is_taken_from_what_nobody_asked_for_and_then_by_name_and_more_is_external(
    held: dict[str, int | str], theirs: int | str | None, changes: dict[str, Any]
) -> None:
    fact, _ = accept(desk_with(**held), theirs)

    assert fact.changes == changes


def test_each_account_is_by_itself() -> None:
    desk = desk_with(Dip=100)
    hold(desk, "second", Dip=40)
    stop = exit_of(desk, "stop", 40, account="second")

    fact, keeper = accept(desk, 10, "second")

    assert fact == BreakAccepted(
        T0 + 1, Decimal(40), Decimal(10), "anna", "asked them", SYMBOL, {"Dip": Decimal(-30)}, PRICE, "second"
    )
    assert (desk.views.quantity(SYMBOL, "second"), desk.views.quantity(SYMBOL)) == (10, 100)
    assert sent(keeper) == {stop: 10}


def test_cash_is_what_the_venue_says_after_a_person_has_accepted_it() -> None:
    """Booked as income of -1.25, by whom, when and why; other accounts and what is held stay as they were."""
    desk = desk_with(Dip=10)
    desk.record(a_deposit(10_000))
    desk.record(replace(a_deposit(10_000), account="second"))
    desk.record(
        Reconciled(T0, [a_finding("second", "10000", "9998.75", "CASH_BREAK"), a_finding("main", 1, 2, "CASH_BREAK")])
    )
    acceptance, _ = accepting(desk, None, "second")

    fact = acceptance.accept("cash", "9998.75", who="anna", reason="a fee", now_ns=T0 + 1)

    assert fact == BreakAccepted(T0 + 1, Decimal(10_000), Decimal("9998.75"), "anna", "a fee", account="second")
    assert (desk.views.cash_amount("second"), desk.views.cash_amount()) == (Decimal("9998.75"), 9_000)
    assert [finding["name"] for finding in desk.views.control.findings] == ["main"]
    with pytest.raises(InputError, match=r"There is no difference of cash any more: cash was accepted .* instead of"):
        acceptance.accept("cash", "9998.75", who="anna", reason="a fee", now_ns=T0 + 2)


def test_cash_that_has_moved_since_the_comparison_is_compared_again() -> None:
    desk = desk_with()
    desk.record(a_deposit(10_000))
    desk.record(Reconciled(T0, [a_finding("main", "10000", "9998.75", "CASH_BREAK")]))
    desk.record(a_deposit(5))

    with pytest.raises(InputError) as raised:
        accepting(desk)[0].accept("cash", "9998.75", who="anna", reason="a fee", now_ns=T0 + 1)

    assert str(raised.value) == (
        "Our books had 10000 of cash when they were compared and have 10005 now: something has happened since that may"
        " explain it. Compare them again with `tapeline reconcile`."
    )


def test_a_symbol_without_a_price_here_is_valued_at_the_one_that_the_person_gives() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)

    fact = accepting(desk, None)[0].accept(
        SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1, price=Decimal(95)
    )

    assert fact.price == 95


def exit_of(desk: Desk, name: str, quantity: int, purpose: Purpose = Purpose.STOP, **terms: Any) -> str:
    """Let an exit of a long holding work."""
    known: dict[str, Any] = {"strategy": "Dip", "side": Side.SELL, "quantity": Decimal(quantity), "purpose": purpose}
    if purpose is Purpose.STOP:
        known |= {"order_type": OrderType.STOP, "stop_price": Decimal(90)}
    desk.work(an_order(name, **{**known, **terms}))
    return name


def sent(keeper: OrderKeeper) -> dict[str, Any]:
    """Return by order what leaves: the new total, or None for a cancel."""
    messages = [message for message in keeper.outbox(T0 + 1) if isinstance(message, Cancel | Replace)]
    assert len({message.fact.client_order_id for message in messages}) == len(messages)
    return {message.fact.client_order_id: total_of(message) for message in messages}


def test_exits_that_fit_what_is_left_go_on() -> None:
    """Of another strategy, and for as much as is left."""
    desk = desk_with(Dip=10, Art=4, **{EXTERNAL: 3})
    exit_of(desk, "other", 4, strategy="Art")
    exit_of(desk, "flatten", 10, Purpose.FLATTEN)
    exit_of(desk, "fits", 6)

    fact, keeper = accept(desk, 10)

    assert fact.changes == {EXTERNAL: -3, "Art": -4}
    assert sent(keeper) == {"other": None}
    assert desk.views.orders.states["fits"].leaves_quantity == 6


def test_an_exit_for_just_what_is_left_stays_and_one_of_a_strategy_that_holds_nothing_more_is_called_back() -> None:
    desk = desk_with(Dip=10, Art=4)
    exit_of(desk, "other", 4, strategy="Art")
    exit_of(desk, "fits", 6)

    fact, keeper = accept(desk, 6)

    assert fact.changes == {"Art": -4, "Dip": -4}
    assert sent(keeper) == {"other": None}


def test_exits_together_are_for_no_more_than_is_left() -> None:
    """Ten are held with a stop for six and an exit for four; seven are left."""
    desk = desk_with(Dip=10)
    exit_of(desk, "half", 4, Purpose.EXIT_RULE)
    exit_of(desk, "stop", 6)

    _, keeper = accept(desk, 7)

    assert sum({"half": 4, "stop": 6, **sent(keeper)}.values()) == 7


STOP, TARGET, PART = Purpose.STOP, Purpose.TARGET, Purpose.SCALE_OUT
WORKING = dict[str, tuple[int, Purpose, str | None]]


@pytest.mark.parametrize(
    ("working", "left", "leaving"),
    [
        ({"part": (3, PART, None), "stop": (7, STOP, None)}, 6, {"part": None, "stop": 6}),
        ({"part": (3, PART, None), "stop": (7, STOP, None)}, 8, {"part": 1}),
        ({"part": (3, PART, None), "target": (7, TARGET, None)}, 6, {"part": None, "target": 6}),
        ({"target": (4, TARGET, None), "stop": (6, STOP, None)}, 7, {"target": 1}),
        ({"part": (3, PART, None), "stop": (7, STOP, "pair"), "target": (7, TARGET, "pair")}, 8, {"part": 1}),
        (
            {"part": (3, PART, None), "target": (7, TARGET, "pair"), "stop": (7, STOP, "pair")},
            6,
            {"part": None, "target": None, "stop": None},
        ),
        ({"one": (4, PART, None), "two": (6, PART, None)}, 6, {"two": 2}),
    ],
)
def test_what_is_left_belongs_to_the_stop_and_its_group_first_then_to_the_target_then_to_what_was_asked_for_first(
    working: WORKING, left: int, leaving: dict[str, int | None]
) -> None:
    """A pair that cannot stay is set anew for all that is left, so nothing else gets of it."""
    desk = desk_with(Dip=10)
    for name, (quantity, purpose, group) in working.items():
        exit_of(desk, name, quantity, purpose, group=group)

    _, keeper = accept(desk, left)

    assert sent(keeper) == leaving


def test_the_new_total_of_an_exit_has_what_it_has_filled_and_is_asked_for_with_its_purpose() -> None:
    desk = desk_with(Dip=10)
    exit_of(desk, "half", 8, Purpose.EXIT_RULE)
    execution = Execution("E-half", "half", "Dip", SYMBOL, Side.SELL, Decimal(2), PRICE, Decimal(0), T0)
    desk.record(OrderFilled(execution, Decimal(6)))

    _, keeper = accept(desk, 5)

    (message,) = keeper.outbox(T0 + 1)
    assert isinstance(message, Replace)
    assert message.fact == ReplaceIntended(T0 + 1, "half", quantity=Decimal(7), purpose=Purpose.EXIT_RULE)


def test_an_exit_that_is_called_back_is_left_alone_and_others_are_looked_at() -> None:
    desk = desk_with(Dip=10)
    exit_of(desk, "going", 10)
    desk.record(CancelIntended(T0, "going"))
    exit_of(desk, "stop", 10)

    _, keeper = accept(desk, 4)

    assert sent(keeper) == {"stop": 4}


@pytest.mark.parametrize(
    ("theirs", "child", "wanted"),
    [(4, False, [(Replace, 4)]), (4, True, [(Cancel, None)]), (None, False, [(Cancel, None)])],
)
def test_an_exit_for_more_than_is_left_is_made_smaller_or_called_back_also_where_trading_is_halted(
    theirs: int | None, child: bool, wanted: list[Any]
) -> None:
    desk = desk_with(Dip=10)
    terms: dict[str, Any] = {"group": "pair"} if child else {}
    stop = an_order(
        "stop", strategy="Dip", side=Side.SELL, quantity=Decimal(10), order_type=OrderType.STOP,
        stop_price=Decimal(90), purpose=Purpose.STOP, **terms,
    )  # fmt: skip
    desk.work(stop)
    broken(desk, theirs)
    acceptance, keeper = accepting(desk)
    called_back: list[str] = []
    fitting = Fitting(["Dip"], desk.views, desk.record, keeper, called_back.append)

    shown = None if theirs is None else "4"
    fact = acceptance.accept(SYMBOL, shown, who="anna", reason="asked them", now_ns=T0 + 1)
    fitting.fit([fact], T0 + 1)
    keeper.withhold(TradingState.HALTED, T0 + 1, "a loss was accepted")

    assert [(type(message), total_of(message)) for message in keeper.outbox(T0 + 1)] == wanted
    assert called_back == ["stop"] * (wanted == [(Cancel, None)])


def total_of(message: Message) -> Decimal | None:
    return message.fact.quantity if isinstance(message, Replace) else None


def refusal(desk: Desk, shown: str | None = "4", **options: Any) -> str:
    before = desk.views.quantity(SYMBOL)
    with pytest.raises(InputError) as raised:
        accepting(desk, **options)[0].accept(SYMBOL, shown, who="anna", reason="asked them", now_ns=T0 + 1)
    assert desk.views.quantity(SYMBOL) == before and not desk.views.control.accepted
    return str(raised.value)


def test_what_may_still_explain_the_difference_comes_first() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    assert "--price" in refusal(desk, price=None)

    desk.work(an_order("entry-again", strategy="Dip"))
    assert refusal(desk) == (
        "The entry entry-again works and may still change what is held of ABCD. `tapeline pause` calls entries back;"
        " then compare again and accept."
    )


COMPARED = (
    "The books are just being compared, or a gap is open: what is missing may still come. Try again in a moment;"
    " `tapeline status` shows when."
)


def test_nothing_is_accepted_in_a_gap_or_while_the_books_are_compared() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    acceptance, keeper = accepting(desk, settings=KeeperSettings())
    keeper.compare(T0)
    with pytest.raises(InputError) as raised:
        acceptance.accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)
    assert str(raised.value) == COMPARED

    desk.record(GapOpened(T0, GapCause.LINK_LOST, "socket closed"))
    assert refusal(desk) == COMPARED


def test_nothing_is_accepted_while_an_order_in_parts_is_worked_in_the_symbol() -> None:
    """One of another symbol, and one that has ended, explain nothing."""
    desk = desk_with(Dip=10)
    parent = an_order("parent", strategy="Dip", side=Side.SELL, purpose=Purpose.EXIT_RULE)
    desk.record(ParentOrderIntended(replace(parent, client_order_id="other", symbol="WXYZ"), "twap", PRICE))
    desk.record(ParentOrderIntended(parent, "twap", PRICE))
    broken(desk, 4)
    assert refusal(desk) == (
        "The order parent is being worked in parts and may still change what is held of ABCD. Wait until it has ended,"
        " compare again and accept."
    )

    desk.record(ParentOrderStopped(T0, "parent", ParentEnd.WINDOW))
    desk.record(ParentOrderEnded(T0, "parent", ParentEnd.WINDOW, PRICE, Decimal(0)))
    accept(desk, 4)

    assert desk.views.quantity(SYMBOL) == 4


def test_what_the_person_was_shown_must_be_what_the_last_comparison_found() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    assert refusal(desk, None) == (
        "The broker's value of ABCD was shown as none, and the last comparison found 4. Look at it again with"
        " `tapeline reconcile`."
    )
    broken(desk, None)
    assert "was shown as 4, and the last comparison found none." in refusal(desk, "4")


def test_a_difference_that_was_not_found_is_none_and_those_that_were_are_named() -> None:
    desk = desk_with(Dip=10)
    nothing = "The last comparison with the broker's books found no difference of ABCD. "
    assert refusal(desk) == nothing + "It left none that could be accepted."

    desk.record(
        Reconciled(T0, [
            a_finding("main", 1, 2, "CASH_BREAK"), a_finding("o7", None, None, "MISSING_AT_BROKER"),
            a_finding("WXYZ", 1, 2),
        ])
    )  # fmt: skip
    assert refusal(desk) == nothing + "It found these: cash, WXYZ."


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_accepted_without_a_reason(reason: str) -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)

    with pytest.raises(InputError, match=r"A difference of ABCD is accepted for a reason only. Give one with --reason"):
        accepting(desk)[0].accept(SYMBOL, "4", who="anna", reason=reason, now_ns=T0 + 1)


def test_what_was_accepted_is_told_with_both_values_the_second_the_person_and_the_reason() -> None:
    fact = BreakAccepted(T0 + 999_999_999, Decimal(10_000), Decimal("9998.75"), "anna", "a fee of theirs")

    assert accepted_sentence(fact) == (
        "cash was accepted at the broker's 9998.75 instead of 10000 at 2024-01-02T15:00:00Z by anna: a fee of theirs"
    )


def a_stop(desk: Desk) -> None:
    desk.work(
        an_order(
            "stop",
            strategy="Dip",
            side=Side.SELL,
            order_type=OrderType.STOP,
            stop_price=Decimal(90),
            purpose=Purpose.STOP,
        )
    )


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (OrderTriggered(T0, "stop"), "was triggered"),
        (OutcomeLost(T0, "stop", Request.CANCEL, "no answer"), "whose outcome is not known"),
    ],
)
def test_an_exit_of_the_strategy_that_may_have_filled_comes_first(fact: Fact, why: str) -> None:
    """Accepted at none, its late fill of ten would turn the strategy round."""
    desk = desk_with(Dip=10)
    a_stop(desk)
    if isinstance(fact, OutcomeLost):
        desk.record(CancelIntended(T0, "stop"))
    desk.record(fact)
    broken(desk, None)

    assert why in refusal(desk, None)


@pytest.mark.parametrize("finding", ["ORDER_MISSING", "ORDER_FILLED_DIFFERS", "ORDER_REVIVED"])
def test_an_order_that_differs_from_the_venue_s_comes_first(finding: str) -> None:
    desk = desk_with(Dip=10, Trend=1)
    a_stop(desk)
    broken(desk, 4)
    found = {"finding": finding, "name": "stop", "ours": "10", "theirs": None, "remedy": "ASK", "text": ""}
    desk.record(Reconciled(T0, [*desk.views.control.findings, found]))

    assert "What became of the order stop is not sure" in refusal(desk)


def test_an_order_that_is_asked_for_by_name_comes_first() -> None:
    """It was taken for never arrived, and the venue speaks of it after all."""
    desk = desk_with(Dip=10)
    sale = an_order("sale", strategy="Dip", side=Side.SELL, quantity=Decimal(6), purpose=Purpose.EXIT_RULE)
    desk.record(OrderIntended(sale))
    desk.record(OrderRejected(T0, "sale", Reason.NEVER_ARRIVED))
    broken(desk, 4)
    acceptance, keeper = accepting(desk, settings=SETTINGS)
    keeper.take([OrderAccepted(T0, "sale")], T0)

    with pytest.raises(InputError, match="What became of the order sale is not sure"):
        acceptance.accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)


def test_an_order_of_others_is_canceled_where_it_came_from() -> None:
    """`pause` leaves it alone, so it does not help."""
    desk = desk_with(Dip=10)
    broken(desk, 4)
    desk.work(an_order("theirs", strategy=EXTERNAL, side=Side.SELL))

    text = refusal(desk)

    assert "nobody here asked for" in text and "Cancel it at the broker" in text and "pause" not in text


def test_what_executed_since_it_was_shown_may_explain_it() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    sale = an_order("sale", strategy="Dip", side=Side.SELL, quantity=Decimal(6), purpose=Purpose.EXIT_RULE)
    desk.work(sale)
    execution = Execution("E-late", "sale", "Dip", SYMBOL, Side.SELL, Decimal(6), PRICE, Decimal(0), T0)
    desk.record(OrderFilled(execution, Decimal(0)))

    assert "something has happened" in refusal(desk)


def test_it_is_booked_once() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    acceptance, _ = accepting(desk)
    acceptance.accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)

    with pytest.raises(
        InputError, match="There is no difference of ABCD any more: ABCD was accepted at the broker's 4"
    ):
        acceptance.accept(SYMBOL, "4", who="ben", reason="me too", now_ns=T0 + 2)
    assert desk.views.quantity(SYMBOL) == 4


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"changes": {"Dip": Decimal(-5)}}, "the difference is -6, and -5 of it is booked"),
        ({"price": None}, "price must be an exact number"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_fact_that_does_not_add_up_is_refused(changes: dict[str, Any], match: str) -> None:
    whole = {"changes": {"Dip": Decimal(-6)}, "price": PRICE, "symbol": SYMBOL, "who": "anna", "reason": "asked them"}
    with pytest.raises(InputError, match=match):
        BreakAccepted(T0, Decimal(10), Decimal(4), **{**whole, **changes})  # type: ignore[arg-type]  # fields by name
