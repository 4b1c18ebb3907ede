"""Entries of cash and changes of holdings: what is missing, doubled or different.

Entries are paired by id, then by kind, symbol and amount: a dividend within 45 days, because we book it on its ex-date
and a broker when it pays, anything else within 5. What a reconciliation booked before (its ids end in ~2, ~3 ...)
counts with the entry that it adjusts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import Grounds
from tapeline.domain.cash import CashCause
from tapeline.ledger.adopted_facts import CashAdopted, HoldingChanged
from tapeline.ledger.canonical import amount_text
from tapeline.statements.discrepancy import ZERO, Cause, Discrepancy
from tapeline.statements.model import Stated, Statement, day_ns, day_of
from tapeline.statements.our_books import OurBooks, OurCash, OurChange

DAYS_APART_MAX = {CashCause.DIVIDEND: 45}
DAYS_APART_USUAL = 5
ROUNDING = Decimal("0.01")

_COUNTED = re.compile(r"~\d+$")
_CLASS = {
    CashCause.WITHDRAWAL: CashCause.DEPOSIT,
    CashCause.JOURNALED: CashCause.DEPOSIT,
    CashCause.PAYMENT_IN_LIEU: CashCause.DIVIDEND,
    CashCause.BORROW: CashCause.FEE,
}


def cash_discrepancies(books: OurBooks, statement: Statement, zone: ZoneInfo) -> Iterator[Discrepancy]:
    """Yield the differences between entries of cash of the statement's days and accounts."""
    accounts, grounds = set(statement.accounts), Grounds(statement.source)
    mine = [entry for entry in books.cash if entry.account in accounts and _is_in(entry.day, statement)]
    grouped: dict[tuple[str, str], list[OurCash]] = defaultdict(list)
    for one in mine:
        if one.entry_id:
            grouped[one.account, _COUNTED.sub("", one.entry_id)].append(one)
    free = [one for one in mine if not one.entry_id]
    waiting = sorted(statement.cash, key=lambda c: (c.fact.event_time_ns, c.fact.entry_id))
    late: list[Stated[CashAdopted]] = []
    adjusted: dict[str, Decimal] = {}
    matched: list[CashAdopted] = []
    for entry in waiting:
        known = grouped.pop((entry.fact.account, _COUNTED.sub("", entry.fact.entry_id)), [])
        total = sum((one.amount for one in known), ZERO)
        if known and abs(total - entry.fact.amount) < ROUNDING:
            matched.append(entry.fact)
            yield from _date(known[0], entry, zone)
        elif known and all(one.entry_id != entry.fact.entry_id for one in known):
            adjusted[entry.fact.entry_id] = total  # of an entry of our own that has no id
            late.append(entry)
        elif known:
            matched.append(entry.fact)
            yield _amount(total, known[0].entry_id, entry, grounds, zone, books)
        else:
            late.append(entry)
    # What has an id of ours only may be the same under another name.
    for (_, base), group in sorted(grouped.items()):
        total = sum((one.amount for one in group), ZERO)
        if total:
            free.append(replace(group[0], entry_id=base, amount=total))
    for is_exact in (True, False):
        still: list[Stated[CashAdopted]] = []
        for entry in late:
            found = _nearest(free, entry, adjusted.get(entry.fact.entry_id, ZERO), zone, is_exact=is_exact)
            if found is None:
                still.append(entry)
                continue
            free.remove(found)
            matched.append(entry.fact)
            if is_exact:
                yield from _date(found, entry, zone)
            else:
                yield _amount(found.amount, found.entry_id or entry.fact.entry_id, entry, grounds, zone, books)
        late = still
    yield from (_missing_here(entry, zone) for entry in late)
    yield from (_missing_there(one, matched, grounds, zone, books) for one in free)


def change_discrepancies(books: OurBooks, statement: Statement, zone: ZoneInfo) -> Iterator[Discrepancy]:
    """Yield the differences between changes of holdings of the statement's days and accounts."""
    accounts = set(statement.accounts)
    mine = [c for c in books.changes if c.account in accounts and _is_in(c.day, statement)]
    for entry in sorted(statement.changes, key=lambda c: (c.fact.event_time_ns, c.fact.entry_id)):
        fact = entry.fact
        day = day_of(fact.event_time_ns, zone)
        found = next((c for c in mine if (c.account, c.entry_id) == (fact.account, fact.entry_id)), None)
        if found is None:
            near = [c for c in mine if is_like(c, fact) and abs((c.day - day).days) <= DAYS_APART_USUAL]
            found = min(near, key=lambda c: (abs((c.day - day).days), c.entry_id), default=None)
        if found is None:
            yield Discrepancy(
                (Cause.ACTION_MISSING_HERE,), fact.account, fact.symbol, day,
                f"{fact.cause.word} of {fact.symbol} ({_told(fact)}) is in the statement and not here. Adopt it.",
                theirs=fact.entry_id, where=entry.where, suggestion=(fact,), quantity_effect=fact.quantity,
                cash_effect=fact.cash,
            )  # fmt: skip
            continue
        mine.remove(found)
        yield from _change(found, entry, day)
    for change in mine:
        yield Discrepancy(
            (Cause.ACTION_MISSING_THERE,), change.account, change.symbol, change.day,
            f"{change.cause.word} of {change.symbol} ({amount_text(change.quantity)} shares) stands here and not in "
            "the statement. See whether it is of this account; the executions around it tell.",
            ours=change.entry_id, quantity_effect=-change.quantity, cash_effect=-change.cash,
        )  # fmt: skip


def _is_in(day: date, statement: Statement) -> bool:
    return statement.first is not None and statement.last is not None and statement.first <= day <= statement.last


def same_cash(free: list[OurCash], entry: Stated[CashAdopted], zone: ZoneInfo) -> OurCash | None:
    """Return the entry without an id of the broker that is the same as one of a statement, None if there is none."""
    return _nearest(free, entry, ZERO, zone, is_exact=True)


def is_like(change: OurChange, fact: HoldingChanged) -> bool:
    """Return whether both tell of the same change, days and amounts aside."""
    return (change.account, change.cause, change.symbol) == (fact.account, fact.cause, fact.symbol)


def _told(fact: HoldingChanged) -> str:
    words = [f"{amount_text(fact.quantity)} shares"]
    if fact.new_symbol:
        words.append(f"{amount_text(fact.new_quantity)} of {fact.new_symbol}")
    if fact.cash:
        words.append(f"{amount_text(fact.cash)} USD")
    return ", ".join(words)


def _change(found: OurChange, entry: Stated[HoldingChanged], day: date) -> Iterator[Discrepancy]:
    fact = entry.fact
    told = [
        f"{name} {amount_text(ours)} here, {amount_text(theirs)} there"
        for name, ours, theirs, tolerance in (
            ("shares", found.quantity, fact.quantity, ZERO),
            (f"shares of {fact.new_symbol}", found.new_quantity, fact.new_quantity, ZERO),
            ("cash", found.cash, fact.cash, ROUNDING),
        )
        if abs(ours - theirs) > tolerance
        # the engine books the cash of a split apart
        and not (name == "cash" and not found.entry_id)
    ]
    if found.new_symbol != fact.new_symbol:
        told.append(f"{found.new_symbol} here, {fact.new_symbol} there")
    if found.day != day:
        told.append(f"day {found.day} here, {day} there")
    if told:
        yield Discrepancy(
            (Cause.ACTION,), fact.account, fact.symbol, day,
            f"{fact.cause.word} of {fact.symbol}: {'; '.join(told)}. The issuer's notice tells which is right; book "
            "the difference with a table, as docs/statements.md shows.",
            ours=found.entry_id, theirs=fact.entry_id, where=entry.where,
            quantity_effect=fact.quantity - found.quantity, cash_effect=fact.cash - found.cash,
        )  # fmt: skip


def _nearest(
    free: list[OurCash], entry: Stated[CashAdopted], adjusted: Decimal, zone: ZoneInfo, *, is_exact: bool
) -> OurCash | None:
    fact = entry.fact
    day, kind = day_of(fact.event_time_ns, zone), _CLASS.get(fact.cause, fact.cause)
    wanted = fact.amount - adjusted
    days_max = DAYS_APART_MAX.get(kind, DAYS_APART_USUAL)
    likely = [
        one
        for one in free
        if one.account == fact.account
        and _CLASS.get(one.cause, one.cause) is kind
        and (one.symbol is None or fact.symbol is None or one.symbol == fact.symbol)
        and abs((one.day - day).days) <= days_max
        and (
            abs(one.amount - wanted) < ROUNDING
            if is_exact
            else one.amount * wanted > 0 and one.day == day and one.symbol == fact.symbol and kind is not CashCause.FEE
        )
    ]
    return min(
        likely, key=lambda one: (abs((one.day - day).days), abs(one.amount - wanted), one.entry_id), default=None
    )


def _date(mine: OurCash, entry: Stated[CashAdopted], zone: ZoneInfo) -> Iterator[Discrepancy]:
    fact, day = entry.fact, day_of(entry.fact.event_time_ns, zone)
    if mine.day != day and _CLASS.get(fact.cause, fact.cause) is not CashCause.DIVIDEND:
        yield Discrepancy(
            (Cause.CASH_DATE,), fact.account, fact.symbol or "", day,
            f"{_cash(fact)} is of {mine.day} here and of {day} there. Nothing but the day differs; it matters around "
            "the end of a year.",
            ours=mine.entry_id, theirs=fact.entry_id, where=entry.where,
        )  # fmt: skip


def _amount(
    total: Decimal, base: str, entry: Stated[CashAdopted], grounds: Grounds, zone: ZoneInfo, books: OurBooks
) -> Discrepancy:
    fact = entry.fact
    difference = fact.amount - total
    correction = replace(
        fact, entry_id=_next(_COUNTED.sub("", base), books), amount=difference, grounds=grounds,
        text=f"adjusts {amount_text(total)} to {amount_text(fact.amount)}",
    )  # fmt: skip
    return Discrepancy(
        (Cause.CASH_AMOUNT,), fact.account, fact.symbol or "", day_of(fact.event_time_ns, zone),
        f"{_cash(fact)} is {amount_text(total)} here ({amount_text(difference)}). Book the difference if the statement "
        "is right.",
        ours=base, theirs=fact.entry_id, where=entry.where, suggestion=(correction,), cash_effect=difference,
    )  # fmt: skip


def _missing_here(entry: Stated[CashAdopted], zone: ZoneInfo) -> Discrepancy:
    fact = entry.fact
    return Discrepancy(
        (Cause.CASH_MISSING_HERE,), fact.account, fact.symbol or "", day_of(fact.event_time_ns, zone),
        f"{_cash(fact)} is in the statement and not here. Adopt it.",
        theirs=fact.entry_id, where=entry.where, suggestion=(fact,), cash_effect=fact.amount,
    )  # fmt: skip


def _missing_there(
    mine: OurCash, matched: list[CashAdopted], grounds: Grounds, zone: ZoneInfo, books: OurBooks
) -> Discrepancy:
    what = f"{mine.cause.name.lower().replace('_', ' ')} {amount_text(mine.amount)} of {mine.day}"
    twin = any(
        (fact.account, fact.cause, fact.amount, fact.symbol, day_of(fact.event_time_ns, zone))
        == (mine.account, mine.cause, mine.amount, mine.symbol, mine.day)
        for fact in matched
    )
    reversal = (
        CashAdopted(
            day_ns(mine.day, zone), _next(mine.entry_id, books), mine.cause, -mine.amount, grounds, mine.symbol,
            f"takes back {mine.entry_id}", mine.account,
        ),
    )  # fmt: skip
    says = "is booked here twice and is in the statement once" if twin else "stands here and not in the statement"
    return Discrepancy(
        (Cause.CASH_DOUBLED_HERE if twin else Cause.CASH_MISSING_THERE,), mine.account, mine.symbol or "", mine.day,
        f"{what} {says}. " + ("Take it back." if twin else "Ask the broker; take it back if it never came."),
        ours=mine.entry_id, suggestion=reversal if mine.entry_id else (), cash_effect=-mine.amount,
    )  # fmt: skip


def _cash(fact: CashAdopted) -> str:
    named = f" of {fact.symbol}" if fact.symbol else ""
    return f"{fact.cause.name.lower().replace('_', ' ')}{named} {amount_text(fact.amount)}"


def _next(base: str, books: OurBooks) -> str:
    used, count = books.entry_ids, 2
    while f"{base}~{count}" in used:
        count += 1
    return f"{base}~{count}"
