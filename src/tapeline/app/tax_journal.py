"""A taxpayer's events from the journal of a run: its executions, and the splits that met what was held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InputError, TaxRefusal
from tapeline.ledger.facts import CashMoved, OrderFilled, SplitApplied
from tapeline.ports.journal import Journal
from tapeline.tax.events import Event
from tapeline.tax.executions import ExecutionReader

ZERO = Decimal(0)


@dataclass
class _Split:
    """One split over all strategies: what each account has after it, and was paid for what is less than a share."""

    fact: SplitApplied
    before: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    after: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    paid: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def read_journal(journal: Journal, zone: str) -> list[Event]:
    """Return the events of a journal in the order of its records.

    zone : of the exchange, in which moments become trade dates
    Raises InputError for a journal without executions, TaxRefusal for a fraction that no rule at hand covers.
    """
    reader = ExecutionReader(zone)
    splits = _splits(journal)
    waiting = iter(sorted(splits))
    following = next(waiting, None)
    events: list[Event] = []
    for record in journal.read(kind=OrderFilled.kind):
        while following is not None and following[0] < record.sequence:
            events += _events_of(reader, splits[following])
            following = next(waiting, None)
        events += reader.read(cast(OrderFilled, record.fact).execution)
    if not events:
        raise InputError("The journal holds no execution, so there is nothing to tax. Name another one.")
    while following is not None:
        events += _events_of(reader, splits[following])
        following = next(waiting, None)
    return events


def _splits(journal: Journal) -> dict[tuple[int, str], _Split]:
    """Return the splits by the number of their first record."""
    found: dict[tuple[int, str], tuple[int, _Split]] = {}
    for record in journal.read(kind=SplitApplied.kind):
        fact = cast(SplitApplied, record.fact)
        _, split = found.setdefault((fact.event_time_ns, fact.symbol), (record.sequence, _Split(fact)))
        split.before[fact.account] += fact.quantity_before
        split.after[fact.account] += fact.quantity_after
    if found:
        for record in journal.read(kind=CashMoved.kind):
            moved = cast(CashMoved, record.fact)
            key = moved.event_time_ns, moved.symbol or ""
            if moved.cause is CashCause.FRACTION_PAID and key in found:
                found[key][1].paid[moved.account] += moved.amount
    return {(sequence, key[1]): split for key, (sequence, split) in found.items()}


def _events_of(reader: ExecutionReader, split: _Split) -> Iterator[Event]:
    fact = split.fact
    for account, before in split.before.items():
        left = before * fact.new_shares - split.after[account] * fact.old_shares
        fraction = before * fact.new_shares % fact.old_shares
        # within a rounding of a whole share the market takes it for that one, and pays nothing
        if split.paid.get(account) and (before < 0 or left != fraction):
            raise TaxRefusal(
                "fraction_of_a_step",
                f"The split of {fact.symbol} paid account {account} {split.paid[account]} for a part of {before} shares"
                " that is no fraction of a long position of whole shares. Give the events as a table with --trades.",
            )
    day = reader.trade_day(fact.event_time_ns)
    event_id = f"split/{fact.symbol}/{day}"
    yield reader.split(fact.symbol, day, fact.new_shares, fact.old_shares, event_id, split.paid)
