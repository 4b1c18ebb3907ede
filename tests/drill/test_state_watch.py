"""What may leave under a trading state, what raises it, and when everything is closed: held to the durable facts."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from drill.builders import T0, an_order
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.order import Order
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose, Role, Side
from tapeline.drill.accountant import Accountant
from tapeline.drill.state_watch import StateWatch
from tapeline.ledger.control_facts import (
    CommandGiven,
    Flattened,
    Reconciled,
    TradingStateChanged,
)

LOWERED = TradingStateChanged(T0, TradingState.REDUCING, Trigger.PERSON, "anna")
RAISED = TradingStateChanged(T0, TradingState.ACTIVE, Trigger.PERSON, "anna")
RESUME, FLATTEN = CommandGiven(T0, "resume", {}, "anna"), CommandGiven(T0, "flatten", {}, "anna")


class AtWork:
    """A watch over facts that a test makes durable; the account holds ten ABCD."""

    def __init__(self, *facts: Any) -> None:
        self.accountant = Accountant()
        self.accountant.positions["Dice", "ABCD"] = Decimal(10)
        self.watch = StateWatch(self.accountant)
        self.said = [self.watch.read(fact) for fact in facts]

    def sends(self, request: Request = Request.SUBMIT, **terms: Any) -> str | None:
        """Let a sale leave."""
        return self.watch.sent(request, a_sale(**terms))


def a_sale(**terms: Any) -> Order:
    return an_order(**{"side": Side.SELL, "purpose": Purpose.EXIT_RULE, **terms})


@pytest.mark.parametrize(
    ("state", "request_", "purpose", "may"),
    [
        (TradingState.ACTIVE, Request.SUBMIT, Purpose.ENTRY, True),
        (TradingState.REDUCING, Request.SUBMIT, Purpose.ENTRY, False),
        (TradingState.REDUCING, Request.REPLACE, Purpose.ENTRY, False),
        (TradingState.REDUCING, Request.CANCEL, Purpose.ENTRY, True),
        (TradingState.REDUCING, Request.SUBMIT, Purpose.EXIT_RULE, True),
        (TradingState.REDUCING, Request.REPLACE, Purpose.STOP, True),
        (TradingState.HALTED, Request.SUBMIT, Purpose.EXIT_RULE, False),
        (TradingState.HALTED, Request.REPLACE, Purpose.STOP, False),
        (TradingState.HALTED, Request.CANCEL, Purpose.STOP, True),
        (TradingState.HALTED, Request.SUBMIT, Purpose.FLATTEN, True),
    ],
)
def test_what_may_leave_in_a_trading_state(state: TradingState, request_: Request, purpose: Purpose, may: bool) -> None:
    work = AtWork(TradingStateChanged(T0, state, Trigger.PERSON, "anna"))

    assert (work.sends(request_, purpose=purpose) is None) is may


@pytest.mark.parametrize(
    ("terms", "request_", "may"),
    [
        ({"purpose": Purpose.STOP}, Request.SUBMIT, True),
        ({"purpose": Purpose.STOP, "quantity": Decimal(11)}, Request.SUBMIT, False),
        ({"purpose": Purpose.STOP, "parent": "entry", "role": Role.STOP}, Request.SUBMIT, False),
        ({"purpose": Purpose.ENTRY}, Request.SUBMIT, False),
        ({"purpose": Purpose.STOP, "side": Side.BUY}, Request.SUBMIT, False),
        ({"purpose": Purpose.EXIT_RULE}, Request.REPLACE, True),
        ({"purpose": Purpose.STOP}, Request.REPLACE, False),
    ],
)
def test_while_halted_a_stop_of_what_is_held_may_leave(terms: dict[str, Any], request_: Request, may: bool) -> None:
    work = AtWork(TradingStateChanged(T0, TradingState.HALTED, Trigger.PERSON, "anna"))
    stop = {"order_type": OrderType.STOP, "stop_price": Decimal(90), "quantity": Decimal(10)}

    assert (work.sends(request_, **{**stop, **terms}) is None) is may


def test_only_a_command_raises_the_state() -> None:
    assert AtWork(LOWERED, RAISED, RESUME).watch.committed() is None
    assert "a person asked for it 0 times" in str(AtWork(LOWERED, RAISED).watch.committed())


def test_the_state_is_not_raised_in_a_gap_nor_while_everything_is_being_closed() -> None:
    work = AtWork(LOWERED)
    work.accountant.is_gap_open = True

    assert "while a gap is open" in str(work.watch.read(RAISED))
    assert "while everything is being closed" in str(AtWork(FLATTEN, LOWERED, RAISED).said[-1])


@pytest.mark.parametrize(
    ("facts", "holds", "works", "sentence"),
    [
        ((FLATTEN, Reconciled(T0)), 0, (), None),
        ((FLATTEN, Reconciled(T0)), 1, (), "the account holds"),
        ((FLATTEN, Reconciled(T0)), 0, ("one",), "these orders work: one"),
        ((Reconciled(T0), FLATTEN), 0, (), "not compared since"),
        ((Reconciled(T0),), 0, (), "nobody asked"),
    ],
)
def test_everything_is_closed_when_the_books_say_so(
    facts: tuple[Any, ...], holds: int, works: tuple[str, ...], sentence: str | None
) -> None:
    work = AtWork(*facts)
    work.accountant.positions["Dice", "ABCD"] = Decimal(holds)
    work.accountant.intended = dict.fromkeys(works)

    said = work.watch.read(Flattened(T0))

    assert said is None if sentence is None else sentence in str(said)
    assert work.watch.is_closing is False


def test_a_flatten_that_was_refused_closes_nothing() -> None:
    refused = CommandGiven(T0, "flatten", {}, "anna", refusal="no")

    assert AtWork(refused).watch.is_closing is None


def test_an_execution_makes_the_comparison_before_it_an_old_one() -> None:
    news = SimpleNamespace(kind="OrderFilled")

    work = AtWork(FLATTEN, Reconciled(T0), news)
    work.accountant.positions.clear()

    assert "not compared since" in str(work.watch.read(Flattened(T0)))
