"""Invariants that hold for every book: section 13 of the rules, and what follows from them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.tax.accounts import Account, AccountKind, Method
from tapeline.tax.amounts import NEGLIGIBLE, to_amount
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Action, Buy, Cover, Event, Sell, Short, StockSplit, SymbolChange, Trade
from tapeline.tax.policies import Policies
from tax.random_books import books, methods

MANY = settings(max_examples=40, deadline=None, derandomize=True)


def engine_of(by_account: dict[str, str]) -> TaxEngine:
    accounts = [
        Account(name, AccountKind.RETIREMENT if name == "roth" else AccountKind.TAXABLE, method=Method(method))
        for name, method in by_account.items()
    ]
    return TaxEngine(accounts, policies=Policies(refuse_constructive_sales=False))


def taxed(events: list[Event], by_account: dict[str, str]) -> TaxEngine:
    engine = engine_of(by_account)
    engine.apply(events)
    return engine


def state(engine: TaxEngine) -> tuple[Any, ...]:
    """Return everything that a book comes to, rows in any order."""
    result = engine.result()
    rows = [
        (*map(str, row.key), row.symbol, row.quantity_units, row.proceeds_units, row.cost_units, row.disallowed_units)
        for row in result.rows
    ]
    lots = [
        (p.account.name, p.symbol, p.is_short, lot.id, lot.holding_start, lot.used, lot.quantity * lot.basis)
        for p in engine._book.all_positions()
        for lot in p
    ]
    pending = [(*map(str, loss.row.key), loss.quantity, loss.amount) for loss in result.pending_losses()]
    return sorted(rows), sorted(lots), result.permanently_disallowed, sorted(pending)


def day_of(event: Event) -> date:
    return event.day if isinstance(event, Action) else event.trade_date


def cash(events: list[Event]) -> int:
    """Return what the executions of taxable accounts brought and cost, in units."""
    total = 0
    for event in events:
        if isinstance(event, Trade) and event.account != "roth":
            sign = 1 if isinstance(event, Sell | Short) else -1
            total += sign * to_amount(event.price * event.quantity) - to_amount(event.commission)
    return total


@MANY
@given(books, methods)
def test_gain_and_deferred_and_permanent_losses_are_the_economic_result(events, by_account) -> None:
    engine = taxed(events, by_account)
    open_value = sum(
        lot.quantity * (lot.deferred - lot.basis if position.is_short else lot.basis)
        for position in engine._book.all_positions()
        if position.account.name != "roth"
        for lot in position
    )

    rows = engine.result().rows
    reported = sum(row.proceeds_units - row.cost_units + row.disallowed_units for row in rows)

    assert abs(cash(events) + open_value - (reported - engine._book.wash_sales.permanent)) <= NEGLIGIBLE


@MANY
@given(books, methods)
def test_shares_are_conserved(events, by_account) -> None:
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for event in events:
        if isinstance(event, StockSplit):
            for key in held:
                if key[1] == event.symbol:
                    held[key] = held[key] * event.new / event.old
        else:
            sign = 1 if isinstance(event, Buy | Cover) else -1
            held[event.account, event.symbol] += sign * event.quantity

    engine = taxed(events, by_account)

    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for lot in engine.result().open_lots():
        found[lot.account, lot.symbol] += -lot.quantity if lot.is_short else lot.quantity
    assert {key: value for key, value in held.items() if value} == {k: v for k, v in found.items() if v}
    for position in engine._book.all_positions():
        assert position.quantity == sum(lot.quantity for lot in position)


@MANY
@given(books, methods)
def test_every_disallowed_dollar_is_carried_or_permanent_and_within_its_loss(events, by_account) -> None:
    engine = taxed(events, by_account)
    wash_sales = engine._book.wash_sales
    by_row: dict[int, int] = defaultdict(int)
    for one in wash_sales.disallowances:
        assert one.amount_units > 0
        by_row[id(one.row)] += one.amount_units

    replacements = {one.lot_id for one in wash_sales.disallowances}
    rows = engine.result().rows
    assert sum(row.disallowed_units for row in rows) == wash_sales.carried + wash_sales.permanent
    for row in rows:
        assert row.disallowed_units == by_row[id(row)]
        assert row.gain == row.proceeds - row.cost + row.adjustment
        if row.disallowed_units and row.open_id not in replacements:  # all its shares have one basis
            assert 0 < row.disallowed_units <= row.cost_units - row.proceeds_units


@MANY
@given(books, methods)
def test_an_acquired_share_takes_up_at_most_one_loss(events, by_account) -> None:
    events = [event for event in events if not isinstance(event, StockSplit)]
    acquired = {(e.account, e.execution_id): e.quantity for e in events if isinstance(e, Buy | Short)}
    replaced: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    try:
        engine = taxed(events, by_account)
    except Exception as refusal:  # a book may need its splits
        assert "insufficient_lots" in str(refusal)
        return

    for one in engine.result().disallowances:
        replaced[one.account, one.lot_id] += one.quantity

    assert all(quantity <= acquired[key] for key, quantity in replaced.items())


@MANY
@given(books, methods)
def test_day_by_day_is_the_same_as_all_at_once(events, by_account) -> None:
    step_by_step = engine_of(by_account)
    for _, day in groupby(events, key=day_of):
        step_by_step.apply(list(day))

    assert state(step_by_step) == state(taxed(events, by_account))


@MANY
@given(books, methods, st.randoms(use_true_random=False))
def test_the_order_of_independent_symbols_does_not_matter(events, by_account, draw) -> None:
    queues = {symbol: [event for event in events if event.symbol == symbol] for symbol in ("AAA", "BBB")}
    mixed: list[Event] = []
    while any(queues.values()):
        symbol = draw.choice([symbol for symbol, queue in queues.items() if queue])
        mixed.append(queues[symbol].pop(0))

    assert state(taxed(mixed, by_account)) == state(taxed(events, by_account))


@MANY
@given(books, methods)
def test_a_trade_far_away_changes_nothing_else(events, by_account) -> None:
    engine = taxed(events, by_account)
    before = [row.gain for row in engine.result().rows]

    engine.apply(
        [
            Buy(
                execution_id="far",
                account="first",
                symbol="AAA",
                quantity=Decimal(50),
                price=Decimal(1),
                trade_date=day_of(events[-1]) + timedelta(days=31),
            )
        ]
    )

    assert [row.gain for row in engine.result().rows] == before


@MANY
@given(books, methods)
def test_a_split_of_one_for_one_and_a_new_name_change_nothing(events, by_account) -> None:
    day = day_of(events[len(events) // 2])
    before = [event for event in events if day_of(event) < day]
    renamed = [
        replace(event, symbol="NEW") if event.symbol == "AAA" else event for event in events if day_of(event) >= day
    ]
    changed = [
        *before,
        StockSplit(event_id="one", day=day, symbol="AAA", new=Decimal(1)),
        SymbolChange(event_id="name", day=day, symbol="AAA", new_symbol="NEW"),
        *renamed,
    ]

    def under_the_old_name(parts: tuple[Any, ...]) -> list[list[str]]:
        return [sorted(str(entry).replace("NEW", "AAA") for entry in part) for part in parts]

    got, want = state(taxed(changed, by_account)), state(taxed(events, by_account))
    assert under_the_old_name((got[0], got[1], got[3])) == under_the_old_name((want[0], want[1], want[3]))
    assert got[2] == want[2]


@MANY
@given(books, methods, st.integers(2, 5))
def test_k_times_the_shares_are_k_times_the_amounts(events, by_account, k) -> None:
    larger = [
        replace(event, quantity=event.quantity * k, commission=event.commission * k)
        if isinstance(event, Trade)
        else event
        for event in events
    ]

    small, large = taxed(events, by_account), taxed(larger, by_account)

    assert [row.quantity_units * k for row in small.result().rows] == [
        row.quantity_units for row in large.result().rows
    ]
    for one, other in zip(small.result().rows, large.result().rows, strict=True):
        assert one.key == other.key
        for name in ("proceeds_units", "cost_units", "disallowed_units"):
            assert abs(getattr(one, name) * k - getattr(other, name)) <= NEGLIGIBLE


@MANY
@given(books, methods)
def test_four_hundred_years_later_only_dates_are_different(events, by_account) -> None:
    shift = timedelta(days=146_097)

    def later(event: Event) -> Event:
        return replace(event, **{"day" if isinstance(event, Action) else "trade_date": day_of(event) + shift})

    now, then = taxed(events, by_account), taxed([later(event) for event in events], by_account)

    assert [(row.gain, row.term, row.holding_start + shift) for row in now.result().rows] == [
        (row.gain, row.term, row.holding_start) for row in then.result().rows
    ]


@MANY
@given(books, methods)
def test_executions_of_one_order_may_be_cut_into_fills(events, by_account) -> None:
    cut: list[Event] = []
    for event in events:
        if not isinstance(event, Trade) or event.quantity == 1 or by_account[event.account] != "FIFO":
            cut.append(event)
            continue
        part = event.quantity - 1
        cut.append(replace(event, quantity=part, commission=event.commission * part / event.quantity))
        cut.append(
            replace(
                event,
                execution_id=event.execution_id + "+",
                quantity=Decimal(1),
                commission=event.commission / event.quantity,
            )
        )

    def totals(engine: TaxEngine) -> dict[tuple[object, ...], list[int]]:
        """Return the sums by order's first execution, side and term."""
        sums: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for row in engine.result().rows:
            key = row.close_id.rstrip("+"), row.open_id.rstrip("+"), row.start_day, row.term
            for at, value in enumerate((row.quantity_units, row.proceeds_units, row.cost_units, row.disallowed_units)):
                sums[key][at] += value
        return sums

    want, got = totals(taxed(events, by_account)), totals(taxed(cut, by_account))

    assert set(want) == set(got)
    for key, sums in want.items():
        for mine, theirs in zip(sums, got[key], strict=True):
            assert abs(mine - theirs) <= NEGLIGIBLE


@MANY
@given(books, methods, st.data())
def test_pieces_of_a_day_are_the_same_as_the_whole(events, by_account, draw) -> None:
    """An order's executions stay together; else a batch may end between any two moments."""
    timed = [
        replace(event, time_of_day=time(9, number)) if isinstance(event, Trade) else event
        for number, event in enumerate(events)
    ]
    cuts = draw.draw(st.sets(st.integers(1, len(timed) - 1), max_size=6))
    engine, first = engine_of(by_account), 0
    for end in [*sorted(cuts), len(timed)]:
        before, after = timed[end - 1], timed[end] if end < len(timed) else None
        joined = isinstance(before, Trade) and isinstance(after, Trade) and before.order_id == after.order_id
        if end < len(timed) and joined:
            continue
        engine.apply(timed[first:end])
        first = end

    assert state(engine) == state(taxed(timed, by_account))
