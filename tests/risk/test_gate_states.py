"""What the gate lets pass while trading is reducing or halted, and while what is held is in doubt."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger.builders import T0
from risk.builders import SELL, Desk, an_exit, an_order, holds, lower
from tapeline.domain.control import TradingState
from tapeline.domain.words import OrderType, Purpose


@pytest.mark.parametrize(
    ("state", "entry", "exit_"),
    [
        (TradingState.ACTIVE, None, None),
        (TradingState.REDUCING, "trading_state", None),
        (TradingState.HALTED, "trading_state", "trading_state"),
    ],
)
def test_the_trading_state_says_what_may_leave(state: TradingState, entry: str | None, exit_: str | None) -> None:
    desk = Desk()
    holds(desk, 10)
    if state is not TradingState.ACTIVE:
        lower(desk, state)

    assert desk.ask(an_order("entry")) == entry
    assert desk.ask(an_order("exit", purpose=Purpose.EXIT_RULE, **SELL)) == exit_


@pytest.mark.parametrize(
    ("order_type", "quantity", "purpose", "denied"),
    [
        (OrderType.STOP, 10, Purpose.STOP, None),
        (OrderType.STOP, 10, Purpose.EXIT_RULE, None),
        (OrderType.STOP, 11, Purpose.STOP, "trading_state"),
        (OrderType.STOP, 10, Purpose.ENTRY, "trading_state"),
        (OrderType.MARKET, 10, Purpose.STOP, "trading_state"),
    ],
)
def test_while_halted_a_stop_of_what_is_held_may_leave(
    order_type: OrderType, quantity: int, purpose: Purpose, denied: str | None
) -> None:
    desk = Desk()
    holds(desk, 10)
    lower(desk, TradingState.HALTED)
    terms = {"stop_price": Decimal(90)} if order_type is OrderType.STOP else {}
    wanted = {**SELL, "quantity": Decimal(quantity), "order_type": order_type, "purpose": purpose, **terms}

    assert desk.ask(an_order("stop", **wanted)) == denied


def test_while_reducing_an_entry_against_the_holding_of_another_strategy_is_an_entry() -> None:
    """It would make the account's position smaller, and turn it round as soon as the other leaves its own."""
    desk = Desk()
    holds(desk, 10, "Other")
    lower(desk, TradingState.REDUCING)

    assert desk.ask(an_order("entry", **SELL)) == "trading_state"
    assert desk.ask(an_exit("exit", strategy="Other")) is None


def test_in_doubt_only_exits_leave() -> None:
    """An entry against the account's position turns it round as soon as the strategy that holds it leaves."""
    desk = Desk()
    holds(desk, 10)
    desk.gate.hold_back_by(lambda symbol: f"a gap is open, and reports of {symbol} may be missing")

    denial = desk.gate.ask(an_order("entry"), T0)
    assert denial is not None
    assert (denial.limit.word, denial.text) == ("doubt", "a gap is open, and reports of ABCD may be missing")
    assert desk.ask(an_order("against", **SELL)) == "doubt"
    assert desk.ask(an_exit("exit")) is None
