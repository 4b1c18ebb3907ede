"""Which of our executions is which of the statement's: by id, then by what they say, whatever the order of either.

1. The same id in the same account. Interactive Brokers counts corrections in the last part of an execution id, ours are
   counted after a tilde, Alpaca puts a time before it; those parts do not decide.
2. The same side, quantity, price and trade date of a symbol; of several, those nearest in time.
3. All but one of quantity, price and date. Quantity or price may differ between executions that are at most two minutes
   apart, where both have a clock; the date by up to five days.

In 2 and 3 all possible pairs stand in one order, the most alike first and equals by their ids, and each takes the first
partner that is free: the result is a function of the two sets. A statement of n executions costs n log n, because only
executions of one account, symbol and side are compared, and in 3 only those that 1 and 2 left.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from tapeline.domain.execution import Execution
from tapeline.domain.times import MINUTE, SECOND
from tapeline.ledger.standing import Standing
from tapeline.statements.model import StatedExecution, day_of

NEAR_NS = 2 * MINUTE
DAYS_APART_MAX = 5
PRICE_APART_MAX = Decimal("0.2")
"""Of the higher price: beyond it two executions are two, and not one with a wrong price."""

_COUNTED = re.compile(r"~\d+$")
_INTERACTIVE = re.compile(r"^([0-9a-f]{8}\.[0-9a-f]{8}\.\d{2})\.\d{2}(/\d+)?$")

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Pair:
    """One execution on both sides. by_id : whether their ids say so"""

    ours: Standing
    theirs: StatedExecution
    by_id: bool


@dataclass
class Matching:
    """Every execution of both sides once: in a pair, or alone."""

    pairs: list[Pair] = field(default_factory=list)
    only_ours: list[Standing] = field(default_factory=list)
    only_theirs: list[StatedExecution] = field(default_factory=list)


def identity(execution_id: str) -> str:
    """Return the part of an execution id that corrections leave as it is."""
    plain = _COUNTED.sub("", execution_id)
    found = _INTERACTIVE.match(plain)
    return found.group(1) if found is not None else plain.rpartition("::")[2]


def twin_key(execution: Execution, zone: ZoneInfo) -> tuple[object, ...]:
    """Return what two reports of one execution have in common, ids and costs aside."""
    day = day_of(execution.event_time_ns, zone)
    return execution.account, execution.symbol, execution.side, execution.quantity, execution.price, day


def match_executions(ours: Iterable[Standing], theirs: Iterable[StatedExecution], zone: ZoneInfo) -> Matching:
    """Return the pairs and what stands alone. zone : of the exchange, whose calendar gives trade dates"""
    left, right = sorted(ours, key=_our_place), sorted(theirs, key=_their_place)
    matching = Matching()
    for our_id, their_id in (
        (lambda s: s.execution_id, lambda e: e.fact.execution_id),
        (lambda s: identity(s.execution_id), lambda e: identity(e.fact.execution_id)),
    ):
        by_id, left, right = _pair_by(left, right, our_id, their_id)
        matching.pairs += [Pair(mine, other, True) for mine, other in by_id]
    for edges in (_alike, _nearly):
        found, left, right = _assign(left, right, edges, zone)
        matching.pairs += [Pair(mine, other, False) for mine, other in found]
    matching.pairs.sort(key=lambda pair: _our_place(pair.ours))
    matching.only_ours, matching.only_theirs = left, right
    return matching


def _our_place(standing: Standing) -> tuple[int, str]:
    return standing.execution.event_time_ns, standing.execution_id


def _their_place(entry: StatedExecution) -> tuple[int, str]:
    return entry.fact.event_time_ns, entry.fact.execution_id


def _pair_by(
    left: list[Standing],
    right: list[StatedExecution],
    our_key: Callable[[Standing], str],
    their_key: Callable[[StatedExecution], str],
) -> tuple[list[tuple[Standing, StatedExecution]], list[Standing], list[StatedExecution]]:
    waiting: dict[tuple[str, str], list[StatedExecution]] = defaultdict(list)
    for entry in reversed(right):
        waiting[entry.fact.execution.account, their_key(entry)].append(entry)
    pairs, alone = [], []
    for standing in left:
        partners = waiting.get((standing.execution.account, our_key(standing)))
        if partners:
            pairs.append((standing, partners.pop()))
        else:
            alone.append(standing)
    return pairs, alone, sorted([e for partners in waiting.values() for e in partners], key=_their_place)


Cost = tuple[object, ...]
Edges = Callable[[Standing, StatedExecution, ZoneInfo], Cost | None]


def _assign(
    left: list[Standing], right: list[StatedExecution], cost_of: Edges, zone: ZoneInfo
) -> tuple[list[tuple[Standing, StatedExecution]], list[Standing], list[StatedExecution]]:
    def group(execution: Execution) -> tuple[object, ...]:
        kind = (execution.account, execution.symbol, execution.side)
        return twin_key(execution, zone) if cost_of is _alike else kind

    waiting: dict[tuple[object, ...], list[StatedExecution]] = defaultdict(list)
    for entry in right:
        waiting[group(entry.fact.execution)].append(entry)
    edges = []
    for standing in left:
        for entry in waiting.get(group(standing.execution), ()):
            cost = cost_of(standing, entry, zone)
            if cost is not None:
                edges.append((cost, standing.execution_id, entry.fact.execution_id, standing, entry))
    edges.sort(key=lambda edge: edge[:3])
    pairs, taken_left, taken_right = [], set(), set()
    for _, mine, other, standing, entry in edges:
        if mine not in taken_left and other not in taken_right:
            taken_left.add(mine)
            taken_right.add(other)
            pairs.append((standing, entry))
    return (
        pairs,
        [s for s in left if s.execution_id not in taken_left],
        [e for e in right if e.fact.execution_id not in taken_right],
    )


def _alike(standing: Standing, entry: StatedExecution, _: ZoneInfo) -> Cost | None:
    mine, other = standing.execution, entry.fact.execution
    apart = abs(mine.event_time_ns - other.event_time_ns) if entry.has_clock else 0
    # Brokers and we stamp the same moment seconds apart: those are equally near, and their order decides.
    return apart // (10 * SECOND), abs(mine.commission - other.commission), mine.event_time_ns, other.event_time_ns


def _nearly(standing: Standing, entry: StatedExecution, zone: ZoneInfo) -> Cost | None:
    mine, other = standing.execution, entry.fact.execution
    days = abs((day_of(mine.event_time_ns, zone) - day_of(other.event_time_ns, zone)).days)
    apart = abs(mine.event_time_ns - other.event_time_ns)
    quantity, price = abs(mine.quantity - other.quantity), abs(mine.price - other.price)
    if (days > 0) + (quantity > 0) + (price > 0) != 1 or days > DAYS_APART_MAX:
        return None
    if price > PRICE_APART_MAX * max(mine.price, other.price):
        return None
    if not days and entry.has_clock and apart > NEAR_NS:
        return None
    return days, apart, price, quantity, abs(mine.commission - other.commission)
