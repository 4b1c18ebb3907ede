"""Short ways to bring an order keeper into a state, for tests of one trouble at a time."""

from __future__ import annotations

from decimal import Decimal

from execution.running import Trader
from tapeline.domain.reports import Question
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.order_facts import OrderFilled


def a_working_order(trader: Trader, quantity: int = 10, **terms: object) -> str:
    name = trader.place(quantity=quantity, **terms)
    trader.settle()
    assert trader.status(name) == "NEW"
    return name


def say(trader: Trader, *facts: object) -> list[object]:
    """Let these reports arrive, in this order, and read them."""
    trader.link.arrived += facts
    return trader.turn()


def fills(trader: Trader, name: str, *quantities: int) -> list[OrderFilled]:
    """Let the venue execute, and keep what it says about it."""
    said = [trader.venue.fill(name, trader.now, Decimal(quantity), Decimal(100)) for quantity in quantities]
    return [fact for facts in said for fact in facts]


def with_position(trader: Trader, quantity: int = 10) -> Trader:
    name = a_working_order(trader, quantity)
    trader.fill(name, quantity)
    trader.settle()
    assert trader.held() == quantity
    return trader


def an_exit(trader: Trader, quantity: int = 10) -> str:
    return trader.place(side=Side.SELL, quantity=quantity, purpose=Purpose.EXIT_RULE)


def asked(trader: Trader) -> list[Question]:
    """What is on its way to the venue, by asking it."""
    return [query.question for query in trader.questions_under_way()]
