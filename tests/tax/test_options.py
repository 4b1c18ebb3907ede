"""Options: section 7 of the rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import InstrumentKind, Right, TaxInstrument
from tapeline.tax.events import OptionAssignment, OptionExercise, OptionExpiration, OptionPosition
from tax.tables import lines, lots, rows, rules, taxed

EXPIRY = date(2025, 2, 21)


def option(symbol: str, right: Right, strike: int) -> TaxInstrument:
    return TaxInstrument(symbol, InstrumentKind.OPTION, Decimal(100), right, "XYZ", Decimal(strike), EXPIRY)


OPTIONS = (option("CALL", Right.CALL, 50), option("PUT", Right.PUT, 50), option("CALL60", Right.CALL, 60))


def ends(kind, symbol, contracts=1, day=EXPIRY, **words):  # type: ignore[no-untyped-def]
    return kind(event_id="e1", day=day, account="main", symbol=symbol, contracts=Decimal(contracts), **words)


def test_a_bought_option_that_expires_is_a_loss_of_its_price_by_its_holding() -> None:
    result = taxed(
        "2024-01-08 buy c1 1 CALL @ 3\n2025-01-06 buy c2 1 CALL @ 2",
        ends(OptionExpiration, "CALL", 2),
        instruments=OPTIONS,
    )

    # the later contract, bought outside the 30 days before, replaces nothing
    assert rows(result) == lines("""
        e1 c1 1 0.00 - 300.00 + 0.00 = -300.00 long
        e1 c2 1 0.00 - 200.00 + 0.00 = -200.00 short
    """)


def test_a_written_option_that_expires_is_a_short_term_gain_of_its_premium() -> None:
    result = taxed(
        "2024-01-08 short w1 1 PUT @ 1.50",
        ends(OptionExpiration, "PUT", position=OptionPosition.SHORT),
        instruments=OPTIONS,
    )

    assert rows(result) == "e1 w1 1 150.00 - 0.00 + 0.00 = 150.00 short"


def test_a_written_option_that_is_bought_back_is_short_term() -> None:
    result = taxed("2023-01-08 short w1 1 PUT @ 1.50\n2025-01-08 cover c1 1 PUT @ 2", instruments=OPTIONS)

    assert rows(result) == "c1 w1 1 150.00 - 200.00 + 0.00 = -50.00 short"


def test_an_exercised_call_puts_its_premium_into_the_basis() -> None:
    result = taxed("2025-01-06 buy c1 1 CALL @ 4", ends(OptionExercise, "CALL"), instruments=OPTIONS)

    assert lots(result) == "e1 XYZ 100 5400.00 2025-02-21"
    assert result.rows == []


def test_an_exercised_put_takes_its_premium_off_the_proceeds() -> None:
    result = taxed(
        "2023-10-02 buy b1 100 XYZ @ 60\n2024-12-02 buy p1 1 PUT @ 2", ends(OptionExercise, "PUT"), instruments=OPTIONS
    )

    assert rows(result) == "e1 b1 100 4800.00 - 6000.00 + 0.00 = -1200.00 long"
    assert rules(result) == ["married_put_1233c"]


def test_an_assigned_call_adds_its_premium_to_the_proceeds() -> None:
    result = taxed(
        "2023-06-01 buy b1 100 XYZ @ 40\n2024-05-06 short w1 1 CALL @ 2",
        ends(OptionAssignment, "CALL"),
        instruments=OPTIONS,
    )

    assert rows(result) == "e1 b1 100 5200.00 - 4000.00 + 0.00 = 1200.00 long"
    assert rules(result) == ["qualified_covered_call_1092"]


def test_an_assigned_put_takes_its_premium_off_the_basis_and_starts_that_day() -> None:
    result = taxed("2025-01-06 short w1 1 PUT @ 3", ends(OptionAssignment, "PUT"), instruments=OPTIONS)

    assert lots(result) == "e1 XYZ 100 4700.00 2025-02-21"


def test_the_stock_of_an_exercised_call_is_an_acquisition_unless_the_call_has_replaced_before() -> None:
    # s1 loses 5 on 100 shares, s2 loses 6 on 100; the call bought in January replaces those of s1
    table = """
        2024-10-01  buy   b1  200 XYZ @ 60
        2025-01-10  sell  s1  100 XYZ @ 55
        2025-01-20  buy   c1    1 CALL @ 4
        2025-02-10  sell  s2  100 XYZ @ 54
    """
    used = taxed(table, ends(OptionExercise, "CALL"), instruments=OPTIONS)
    unused = taxed(table.replace("2025-01-10", "2024-12-10"), ends(OptionExercise, "CALL"), instruments=OPTIONS)

    assert [row.adjustment for row in used.rows] == [500, 0]
    # 50 strike + 4 premium + 5 carried
    assert lots(used) == "e1 XYZ 100 5900.00 2025-02-21"
    # not in the window of s1; held on the day of s2, it replaces those, and its stock carries the 6
    assert [row.adjustment for row in unused.rows] == [0, 600]
    assert lots(unused) == "e1 XYZ 100 6000.00 2025-02-21"


def test_stock_assigned_within_the_window_replaces_what_was_sold_at_a_loss() -> None:
    result = taxed(
        """
        2024-10-01  buy    b1  100 XYZ @ 60
        2025-01-06  short  w1    1 PUT @ 3
        2025-02-10  sell   s1  100 XYZ @ 55
        """,
        ends(OptionAssignment, "PUT"),
        instruments=OPTIONS,
    )

    assert result.rows[0].adjustment == 500
    assert lots(result) == "e1 XYZ 100 5200.00 2025-02-21 from 2024-10-12"


def test_another_strike_is_a_matter_of_facts_and_flagged() -> None:
    result = taxed(
        "2024-12-02 buy c1 1 CALL @ 5\n2025-01-06 sell s1 1 CALL @ 2\n2025-01-07 buy c2 1 CALL60 @ 1",
        instruments=OPTIONS,
    )

    assert result.rows[0].adjustment == 0
    assert rules(result) == ["option_to_option"]


def test_an_option_declared_identical_to_its_stock_is_washed_by_the_stock() -> None:
    table = "2024-12-02 buy c1 1 CALL @ 5\n2025-01-06 sell s1 1 CALL @ 2\n2025-01-07 buy b1 50 XYZ @ 48"

    result = taxed(table, instruments=OPTIONS, options_identical_to_stock=frozenset({"CALL"}))

    # 300 on one contract is 3 on each of its 100 shares
    assert rows(result) == "s1 c1 1 200.00 - 500.00 + 150.00 = -150.00 short"
    assert lots(result) == "b1 XYZ 50 2550.00 2025-01-07 from 2024-12-03"


def test_an_option_that_nobody_described_is_refused() -> None:
    with pytest.raises(TaxRefusal, match="unknown_option"):
        taxed("2025-01-06 buy c1 1 CALL @ 4", ends(OptionExercise, "CALL"))


def test_more_contracts_than_held_are_refused() -> None:
    with pytest.raises(TaxRefusal, match="insufficient_lots"):
        taxed("2025-01-06 buy c1 1 CALL @ 4", ends(OptionExercise, "CALL", 2), instruments=OPTIONS)
