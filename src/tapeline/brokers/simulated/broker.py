"""The simulated venue as a broker: the same market kernel as the backtest, behind the same port as a live venue.

It watches the tape by itself (`watch` hands every slice to the venue before it hands it on), as a real venue does,
and reports what happened as facts: exact amounts, client order ids, nothing of its own numbering. Questions are
answered from the same market (`answers.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.brokers.simulated.answers import Register, amount_of, time_of, venue_name
from tapeline.domain.cash import CashCause
from tapeline.domain.corporate import CorporateAction, Split, SplitReported
from tapeline.domain.errors import InputError, InvariantError
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import approximate, exact
from tapeline.domain.order import Order
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.reports import Query, Report
from tapeline.domain.slice import Slice
from tapeline.domain.times import SECOND
from tapeline.domain.words import EventKind, Reason, Stage, TimeInForce
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
)
from tapeline.ports.clock import Clock
from tapeline.ports.journal import Fact
from tapeline.ports.market_data import MarketData
from tapeline.simulation.arrivals import cancel, replace, submit
from tapeline.simulation.market import state_of, with_state
from tapeline.simulation.matching import play_slice
from tapeline.simulation.settings import RunSettings
from tapeline.simulation.venue import new_venue

NO_ORDER = -1


class SimulatedBroker(Keeps):
    """One account at the simulated venue.

    clock : the time at which questions are asked; without one it is the end of the last slice
    """

    KEPT = ("_groups", "_splits", "_seen", "_now_ns")

    def __init__(
        self,
        symbols: tuple[str, ...],
        frame_ns: int,
        sessions: Sessions | None,
        settings: RunSettings,
        corporate_actions: Sequence[CorporateAction] = (),
        clock: Clock | None = None,
    ) -> None:
        self.symbols, self._clock = symbols, clock
        self.market = new_venue(symbols, settings, sessions, frame_ns, corporate_actions)
        self._columns = {symbol: column for column, symbol in enumerate(symbols)}
        self._latency_ns = round(settings.market.latency_s * SECOND)
        self._register = Register(symbols, self.market, self._latency_ns)
        self._groups: dict[str, int] = {}
        self._splits = [action for action in corporate_actions if isinstance(action, Split)]
        self._splits.sort(key=lambda split: split.ex)
        self._seen = 0
        self._now_ns = 0
        self._told: list[Fact | Report] = []
        self._row = np.empty((5, len(symbols)))
        self._reporters: dict[EventKind, Callable[[Any], Fact]] = {
            EventKind.ACCEPTED: self._accepted,
            EventKind.TRIGGERED: self._triggered,
            EventKind.FILL: self._fill,
            EventKind.REPLACED: self._replaced,
            EventKind.CANCELED: self._canceled,
            EventKind.REJECTED: self._rejected,
            EventKind.EXPIRED: self._expired,
            EventKind.BORROW: self._cash_moved,
            EventKind.INTEREST: self._cash_moved,
            EventKind.DIVIDEND: self._cash_moved,
            EventKind.FRACTION_PAID: self._cash_moved,
            EventKind.SPLIT: self._split,
        }

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: all that it knows but answers that nobody has read."""
        return {**super().state(), "market": state_of(self.market), "register": self._register.state()}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another venue of the same settings."""
        super().take_state({name: state[name] for name in self.KEPT})
        self.market = self._register.market = with_state(self.market, state["market"])
        self._register.take_state(state["register"])

    def watch(self, feed: MarketData) -> WatchedFeed:
        """Return the feed as the engine shall read it: each slice is played at the venue before it is handed on."""
        return WatchedFeed(feed, self)

    def play(self, now: Slice) -> None:
        """Let the venue trade one slice."""
        np.copyto(self._row, now.bars[:, 0])
        row = self._row
        play_slice(self.market, now.start_ns, now.end_ns, row[0], row[1], row[2], row[3], row[4])
        self._now_ns = now.end_ns

    def submit(self, orders: Sequence[Order]) -> None:
        """Send orders that belong together, all or none; children name the entry before them as their parent."""
        self._check(orders)
        for order in orders:
            parent = self._register.numbers[order.parent] if order.parent is not None else NO_ORDER
            number = submit(
                self.market,
                self._columns[order.symbol],
                int(order.side),
                int(order.order_type),
                int(order.time_in_force),
                approximate(order.quantity),
                _number(order.limit_price),
                _number(order.stop_price),
                _number(order.trail_amount),
                _number(order.trail_percent),
                -1 if order.expire_time_ns is None else order.expire_time_ns,
                order.decision_time_ns,
                order.decision_time_ns + self._latency_ns,
                parent,
                int(order.role),
                NO_ORDER if order.group is None else self._groups.setdefault(order.group, len(self._groups)),
            )
            if number != len(self._register.orders):
                raise InvariantError(f"The venue gave order {order.client_order_id} number {number}.")
            self._register.orders.append(order)
            self._register.numbers[order.client_order_id] = number

    def cancel(self, client_order_id: str, decision_time_ns: int) -> None:
        """Ask for the end of a working order."""
        cancel(self.market, self._known(client_order_id), decision_time_ns, decision_time_ns + self._latency_ns)

    def replace(
        self,
        client_order_id: str,
        decision_time_ns: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail_amount: Decimal | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> None:
        """Ask for new terms of a working order; None leaves a term as it is."""
        replace(
            self.market,
            self._known(client_order_id),
            decision_time_ns,
            decision_time_ns + self._latency_ns,
            _number(quantity),
            _number(limit_price),
            _number(stop_price),
            _number(trail_amount),
            np.nan,
            -1 if time_in_force is None else int(time_in_force),
            -1,
        )

    def ask(self, query: Query) -> None:
        """Ask what the venue knows now; the answer stands behind everything that had happened."""
        self._tell()
        now_ns = self._now_ns if self._clock is None else max(self._now_ns, self._clock.now_ns())
        self._told.append(self._register.answer(query, now_ns))

    def events(self) -> list[Fact | Report]:
        """Return what happened and was answered since the last call, in order."""
        self._tell()
        told, self._told = self._told, []
        return told

    def _tell(self) -> None:
        events = self.market.events
        fresh = events[self._seen :]
        self._seen = len(events)
        self._told += [self._reporters[EventKind(int(event["kind"]))](event) for event in fresh]

    def pass_over(self) -> list[SplitReported]:
        """Let what happened since the last call count as told. Returns the splits, of which only a report tells."""
        events = self.market.events
        fresh = events[self._seen :]
        self._seen = len(events)
        kinds, fills = fresh["kind"], self._register.fills
        for number in fresh["order"][kinds == EventKind.FILL].tolist():
            fills[number] = fills.get(number, 0) + 1
        # what a replace made of a bracket's child is known by its report alone
        kept = fresh[(kinds == EventKind.REPLACED) | (kinds == EventKind.SPLIT)]
        told = [self._reporters[EventKind(int(event["kind"]))](event) for event in kept]
        return [report for report in told if isinstance(report, SplitReported)]

    def _check(self, orders: Sequence[Order]) -> None:
        # before any of them is sent: what belongs together is sent all or none
        known, together = self._register.numbers, set[str]()
        for order in orders:
            if order.client_order_id in known or order.client_order_id in together:
                raise InputError(f"Order {order.client_order_id} was sent before; an id is used once.")
            if order.symbol not in self._columns:
                raise InputError(f"Order {order.client_order_id}: the venue does not trade {order.symbol}.")
            if order.parent is not None and order.parent not in known and order.parent not in together:
                raise InputError(
                    f"Order {order.client_order_id} names {order.parent} as its entry, which is not known."
                )
            together.add(order.client_order_id)

    def _known(self, client_order_id: str) -> int:
        number = self._register.numbers.get(client_order_id)
        if number is None:
            raise InputError(f"Order {client_order_id} is not known to the venue.")
        return number

    def _id(self, event: Any) -> str:
        return self._register.orders[int(event["order"])].client_order_id

    def _accepted(self, event: Any) -> Fact:
        return OrderAccepted(time_of(event), self._id(event), venue_name(int(event["order"])))

    def _triggered(self, event: Any) -> Fact:
        return OrderTriggered(time_of(event), self._id(event), Stage(int(event["stage"])))

    def _fill(self, event: Any) -> Fact:
        number, fills = int(event["order"]), self._register.fills
        fills[number] = fills.get(number, 0) + 1
        execution = self._register.execution(event, fills[number])
        return OrderFilled(execution, exact(float(event["leaves"])))

    def _replaced(self, event: Any) -> Fact:
        number = int(event["order"])
        row = self.market.orders[number]
        order, totals = self._register.orders[number], self._register.totals
        total = exact(float(event["quantity"]))
        if order.parent is not None:
            # the market counts what a child works for now; its order covers all that the entry may fill
            entry = self.market.orders[self._register.numbers[order.parent]]
            if event["reason"] != Reason.CORPORATE_ACTION:
                total = totals.get(number, order.quantity)
            else:
                total = max(total, exact(float(entry["quantity"])))
            totals[number] = total
        return OrderReplaced(
            time_of(event),
            self._id(event),
            total,
            exact(float(event["leaves"])),
            amount_of(row["limit_price"]),
            amount_of(row["stop_price"]),
            amount_of(row["trail_amount"]),
            amount_of(row["trail_percent"]),
            TimeInForce(int(row["time_in_force"])),
            reason=Reason(int(event["reason"])),
        )

    def _canceled(self, event: Any) -> Fact:
        return OrderCanceled(time_of(event), self._id(event), Reason(int(event["reason"])), Stage(int(event["stage"])))

    def _rejected(self, event: Any) -> Fact:
        return OrderRejected(time_of(event), self._id(event), Reason(int(event["reason"])))

    def _expired(self, event: Any) -> Fact:
        return OrderExpired(time_of(event), self._id(event), Stage(int(event["stage"])))

    def _split(self, event: Any) -> Fact:
        symbol = self.symbols[event["symbol"]]
        split = next(action for action in self._splits if action.symbol == symbol)
        self._splits.remove(split)
        return SplitReported(time_of(event), symbol, split.new, split.old)

    def _cash_moved(self, event: Any) -> Fact:
        symbol = int(event["symbol"])
        return CashMoved(
            time_of(event),
            CashCause(int(event["kind"])),
            exact(float(event["amount"])),
            self.symbols[symbol] if symbol >= 0 else None,
        )


class WatchedFeed:
    """A feed whose slices the venue sees first."""

    def __init__(self, feed: MarketData, broker: SimulatedBroker) -> None:
        self._feed, self._broker = feed, broker

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        return self._feed.symbols

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        return self._feed.frame_ns

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that were handed on so far."""
        return self._feed.history(symbol)

    def slices(self) -> Iterator[Slice]:
        """Yield each slice after the venue has traded it."""
        for now in self._feed.slices():
            self._broker.play(now)
            yield now


def _number(value: Decimal | None) -> float:
    return np.nan if value is None else approximate(value)
