"""Why: the chain from an execution back to the bar that caused it, from the journal alone.

    execution -> order events -> intent and its sizing -> signal and its conditions -> bar -> manifest

    explain(journal, "Reversal-AAPL-20180216T143000-0-1")     an order
    explain(journal, "E-1042")                                an execution
    explain(journal, "AAPL@2018-02-16T14:30:00Z")             whatever was decided or done then

The journal holds every number that the decision used, so the data files may be gone. What it does not hold,
the bars around the decision, is said in `not_shown`, unless the caller gives them by `bars_around`. Whether
the data file is still the one whose digest stands in the manifest is for the caller to compare before.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tapeline.domain.bar import Bar
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.times import from_iso, to_iso
from tapeline.ledger.adopted_facts import ExecutionAdopted, ExecutionCorrected
from tapeline.ledger.facts import RunStarted, SignalRaised
from tapeline.ledger.order_facts import OrderDenied, OrderFilled, OrderIntended
from tapeline.ports.journal import Journal, Record

BarsAround = Callable[[str, int], Sequence[Bar]]
"""Symbol and decision time -> the bars around it, from a data file that was found to be the manifest's."""

_NEIGHBOURS = 50


@dataclass(frozen=True, slots=True)
class OrderChain:
    """One order: what was intended or denied, the signal behind it, and all that happened to it, in order.

    related : the other orders of its bracket and its instruction, by what they are to it
    """

    client_order_id: str
    signal: Record | None
    decision: Record
    events: tuple[Record, ...]
    related: tuple[tuple[str, str], ...]

    @property
    def symbol(self) -> str:
        """What it trades."""
        return cast(OrderIntended | OrderDenied, self.decision.fact).symbol


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    asked : the question; signals : those that led to no order; orders : the asked one first, then its entry
    manifest : the RunStarted that the decision belongs to
    bars : around the decision, as far as the caller could give them
    not_shown : sentences about what only the data files know
    """

    asked: str
    orders: tuple[OrderChain, ...]
    signals: tuple[Record, ...]
    manifest: Record | None
    bars: tuple[Bar, ...]
    not_shown: tuple[str, ...]


def explain(journal: Journal, question: str, bars_around: BarsAround | None = None) -> Answer:
    """Return the chain behind an order id, an execution id, or SYMBOL@TIME.

    Raises UnknownNameError, naming the nearest id or symbol, if the journal has nothing of that name.
    """
    symbol, at, time = question.partition("@")
    if at and symbol and _has_symbol(journal, symbol):
        return explain_moment(journal, symbol, from_iso(time), bars_around)
    if _first(journal.read(client_order_id=question)) is not None:
        return explain_order(journal, question, bars_around)
    filled = _first(journal.read(execution_id=question))
    if filled is not None:
        return explain_execution(journal, question, bars_around)
    if at:
        raise UnknownNameError("symbol", symbol, _symbols(journal), where="the journal")
    raise UnknownNameError("order or execution", question, _near_ids(journal, question), where="the journal")


def explain_order(journal: Journal, client_order_id: str, bars_around: BarsAround | None = None) -> Answer:
    """Return the chain behind an order; for a child of a bracket, behind its entry too."""
    chain = _chain(journal, client_order_id)
    if chain is None:
        known = _near_ids(journal, client_order_id)
        raise UnknownNameError("order", client_order_id, known, where="the journal")
    return _answer(journal, client_order_id, [chain], [], chain.symbol, bars_around)


def explain_execution(journal: Journal, execution_id: str, bars_around: BarsAround | None = None) -> Answer:
    """Return the chain behind an execution: that of its order, whose events end with this execution."""
    filled = _first(journal.read(execution_id=execution_id))
    if filled is None:
        known = [cast(OrderFilled, r.fact).execution_id for r in journal.read(kind=OrderFilled.kind)]
        raise UnknownNameError("execution", execution_id, _nearest(known, execution_id), where="the journal")
    if isinstance(filled.fact, ExecutionAdopted):
        source = filled.fact.grounds.source
        raise InputError(f"Execution {execution_id} was taken from {source}; no order of this journal caused it.")
    fact = cast(OrderFilled | ExecutionCorrected, filled.fact)
    chain = _chain(journal, fact.client_order_id, until=filled.sequence)
    if chain is None and isinstance(fact, ExecutionCorrected):
        raise InputError(
            f"Execution {execution_id} corrects {fact.corrected.execution_id}, by {fact.grounds.source}; no order of "
            f"this journal caused it."
        )
    if chain is None:
        raise UnknownNameError("order", fact.client_order_id, (), where="the journal")
    return _answer(journal, execution_id, [chain], [], fact.symbol, bars_around)


def explain_moment(journal: Journal, symbol: str, time_ns: int, bars_around: BarsAround | None = None) -> Answer:
    """Return the chains of everything that was decided or executed for a symbol at one moment.

    Raises InputError, naming the moments before and after, if nothing was.
    """
    if not _has_symbol(journal, symbol):
        raise UnknownNameError("symbol", symbol, _symbols(journal), where="the journal")
    chains: dict[str, OrderChain] = {}
    signals = []
    for record in journal.read(symbol=symbol, from_ns=time_ns, until_ns=time_ns):
        fact = record.fact
        if isinstance(fact, SignalRaised):
            signals.append(record)
        elif isinstance(fact, OrderIntended | OrderDenied | OrderFilled) and fact.client_order_id not in chains:
            chain = _chain(journal, fact.client_order_id)
            if chain is not None:
                chains[fact.client_order_id] = chain
    if not chains and not signals:
        raise InputError(_nothing_at(journal, symbol, time_ns))
    behind = {chain.signal.sequence for chain in chains.values() if chain.signal is not None}
    idle = [record for record in signals if record.sequence not in behind]
    asked = f"{symbol}@{to_iso(time_ns)}"
    return _answer(journal, asked, list(chains.values()), idle, symbol, bars_around)


def _answer(
    journal: Journal,
    asked: str,
    chains: list[OrderChain],
    signals: list[Record],
    symbol: str,
    bars_around: BarsAround | None,
) -> Answer:
    shown = {chain.client_order_id for chain in chains}
    for chain in list(chains):
        fact = chain.decision.fact
        parent = fact.order.parent if isinstance(fact, OrderIntended) else None
        if parent is not None and parent not in shown:
            entry = _chain(journal, parent)
            if entry is not None:
                chains.append(entry)
                shown.add(parent)
    decision = chains[0].decision if chains else signals[0]
    manifest = _last(journal.read(kind=RunStarted.kind, last=decision.sequence))
    time_ns = decision.fact.event_time_ns
    bars = tuple(bars_around(symbol, time_ns)) if bars_around is not None else ()
    not_shown = _not_shown(chains, signals, manifest, symbol, shows_bars=bool(bars))
    return Answer(asked, tuple(chains), tuple(signals), manifest, bars, not_shown)


def _not_shown(
    chains: list[OrderChain], signals: list[Record], manifest: Record | None, symbol: str, *, shows_bars: bool
) -> tuple[str, ...]:
    sentences = []
    raised = [c.signal for c in chains if c.signal is not None] + signals
    if any(cast(SignalRaised, record.fact).bar is None for record in raised):
        sentences.append("The bar at whose end the decision was made was not recorded with the signal.")
    if not shows_bars:
        source = "a data file"
        if manifest is not None:
            fact = cast(RunStarted, manifest.fact)
            source = fact.data_source
        sentences.append(
            f"The bars of {symbol} before and after the decision are in {source}; the journal has the "
            f"numbers that the decision used, not the bars around them."
        )
    if manifest is None:
        sentences.append("Code, configuration and data: no RunStarted stands before the decision.")
    return tuple(sentences)


def _chain(journal: Journal, client_order_id: str, until: int | None = None) -> OrderChain | None:
    records = list(journal.read(client_order_id=client_order_id, last=until))
    decision = next((r for r in records if isinstance(r.fact, OrderIntended | OrderDenied)), None)
    if decision is None:
        return None
    fact = cast(OrderIntended | OrderDenied, decision.fact)
    signal = None
    if fact.signal_id is not None:
        signal = _first(journal.read(signal_id=fact.signal_id, kind=SignalRaised.kind))
    events = tuple(record for record in records if record is not decision)
    return OrderChain(client_order_id, signal, decision, events, _related(journal, decision))


def _related(journal: Journal, decision: Record) -> tuple[tuple[str, str], ...]:
    fact = decision.fact
    if not isinstance(fact, OrderIntended):
        return ()
    own = fact.order
    found = []
    for record in journal.read(
        kind=OrderIntended.kind,
        symbol=own.symbol,
        from_ns=own.decision_time_ns,
        until_ns=own.decision_time_ns,
    ):
        other_fact = cast(OrderIntended, record.fact)
        other = other_fact.order
        if other.client_order_id == own.client_order_id:
            continue
        if other.client_order_id == own.parent:
            found.append(("entry of its bracket", other.client_order_id))
        elif other.parent == own.client_order_id:
            found.append((f"{other.role.name.lower()} of its bracket", other.client_order_id))
        elif own.group is not None and other.group == own.group:
            found.append(("cancels it, or is canceled by it", other.client_order_id))
        elif fact.instruction_id is not None and other_fact.instruction_id == fact.instruction_id:
            found.append(("of the same instruction", other.client_order_id))
    return tuple(found)


def _nothing_at(journal: Journal, symbol: str, time_ns: int) -> str:
    before = max((r.fact.event_time_ns for r in journal.read(symbol=symbol, until_ns=time_ns)), default=None)
    after = min((r.fact.event_time_ns for r in journal.read(symbol=symbol, from_ns=time_ns)), default=None)
    near = [
        f"the last {word} is {to_iso(moment)}"
        for word, moment in (("before", before), ("after", after))
        if moment is not None
    ]
    return (
        f"Nothing was decided or executed for {symbol} at {to_iso(time_ns)}; "
        f"{' and '.join(near).replace('last after', 'first after')}."
    )


def _has_symbol(journal: Journal, symbol: str) -> bool:
    return _first(journal.read(symbol=symbol)) is not None


def _symbols(journal: Journal) -> set[str]:
    kinds = (SignalRaised.kind, OrderIntended.kind, OrderDenied.kind)
    return {cast(Any, record.fact).symbol for kind in kinds for record in journal.read(kind=kind)}


def _near_ids(journal: Journal, wanted: str) -> list[str]:
    kinds = (OrderIntended.kind, OrderDenied.kind, OrderFilled.kind)
    found = [record.fact for kind in kinds for record in journal.read(kind=kind)]
    names = {cast(Any, fact).client_order_id for fact in found}
    names |= {fact.execution_id for fact in found if isinstance(fact, OrderFilled)}
    return _nearest(sorted(names), wanted)


def _nearest(names: list[str], wanted: str) -> list[str]:
    # Comparing text with 100,000 ids takes seconds; a slip of the pen leaves the start or the end whole.
    names = sorted(names)
    backward = sorted(name[::-1] for name in names)
    at, back_at = bisect.bisect(names, wanted), bisect.bisect(backward, wanted[::-1])
    near = names[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]
    near += [name[::-1] for name in backward[max(0, back_at - _NEIGHBOURS) : back_at + _NEIGHBOURS]]
    return sorted(set(near))


def _first(records: Iterator[Record]) -> Record | None:
    return next(records, None)


def _last(records: Iterator[Record]) -> Record | None:
    return next(iter(deque(records, maxlen=1)), None)
