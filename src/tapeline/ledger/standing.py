"""The executions that stand: what was filled or adopted, less what was busted, with corrections in their place."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain.adopted import Grounds, Origin
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.ledger.adopted_facts import ONE, ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ports.journal import Fact, Journal, Record


@dataclass(frozen=True, slots=True)
class Standing:
    """An execution as it stands, and where its present version comes from; `grounds` is None for our own fills."""

    execution: Execution
    multiplier: Decimal = ONE
    origin: Origin = Origin.TRADE
    grounds: Grounds | None = None

    @property
    def execution_id(self) -> str:
        """The key of the version that stands."""
        return self.execution.execution_id


KINDS = (OrderFilled.kind, ExecutionAdopted.kind, ExecutionCorrected.kind, ExecutionBusted.kind)
"""The kinds of facts that say something about executions."""


def records_of(journal: Journal, kinds: Iterable[str], first: int = 1) -> Iterator[Record]:
    """Yield the records of some kinds from a number on in the order of a journal, without reading the others."""
    return heapq.merge(*[journal.read(kind=kind, first=first) for kind in kinds], key=lambda record: record.sequence)


def standing_executions(facts: Iterable[Fact]) -> list[Standing]:
    """Return the executions that stand, in order of time, then of the journal; facts of other kinds are passed over.

    A correction stands at the place of what it corrects, so executions of one moment keep their order.
    Raises InvariantError for a correction or bust of what does not stand.
    """
    found: dict[str, Standing] = {}
    places: dict[str, int] = {}
    for fact in facts:
        if isinstance(fact, OrderFilled):
            _stand(found, places, Standing(fact.execution), len(places))
        elif isinstance(fact, ExecutionAdopted):
            standing = Standing(fact.execution, fact.multiplier, fact.origin, fact.grounds)
            _stand(found, places, standing, len(places))
        elif isinstance(fact, ExecutionCorrected):
            before = _taken_down(found, fact.corrected.execution_id, "corrected")
            place = places[before.execution_id]
            _stand(found, places, Standing(fact.execution, fact.multiplier, before.origin, fact.grounds), place)
        elif isinstance(fact, ExecutionBusted):
            _taken_down(found, fact.busted.execution_id, "busted")
    return sorted(found.values(), key=lambda s: (s.execution.event_time_ns, places[s.execution_id]))


def _stand(found: dict[str, Standing], places: dict[str, int], standing: Standing, place: int) -> None:
    if standing.execution_id in places:
        raise InvariantError(f"Execution {standing.execution_id} is booked a second time.")
    found[standing.execution_id] = standing
    places[standing.execution_id] = place


def _taken_down(found: dict[str, Standing], execution_id: str, how: str) -> Standing:
    if execution_id not in found:
        raise InvariantError(f"Execution {execution_id} is {how}, but no version of that id stands.")
    return found.pop(execution_id)
