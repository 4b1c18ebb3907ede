"""The best lots of a sale, held against every choice there is."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.tax.best_lots import Part, cheapest, tax_of


def whole(low: int, high: int) -> st.SearchStrategy[Fraction]:
    return st.integers(low, high).map(Fraction)


losing = st.builds(Part, whole(1, 4), whole(-6, -1), st.just(True))
gaining = st.builds(Part, whole(1, 4), whole(0, 5), st.just(False), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.lists(losing | gaining, min_size=1, max_size=4), whole(0, 4), st.data())
def test_no_choice_of_shares_owes_less(parts: list[Part], replacements: Fraction, data: st.DataObject) -> None:
    held = int(sum(part.quantity for part in parts))
    quantity = data.draw(st.integers(1, held))

    chosen = cheapest(parts, Fraction(quantity), replacements)

    every = itertools.product(*(range(int(part.quantity) + 1) for part in parts))
    least = min(
        tax_of(parts, [Fraction(count) for count in counts], replacements)
        for counts in every
        if sum(counts) == quantity
    )
    assert sum(chosen) == quantity
    assert all(0 <= sold <= part.quantity and sold.denominator == 1 for part, sold in zip(parts, chosen, strict=True))
    assert tax_of(parts, chosen, replacements) == least


def test_replaced_losses_are_those_acquired_first_and_sold_shares_replace_nothing() -> None:
    rate = Fraction(3, 10)
    parts = [
        Part(Fraction(100), -4 * rate, is_loss=True),
        Part(Fraction(100), -5 * rate, is_loss=True),
        Part(Fraction(60), 1 * rate, is_loss=False, is_free=True),
    ]

    # 60 of the second part are replaced; or none, as all of the third goes, at 0.30 a share
    assert tax_of(parts, [Fraction(0), Fraction(100), Fraction(0)], Fraction(0)) == -60
    assert tax_of(parts, [Fraction(0), Fraction(40), Fraction(60)], Fraction(0)) == -60 + 18
    assert tax_of(parts, cheapest(parts, Fraction(100)), Fraction(0)) == -60


def test_without_losses_the_smallest_gains_are_sold() -> None:
    parts = [Part(Fraction(10), Fraction(gain), is_loss=False) for gain in (3, 1, 2)]

    assert cheapest(parts, Fraction(15)) == [0, 10, 5]


def test_fractions_of_shares_can_be_chosen() -> None:
    quantity = Fraction(Decimal("0.3"))

    chosen = cheapest(
        [Part(Fraction(1, 4), Fraction(-1), is_loss=True), Part(Fraction(1), Fraction(1), is_loss=False)], quantity
    )

    assert chosen == [Fraction(1, 4), Fraction(1, 20)]


def test_a_choice_that_forgets_replacements_is_worse() -> None:
    """The planted fault of the promise: lots chosen as if no wash sale existed."""
    losing = Part(Fraction(10), Fraction(-5), is_loss=True)
    bought = Part(Fraction(5), Fraction(1), is_loss=False)
    old = Part(Fraction(10), Fraction(1, 2), is_loss=False)
    bought_in_window = Part(bought.quantity, bought.tax, is_loss=False, is_free=True)
    parts = [losing, old, bought_in_window]

    forgetful = cheapest([losing, old, bought], Fraction(15))
    heeding = cheapest(parts, Fraction(15))

    # 5 of the old part cost 2.50, but what was bought then replaces 5 of the losses; sold itself, for 5, it does not
    assert tax_of(parts, forgetful, Fraction(0)) == -25 + Fraction(5, 2)
    assert tax_of(parts, heeding, Fraction(0)) == -50 + 5
