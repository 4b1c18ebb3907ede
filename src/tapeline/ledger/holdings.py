"""Holdings: positions and round trips of every strategy, and how a corrected or busted execution is taken in.

An execution that is not as it was reported changes everything after it: what the shares cost on average, what a sale
realized, where a round trip ended. So its position is rebooked: computed anew from its first execution, in the order in
which the facts came, with the execution as it is known now or without it. The result is what the books would say
had it been reported so from the beginning, to the last digit:

    BUY  100 at 10.00
    BUY  100 at 11.00     200, cost 2,100.00
    SELL 100 at 12.00     realized 150.00, cost 1,050.00
    the second is busted: the sale realized 200.00 and left nothing; the round trip ended with it

Rejected: a reverse trade at the old price. Quantity and cash come out right, but it realizes a difference to the
average that nobody made, and leaves round trips that never were.

A split in between was recorded for the quantity of its time; what rebooking adds or takes away is split by the same
ratio, at eight decimals. Cash that was paid for a holding, a dividend, stays as it was paid. Marks and the equity of
past sessions stay too: they are what was known then.
"""

from __future__ import annotations

from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.position import Position, part_of
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.order_book import OrderBook
from tapeline.ledger.round_trips import Key, RoundTrip, RoundTrips

Step = str | SplitApplied | CashMoved
"""What changed a holding: an execution, by its id, a split, or cash."""


class Holdings:
    """What every strategy holds and held.

    positions : by (account, strategy, symbol), flat ones included, since they keep their realized P&L
    """

    def __init__(self, orders: OrderBook) -> None:
        self.positions: dict[Key, Position] = {}
        self._orders = orders
        self._trips = RoundTrips()
        self._steps: dict[Key, list[Step]] = {}

    @property
    def round_trips(self) -> list[RoundTrip]:
        """Closed round trips, in order of their exits."""
        return self._trips.closed

    def traded(self, execution: Execution) -> None:
        """Take in an execution that the order book has booked."""
        key = _key(execution)
        self._remember(key, execution.execution_id)
        self._trade(execution, self.positions, self._trips)

    def received(self, fact: CashMoved) -> None:
        """Take in cash that belongs to a strategy's holding of a symbol; other cash changes nothing here."""
        if fact.strategy is None or fact.symbol is None:
            return
        self._remember((fact.account, fact.strategy, fact.symbol), fact)
        self._receive(fact, self.positions, self._trips)

    def split(self, fact: SplitApplied) -> None:
        """Take in a split. Raises InvariantError if it was recorded for another quantity than is held."""
        key = (fact.account, fact.strategy, fact.symbol)
        held = (self.positions.get(key) or Position(*key)).quantity
        if held != fact.quantity_before:
            raise InvariantError(
                f"Split of {fact.symbol} for {fact.strategy}: it says that {fact.quantity_before} were held, "
                f"the books say {held}: {fact.quantity_before - held} too many."
            )
        self._remember(key, fact)
        self._split(fact, self.positions, self._trips)

    def rebook(self, execution: Execution) -> None:
        """Compute the holding that an execution belongs to anew, from the executions as they are booked now."""
        key = _key(execution)
        positions: dict[Key, Position] = {key: Position(*key)}
        trips = RoundTrips()
        for step in self._steps[key]:
            if isinstance(step, str):
                booked = self._orders.executions[step]
                if booked is not None:
                    self._trade(booked, positions, trips)
            elif isinstance(step, CashMoved):
                self._receive(step, positions, trips)
            else:
                self._split(step, positions, trips)
        self.positions[key] = positions[key]
        self._trips.take_over(key, trips)

    def _remember(self, key: Key, step: Step) -> None:
        steps = self._steps.get(key)
        if steps is None:
            self._steps[key] = [step]
        else:
            steps.append(step)

    def _trade(self, execution: Execution, positions: dict[Key, Position], trips: RoundTrips) -> None:
        key = _key(execution)
        position = positions.get(key) or Position(*key)
        positions[key] = position.traded(execution.signed_quantity, execution.price, execution.commission)
        trips.traded(execution, self._orders.states[execution.client_order_id].order.purpose)

    def _receive(self, fact: CashMoved, positions: dict[Key, Position], trips: RoundTrips) -> None:
        assert fact.strategy is not None
        assert fact.symbol is not None
        key = (fact.account, fact.strategy, fact.symbol)
        position = positions.get(key) or Position(*key)
        for_fraction = fact.cause is CashCause.FRACTION_PAID
        positions[key] = position.paid_for_fraction(fact.amount) if for_fraction else position.received(fact.amount)
        trips.received(key, fact.amount, fact.event_time_ns, for_fraction=for_fraction)

    def _split(self, fact: SplitApplied, positions: dict[Key, Position], trips: RoundTrips) -> None:
        key = (fact.account, fact.strategy, fact.symbol)
        position = positions.get(key) or Position(*key)
        after = fact.quantity_after
        if position.quantity != fact.quantity_before:
            after += part_of(position.quantity - fact.quantity_before, fact.new_shares, fact.old_shares)
        positions[key] = position.split(fact.new_shares, fact.old_shares, after)
        trips.split(key, fact, after)


def _key(execution: Execution) -> Key:
    return (execution.account, execution.strategy, execution.symbol)
