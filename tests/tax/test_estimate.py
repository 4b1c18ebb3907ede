"""Estimates: rates times gains, worked by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tapeline.domain.errors import ConfigurationError
from tapeline.tax.carryover import net_year
from tapeline.tax.estimate import Rates, tax_on_rows, tax_on_year
from tapeline.tax.gains import Term
from tax.tables import taxed

RATES = Rates(Decimal("0.35"), Decimal("0.15"), state=Decimal("0.05"), investment=Decimal("0.038"))


@pytest.mark.parametrize(
    ("term", "rate"),
    # 60 % at 15 % and 40 % at 35 % are 23 %
    [(Term.SHORT, "0.438"), (Term.LONG, "0.238"), (Term.SECTION_1256, "0.318"), (Term.ORDINARY, "0.438")],
)
def test_state_and_investment_rates_are_added_to_that_of_the_term(term: Term, rate: str) -> None:
    assert RATES.of(term) == Decimal(rate)


def test_rows_are_taxed_by_their_term_and_what_is_disallowed_saves_nothing() -> None:
    result = taxed("""
        2024-01-02  buy   b1  100 XYZ @ 10
        2025-02-03  sell  s1  100 XYZ @ 12
        2025-03-03  buy   b2  100 ABC @ 10
        2025-04-01  sell  s2  100 ABC @  7
        2025-04-02  buy   b3   50 ABC @  7
    """)

    # 200 long-term at 23.8 %, and of a loss of 300 half is allowed, at 43.8 %: 47.60 - 65.70
    assert tax_on_rows(result.rows, RATES) == Decimal("-18.10")


@pytest.mark.parametrize(
    ("short", "long", "tax"),
    [
        (100, 200, "91.40"),  # 43.80 + 47.60
        (-100, 300, "47.60"),  # the short-term loss reduces the long-term gain
        (300, -100, "87.60"),
        (-4000, 0, "-1314.00"),  # 3,000 off other income at 43.8 %
        (-100, 100, "0.00"),
    ],
)
def test_a_year_is_taxed_after_netting(short: int, long: int, tax: str) -> None:
    assert tax_on_year(net_year(Decimal(short), Decimal(long)), RATES) == Decimal(tax)


def test_ordinary_results_are_added_at_the_rate_of_other_income() -> None:
    assert tax_on_year(net_year(Decimal(100), Decimal(0)), RATES, ordinary=Decimal(-50)) == Decimal("21.90")


@pytest.mark.parametrize("rate", ["35", "-0.1", "NaN", "1"])
def test_a_rate_is_a_fraction(rate: str) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.35 is 35 %"):
        Rates(Decimal(rate), Decimal("0.15"))
