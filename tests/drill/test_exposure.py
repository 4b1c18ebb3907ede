"""Limits are held to account by what the venue executed, at prices that cannot be argued with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from drill.builders import T0, an_order
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.slice import Slice
from tapeline.domain.times import HOUR, MINUTE
from tapeline.domain.words import Purpose, Side
from tapeline.drill.exposure import Bounds, Exposure
from tapeline.simulation.limit_settings import Limits

SYMBOLS = ("ABCD", "BCDE")


class AtWork:
    """An exposure over 100,000 in which at most one holding and half of it for "Dice" is allowed."""

    def __init__(self, account: Limits, own: Limits) -> None:
        self.past: list[Slice] = []
        self.exposure = Exposure(Bounds(account, {"Dice": own}), self.past, Decimal(100_000))
        self._count = 0

    def closes(self, at_ns: int, *closes: float) -> None:
        """Let a slice end with these closes."""
        bars = np.array([[closes]] * 5, dtype=float)
        self.past.append(Slice(at_ns, at_ns - 5 * MINUTE, SYMBOLS, bars, 0, T0, T0 + 6 * HOUR))

    def fill(self, quantity: int, **terms: Any) -> tuple[Order, str | None]:
        """Let the venue execute a new order of ours whole."""
        self._count += 1
        order = an_order(f"order-{self._count}", quantity=Decimal(quantity), **terms)
        price, fee = Decimal(100), Decimal(1)
        execution = Execution(
            f"E{self._count}", order.client_order_id, order.strategy, order.symbol, order.side, order.quantity,
            price, fee, T0,
        )  # fmt: skip
        return order, self.exposure.filled(execution, order)


def test_one_holding_more_than_allowed_breaks_the_limit_of_positions() -> None:
    work = AtWork(Limits(positions=1), Limits())
    work.closes(T0, 100.0, 100.0)

    assert work.fill(10)[1] is None
    assert work.fill(10)[1] is None, "more of the same is one holding"
    assert "have 2 holdings at the venue, the limit is 1" in str(work.fill(1, symbol="BCDE")[1])


def test_the_same_symbol_for_another_strategy_is_a_holding_of_its_own() -> None:
    work = AtWork(Limits(positions=1), Limits())
    work.fill(10)

    assert "10 ABCD for Dice, -10 ABCD for Other" in str(work.fill(10, strategy="Other", side=Side.SELL)[1])


def test_what_was_closed_leaves_its_place_to_another() -> None:
    work = AtWork(Limits(positions=1), Limits())
    work.fill(10)
    work.fill(10, side=Side.SELL, purpose=Purpose.EXIT_RULE)

    assert work.fill(10, symbol="BCDE")[1] is None


@pytest.mark.parametrize(("second", "holds"), [(254, True), (256, False)])
def test_gross_is_the_sum_of_long_and_short_at_the_lowest_close(second: int, *, holds: bool) -> None:
    """Half of 100,000 and a percent: 50,500. 250 at 100 are 25,000, so 25,500 are left: 255 at 100."""
    work = AtWork(Limits(), Limits(gross=0.5))
    work.closes(T0 - 2 * HOUR, 1.0, 1.0)
    work.closes(T0 - 5 * MINUTE, 100.0, 100.0)
    work.closes(T0, 120.0, 130.0)
    work.fill(250)

    assert (work.fill(second, symbol="BCDE", side=Side.SELL)[1] is None) is holds


def test_a_close_from_before_an_entry_was_wished_does_not_count_and_one_after_it_does() -> None:
    work = AtWork(Limits(), Limits(gross=0.5))
    work.closes(T0, 200.0, 200.0)
    work.fill(250)
    work.closes(T0 + 5 * MINUTE, 100.0, 200.0)

    assert work.fill(1)[1] is None, "at 100 the 251 are worth half of what they were"


def test_exits_are_never_stopped_and_a_busted_holding_is_left_out() -> None:
    work = AtWork(Limits(positions=1), Limits())
    first, _ = work.fill(10)
    work.exposure.busted(first)

    assert work.fill(10, symbol="BCDE")[1] is None
    assert work.fill(20, strategy="Other", purpose=Purpose.STOP)[1] is None
