"""What may leave of a locked symbol: exits are made as large as the venue confirms, or do not begin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger.builders import T0
from risk.builders import Desk, an_exit, holds
from tapeline.domain.words import Limit, Purpose, Side
from tapeline.ledger.control_facts import SymbolLocked
from tapeline.ledger.order_facts import CancelIntended
from tapeline.risk.locks import bars_cancel, fitted

ONE = Decimal(1)


def locked(ours: int, theirs: str | None, **others: int) -> Desk:
    desk = Desk()
    holds(desk, ours)
    for strategy, quantity in others.items():
        holds(desk, quantity, strategy)
    total = Decimal(ours + sum(others.values()))
    desk.record(SymbolLocked(T0, "ABCD", total, None if theirs is None else Decimal(theirs)))
    return desk


@pytest.mark.parametrize(
    ("ours", "theirs", "terms", "quantity"),
    [
        (10, "6", {}, 6),
        (10, "6", {"purpose": Purpose.FLAT_BEFORE_CLOSE}, 6),
        (10, "6", {"purpose": Purpose.LOSS_LIMIT}, 6),
        (10, "6", {"purpose": Purpose.STOP, "group": "pair"}, 6),
        (10, "6", {"purpose": Purpose.TARGET, "group": "pair"}, 6),
        (10, "6", {"purpose": Purpose.SCALE_OUT, "quantity": 7}, 7),
        (10, "6", {"quantity": 5}, 5),
        (10, "6.7", {}, 6),
        (10, "0.4", {}, 10),
        (10, "12", {}, 10),
        (10, None, {}, 10),
        (10, "-3", {}, 10),
        (-10, "-6", {"side": Side.BUY}, 6),
        (10, "6", {"side": Side.BUY, "purpose": Purpose.ENTRY}, 10),
    ],
)
def test_an_exit_is_as_large_as_is_confirmed_in_whole_lots(
    ours: int, theirs: str | None, terms: dict[str, Any], quantity: int
) -> None:
    """What none is confirmed of stays as it is and is denied; a part that is sold leaves the room to the stop."""
    desk = locked(ours, theirs)
    before = an_exit("exit", **{"quantity": 10, **terms})
    order = fitted(desk.views, before, ONE)

    assert order.quantity == quantity
    may_leave = quantity <= abs(Decimal(theirs or 0)) and (Decimal(theirs or 0) > 0) is (ours > 0)
    if order.purpose is not Purpose.ENTRY:
        assert (desk.ask(order) is None) is may_leave


def test_what_closes_besides_takes_its_part_and_a_pair_takes_it_once() -> None:
    desk = locked(10, "12", Trend=6)
    desk.work(an_exit("theirs", 5, strategy="Trend"))
    stop = fitted(desk.views, an_exit("stop", 10, Purpose.STOP, group="pair"), ONE)
    desk.work(stop)

    assert stop.quantity == 7
    assert fitted(desk.views, an_exit("target", 10, Purpose.TARGET, group="pair"), ONE).quantity == 7
    desk.record(CancelIntended(T0, "stop", purpose=Purpose.EXIT_RULE))
    assert fitted(desk.views, an_exit("exit"), ONE).quantity == 7


@pytest.mark.parametrize(
    ("theirs", "purpose", "is_barred"),
    [
        (None, Purpose.EXIT_RULE, True),
        ("0", Purpose.LOSS_LIMIT, True),
        ("-4", Purpose.FLAT_BEFORE_CLOSE, True),
        ("6", Purpose.EXIT_RULE, True),
        ("6.4", Purpose.EXIT_RULE, True),
        ("7", Purpose.EXIT_RULE, False),
        ("15", Purpose.SCALE_OUT, True),
        ("16", Purpose.SCALE_OUT, False),
        ("0", Purpose.STOP, False),
        ("0", Purpose.FLATTEN, False),
        ("0", None, False),
    ],
)
def test_an_exit_does_not_begin_where_its_order_could_not_follow(
    theirs: str | None, purpose: Purpose | None, is_barred: bool
) -> None:
    """Ten are held behind a stop, six more by another strategy behind its own, which goes on."""
    desk = locked(10, theirs, Trend=6)
    desk.work(an_exit("stop", 10, Purpose.STOP))
    desk.work(an_exit("other", 6, Purpose.STOP, strategy="Trend"))

    text = bars_cancel(desk.views, CancelIntended(T0, "stop", purpose=purpose), ONE)

    assert (text is not None) is is_barred
    if theirs == "6.4":
        assert text == (
            "ABCD is locked, and the broker's books leave 0.4 of 10 to close: what protects the holding is not called"
            " back."
        )


def test_of_a_symbol_that_is_not_locked_everything_leaves_and_an_entry_is_always_called_back() -> None:
    desk = Desk()
    holds(desk, 10)
    desk.work(an_exit("stop", 10, Purpose.STOP))
    desk.work(an_exit("entry", 10, Purpose.ENTRY, side=Side.BUY))
    leaves = CancelIntended(T0, "stop", purpose=Purpose.EXIT_RULE)
    assert bars_cancel(desk.views, leaves, ONE) is None
    assert fitted(desk.views, an_exit("exit"), ONE).quantity == 10

    desk.record(SymbolLocked(T0, "ABCD", Decimal(10), None))
    assert bars_cancel(desk.views, leaves, ONE) is not None
    assert bars_cancel(desk.views, CancelIntended(T0, "entry", purpose=Purpose.EXIT_RULE), ONE) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "working", "wanted", "found"),
    [
        (10, None, 0, 10, (10, 0)),
        (10, 6, 0, 10, (10, 6)),
        (10, 6, 0, 6, None),
        (10, 6, 4, 3, (7, 6)),
        (10, 6, 4, 2, None),
        (10, 14, 0, 10, None),
        (10, -3, 0, 1, (1, 0)),
        (-10, -6, 0, 7, (7, 6)),
        (-10, -6, 0, 6, None),
    ],
)
def test_exits_of_a_locked_symbol_close_no_more_than_the_venue_confirms(
    ours: int, theirs: int | None, working: int, wanted: int, found: tuple[int, int] | None
) -> None:
    desk = Desk()
    holds(desk, ours)
    side = Side.SELL if ours > 0 else Side.BUY
    if working:
        desk.work(an_exit("working", working, side=side))
    desk.record(SymbolLocked(T0, "ABCD", Decimal(ours), None if theirs is None else Decimal(theirs)))
    denial = desk.gate.ask(an_exit("exit", wanted, side=side), T0)

    assert (None if denial is None else (denial.limit, denial.found, denial.bound)) == (
        None if found is None else (Limit.DOUBT, *found)
    )


def test_strategies_close_what_the_venue_confirms_of_a_locked_symbol_together() -> None:
    desk = Desk()
    holds(desk, 6)
    holds(desk, 4, "Trend")
    desk.record(SymbolLocked(T0, "ABCD", Decimal(10), Decimal(6)))
    desk.work(an_exit("theirs", 4, strategy="Trend"))

    assert desk.ask(an_exit("all", 6)) == "doubt"
    assert desk.ask(an_exit("rest", 2)) is None
    desk.record(CancelIntended(T0, "theirs", purpose=Purpose.EXIT_RULE))
    assert desk.ask(an_exit("all again", 6)) is None
