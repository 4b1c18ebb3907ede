"""The trader with dice: whatever it wants at once, all of it filled stays within its limit."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from drill.builders import T0, an_order
from tapeline.domain.execution import Execution
from tapeline.domain.slice import Slice
from tapeline.domain.times import HOUR, MINUTE
from tapeline.domain.words import Side
from tapeline.drill import actor
from tapeline.drill.actor import Actor, Submit
from tapeline.drill.virtual_time import Chance
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.ledger.views import Views

LIMIT, WORKING = 1_000, 950


def books_that_hold(quantity: int) -> Views:
    """Return views in which the trader holds so many ABCD, and an order for 950 works that makes it less."""
    views = Views()
    side = Side.BUY if quantity > 0 else Side.SELL
    total = Decimal(abs(quantity))
    views.apply(OrderIntended(an_order("held", side=side, quantity=total)))
    execution = Execution("E1", "held", "Dice", "ABCD", side, total, Decimal(100), Decimal(0), T0)
    views.apply(OrderFilled(execution, Decimal(0)))
    views.apply(OrderIntended(an_order("works", side=side.opposite, quantity=Decimal(WORKING))))
    return views


@pytest.mark.parametrize("held", [-673, 640])
def test_an_entry_and_an_exit_of_one_decision_stay_within_the_limit_together(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "ENTRY_RATE", 1.0)
    monkeypatch.setattr(actor, "EXIT_RATE", 1.0)
    views = books_that_hold(held)
    now = Slice(T0, T0 - 5 * MINUTE, ("ABCD",), np.full((5, 1, 1), 100.0), 0, T0 - HOUR, T0 + HOUR)
    both, exit_side = 0, Side.BUY if held < 0 else Side.SELL
    for seed in range(100):
        wishes = Actor(("ABCD",), Chance(seed, "test"), LIMIT).decide(now, views, T0 + 1, lambda symbol: True)
        orders = [order for wish in wishes if isinstance(wish, Submit) for order in wish.orders]
        both += sum(isinstance(wish, Submit) for wish in wishes) == 2
        for side, there in ((exit_side, WORKING - abs(held)), (exit_side.opposite, abs(held))):
            asked = sum(int(order.quantity) for order in orders if order.side is side)
            assert there + asked <= LIMIT
    assert both > 10
