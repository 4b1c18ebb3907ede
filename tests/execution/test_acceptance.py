"""What accepting a difference books, and to whom, and what becomes of the exits that were for more than is left."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.running import SETTINGS
from ledger.builders import T0
from risk.builders import Desk, an_order
from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.control import TradingState
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose, Reason, Side
from tapeline.execution.acceptance import Acceptance
from tapeline.execution.fitting import Fitting
from tapeline.execution.messages import Cancel, Message, Replace
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT, KeeperSettings
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.control_facts import Reconciled, SymbolLocked
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderAccepted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderTriggered,
    OutcomeLost,
)
from tapeline.ports.journal import Fact

SYMBOL, PRICE = "ABCD", Decimal(100)


def desk_with(**held: int) -> Desk:
    """Return a desk whose strategies hold so much, signed, each bought or sold at 100."""
    desk = Desk()
    for strategy, quantity in held.items():
        if not quantity:
            continue
        side = Side.BUY if quantity > 0 else Side.SELL
        order = an_order(f"entry-{strategy}", strategy=strategy, side=side, quantity=Decimal(abs(quantity)))
        desk.work(order)
        desk.record(
            OrderFilled(
                Execution(
                    f"E-{strategy}",
                    order.client_order_id,
                    strategy,
                    SYMBOL,
                    side,
                    order.quantity,
                    PRICE,
                    Decimal(0),
                    T0,
                ),
                Decimal(0),
            )
        )
    return desk


def broken(desk: Desk, theirs: int | None) -> None:
    """Let a comparison have found that the venue holds so much."""
    ours = desk.views.quantity(SYMBOL)
    finding = {
        "finding": "POSITION_BREAK",
        "name": SYMBOL,
        "ours": f"{ours}",
        "remedy": "LOCK",
        "text": "",
        "theirs": None if theirs is None else f"{theirs}",
    }
    desk.record(SymbolLocked(T0, SYMBOL, ours, None if theirs is None else Decimal(theirs)))
    desk.record(Reconciled(T0, [finding]))


def accepting(
    desk: Desk, price: Decimal | None = PRICE, settings: KeeperSettings = PERFECT
) -> tuple[Acceptance, OrderKeeper]:
    keeper = OrderKeeper(desk.views, desk.record, settings, random=Random(0))
    return Acceptance(desk.views, desk.record, keeper, lambda symbol: price), keeper


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
    assert "just being compared" not in (no_price := refusal(desk, price=None)) and "--price" in no_price
    assert "was shown as none" in refusal(desk, None)

    desk.work(an_order("entry-again", strategy="Dip"))
    assert "The entry entry-again works" in refusal(desk)


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
        BreakAccepted(T0, Decimal(10), Decimal(4), **{**whole, **changes})  # type: ignore[arg-type]
