"""Executions: what is missing, doubled or different between the journal and a statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import Grounds
from tapeline.domain.execution import Execution
from tapeline.ledger.adopted_facts import ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.standing import Standing
from tapeline.statements.discrepancy import ZERO, Cause, Discrepancy
from tapeline.statements.matching import Matching, Pair, identity, match_executions, twin_key
from tapeline.statements.model import StatedBust, StatedExecution, Statement, day_of

FEE_TOLERANCE = Decimal("0.01")
"""A fee may be rounded to the cent on one side."""

PRICE_TOLERANCE = Decimal("0.00005")
"""A price may be rounded to four decimals on one side."""


def trade_discrepancies(
    ours: Iterable[Standing], statement: Statement, zone: ZoneInfo, used_ids: frozenset[str]
) -> Iterator[Discrepancy]:
    """Yield the differences between executions of the statement's days and accounts.

    used_ids : ids that the journal has given away, which a correction cannot have
    """
    accounts, grounds = set(statement.accounts), Grounds(statement.source)
    mine = [standing for standing in ours if _is_covered(standing.execution, statement, accounts, zone)]
    # A bust wins over whatever it is about: what it names is told as busted, and matched with nothing else.
    busted = dict(_busted(mine, statement.busts, zone))
    matching = match_executions([s for s in mine if s.execution_id not in busted], statement.standing(), zone)
    for standing in mine:
        if standing.execution_id in busted:
            yield _bust(standing, busted[standing.execution_id], grounds, zone)
    for pair in matching.pairs:
        found = _differences(pair, statement.fees_apart, grounds, zone, used_ids)
        if found is not None:
            yield found
    yield from _alone_here(matching, grounds, zone)
    yield from _alone_there(matching, zone)


def find_busted(standing: Iterable[Standing], bust: StatedBust, zone: ZoneInfo) -> Standing | None:
    """Return the execution that a bust is about: by id, else the first that is alike; None if there is none."""
    here = [s for s in standing if s.execution.account == bust.account]
    for found in here:
        if identity(found.execution_id) == identity(bust.execution_id):
            return found
    if bust.like is None:
        return None
    wanted = twin_key(bust.like, zone)
    alike = [s for s in here if twin_key(s.execution, zone) == wanted]
    return min(alike, key=lambda s: (s.execution.event_time_ns, s.execution_id), default=None)


def corrected_id(before: str, wanted: str, used_ids: frozenset[str] | set[str]) -> str:
    """Return an id for a correction: the broker's where it is free, else ours with the next number."""
    if wanted != before and wanted not in used_ids:
        return wanted
    base, _, number = before.rpartition("~")
    base, count = (base, int(number)) if base and number.isdigit() else (before, 1)
    while f"{base}~{count + 1}" in used_ids:
        count += 1
    return f"{base}~{count + 1}"


def _is_covered(execution: Execution, statement: Statement, accounts: set[str], zone: ZoneInfo) -> bool:
    if statement.first is None or statement.last is None or execution.account not in accounts:
        return False
    return statement.first <= day_of(execution.event_time_ns, zone) <= statement.last


def _busted(mine: list[Standing], busts: list[StatedBust], zone: ZoneInfo) -> Iterator[tuple[str, StatedBust]]:
    left = list(mine)
    for bust in busts:
        found = find_busted(left, bust, zone)
        if found is not None:
            left.remove(found)
            yield found.execution_id, bust


def _bust(standing: Standing, bust: StatedBust, grounds: Grounds, zone: ZoneInfo) -> Discrepancy:
    execution = standing.execution
    fact = ExecutionBusted(bust.event_time_ns, execution, grounds, standing.multiplier)
    return _discrepancy(
        (Cause.BUSTED,), execution, zone,
        f"{_told(execution)} stands here as {execution.execution_id}; the broker has canceled it. Bust it here too.",
        ours=execution.execution_id, theirs=bust.execution_id, where=bust.where, suggestion=(fact,),
        quantity_effect=-execution.signed_quantity, cash_effect=-_cash(execution, standing.multiplier),
    )  # fmt: skip


def _differences(
    pair: Pair, fees_apart: bool, grounds: Grounds, zone: ZoneInfo, used_ids: frozenset[str]
) -> Discrepancy | None:
    mine, fact = pair.ours.execution, pair.theirs.fact
    other = fact.execution
    our_day, their_day = day_of(mine.event_time_ns, zone), day_of(other.event_time_ns, zone)
    told: list[tuple[Cause, str]] = []
    if mine.side is not other.side:
        told.append((Cause.SIDE, f"{mine.side.name} here, {other.side.name} there"))
    for cause, name, ours, theirs, tolerance in (
        (Cause.QUANTITY, "quantity", mine.quantity, other.quantity, ZERO),
        (Cause.PRICE, "price", mine.price, other.price, PRICE_TOLERANCE),
        (Cause.FEE, "fee", mine.commission, other.commission, FEE_TOLERANCE),
    ):
        if abs(ours - theirs) > tolerance and not (cause is Cause.FEE and fees_apart):
            difference = amount_text(theirs - ours)
            told.append((cause, f"{name} {amount_text(ours)} here, {amount_text(theirs)} there ({difference})"))
    if our_day != their_day:
        told.append((Cause.DATE, f"trade date {our_day} here, {their_day} there"))
    if not told:
        return None
    new = replace(
        mine,
        execution_id=corrected_id(mine.execution_id, other.execution_id, used_ids),
        side=other.side,
        quantity=other.quantity,
        price=other.price,
        commission=mine.commission if fees_apart else other.commission,
        event_time_ns=mine.event_time_ns if our_day == their_day else other.event_time_ns,
    )
    correction = ExecutionCorrected(other.event_time_ns, mine, new, grounds, fact.multiplier)
    causes = tuple(cause for cause, _ in told)
    return _discrepancy(
        causes, mine, zone,
        f"{_told(mine)}: {'; '.join(text for _, text in told)}. Correct it if the statement is right.",
        ours=mine.execution_id, theirs=other.execution_id, where=pair.theirs.where, suggestion=(correction,),
        quantity_effect=new.signed_quantity - mine.signed_quantity,
        cash_effect=_cash(new, fact.multiplier) - _cash(mine, pair.ours.multiplier),
    )  # fmt: skip


def _alone_here(matching: Matching, grounds: Grounds, zone: ZoneInfo) -> Iterator[Discrepancy]:
    matched = _by_twin([pair.ours.execution for pair in matching.pairs], zone)
    for standing in matching.only_ours:
        execution = standing.execution
        twins = matched.get(twin_key(execution, zone))
        fact = ExecutionBusted(execution.event_time_ns, execution, grounds, standing.multiplier)
        effects = (-execution.signed_quantity, -_cash(execution, standing.multiplier))
        if twins:
            sentence = (
                f"{_told(execution)} is booked here twice, as {twins[0]} and {execution.execution_id}; the statement "
                "has it once. Bust the second."
            )
        else:
            sentence = (
                f"{_told(execution)} stands here as {execution.execution_id} and not in the statement. Ask the broker; "
                "bust it if it never happened."
            )
        yield _discrepancy(
            (Cause.DOUBLED_HERE if twins else Cause.MISSING_THERE,), execution, zone, sentence,
            ours=execution.execution_id, suggestion=(fact,), quantity_effect=effects[0], cash_effect=effects[1],
        )  # fmt: skip


def _alone_there(matching: Matching, zone: ZoneInfo) -> Iterator[Discrepancy]:
    matched = _by_twin([pair.theirs.fact.execution for pair in matching.pairs], zone)
    for entry in matching.only_theirs:
        execution = entry.fact.execution
        twins = matched.get(twin_key(execution, zone))
        if twins:
            yield _discrepancy(
                (Cause.DOUBLED_THERE,), execution, zone,
                f"{_told(execution)} is in the statement twice, as {twins[0]} and {execution.execution_id}, and here "
                "once. Ask the broker; adopt it only if there were two.",
                theirs=execution.execution_id, where=entry.where, suggestion=(entry.fact,),
            )  # fmt: skip
            continue
        yield _missing_here(entry, execution, zone)


def _missing_here(entry: StatedExecution, execution: Execution, zone: ZoneInfo) -> Discrepancy:
    fact: ExecutionAdopted = entry.fact
    return _discrepancy(
        (Cause.MISSING_HERE,), execution, zone,
        f"{_told(execution)} is in the statement as {execution.execution_id} and not here. Adopt it.",
        theirs=execution.execution_id, where=entry.where, suggestion=(fact,),
        quantity_effect=execution.signed_quantity, cash_effect=_cash(execution, fact.multiplier),
    )  # fmt: skip


def _by_twin(executions: list[Execution], zone: ZoneInfo) -> dict[tuple[object, ...], list[str]]:
    found: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for execution in executions:
        found[twin_key(execution, zone)].append(execution.execution_id)
    return found


def _cash(execution: Execution, multiplier: Decimal) -> Decimal:
    return -execution.signed_quantity * execution.price * multiplier - execution.commission


def _told(execution: Execution) -> str:
    return (
        f"{execution.side.name} {amount_text(execution.quantity)} {execution.symbol} at {amount_text(execution.price)}"
    )


def _discrepancy(
    causes: tuple[Cause, ...], execution: Execution, zone: ZoneInfo, sentence: str, **terms: object
) -> Discrepancy:
    day: date = day_of(execution.event_time_ns, zone)
    return Discrepancy(causes, execution.account, execution.symbol, day, sentence, **terms)  # type: ignore[arg-type]
