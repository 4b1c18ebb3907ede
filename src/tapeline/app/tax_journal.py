"""A taxpayer's events from a journal: the executions that stand, and what changed holdings without a trade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import cast

from tapeline.app.adopted_events import HoldingEvent, events_of, gathered, option_instruments
from tapeline.domain.adopted import EXTERNAL, HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InputError, TaxRefusal
from tapeline.domain.option_symbol import option_terms
from tapeline.ledger.adopted_facts import AccountDescribed, BreakAccepted, HoldingChanged
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.standing import KINDS, Standing, records_of, standing_executions
from tapeline.ports.journal import Journal
from tapeline.tax.accounts import Account, AccountKind, TaxInstrument
from tapeline.tax.events import Acquisition, Buy, Event, Short, Trade
from tapeline.tax.executions import ExecutionReader

ZERO = Decimal(0)


@dataclass
class _Split:
    """One split over all strategies: what each account has after it, and was paid for what is less than a share."""

    fact: SplitApplied
    before: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    after: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    paid: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def read_journal(journal: Journal, zone: str) -> tuple[list[Event], dict[str, TaxInstrument]]:
    """Return the events of a journal in the order of time, and its instruments that are not plain stock.

    zone : of the exchange, in which moments become trade dates
    Raises InputError for a journal without executions, TaxRefusal for what no rule at hand covers.
    """
    reader = ExecutionReader(zone)
    standing = standing_executions(record.fact for record in records_of(journal, KINDS))
    if not standing:
        raise InputError("The journal holds no execution, so there is nothing to tax. Name another one.")
    _check_accepted(journal, reader)
    changes = [cast(HoldingChanged, record.fact) for record in journal.read(kind=HoldingChanged.kind)]
    actions = gathered(changes, reader)
    splits = _splits(journal)
    applied = {(reader.trade_day(time_ns), symbol) for (time_ns, symbol) in splits}
    steps: list[tuple[tuple[object, ...], Callable[[], Iterable[Event]]]] = [
        ((reader.trade_day(time_ns), 1, time_ns, 0), partial(_events_of, reader, split))
        for (time_ns, _), split in splits.items()
    ]
    for action in actions:
        if action.cause is HoldingCause.SPLIT and (action.day, action.symbol) in applied:
            _check_same_split(action)
            continue
        place = action.day, 2 if action.is_at_close else 0, action.time_ns, 0
        steps.append((place, partial(events_of, action, actions, reader)))
    for number, found in enumerate(standing):
        time_ns = found.execution.event_time_ns
        place = reader.trade_day(time_ns), 1, time_ns, 1 + number
        steps.append((place, partial(_trades, found, actions, reader)))
    steps.sort(key=lambda step: step[0])
    events = [event for _, step in steps for event in step()]
    multipliers = {found.execution.symbol: found.multiplier for found in standing if found.multiplier != 1}
    symbols = {found.execution.symbol for found in standing} | {change.symbol for change in changes}
    return events, option_instruments(sorted(symbols), multipliers)


def read_accounts(journal: Journal) -> dict[str, Account]:
    """Return the accounts that a journal describes, each as it was described last."""
    found = {}
    for record in journal.read(kind=AccountDescribed.kind):
        fact = cast(AccountDescribed, record.fact)
        found[fact.account] = Account(fact.account, AccountKind(fact.account_kind))
    return found


def _check_accepted(journal: Journal, reader: ExecutionReader) -> None:
    for record in journal.read(kind=BreakAccepted.kind):
        fact = cast(BreakAccepted, record.fact)
        if fact.symbol is not None:
            raise TaxRefusal(
                "accepted_without_executions",
                f"On {reader.trade_day(fact.event_time_ns)} {fact.who} accepted that account {fact.account} holds"
                f" {fact.theirs} {fact.symbol} instead of {fact.ours}, and no execution tells when, at what price and"
                " whether it was a trade at all. Reckon the year from the broker's statements, imported into a journal"
                " of their own.",
            )


def _trades(found: Standing, actions: list[HoldingEvent], reader: ExecutionReader) -> Iterable[Event]:
    trades = reader.read(found.execution)
    if found.origin is Origin.REINVESTMENT:
        how = Acquisition.REINVESTED_DIVIDEND
        return [replace(trade, acquisition=how) if isinstance(trade, Buy) else trade for trade in trades]
    if found.origin is Origin.TRADE:
        _check_held(found, trades)
        return trades
    if found.origin is Origin.SHORT_SALE:
        return trades
    # The option's end delivers the shares: the rules make the purchase or sale of it, with the premium in its basis.
    day, execution = reader.trade_day(found.execution.event_time_ns), found.execution
    for action in actions:
        terms = option_terms(action.symbol) if action.is_at_close and action.day == day else None
        if terms is not None and terms.underlying == execution.symbol:
            return ()
    raise TaxRefusal(
        "option_ends_before_its_shares",
        f"Execution {execution.execution_id} delivered {execution.symbol} on {day} for an option, and no entry ends "
        "one. Import the part of the statement that tells which option was exercised or assigned.",
    )


def _check_held(found: Standing, trades: list[Trade]) -> None:
    """Refuse a statement's sale of more stock than is held, unless the statement calls it a short sale."""
    execution, opened = found.execution, trades[-1]
    is_told = found.grounds is not None and execution.strategy == EXTERNAL
    if is_told and isinstance(opened, Short) and option_terms(execution.symbol) is None:
        held = execution.quantity - opened.quantity
        raise TaxRefusal(
            "insufficient_lots",
            f"Execution {execution.execution_id} of {found.grounds.source if found.grounds else ''} sells"
            f" {execution.quantity} {execution.symbol} on {opened.trade_date} where {held} are held in account"
            f" {execution.account}, and it is not called a short sale there. Import the missing purchase, transfer or"
            " split; a short sale has openCloseIndicator O in Flex, side sell_short at Alpaca, side SHORT in a table.",
        )


def _check_same_split(action: HoldingEvent) -> None:
    if any(entry.cash for entry in action.entries):
        raise TaxRefusal(
            "one_split_told_twice",
            f"The split of {action.symbol} on {action.day} stands in the journal and, with cash for a fraction, in a "
            "statement. Book the cash by hand, or give the events as a table with --trades.",
        )


def _splits(journal: Journal) -> dict[tuple[int, str], _Split]:
    """Return the splits by time and symbol."""
    found: dict[tuple[int, str], _Split] = {}
    for record in journal.read(kind=SplitApplied.kind):
        fact = cast(SplitApplied, record.fact)
        split = found.setdefault((fact.event_time_ns, fact.symbol), _Split(fact))
        split.before[fact.account] += fact.quantity_before
        split.after[fact.account] += fact.quantity_after
    if found:
        for record in journal.read(kind=CashMoved.kind):
            moved = cast(CashMoved, record.fact)
            key = moved.event_time_ns, moved.symbol or ""
            if moved.cause is CashCause.FRACTION_PAID and key in found:
                found[key].paid[moved.account] += moved.amount
    return found


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
