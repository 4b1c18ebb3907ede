"""Trading as a whole, as facts leave it: the gap, locks, the trading state, and limits that persons set."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.ledger.builders import T0, a_deposit

from tapeline.domain.control import GapCause, TradingState, Trigger
from tapeline.domain.errors import InvariantError
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.control_facts import (
    CommandGiven,
    Flattened,
    GapClosed,
    GapOpened,
    LimitOverridden,
    Reconciled,
    SymbolLocked,
    SymbolUnlocked,
    TradingStateChanged,
)
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact


def views_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def an_override(limit: str, value: str, **terms: str) -> LimitOverridden:
    return LimitOverridden(T0, limit, Decimal(value), T0 + 60, "ann", "earnings", **terms)


def test_books_without_a_live_link_have_no_word_of_it() -> None:
    assert "control" not in views_of().as_tree()


def test_everything_that_was_decided_is_written() -> None:
    views = views_of(
        GapOpened(T0, GapCause.LINK_LOST, "socket closed"),
        GapOpened(T0 + 1, GapCause.START),
        SymbolLocked(T0, "B", Decimal("10.50"), None),
        SymbolLocked(T0, "A", Decimal(3), Decimal(4)),
        SymbolLocked(T0, "A", Decimal(5), Decimal(7), account="a"),
        TradingStateChanged(T0, TradingState.REDUCING, Trigger.PERSON, "ann"),
        an_override("open_risk", "0.0300"),
        an_override("open_risk", "0.04", strategy="Dip"),
        an_override("gross", "2", account="a"),
        Reconciled(T0 + 7),
    )

    assert views.as_tree()["control"] == {
        "gap": [T0, "LINK_LOST"],
        "locks": [["a", "A", "5", "7"], ["main", "A", "3", "4"], ["main", "B", "10.5", None]],
        "overrides": [
            ["a", "", "gross", "2", T0 + 60], ["main", "", "open_risk", "0.03", T0 + 60],
            ["main", "Dip", "open_risk", "0.04", T0 + 60],
        ],
        "reconciled_ns": T0 + 7,
        "state": "REDUCING",
    }  # fmt: skip


def test_what_is_over_is_not_written_any_more() -> None:
    views = views_of(
        GapOpened(T0, GapCause.START), GapClosed(T0 + 1),
        SymbolLocked(T0, "A", Decimal(3), None), SymbolUnlocked(T0, "A", Decimal(3), Decimal(3)),
        TradingStateChanged(T0, TradingState.HALTED, Trigger.PERSON, "ann"),
        TradingStateChanged(T0, TradingState.ACTIVE, Trigger.PERSON, "ann"),
    )  # fmt: skip

    assert (views.control.gap, views.control.locks) == (None, {})
    assert views.as_tree().get("control") is None


def test_a_flatten_is_kept_until_it_is_done_or_a_person_lets_trading_go_on() -> None:
    flatten = CommandGiven(T0, "flatten", {}, "ann", "fire")
    halted = TradingStateChanged(T0, TradingState.HALTED, Trigger.PERSON, "ann")
    active = TradingStateChanged(T0 + 9, TradingState.ACTIVE, Trigger.PERSON, "ann")

    assert views_of(halted, flatten).control.flatten == flatten
    assert views_of(flatten, halted).control.flatten == flatten
    assert views_of(halted, flatten, Flattened(T0 + 5)).control.flatten is None
    assert views_of(halted, flatten, active).control.flatten is None
    assert views_of(CommandGiven(T0, "flatten", {}, "ann", "fire", "It was refused.")).control.flatten is None
    assert views_of(CommandGiven(T0, "halt", {}, "ann")).control.flatten is None
    assert views_of(flatten).to_bytes() == views_of().to_bytes()


def test_the_newest_override_of_a_limit_and_the_newest_lock_of_a_symbol_count() -> None:
    views = views_of(
        an_override("gross", "2"), an_override("gross", "3"),
        SymbolLocked(T0, "A", Decimal(3), None), SymbolLocked(T0, "A", Decimal(4), None),
    )  # fmt: skip

    assert [override.value for override in views.control.overrides.values()] == [3]
    assert [lock.ours for lock in views.control.locks.values()] == [4]


@pytest.mark.parametrize(
    ("ours", "theirs", "held", "agreed"),
    [
        (10, 4, 10, 4), (10, 4, 7, 1), (10, 4, 6, 0), (10, 4, 2, 0), (10, 4, 12, 4), (10, 25, 10, 10), (10, 25, 4, 4),
        (10, 0, 10, 0), (10, -7, 10, 0), (10, None, 10, 0), (-10, -4, -10, -4), (-10, -4, -7, -1), (-10, 5, -10, 0),
        (10, 4, 20, 4), (0, 5, 0, 0), (1, 4, 1, 1),
    ],
)  # fmt: skip
def test_of_a_locked_symbol_what_both_books_hold_is_agreed_less_what_was_sold_since(
    ours: int, theirs: int | None, held: int, agreed: int
) -> None:
    """Locked with `ours` and `theirs`, and `held` now: what was sold since has left theirs too."""
    control = views_of(SymbolLocked(T0, "A", Decimal(ours), None if theirs is None else Decimal(theirs))).control

    assert control.agreed("main", "A", Decimal(held)) == agreed
    assert control.agreed("second", "A", Decimal(held)) == control.agreed("main", "B", Decimal(held)) == held


def a_finding(kind: str, name: str, remedy: str, ours: str | None = None, theirs: str | None = None) -> dict[str, Any]:
    return {"finding": kind, "name": name, "remedy": remedy, "ours": ours, "theirs": theirs, "text": "nobody knows it"}


def test_what_a_comparison_left_open_is_told_with_what_each_side_says() -> None:
    views = views_of(
        Reconciled(T0, [
            a_finding("CASH_BREAK", "main", "REPORT", "10000", "9998.75"),
            a_finding("POSITION_BREAK", "A", "LOCK", "10", "4"),
            a_finding("MISSING_AT_BROKER", "o1", "ASK", "NEW"),
            a_finding("UNKNOWN_ORDER", "o2", "ASK"),
        ])
    )  # fmt: skip
    sentences = [
        "CASH_BREAK of main (ours 10000, theirs 9998.75)",
        "MISSING_AT_BROKER of o1 (ours NEW)",
        "UNKNOWN_ORDER of o2 (nobody knows it)",
    ]

    assert views.control.unresolved == sentences
    assert views.as_tree()["control"] == {"reconciled_ns": T0, "unresolved": sentences}


def test_what_lowered_trading_is_known_until_it_is_raised() -> None:
    halted = TradingStateChanged(T0, TradingState.HALTED, Trigger.PERSON, "ann")
    reducing = TradingStateChanged(T0 + 1, TradingState.REDUCING, Trigger.PERSON, "ann")
    active = TradingStateChanged(T0 + 2, TradingState.ACTIVE, Trigger.PERSON, "ann")

    assert views_of().control.lowered is None
    assert views_of(halted).control.lowered == halted
    assert views_of(halted, reducing).control.lowered == reducing
    assert views_of(halted, active).control.lowered is None


def test_a_difference_of_a_symbol_that_is_not_locked_is_accepted_too() -> None:
    accepted = BreakAccepted(T0, Decimal(0), Decimal(4), "ann", "asked", "A", {"external": Decimal(4)}, Decimal(9))

    assert views_of(a_deposit(5), accepted).control.accepted == [accepted]


def test_a_difference_that_a_person_accepts_is_none_any_more_and_others_stay() -> None:
    found = [
        a_finding("POSITION_BREAK", "A", "LOCK", "10", "4"), a_finding("POSITION_BREAK", "B", "LOCK", "1", "2"),
        a_finding("CASH_BREAK", "main", "REPORT", "5", "4"), a_finding("CASH_BREAK", "A", "REPORT", "5", "4"),
    ]  # fmt: skip
    before = [
        a_deposit(5), SymbolLocked(T0, "A", Decimal(0), Decimal(4)), SymbolLocked(T0, "A", Decimal(0), None, "second"),
        Reconciled(T0, found),
    ]  # fmt: skip
    of_symbol = BreakAccepted(T0 + 1, Decimal(0), Decimal(4), "ann", "asked", "A", {"external": Decimal(4)}, Decimal(9))
    of_cash = BreakAccepted(T0 + 2, Decimal(5), Decimal(4), "ann", "a fee")

    after_symbol, after_both = views_of(*before, of_symbol), views_of(*before, of_symbol, of_cash)

    assert list(after_symbol.control.findings) == found[1:]
    assert set(after_symbol.control.locks) == {("second", "A")}
    assert list(after_both.control.findings) == [found[1], found[3]]
    assert after_both.control.accepted == [of_symbol, of_cash]
    assert after_both.as_tree()["control"]["accepted"] == [[T0 + 1, "A"], [T0 + 2, "main"]]


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        (GapClosed(T0), f"A gap is closed at {T0}, but none was open"),
        (SymbolUnlocked(T0, "A", Decimal(0), None), "The lock of A is taken off, but it had none"),
    ],
)
def test_what_was_never_begun_does_not_end(fact: Fact, sentence: str) -> None:
    with pytest.raises(InvariantError, match=sentence):
        views_of(fact)
