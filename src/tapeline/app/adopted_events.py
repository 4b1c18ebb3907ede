"""From what a broker reported to a taxpayer's events: corporate actions, options that ended, transfers.

A corporate action is an event of the security, over all accounts, so the entries of several statements about one action
are put together. Nothing is guessed: what a statement does not tell and the rules need (the basis of shares that came
from outside, the part of a basis that a spin-off takes) stays open, and the rule that needs it refuses by its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tapeline.domain.adopted import HoldingCause
from tapeline.domain.errors import TaxRefusal
from tapeline.domain.option_symbol import SHARES_A_CONTRACT, option_terms
from tapeline.ledger.adopted_facts import HoldingChanged
from tapeline.tax import events
from tapeline.tax.accounts import InstrumentKind, Right, TaxInstrument
from tapeline.tax.executions import ExecutionReader

ZERO = Decimal(0)
DAYS_ON_THE_ROAD_MAX = 10
"""Shares that leave one account of the taxpayer arrive in another within this time."""

_ENDS = {
    HoldingCause.OPTION_EXERCISE: events.OptionExercise,
    HoldingCause.OPTION_ASSIGNMENT: events.OptionAssignment,
}
AT_CLOSE = (*_ENDS, HoldingCause.OPTION_EXPIRY)
_OF_ACCOUNTS = (*AT_CLOSE, HoldingCause.TRANSFER_IN, HoldingCause.TRANSFER_OUT)


@dataclass
class HoldingEvent:
    """One action with the entries of every account that tell of it."""

    cause: HoldingCause
    symbol: str
    day: date
    time_ns: int
    entries: list[HoldingChanged] = field(default_factory=list)

    @property
    def is_at_close(self) -> bool:
        """Whether it acts after the last trade of its day."""
        return self.cause in AT_CLOSE


def gathered(facts: Iterable[HoldingChanged], reader: ExecutionReader) -> list[HoldingEvent]:
    """Return actions in order of their days; what belongs to one account stays alone."""
    found: dict[tuple[object, ...], HoldingEvent] = {}
    for fact in facts:
        day = reader.trade_day(fact.event_time_ns)
        own = (fact.account, fact.entry_id) if fact.cause in _OF_ACCOUNTS else ()
        key = fact.cause, fact.symbol, day, own
        action = found.setdefault(key, HoldingEvent(fact.cause, fact.symbol, day, fact.event_time_ns))
        action.entries.append(fact)
    return sorted(found.values(), key=lambda action: (action.day, action.is_at_close))


def events_of(action: HoldingEvent, all_actions: list[HoldingEvent], reader: ExecutionReader) -> Iterator[events.Event]:
    """Yield what an action is to the tax rules, and move the positions by which sales are told from short sales."""
    first = action.entries[0]
    cause, symbol, day = action.cause, action.symbol, action.day
    event_id = f"{cause.word.replace(' ', '-')}/{symbol}/{day}"
    new, old = _ratio(action, reader)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for entry in action.entries:
        paid[entry.account] += entry.cash
    in_lieu = {account: cash for account, cash in paid.items() if cash}
    if cause is HoldingCause.SPLIT:
        yield reader.split(symbol, day, new, old, f"split/{symbol}/{day}", in_lieu)
        return
    per_share = sum(paid.values(), ZERO) / _gone(action) if _gone(action) else ZERO
    if cause is HoldingCause.SYMBOL_CHANGE and first.new_symbol:
        yield events.SymbolChange(event_id=event_id, day=day, symbol=symbol, new_symbol=first.new_symbol)
    elif cause is HoldingCause.STOCK_MERGER and first.new_symbol:
        yield events.StockMerger(
            event_id=event_id, day=day, symbol=symbol, new_symbol=first.new_symbol, new=new, old=old,
            cash_per_share=per_share,
        )  # fmt: skip
    elif cause is HoldingCause.CASH_MERGER:
        yield events.CashMerger(event_id=event_id, day=day, symbol=symbol, cash_per_share=per_share)
    elif cause is HoldingCause.SPIN_OFF and first.new_symbol:
        yield events.SpinOff(
            event_id=event_id, day=day, symbol=symbol, new_symbol=first.new_symbol, new=new, old=old,
            basis_fraction_new=first.basis_fraction, cash_in_lieu=in_lieu,
        )  # fmt: skip
    elif cause is HoldingCause.RETURN_OF_CAPITAL:
        held = sum((reader.position(entry.account, symbol) for entry in action.entries), ZERO)
        if held <= 0:
            raise TaxRefusal(
                "return_of_capital_needs_shares",
                f"A return of capital on {symbol} came on {day}, but no account held any. Import the purchases first.",
            )
        yield events.ReturnOfCapital(
            event_id=event_id, day=day, symbol=symbol, per_share=sum(paid.values(), ZERO) / held
        )  # fmt: skip
    elif cause is HoldingCause.WORTHLESS:
        yield events.Worthless(event_id=event_id, day=day, symbol=symbol)
    elif cause in AT_CLOSE:
        yield _ended(first, day)
    elif cause is HoldingCause.TRANSFER_OUT:
        yield _sent(first, day, all_actions)
    elif _is_arrival(first, day, all_actions):
        pass  # it left another account of the taxpayer: that side tells it
    else:
        yield _arrived(first, day, reader)
    for entry in action.entries:
        reader.move(entry.account, symbol, entry.quantity)
        if entry.new_symbol is not None:
            reader.move(entry.account, entry.new_symbol, entry.new_quantity)


def option_instruments(symbols: Iterable[str], multipliers: dict[str, Decimal]) -> dict[str, TaxInstrument]:
    """Return what the tax rules must know of the options among symbols. multipliers : of adjusted contracts"""
    found = {}
    for symbol in symbols:
        terms = option_terms(symbol)
        if terms is not None:
            found[symbol] = TaxInstrument(
                symbol, InstrumentKind.OPTION, multipliers.get(symbol, SHARES_A_CONTRACT), Right(terms.right),
                terms.underlying, terms.strike, terms.expiry,
            )  # fmt: skip
    return found


def _gone(action: HoldingEvent) -> Decimal:
    return -sum((entry.quantity for entry in action.entries if entry.quantity < 0), ZERO)


def _ratio(action: HoldingEvent, reader: ExecutionReader) -> tuple[Decimal, Decimal]:
    told = {(e.new_shares, e.old_shares) for e in action.entries if e.new_shares is not None and e.old_shares}
    ratios = {new / old for new, old in told if new is not None and old is not None}
    if len(ratios) > 1:
        raise TaxRefusal(
            "one_ratio_for_all",
            f"{action.cause.word} of {action.symbol} on {action.day} has different ratios in different accounts: "
            f"{', '.join(f'{new} for {old}' for new, old in sorted(told, key=str))}. Mend the entries.",
        )
    if told:
        new, old = min(told, key=str)
        assert new is not None and old is not None
        return new, old
    if action.cause not in (HoldingCause.SPLIT, HoldingCause.STOCK_MERGER, HoldingCause.SPIN_OFF):
        return Decimal(1), Decimal(1)
    entry = action.entries[0]
    before = reader.position(entry.account, action.symbol)
    if action.cause is HoldingCause.SPLIT and before and not entry.cash:
        return abs(before + entry.quantity), abs(before)  # exact, as no fraction was paid
    raise TaxRefusal(
        "ratio_from_the_issuer",
        f"{action.cause.word} of {action.symbol} on {action.day} has no ratio in the statement. Book it with a table "
        "that has the columns new and old.",
    )


def _ended(fact: HoldingChanged, day: date) -> events.Event:
    if fact.cause is HoldingCause.OPTION_EXPIRY:
        position = events.OptionPosition.LONG if fact.quantity < 0 else events.OptionPosition.SHORT
        return events.OptionExpiration(
            event_id=fact.entry_id, day=day, account=fact.account, symbol=fact.symbol, contracts=abs(fact.quantity),
            position=position,
        )  # fmt: skip
    return _ENDS[fact.cause](
        event_id=fact.entry_id, day=day, account=fact.account, symbol=fact.symbol, contracts=abs(fact.quantity)
    )


def _partner(
    fact: HoldingChanged, day: date, cause: HoldingCause, all_actions: list[HoldingEvent]
) -> HoldingEvent | None:
    near = [
        other
        for other in all_actions
        if other.cause is cause
        and other.symbol == fact.symbol
        and other.entries[0].account != fact.account
        and other.entries[0].quantity == -fact.quantity
        and abs((other.day - day).days) <= DAYS_ON_THE_ROAD_MAX
        and (other.entries[0].basis is None if cause is HoldingCause.TRANSFER_IN else fact.basis is None)
    ]
    return min(near, key=lambda other: (abs((other.day - day).days), other.entries[0].entry_id), default=None)


def _is_arrival(fact: HoldingChanged, day: date, all_actions: list[HoldingEvent]) -> bool:
    return _partner(fact, day, HoldingCause.TRANSFER_OUT, all_actions) is not None


def _sent(fact: HoldingChanged, day: date, all_actions: list[HoldingEvent]) -> events.Event:
    partner = _partner(fact, day, HoldingCause.TRANSFER_IN, all_actions)
    if partner is None:
        raise TaxRefusal(
            "transfer_needs_both_sides",
            f"{abs(fact.quantity)} {fact.symbol} left account {fact.account} on {day} and arrived in none. Import the "
            "statement of the account that received them.",
        )
    return events.Transfer(
        event_id=fact.entry_id, day=day, symbol=fact.symbol, quantity=abs(fact.quantity), account=fact.account,
        to_account=partner.entries[0].account,
    )  # fmt: skip


def _arrived(fact: HoldingChanged, day: date, reader: ExecutionReader) -> events.Event:
    if fact.acquired_ns is None:
        raise TaxRefusal(
            "missing_acquisition_date",
            f"{fact.quantity} {fact.symbol} came into account {fact.account} on {day}, and nobody told when they were "
            "acquired. Book the transfer with a table that has the columns basis and acquired.",
        )
    return events.TransferIn(
        event_id=fact.entry_id, day=day, account=fact.account, symbol=fact.symbol, quantity=fact.quantity,
        basis=fact.basis, acquired=reader.trade_day(fact.acquired_ns),
    )  # fmt: skip
