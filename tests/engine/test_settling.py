"""The book after what is none of its plain events, against results counted by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tapeline import Account, Limits, RuleStrategy, RunSettings, bars, fixed_quantity
from tapeline.domain.adopted import EXTERNAL, Grounds
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.times import MINUTE, from_iso
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Reason, Side
from tapeline.engine.assembly import assemble
from tapeline.engine.desk import Desk
from tapeline.engine.retaking import Retaking
from tapeline.ledger.adopted_facts import BreakAccepted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.facts import CashMoved, SessionClosed
from tapeline.ledger.order_facts import (
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderReplaced,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.views import Views
from tapeline.simulation.book import mark_holdings
from tapeline.simulation.limits import limit_quantity, watch_day
from tapeline.simulation.records import ENTERING, FLAT, HOLDING

T0 = from_iso("2024-01-02T15:00:00Z")
SYMBOLS = ("A", "B")
GROUNDS = Grounds("the venue")


class First(RuleStrategy):
    """Wishes nothing by itself."""

    bar = bars("1min")
    size = fixed_quantity(1)
    enter_long = bar.close < 0.0
    exit_long = bar.close < 0.0


class Second(First):
    """As the first."""


class World:
    """A desk that follows a ledger, told of facts one by one or of several at once."""

    def __init__(self, limits: Limits | None = None) -> None:
        run = RunSettings(account=Account(100_000, "margin", 4.0, short_allowed=True), limits=limits or Limits())
        self.desk = Desk(assemble([First(), Second()], symbol_count=2, base_frame_ns=MINUTE, settings=run), SYMBOLS)
        self.desk.follows_ledger = True
        self.tables = self.desk.book.fixed
        self.views = Views()
        self.retaking = Retaking(self.desk)
        self.views.apply(CashMoved(T0, CashCause.DEPOSIT, Decimal(100_000)))

    def take(self, *facts: Any) -> World:
        reports: list[Any] = []
        for fact in facts:
            if isinstance(fact, OrderIntended):
                self.desk.book_reports(reports, 0, self.views)
                reports = []
            self.views.apply(fact)
            if isinstance(fact, OrderIntended):
                self.retaking.ordered(fact)
            else:
                reports.append(fact)
        self.desk.book_reports(reports, 0, self.views)
        return self

    def see(self, minute: int, a: float, b: float = 50.0) -> World:
        """End a slice with these prices."""
        close, volume = np.array([a, b]), np.ones(2)
        mark_holdings(self.desk.book, close, close, close, volume)
        watch_day(self.desk.book, T0 + minute * MINUTE, 0)
        return self

    def day(self, strategy: int = 0) -> dict[str, float]:
        row = self.tables.days[1 + strategy]
        return {name: float(row[name]) for name in ("worth", "high", "lost", "fallen", "closed", "losses")}


def ordered(
    name: str, side: Side, quantity: str, price: str, purpose: Purpose = Purpose.ENTRY, strategy: str = "First"
) -> OrderIntended:
    order = Order(
        name, strategy, "A", side, OrderType.LIMIT, Decimal(quantity), T0, limit_price=Decimal(price), purpose=purpose
    )
    return OrderIntended(order, sizing={"price": float(price), "quantity": float(quantity)})


def filled(
    number: int, name: str, side: Side, quantity: str, price: str, leaves: str = "0", strategy: str = "First"
) -> OrderFilled:
    return OrderFilled(execution(number, name, side, quantity, price, strategy), Decimal(leaves))


def execution(number: int, name: str, side: Side, quantity: str, price: str, strategy: str = "First") -> Execution:
    terms = Decimal(quantity), Decimal(price), Decimal("0.50"), T0 + number * MINUTE
    return Execution(f"E{number}", name, strategy, "A", side, *terms)


def bought(quantity: str, price: str, number: int = 1) -> tuple[Any, ...]:
    name = f"in{number}"
    intended = ordered(name, Side.BUY, quantity, price)
    return intended, OrderAccepted(T0 + MINUTE, name, "V" + name), filled(number, name, Side.BUY, quantity, price)


def flattened(number: int, quantity: str, price: str) -> tuple[Any, ...]:
    """Return what an order that no strategy asked for closed."""
    name = f"flat{number}"
    intended = ordered(name, Side.SELL, quantity, price, Purpose.FLATTEN)
    return intended, filled(number, name, Side.SELL, quantity, price)


def test_what_two_strategies_hold_to_the_last_decimal_leaves_nothing_outside() -> None:
    world = World()
    for number, (quantity, strategy) in enumerate((("0.1", "First"), ("0.2", "Second")), 1):
        name = f"in{number}"
        world.take(ordered(name, Side.BUY, quantity, "10", strategy=strategy))
        world.take(filled(number, name, Side.BUY, quantity, "10", strategy=strategy))

    assert world.tables.positions[0] == 0.3
    assert (world.tables.outside == 0.0).all()
    assert world.tables.account[0]["external"] == 0


def test_a_profit_that_is_flattened_is_no_fall_of_the_day() -> None:
    """100 at 10.00, worth 12.00 at the end of a slice, flattened at 12.00: 200 less the commissions."""
    world = World().take(*bought("100", "10")).see(1, 12.0)
    assert world.day()["worth"] == pytest.approx(199.5)

    world.take(*flattened(2, "100", "12")).see(2, 12.0)

    assert world.day() == pytest.approx(
        {"worth": 199.0, "high": 199.5, "lost": 0.0, "fallen": 0.5 / 100_000, "closed": 199.0, "losses": 0}
    )


def test_a_loss_that_is_flattened_is_one_of_the_day_and_of_the_row() -> None:
    world = World().see(0, 10.0).take(*bought("100", "10"), *flattened(2, "100", "9")).see(2, 9.0)

    assert world.day() == pytest.approx(
        {"worth": -101.0, "high": 0.0, "lost": 101 / 100_000, "fallen": 101 / 100_000, "closed": -101.0, "losses": 1}
    )
    assert world.tables.days[0]["losses"] == 1
    assert world.tables.days[1]["last_loss_ns"] == world.tables.days[0]["last_loss_ns"] == T0 + 2 * MINUTE
    assert world.day(1)["losses"] == 0


def test_shares_that_are_gone_and_accepted_are_a_loss_of_their_strategy() -> None:
    """40 of 100 are gone at a price of 11.00: they had cost 400. Those that are left still have made 60."""
    world = World().take(*bought("100", "10")).see(1, 11.0)

    world.take(accepted(2, -40, "11")).see(2, 11.0)
    assert world.day()["worth"] == pytest.approx(60 - 400 - 0.5)

    exit_order = ordered("out", Side.SELL, "60", "11", Purpose.EXIT_RULE)
    world.take(exit_order, filled(3, "out", Side.SELL, "60", "11")).see(3, 11.0)
    assert world.day()["worth"] == world.day()["closed"] == pytest.approx(60 - 400 - 1.0)
    assert world.day()["losses"] == 1


def test_all_shares_that_are_gone_and_accepted_end_a_losing_round_trip() -> None:
    world = World().see(0, 10.0).take(*bought("100", "10"), accepted(2, -100, "11")).see(2, 11.0)

    assert world.day()["closed"] == world.day()["worth"] == pytest.approx(-1000.5)
    assert world.day()["losses"] == 1


def accepted(number: int, change: int, price: str) -> BreakAccepted:
    changes = {"First": Decimal(change)}
    ours = Decimal(100)
    return BreakAccepted(T0 + number * MINUTE, ours, ours + change, "ann", "asked", "A", changes, Decimal(price))


def test_a_bust_that_reopens_a_holding_takes_its_loss_back_until_it_closes_again() -> None:
    world = World().take(*bought("100", "10"))
    world.take(ordered("out", Side.SELL, "100", "9", Purpose.EXIT_RULE), filled(2, "out", Side.SELL, "100", "9"))
    assert (world.day()["closed"], world.day()["losses"]) == (-101.0, 1)

    busted = execution(2, "out", Side.SELL, "100", "9")
    world.take(ExecutionBusted(T0 + 3 * MINUTE, busted, GROUNDS)).see(3, 9.5)
    assert (world.day()["closed"], world.day()["losses"]) == (0.0, 0)
    assert world.day()["worth"] == pytest.approx(-50.5)

    world.take(ordered("again", Side.SELL, "100", "9.5", Purpose.EXIT_RULE))
    world.take(filled(4, "again", Side.SELL, "100", "9.5")).see(4, 9.5)
    assert world.day()["closed"] == world.day()["worth"] == pytest.approx(-51.0)
    assert world.day()["losses"] == 1


@pytest.mark.parametrize("at_once", [False, True])
def test_a_holding_that_a_bust_reopens_while_an_entry_is_on_its_way_knows_since_when_it_is(at_once: bool) -> None:
    world = World().take(*bought("100", "10"))
    world.take(ordered("out", Side.SELL, "100", "9", Purpose.EXIT_RULE), filled(2, "out", Side.SELL, "100", "9"))
    world.take(ordered("in3", Side.BUY, "50", "9"), OrderAccepted(T0 + 3 * MINUTE, "in3", "V3"))
    busted = ExecutionBusted(T0 + 4 * MINUTE, execution(2, "out", Side.SELL, "100", "9"), GROUNDS)
    bought_more = filled(5, "in3", Side.BUY, "50", "9")
    for facts in [(busted, bought_more)] if at_once else [(busted,), (bought_more,)]:
        world.take(*facts)

    holding = world.see(6, 11.0).tables.holdings[0, 0]

    assert (world.tables.states[0, 0], holding["quantity"], holding["side"]) == (HOLDING, 150.0, 1)
    assert holding["entry_ns"] == T0 + (5 if at_once else 4) * MINUTE
    assert (holding["entry_session"], holding["highest"]) == (0, 11.0)
    assert holding["lowest"] == (9.0 if at_once else 10.0)


def test_a_corrected_price_counts_in_the_holding_and_in_what_it_makes() -> None:
    before = execution(1, "in1", Side.BUY, "100", "10")
    after = replace(before, execution_id="E1~2", price=Decimal("10.20"))
    world = World().take(*bought("100", "10")).see(1, 11.0)

    world.take(ExecutionCorrected(T0 + 2 * MINUTE, before, after, GROUNDS)).see(2, 11.0)

    assert world.tables.holdings[0, 0]["entry_price"] == pytest.approx(10.20)
    assert world.day()["worth"] == pytest.approx(79.5)


def test_losses_of_sessions_before_are_not_in_the_row_unless_a_pause_is_in_minutes() -> None:
    for pause_minutes, losses in ((None, 1), (30, 2)):
        world = World(Limits(losses_in_row=3, pause_minutes=pause_minutes))
        world.take(*bought("100", "10"), *flattened(2, "100", "9"))
        world.views.apply(SessionClosed(T0 + 3 * MINUTE, {}))

        world.take(*bought("100", "10", 4), *flattened(5, "100", "9"))

        assert world.tables.days[0]["losses"] == losses
        assert world.day()["closed"] == -202.0


def test_the_days_are_the_same_however_many_facts_come_at_once() -> None:
    busted = execution(4, "out", Side.SELL, "60", "9")
    facts = (
        *bought("100", "10"), *flattened(2, "100", "9"), *bought("60", "9", 3),
        ordered("out", Side.SELL, "60", "9", Purpose.EXIT_RULE), filled(4, "out", Side.SELL, "60", "9"),
        ExecutionBusted(T0 + 5 * MINUTE, busted, GROUNDS), *flattened(6, "60", "9.40"),
    )  # fmt: skip
    alone, at_once = World(), World().take(*facts)
    for fact in facts:
        alone.take(fact)

    assert alone.tables.days.tolist() == at_once.tables.days.tolist()
    assert alone.tables.holdings.tobytes() == at_once.tables.holdings.tobytes()
    assert alone.day()["closed"] == pytest.approx(-101.0 + 24.0 - 1.0)


def entering(quantity: str, *parts: str, limits: Limits | None = None) -> World:
    """Return a world in which an entry at 10.00 has filled in parts, the executions E1, E2 and so on."""
    leaves = Decimal(quantity)
    world = World(limits).take(ordered("in1", Side.BUY, quantity, "10"), OrderAccepted(T0 + MINUTE, "in1", "V1"))
    for number, part in enumerate(parts, 1):
        leaves -= Decimal(part)
        world.take(filled(number, "in1", Side.BUY, part, "10", str(leaves)))
    return world


def bust(number: int, name: str, side: Side, quantity: str, leaves: str | None = None) -> ExecutionBusted:
    busted = execution(number, name, side, quantity, "10")
    open_quantity = None if leaves is None else Decimal(leaves)
    return ExecutionBusted(T0 + 10 * MINUTE, busted, GROUNDS, leaves_quantity=open_quantity)


def pending(world: World) -> tuple[float, float, int]:
    holding = world.tables.holdings[0, 0]
    return float(holding["pending_notional"]), float(holding["pending_risk"]), int(world.tables.states[0, 0])


def test_what_was_busted_of_an_entry_that_works_on_is_pending_again() -> None:
    world = entering("100", "40", "20")
    assert pending(world) == pytest.approx((400.0, 400.0, HOLDING))

    world.take(bust(2, "in1", Side.BUY, "20", "60"))
    assert pending(world) == pytest.approx((600.0, 600.0, HOLDING))

    world.take(bust(1, "in1", Side.BUY, "40", "100"))
    assert pending(world) == pytest.approx((1000.0, 1000.0, ENTERING))


@pytest.mark.parametrize(("part", "state"), [("40", HOLDING), ("100", ENTERING)])
def test_an_entry_that_was_done_and_works_again_after_a_bust_is_pending(part: str, state: int) -> None:
    parts = ("60", "40") if part == "40" else ("100",)
    world = entering("100", *parts).take(bust(len(parts), "in1", Side.BUY, part, part))

    assert pending(world) == pytest.approx((10 * float(part), 10 * float(part), state))

    world.take(filled(9, "in1", Side.BUY, part, "10"))
    assert pending(world) == (0.0, 0.0, HOLDING)
    assert world.tables.holdings[0, 0]["quantity"] == world.tables.holdings[0, 0]["entered_quantity"] == 100.0


def test_an_entry_that_was_done_and_stays_done_after_a_bust_is_not_pending() -> None:
    world = entering("100", "60", "40")
    world.take(bust(2, "in1", Side.BUY, "40"))

    assert pending(world) == (0.0, 0.0, HOLDING)


def test_an_entry_that_works_on_against_a_holding_that_a_bust_turned_counts_on_its_own_side() -> None:
    """20 and 40 of 100 are bought, 50 are sold, the 40 are busted: 30 are short, and 80 may still be bought."""
    world = entering("100", "20", "40", limits=Limits(short=0.005)).take(*flattened(3, "50", "10")).see(3, 10.0)
    world.take(bust(2, "in1", Side.BUY, "40", "80")).see(4, 10.0)

    assert world.tables.holdings[0, 0]["quantity"] == -30.0
    assert pending(world) == (0.0, 0.0, HOLDING)
    assert world.tables.foreign[:, 0].tolist() == [80.0, 0.0]
    # 300 are short, and 500 less a few cents may be: room for 4 at 50.00
    room = limit_quantity(world.desk.book, 1, 1, -1, 10.0, 50.0, np.nan)[0]
    assert room == pytest.approx(4.0, abs=0.01)

    world.take(filled(5, "in1", Side.BUY, "30", "9", "50"))
    assert pending(world) == (500.0, 500.0, ENTERING)
    assert not world.tables.foreign.any() and world.tables.account[0]["external"] == 0

    world.take(filled(6, "in1", Side.BUY, "50", "9")).see(6, 9.0)
    holding = world.tables.holdings[0, 0]
    assert (holding["quantity"], holding["entered_quantity"], holding["entry_price"]) == (50.0, 50.0, 9.0)
    assert pending(world) == (0.0, 0.0, HOLDING)
    assert world.tables.account[0]["busy"] == 1
    # 20 bought and sold at 10.00, 30 sold at 10.00 and bought at 9.00; four commissions and the busted one's none
    assert world.day()["worth"] == pytest.approx(30.0 - 4 * 0.5)


def test_an_entry_whose_holding_was_closed_counts_again_when_a_fill_of_it_is_busted() -> None:
    """60 and 40 of 100 are bought, 100 are sold, the 40 are busted and work again: 40 are short, 40 may be bought."""
    world = entering("100", "60", "40").take(*flattened(3, "100", "10")).see(3, 10.0)
    account = world.tables.account[0]
    assert (account["busy"], world.tables.states[0, 0]) == (0, FLAT)

    world.take(bust(2, "in1", Side.BUY, "40", "40")).see(4, 10.0)
    assert world.tables.holdings[0, 0]["quantity"] == -40.0
    assert world.tables.foreign[:, 0].tolist() == [40.0, 0.0]

    world.take(filled(5, "in1", Side.BUY, "10", "10", "30")).see(5, 10.0)
    assert world.tables.holdings[0, 0]["quantity"] == -30.0
    assert world.tables.foreign[:, 0].tolist() == [30.0, 0.0]

    world.take(OrderCanceled(T0 + 6 * MINUTE, "in1"))
    assert not world.tables.foreign.any()


def test_an_entry_that_works_on_when_its_holding_was_closed_counts_until_it_has_ended() -> None:
    """60 of 100 are bought and sold again while the rest works on: 40 may still be bought."""
    world = entering("100", "60")
    assert pending(world) == pytest.approx((400.0, 400.0, HOLDING))
    out = ordered("out", Side.SELL, "60", "10", Purpose.EXIT_RULE)

    world.take(out, filled(2, "out", Side.SELL, "60", "10")).see(2, 10.0)
    assert world.tables.states[0, 0] == FLAT
    assert world.tables.foreign[:, 0].tolist() == [40.0, 0.0]

    world.take(OrderCanceled(T0 + 3 * MINUTE, "in1"))
    assert not world.tables.foreign.any() and world.tables.account[0]["external"] == 0


def test_an_entry_whose_stop_filled_before_it_by_what_is_told_counts_on_its_own_side() -> None:
    """The report of the entry, which sold 100, is lost; its stop bought 100 back: 100 may still be sold."""
    world = World().take(ordered("in1", Side.SELL, "100", "10"), OrderAccepted(T0 + MINUTE, "in1", "V1"))
    stop = ordered("stop", Side.BUY, "100", "11", Purpose.STOP)

    world.take(stop, filled(2, "stop", Side.BUY, "100", "11"))
    assert world.tables.holdings[0, 0]["quantity"] == 100.0
    assert world.tables.foreign[:, 0].tolist() == [0.0, 100.0]

    world.take(filled(1, "in1", Side.SELL, "100", "10"))
    assert world.tables.states[0, 0] == FLAT
    assert not world.tables.foreign.any()


def test_an_entry_that_the_venue_made_larger_is_one_position() -> None:
    """100 at 10.00 become 150, of which 60 fill: 90 are entering, and nothing is of others."""
    world = entering("100")
    account = world.tables.account[0]

    world.take(OrderReplaced(T0 + MINUTE, "in1", Decimal(150), Decimal(150), Decimal(10), reason=Reason.NONE))
    assert pending(world) == pytest.approx((1500.0, 1500.0, ENTERING))
    assert (account["busy"], account["external"]) == (1, 0)

    world.take(filled(2, "in1", Side.BUY, "60", "10", "90"))
    assert pending(world) == pytest.approx((900.0, 900.0, HOLDING))
    assert (account["busy"], account["external"], account["foreign"]) == (1, 0, 0)

    world.take(filled(3, "in1", Side.BUY, "90", "10"))
    assert pending(world) == (0.0, 0.0, HOLDING)
    assert (account["busy"], account["external"]) == (1, 0)


@pytest.mark.parametrize("answer", ["replaced", "refused", "filled"])
def test_an_entry_that_a_replace_without_an_answer_may_have_made_larger_is_one_position(answer: str) -> None:
    """100 at 10.00, of which 20 fill: until the venue answers, 130 of 150 are entering, and nothing is of others."""
    world = entering("100")
    account = world.tables.account[0]

    world.take(ReplaceIntended(T0 + 2 * MINUTE, "in1", quantity=Decimal(150)))
    assert pending(world) == pytest.approx((1500.0, 1500.0, ENTERING))
    world.take(filled(3, "in1", Side.BUY, "20", "10", "80"))
    assert pending(world) == pytest.approx((1300.0, 1300.0, HOLDING))
    assert (account["busy"], account["external"], account["foreign"]) == (1, 0, 0)

    if answer == "replaced":
        world.take(OrderReplaced(T0 + 4 * MINUTE, "in1", Decimal(150), Decimal(130), Decimal(10)))
        assert pending(world) == pytest.approx((1300.0, 1300.0, HOLDING))
    elif answer == "refused":
        world.take(ReplaceRejected(T0 + 4 * MINUTE, "in1", OrderStatus.PARTIALLY_FILLED, "no", Reason.NONE))
        assert pending(world) == pytest.approx((800.0, 800.0, HOLDING))
    else:
        world.take(filled(5, "in1", Side.BUY, "80", "10"))
        assert pending(world) == (0.0, 0.0, HOLDING)
    assert (account["busy"], account["external"], account["foreign"]) == (1, 0, 0)


def test_what_others_order_and_hold_beside_our_holding_is_a_position_of_theirs() -> None:
    world = World().take(*bought("100", "10"))
    account = world.tables.account[0]
    theirs = Order(
        "theirs", EXTERNAL, "A", Side.BUY, OrderType.LIMIT, Decimal(10), T0 + MINUTE, limit_price=Decimal(10)
    )

    world.take(OrderAdopted(T0 + 2 * MINUTE, theirs))
    assert (account["busy"], account["external"]) == (1, 1)
    world.take(filled(3, "theirs", Side.BUY, "10", "10", strategy=EXTERNAL))
    assert (account["busy"], account["external"], account["foreign"], account["outside"]) == (1, 1, 0, 1)
