"""The engine equals a second one that knows no lots, share by share, on random books.

PYTHONPATH=tests .venv/bin/python tests/tax/test_share_by_share.py 20000     # as many books as one likes
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date
from fractions import Fraction

from hypothesis import HealthCheck, given, settings

from tapeline.tax.accounts import Account, AccountKind, Method
from tapeline.tax.amounts import CENT, SHARE
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Event
from tapeline.tax.policies import Policies
from tax.random_books import books, methods
from tax.share_by_share import SlowEngine

NEGLIGIBLE = Fraction(1, 10**12)
"""Dollars. The engine rounds once, at 5e-21 dollars a share."""

seen: Counter[str] = Counter()


def compare(events: list[Event], by_account: dict[str, str]) -> None:
    """Assert that both engines give the same rows, lots and permanent total."""
    accounts = [
        Account(name, AccountKind.RETIREMENT if name == "roth" else AccountKind.TAXABLE, method=Method(method))
        for name, method in by_account.items()
    ]
    fast = TaxEngine(accounts, policies=Policies(refuse_constructive_sales=False))
    fast.apply(events)
    slow = SlowEngine(by_account, {"roth"})
    slow.run(events)

    result = fast.result()
    rows = {
        (row.account, row.close_id, row.open_id, row.holding_start, row.term.value): (
            Fraction(row.quantity_units) / SHARE,
            dollars(row.proceeds_units),
            dollars(row.cost_units),
            dollars(row.disallowed_units),
        )
        for row in result.rows
    }
    assert len(rows) == len(result.rows)
    assert_equal(rows, {key: (row.quantity, row.proceeds, row.cost, row.adjustment) for key, row in slow.rows.items()})
    lots = {}
    for position in fast._book.all_positions():
        for lot in position:
            side = "short" if position.is_short else "long"
            key = (
                position.account.name,
                position.symbol,
                side,
                lot.id,
                date_of(lot.acquired if position.is_short else lot.holding_start),
            )
            known = lots.get(key, (Fraction(0),) * 3)
            mine = (
                Fraction(lot.quantity) / SHARE,
                dollars(lot.quantity * lot.basis),
                dollars(lot.quantity * lot.deferred),
            )
            lots[key] = tuple(a + b for a, b in zip(known, mine, strict=True))
    assert_equal(lots, slow.open_lots())
    assert abs(dollars(fast._book.wash_sales.permanent) - slow.permanent) < NEGLIGIBLE
    note(events, slow)


def note(events: list[Event], slow: SlowEngine) -> None:
    """Count what the books had in them, so that a proof can say what it proved."""
    kinds = {type(event).__name__ for event in events}
    seen["books"] += 1
    seen["with wash sales"] += any(row.adjustment for row in slow.rows.values())
    seen["with short wash sales"] += any(piece.deferred for piece in slow.short)
    seen["with splits"] += "StockSplit" in kinds
    seen["with short sales"] += "Short" in kinds
    seen["with permanent losses"] += bool(slow.permanent)
    seen["with long-term rows"] += any(key[4] == "long" for key in slow.rows)


def assert_equal(got: dict, want: dict) -> None:
    """Assert equal keys and amounts."""
    assert set(got) == set(want)
    for key, amounts in want.items():
        for mine, theirs in zip(got[key], amounts, strict=True):
            assert abs(mine - theirs) < NEGLIGIBLE, (key, got[key], amounts)


def dollars(units: object) -> Fraction:
    """Return units of amounts as dollars."""
    return Fraction(units) / (CENT * 100)


def date_of(day: int) -> date:
    """Return a day's date."""
    return date.fromordinal(day)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(events=books, by_account=methods)
def test_both_engines_agree_on_random_books(events: list[Event], by_account: dict[str, str]) -> None:
    compare(events, by_account)


if __name__ == "__main__":
    prove = given(events=books, by_account=methods)(compare)
    settings(max_examples=int(sys.argv[1]), deadline=None, database=None, suppress_health_check=list(HealthCheck))(
        prove
    )()
    print(dict(seen))
