"""A run goes on where its journal ends: books, book, formulas and reasons as they were, without asking anybody.

    engine = LiveEngine(loop, guard, ...)            made as for a new run
    engine.resume(facts, history)                    what was recorded, and the bars that it rested on
    engine.run()                                     a gap is open until the venue was asked

Facts are taken in the order of the journal, and each bar of the history where it stood between them: formulas advance
by it, holdings are marked by it, and nothing is decided, for what was decided is in the journal. Free-form code is
shown the same slices once more, so that what it keeps for itself comes back; what it then asks for is passed over.
Bars after the last fact, during which no process ran, are taken in alike: they are seen late and not acted on.

The book that results is compared with the ledger at each session's end and at last, to the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from tapeline.domain.corporate import SplitReported
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.reports import EXTERNAL
from tapeline.domain.slice import Slice
from tapeline.engine.loop import EventLoop
from tapeline.engine.retaking import Retaking
from tapeline.ledger.control_facts import CommandGiven, Flattened, OrderWarned, RunResumed
from tapeline.ledger.facts import RunEnded, RunStarted, SessionClosed, SignalRaised, SplitApplied
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, OrderIntended, ReplaceDenied, ReplaceIntended
from tapeline.ledger.parent_facts import (
    ChildOrderPriced,
    ParentOrderEnded,
    ParentOrderHurried,
    ParentOrderIntended,
    ParentOrderStopped,
)
from tapeline.ledger.views import without_collector
from tapeline.ports.journal import Fact

_DECIDED = frozenset((
    SignalRaised.kind, OrderIntended.kind, CancelIntended.kind, ReplaceIntended.kind, OrderDenied.kind,
    ParentOrderIntended.kind, ParentOrderHurried.kind, ChildOrderPriced.kind, ReplaceDenied.kind,
))  # fmt: skip
"""What is decided at a slice's end, after the slice was taken in; everything else that bears its time came before."""
NOT_NEEDED = (SignalRaised.kind,)
"""Kinds that a restart need not be given: they are the largest, and what follows from them is in other facts."""
_INSTRUCTIONS = frozenset((OrderIntended.kind, CancelIntended.kind, ReplaceIntended.kind))
_NO_EVENTS = (
    ChildOrderPriced.kind,
    ParentOrderHurried.kind,
    ReplaceDenied.kind,
    RunStarted.kind,
    RunResumed.kind,
    RunEnded.kind,
    CommandGiven.kind,
    Flattened.kind,
    OrderWarned.kind,
)


class Memory(Protocol):
    """A venue that has no memory of its own and is told again what it knew: the simulated one."""

    def play(self, now: Slice) -> None:
        """Trade a slice again."""

    def hear(self, fact: Fact) -> None:
        """Take an instruction again."""

    def splits(self) -> list[SplitReported]:
        """Return the splits of the slices played since the last call."""


class Restart:
    """One way through a journal.

    loop : fresh; followers : who else takes in each fact; memory : the venue's, None for one that remembers
    on_slice : called after each slice, with its session
    last : the newest slice that was taken in
    """

    def __init__(
        self,
        loop: EventLoop,
        followers: Iterable[Callable[[Any], None]],
        memory: Memory | None = None,
        on_slice: Callable[[int], None] | None = None,
    ) -> None:
        self.loop = loop
        self.last: Slice | None = None
        self._followers, self._memory, self._on_slice = tuple(followers), memory, on_slice
        self._retaking = Retaking(loop.desk)
        self._splits_booked: set[tuple[str, int]] = set()
        self._reports: list[Fact] = []
        self._session = loop.session
        self._takers: dict[str, Callable[[Any], object]] = {
            SignalRaised.kind: lambda _: None,
            CancelIntended.kind: lambda fact: self._of_whole(fact, self._canceled),
            ReplaceIntended.kind: self._retaking.replaced,
            OrderDenied.kind: lambda fact: self._of_whole(fact, self._retaking.denied),
            ParentOrderIntended.kind: self._parent_intended,
            ParentOrderStopped.kind: self._retaking.stopped,
            ParentOrderEnded.kind: lambda fact: loop.end_parents(fact.event_time_ns),
            SessionClosed.kind: lambda _: loop.compare_books(),
            SplitApplied.kind: self._split_applied,
            **dict.fromkeys(_NO_EVENTS, lambda _: None),
        }

    def walk(self, facts: Iterable[Fact], history: Iterable[Slice]) -> None:
        """Take in all facts and all slices. Raises InvariantError where book and ledger part."""
        with without_collector():
            self._walk(facts, history)
        self._book()
        self.loop.compare_books()
        self._check_owners()

    def _walk(self, facts: Iterable[Fact], history: Iterable[Slice]) -> None:
        slices: Iterator[Slice] = iter(history)
        waiting = next(slices, None)
        fact: Fact | None = None
        for fact in facts:
            until_ns = fact.event_time_ns + _is_decided(fact)
            while waiting is not None and waiting.end_ns < until_ns:
                self._play(waiting)
                waiting = next(slices, None)
            self._take(fact, waiting)
        while waiting is not None:
            self._play(waiting)
            waiting = next(slices, None)
        if isinstance(fact, RunEnded):
            self.loop.views.apply(fact)

    def _play(self, now: Slice) -> None:
        self._book()
        splits = []
        if self._memory is not None:
            self._memory.play(now)
            splits = self._memory.splits()
        for split in splits:
            if (split.symbol, split.event_time_ns) not in self._splits_booked:
                self.loop.desk.book_split(split, now.session)
            self.loop.restate(split)
        self.loop.see_again(now)
        self.last = now
        if self._on_slice is not None:
            self._on_slice(now.session)

    def _take(self, fact: Fact, waiting: Slice | None) -> None:
        loop, kind = self.loop, fact.kind
        taker = None if _is_sent_again(fact) else self._takers.get(kind)
        if taker is not None or _is_decided(fact):
            self._book()
        if kind != RunEnded.kind:  # its digest is of all books: the newest one's is compared, at the end
            loop.views.apply(fact)
        for follow in self._followers:
            follow(fact)
        if self._memory is not None and kind in _INSTRUCTIONS:
            self._memory.hear(fact)
        if isinstance(fact, OrderIntended) and (
            loop.desk.owner_of(fact.client_order_id) != fact.client_order_id or self._retaking.ordered(fact)
        ):
            return
        if taker is not None:
            taker(fact)
            return
        # what happens within a slice belongs to its session
        inside = waiting is not None and fact.event_time_ns > waiting.start_ns
        self._session = waiting.session if inside and waiting is not None else loop.session
        self._reports.append(fact)

    def _book(self) -> None:
        """Let the book take in what was reported since the last decision or slice, at once as in a turn."""
        if self._reports:
            self.loop.desk.book_reports(self._reports, self._session, self.loop.views)
            self.loop.end_parents(self._reports[-1].event_time_ns)
            self._reports = []

    def _canceled(self, fact: CancelIntended) -> None:
        self._retaking.canceled(fact)
        desk = self.loop.desk
        number = desk.tickets.get(desk.owner_of(fact.client_order_id))
        if fact.signal_id is not None and number is not None:
            ticket = desk.book.tickets[number]
            place = int(ticket["strategy"]), int(ticket["symbol"])
            self.loop.reasons.recall(*place, fact.event_time_ns, fact.signal_id)

    def _of_whole(self, fact: Any, take: Callable[[Any], None]) -> None:
        # what an algorithm does with a part is no wish of the strategy
        if self.loop.views.parents.of_child(fact.client_order_id) is None:
            take(fact)

    def _parent_intended(self, fact: ParentOrderIntended) -> None:
        self.loop.parents.remember(self.loop.views.parents.states[fact.client_order_id])
        for order in (fact.order, *fact.bracket):
            self._retaking.ordered(OrderIntended(order, fact.signal_id, fact.sizing, fact.instruction_id))

    def _split_applied(self, fact: SplitApplied) -> None:
        key = fact.symbol, fact.event_time_ns
        if key not in self._splits_booked:
            self._splits_booked.add(key)
            report = SplitReported(fact.event_time_ns, fact.symbol, fact.new_shares, fact.old_shares)
            self.loop.desk.book_split(report, self.loop.session)
            if self._memory is None:
                self.loop.restate(report)
        self.loop.desk.settle_split(fact, self.loop.views)

    def _check_owners(self) -> None:
        views, names = self.loop.views, self.loop.assembly.names
        left = {p.strategy: p.symbol for p in views.positions.values() if p.quantity}
        left |= {state.order.strategy: state.order.symbol for state in views.orders.working.values()}
        for strategy, symbol in sorted(left.items()):
            if strategy not in names and strategy != EXTERNAL:
                raise ConfigurationError(
                    f"Strategy {strategy} of this journal holds or orders {symbol}, and it is not among those given:"
                    f" {', '.join(names)}. Give it too, or flatten first; nothing was done."
                )


def _is_decided(fact: Fact) -> bool:
    return fact.kind in _DECIDED and not _is_sent_again(fact)


def _is_sent_again(fact: Fact) -> bool:
    """Return whether it is a cancel that the keeper sent again as a look-up had not found it: booked like a report."""
    return isinstance(fact, CancelIntended) and fact.purpose is None
