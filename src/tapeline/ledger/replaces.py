"""Which replaces and cancels of a journal have left.

Of one order one replace is under way, and the next waits for its answer:

ReplaceIntended 99.10     leaves
ReplaceIntended 99.20     waits, and so does 99.30
OrderReplaced   99.10
ReplaceRejected twice, of the reason NEVER_ARRIVED: the two never left
ReplaceIntended 99.30     leaves, recorded anew

A cancel that was refused for that reason never left. What the venue refuses has left, whatever it says of the order.
"""

from __future__ import annotations

from tapeline.domain.keeping import Keeps
from tapeline.domain.words import Reason
from tapeline.ledger.order_facts import CancelIntended, CancelRejected, OrderReplaced, ReplaceIntended, ReplaceRejected
from tapeline.ports.journal import Fact

CANCEL_KINDS = (CancelIntended.kind, CancelRejected.kind)
KINDS = (ReplaceIntended.kind, ReplaceRejected.kind, OrderReplaced.kind)
"""The kinds of facts that say something about cancels, and about replaces."""

Which = tuple[str, int]
"""One replace or cancel of an order: its client order id, and the how many-th it was in the journal, from 1 on."""


class Cancels(Keeps):
    """The cancels of a journal, fact by fact. counts : how many of each order; stayed : those that never left"""

    KEPT = ("counts", "stayed")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.stayed: set[Which] = set()

    def see(self, fact: Fact) -> None:
        """Take in a fact; other kinds say nothing."""
        if isinstance(fact, CancelIntended):
            self.counts[fact.client_order_id] = self.counts.get(fact.client_order_id, 0) + 1
        elif isinstance(fact, CancelRejected) and fact.reason is Reason.NEVER_ARRIVED:
            self.stayed.add((fact.client_order_id, self.counts.get(fact.client_order_id, 0)))


class Replaces(Keeps):
    """The replaces of a journal, fact by fact. counts : how many of each order"""

    KEPT = ("counts", "_leaving", "_waiting", "_ended")

    def __init__(self) -> None:
        self._leaving: dict[str, Which] = {}
        self._waiting: dict[str, list[tuple[Which, ReplaceIntended]]] = {}
        self.counts: dict[str, int] = {}
        self._ended: set[Which] = set()

    @property
    def stayed(self) -> set[Which]:
        """Those that never left: what waits, and what was refused by our own word."""
        return self._ended | {which for line in self._waiting.values() for which, _ in line}

    @property
    def lines(self) -> dict[str, list[ReplaceIntended]]:
        """By order of which a replace has left and has no answer, as they left: those that wait for it."""
        return {name: [fact for _, fact in self._waiting.get(name, ())] for name in self._leaving}

    def see(self, fact: Fact) -> None:
        """Take in a fact; other kinds say nothing."""
        if isinstance(fact, ReplaceIntended):
            name = fact.client_order_id
            self.counts[name] = number = self.counts.get(name, 0) + 1
            if name in self._leaving:
                self._waiting.setdefault(name, []).append(((name, number), fact))
            else:
                self._leaving[name] = name, number
        elif isinstance(fact, ReplaceRejected) and fact.reason is Reason.NEVER_ARRIVED:
            name = fact.client_order_id
            if self._waiting.get(name):
                self._ended.add(self._waiting[name].pop()[0])
            elif name in self._leaving:
                self._ended.add(self._leaving.pop(name))
        elif isinstance(fact, ReplaceRejected) or (isinstance(fact, OrderReplaced) and fact.reason is not Reason.NONE):
            self._leaving.pop(fact.client_order_id, None)
