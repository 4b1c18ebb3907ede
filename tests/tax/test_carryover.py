"""Netting and carry-over, held against the worksheet of the instructions for Schedule D worked by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.errors import ConfigurationError
from tapeline.tax.carryover import LOSS_LIMIT_SEPARATE, Carryover, net_year
from tapeline.tax.gains import Term
from tapeline.tax.views import Total, netting

ZERO = Decimal(0)


@pytest.mark.parametrize(
    ("short", "long", "deducted", "carried"),
    [
        (500, 700, 0, (0, 0)),
        (-500, 700, 0, (0, 0)),
        (-1000, -1500, 2500, (0, 0)),
        # lines 5 to 8: 5,000 - (3,000 + 1,000)
        (-5000, 1000, 3000, (1000, 0)),
        # lines 9 to 13: 5,000 - (1,000 + 3,000)
        (1000, -5000, 3000, (0, 1000)),
        # short-term first: 2,000 - 3,000 leaves none; 4,000 - (3,000 - 2,000)
        (-2000, -4000, 3000, (0, 3000)),
        (-4000, -2000, 3000, (1000, 2000)),
        (-3000, 3000, 0, (0, 0)),
    ],
)
def test_a_loss_is_deducted_up_to_its_limit_and_the_rest_keeps_its_character(
    short: int, long: int, deducted: int, carried: tuple[int, int]
) -> None:
    net = net_year(Decimal(short), Decimal(long))

    assert (net.net, net.deducted) == (short + long, deducted)
    assert (net.carryover.short, net.carryover.long) == carried


def test_what_was_carried_in_is_netted_with_its_own_kind() -> None:
    net = net_year(Decimal(2000), Decimal(500), Carryover(Decimal(4500), Decimal(100)))

    assert (net.short, net.long, net.deducted) == (-2500, 400, 2100)
    assert net.carryover == Carryover()


def test_separate_returns_deduct_half() -> None:
    net = net_year(Decimal(-2000), ZERO, limit=LOSS_LIMIT_SEPARATE)

    assert (net.deducted, net.carryover.short) == (1500, 500)


@pytest.mark.parametrize(
    ("income", "carried"),
    # worksheet line 3 = line 1 + 3,000: 1,000 + 3,000 is enough; -500 + 3,000 uses up 2,500; -4,000 uses up nothing
    [(1000, 2000), (-500, 2500), (-4000, 5000)],
)
def test_a_deduction_without_income_to_reduce_is_not_used_up(income: int, carried: int) -> None:
    net = net_year(Decimal(-5000), ZERO, taxable_income=Decimal(income))

    assert (net.deducted, net.carryover.short) == (3000, carried)


def test_a_carry_over_is_an_amount_above_zero() -> None:
    with pytest.raises(ConfigurationError, match="long-term loss carried over"):
        Carryover(ZERO, Decimal(-1))


amounts = st.integers(-10_000, 10_000).map(Decimal)


@given(amounts, amounts, st.integers(0, 5000).map(Decimal), st.integers(0, 5000).map(Decimal))
def test_nothing_is_lost_between_deduction_and_carry_over(
    short: Decimal, long: Decimal, short_in: Decimal, long_in: Decimal
) -> None:
    net = net_year(short, long, Carryover(short_in, long_in))

    left = net.carryover.short + net.carryover.long
    assert min(net.net, ZERO) == -(net.deducted + left)
    assert not net.carryover.short or net.short < 0
    assert not net.carryover.long or net.long < 0


def test_sixty_percent_of_a_marked_contract_is_long_term_and_ordinary_results_stay_out() -> None:
    found = [
        Total(Term.SHORT, 1, ZERO, ZERO, ZERO, Decimal(10)),
        Total(Term.SECTION_1256, 1, ZERO, ZERO, ZERO, Decimal("100.01")),
        Total(Term.ORDINARY, 1, ZERO, ZERO, ZERO, Decimal(999)),
    ]

    net = netting(found)

    # 40 % of 100.01 is 40.004
    assert (net.short, net.long) == (Decimal("50.00"), Decimal("60.01"))
