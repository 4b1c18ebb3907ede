"""Positions and round trips of every strategy, and how a corrected or busted execution is taken in.

An execution that is not as it was reported changes everything after it: what the shares cost on average, what a sale
realized, where a round trip ended. So its position is rebooked: computed anew from its first step, in the order in
which the facts came, with the execution as it stands now or without it. The result is what the books would say had it
been reported so from the beginning, to the last digit:

    BUY  100 at 10.00
    BUY  100 at 11.00     200, cost 2,100.00
    SELL 100 at 12.00     realized 150.00, cost 1,050.00
    the second is busted: the sale realized 200.00 and left nothing; the round trip ended with it

Rejected: a reverse trade at the old price. Quantity and cash come out right, but it realizes a difference to the
average that nobody made, and leaves round trips that never were.

A split in between was recorded for the quantity of its time; what rebooking adds or takes away is split by the same
ratio, at eight decimals. Cash that was paid for a holding, a dividend, stays as it was paid. Marks and the equity of
past sessions stay too: they are what was known then. A merger moves cost from one symbol to another, so both are
rebooked together.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.position import ZERO, Position, closing_part, part_of
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import BreakAccepted, HoldingChanged
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.holdings import changed
from tapeline.ledger.order_book import OrderBook
from tapeline.ledger.round_trips import ONE, Key, OpenTrip, RoundTrip, RoundTrips

Step = Execution | SplitApplied | CashMoved | HoldingChanged | BreakAccepted
"""What changed a position; the price of an execution is that of one unit, an option's times its multiplier."""


class PositionBook:
    """Positions by (account, strategy, symbol), flat ones included, since they keep their realized P&L; round trips.

    orders : ours, whose purposes and stops are those of their executions
    moved : holdings that a change without a trade has met; round trips know nothing of it
    """

    def __init__(self, orders: OrderBook) -> None:
        self.positions: dict[Key, Position] = {}
        self.moved: set[Key] = set()
        self._orders = orders
        self._trips = RoundTrips()
        self._steps: list[Step] = []
        self._of_symbol: dict[tuple[str, str], list[Key]] = {}

    @property
    def round_trips(self) -> list[RoundTrip]:
        """Closed round trips, in order of their exits."""
        return self._trips.closed

    @property
    def open_trips(self) -> dict[Key, OpenTrip]:
        """Round trips on their way."""
        return self._trips.open

    def position(self, key: Key) -> Position:
        """Return the position; flat if there never was one."""
        return self.positions.get(key) or Position(*key)

    def of_symbol(self, account: str, symbol: str) -> list[Position]:
        """Return what is and was held of a symbol in an account, strategy by strategy."""
        return [self.positions[key] for key in self._of_symbol.get((account, symbol), ())]

    def traded(self, execution: Execution, multiplier: Decimal) -> None:
        """Take in an execution."""
        step = _of_one_unit(execution, multiplier)
        self._steps.append(step)
        self._trade(step)

    def received(self, fact: CashMoved) -> None:
        """Take in cash that belongs to a strategy's holding of a symbol; other cash changes nothing here."""
        if fact.strategy is not None and fact.symbol is not None:
            self._steps.append(fact)
            self._receive(fact)

    def split(self, fact: SplitApplied) -> None:
        """Take in a split. Raises InvariantError if it was recorded for another quantity than is held."""
        held = self.position(_key(fact)).quantity
        if held != fact.quantity_before:
            raise InvariantError(
                f"Split of {fact.symbol} for {fact.strategy}: it says that {fact.quantity_before} were held, "
                f"the books say {held}: {fact.quantity_before - held} too many."
            )
        self._steps.append(fact)
        self._split(fact)

    def holding_changed(self, fact: HoldingChanged) -> dict[Key, Position]:
        """Take in a change without a trade. Returns the positions that it changed."""
        self._steps.append(fact)
        self.moved |= _keys_of(fact)
        return self._change(fact)

    def accepted(self, fact: BreakAccepted) -> None:
        """Take in that holdings are what the broker says: as if traded at its price, and the money were income.

        So shares that are gone are a loss of what they cost, shares that are found a gain of what they are worth.
        """
        self._steps.append(fact)
        for key in _keys_of(fact):
            self._accept(fact, key)

    def amended(self, before: Execution, after: Execution | None, multiplier: Decimal) -> None:
        """Take in that an execution stands differently, or no more if `after` is None."""
        name = before.execution_id
        place = next(
            place
            for place in range(len(self._steps) - 1, -1, -1)
            if isinstance(step := self._steps[place], Execution) and step.execution_id == name
        )
        if after is None:
            del self._steps[place]
        else:
            self._steps[place] = _of_one_unit(after, multiplier)
        self._rebook(_key(before))

    def _rebook(self, key: Key) -> None:
        keys = self._moved_together(key)
        anew = PositionBook(self._orders)
        for step in self._steps:
            if isinstance(step, BreakAccepted):
                for of in sorted(keys & _keys_of(step)):
                    anew._accept(step, of)
            elif isinstance(step, HoldingChanged):
                if not keys.isdisjoint(_keys_of(step)):
                    anew._change(step)
            elif _key(step) in keys:
                if isinstance(step, Execution):
                    anew._trade(step)
                elif isinstance(step, CashMoved):
                    anew._receive(step)
                else:
                    anew._split(step)
        for moved in keys & self.positions.keys():
            self.positions[moved] = anew.position(moved)
        self._trips.take_over(keys, anew._trips)

    def _moved_together(self, key: Key) -> set[Key]:
        keys, before = {key}, 0
        moves = [_keys_of(step) for step in self._steps if isinstance(step, HoldingChanged) and step.new_symbol]
        while len(keys) > before:
            before = len(keys)
            keys.update(*[both for both in moves if not keys.isdisjoint(both)])
        return keys

    def _trade(self, execution: Execution) -> None:
        key = _key(execution)
        position = self.position(key)
        self._put(key, position.traded(execution.signed_quantity, execution.price, execution.commission))
        state = self._orders.states.get(execution.client_order_id)
        purpose = None if state is None else state.order.purpose
        self._trips.traded(execution, purpose, self._orders.stops.get(execution.client_order_id))

    def _receive(self, fact: CashMoved) -> None:
        key = _key(fact)
        position = self.position(key)
        for_fraction = fact.cause is CashCause.FRACTION_PAID
        self._put(key, position.paid_for_fraction(fact.amount) if for_fraction else position.received(fact.amount))
        self._trips.received(key, fact.amount, fact.event_time_ns, for_fraction=for_fraction)

    def _split(self, fact: SplitApplied) -> None:
        key = _key(fact)
        position = self.position(key)
        after = fact.quantity_after
        if position.quantity != fact.quantity_before:
            after += part_of(position.quantity - fact.quantity_before, fact.new_shares, fact.old_shares)
        self._put(key, position.split(fact.new_shares, fact.old_shares, after))
        self._trips.split(key, fact, after)

    def _change(self, fact: HoldingChanged) -> dict[Key, Position]:
        after = changed(self.positions, fact)
        for key, position in after.items():
            self._put(key, position)
        return after

    def _accept(self, fact: BreakAccepted, key: Key) -> None:
        account, strategy, symbol = key
        change, price = fact.changes[strategy], fact.price or ZERO
        position = self.position(key)
        self._put(key, position.traded(change, price, ZERO).received(change * price))
        name = f"accepted/{symbol}/{fact.event_time_ns}"
        side = Side.BUY if change > 0 else Side.SELL
        step = Execution(
            name, name, strategy, symbol, side, abs(change), price, ZERO, fact.event_time_ns, account=account
        )
        closing = closing_part(position.quantity, change)
        self._trips.accepted(key, closing * price)
        self._trips.traded(step, None, None)
        self._trips.accepted(key, (change - closing) * price)

    def _put(self, key: Key, position: Position) -> None:
        if key not in self.positions:
            self._of_symbol.setdefault((key[0], key[2]), []).append(key)
        self.positions[key] = position


def _key(step: Execution | SplitApplied | CashMoved) -> Key:
    return step.account, step.strategy or "", step.symbol or ""


def _keys_of(fact: HoldingChanged | BreakAccepted) -> set[Key]:
    if isinstance(fact, BreakAccepted):
        return {(fact.account, strategy, fact.symbol or "") for strategy in fact.changes}
    return {(fact.account, EXTERNAL, symbol) for symbol in (fact.symbol, fact.new_symbol) if symbol is not None}


def _of_one_unit(execution: Execution, multiplier: Decimal) -> Execution:
    return execution if multiplier is ONE or multiplier == 1 else replace(execution, price=execution.price * multiplier)
