"""What becomes of exits that are for more than is left after a difference was accepted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from execution.accepting import PRICE, SYMBOL, accept, accepting, broken, desk_with, exit_of, sent, total_of
from ledger.builders import T0
from risk.builders import an_order
from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.control import TradingState
from tapeline.domain.execution import Execution
from tapeline.domain.words import OrderType, Purpose, Side
from tapeline.execution.fitting import Fitting
from tapeline.execution.messages import Cancel, Replace
from tapeline.ledger.order_facts import CancelIntended, OrderFilled, ReplaceIntended


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
        ({"part": (3, PART, None), "stop": (7, STOP, None)}, 7, {"part": None}),
        ({"one": (7, PART, "pair"), "two": (7, PART, "pair"), "three": (3, PART, None)}, 4, {"one": None, "two": None}),
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
