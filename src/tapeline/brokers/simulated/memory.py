"""What the simulated venue knew before its process ended: it plays the same bars and hears the same orders again.

The venue lives in the process that trades and dies with it. A journal tells it what it had been sent: every intent that
was durable, whether or not the process came to send it, for what stands in the journal of a paper run counts as sent.
Not so what the journal itself shows to have stayed: orders that ended as never sent, replaces that waited for the
answer to the one before them, and cancels that were barred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import deepcopy

from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.corporate import SplitReported
from tapeline.domain.slice import Slice
from tapeline.ledger.order_facts import CancelIntended, OrderIntended, ReplaceIntended
from tapeline.ledger.replaces import Cancels, Replaces
from tapeline.ports.journal import Fact


class VenueMemory:
    """One way of a venue through its past, or through the rest of it.

    broker : fresh, or in the state that a checkpoint kept
    never_sent : client order ids of intents that the books ended without sending them
    replaces, cancels : those before the first fact that it will hear; later : the facts about both from there on
    """

    def __init__(
        self,
        broker: SimulatedBroker,
        never_sent: Collection[str],
        replaces: Replaces,
        cancels: Cancels,
        later: Iterable[Fact],
    ) -> None:
        self._broker, self._never_sent = broker, frozenset(never_sent)
        self._heard = {ReplaceIntended.kind: {**replaces.counts}, CancelIntended.kind: {**cancels.counts}}
        replaces, cancels = deepcopy(replaces), deepcopy(cancels)
        for fact in later:
            replaces.see(fact)
            cancels.see(fact)
        self._stayed = {ReplaceIntended.kind: replaces.stayed, CancelIntended.kind: cancels.stayed}

    def play(self, now: Slice) -> None:
        """Trade a slice again."""
        self._broker.play(now)

    def hear(self, fact: Fact) -> None:
        """Take an instruction again."""
        if isinstance(fact, OrderIntended):
            order = fact.order
            if order.client_order_id not in self._never_sent and order.parent not in self._never_sent:
                self._broker.submit([order])
        elif isinstance(fact, CancelIntended | ReplaceIntended) and fact.client_order_id not in self._never_sent:
            if self._has_stayed(fact):
                return
            if isinstance(fact, CancelIntended):
                self._broker.cancel(fact.client_order_id, fact.event_time_ns)
            else:
                self._broker.replace(
                    fact.client_order_id,
                    fact.event_time_ns,
                    quantity=fact.quantity,
                    limit_price=fact.limit_price,
                    stop_price=fact.stop_price,
                    trail_amount=fact.trail_amount,
                    time_in_force=fact.time_in_force,
                )

    def splits(self) -> list[SplitReported]:
        """Return the splits of the slices played since the last call; everything else is in the journal."""
        return self._broker.pass_over()

    def _has_stayed(self, fact: CancelIntended | ReplaceIntended) -> bool:
        heard, name = self._heard[fact.kind], fact.client_order_id
        heard[name] = heard.get(name, 0) + 1
        return (name, heard[name]) in self._stayed[fact.kind]
