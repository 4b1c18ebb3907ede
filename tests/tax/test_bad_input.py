"""Events that cannot be taxed as they are: refused with the rule's name, never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tapeline.domain.errors import ConfigurationError, TaxRefusal, UnknownNameError
from tapeline.tax.accounts import InstrumentKind, Right, TaxInstrument
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, LotChoice, MarkToMarket, StockSplit, TransferIn
from tapeline.tax.policies import Policies
from tax.tables import ACCOUNTS, executions, rows, rules, taxed

TABLE = """
2025-01-06  buy   b1  100 XYZ @ 20
2025-04-01  sell  s1   60 XYZ @ 25
"""


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("2025-04-02 sell s2 41 XYZ @ 25", "insufficient_lots"),
        ("2025-04-02 sell s2 1 ABC @ 25", "insufficient_lots"),
        ("2025-04-02 cover c1 1 XYZ @ 25", "insufficient_lots"),
        ("2025-04-02 sell s2 10 XYZ @ 25 lots=b9:10", "unknown_lot"),
        ("2025-04-02 sell s2 41 XYZ @ 25 lots=b1:41", "insufficient_lots"),
        ("2025-04-02 sell s2 10 XYZ @ 25 lots=b1:11", "identification_exceeds_sale"),
        ("2025-04-02 sell s2 10 XYZ @ 25 lots=b1:5,b1:5", "identification_exceeds_sale"),
    ],
)
def test_a_sale_of_what_is_not_there_is_refused(line: str, rule: str) -> None:
    with pytest.raises(TaxRefusal) as refused:
        taxed(TABLE + line)

    assert refused.value.rule == rule


@pytest.mark.parametrize("change", [{"quantity": "0"}, {"quantity": "-5"}, {"quantity": "NaN"}, {"price": "-1"}])
def test_quantities_and_prices_below_zero_are_refused(change: dict[str, str]) -> None:
    (buy,) = executions("2025-01-06 buy b1 100 XYZ @ 20")

    with pytest.raises(TaxRefusal, match="positive_quantities"):
        replace(buy, **{name: Decimal(value) for name, value in change.items()})


def test_a_split_of_nothing_is_refused() -> None:
    with pytest.raises(TaxRefusal, match="positive_quantities"):
        taxed(TABLE, StockSplit(event_id="a1", day=date(2025, 5, 1), symbol="XYZ", new=Decimal(0)))


def test_a_moment_is_no_trade_date() -> None:
    # 20:30 in New York is already tomorrow in UTC: who has only a moment must decide the zone before
    with pytest.raises(TaxRefusal, match="trade_date_in_exchange_zone"):
        Buy(
            execution_id="b1",
            account="main",
            symbol="XYZ",
            quantity=Decimal(1),
            price=Decimal(1),
            trade_date=datetime(2025, 1, 7, 1, 30, tzinfo=UTC),
        )


def test_a_transfer_without_basis_is_refused() -> None:
    outside = TransferIn(
        event_id="t1",
        day=date(2025, 3, 3),
        account="main",
        symbol="XYZ",
        quantity=Decimal(10),
        basis=None,
        acquired=date(2020, 1, 2),
    )

    with pytest.raises(TaxRefusal, match="missing_basis"):
        taxed(TABLE, outside)


def test_overlapping_imports_are_taken_once() -> None:
    engine = TaxEngine(ACCOUNTS)
    first = engine.apply(executions(TABLE))
    second = engine.apply(executions(TABLE + "2025-04-02 sell s2 40 XYZ @ 25"))

    assert (first.taken, first.ignored, second.taken, second.ignored) == (2, 0, 1, 2)
    assert rows(engine.result()) == rows(taxed(TABLE + "2025-04-02 sell s2 40 XYZ @ 25"))


def test_the_same_id_in_two_accounts_is_two_executions() -> None:
    result = taxed("2025-01-06 buy 1 100 XYZ @ 20\n2025-01-06 buy 1 100 XYZ @ 21 account=second")

    assert [lot.cost_basis for lot in result.open_lots()] == [2000, 2100]


def test_another_execution_under_a_known_id_is_refused() -> None:
    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions(TABLE))

    with pytest.raises(TaxRefusal, match=r"with price 20 and 20\.01, commission 0 and 1; .*conflicting_execution"):
        engine.apply(executions("2025-01-06 buy b1 100 XYZ @ 20.01 commission=1"))
    with pytest.raises(TaxRefusal, match="with Buy and Sell; keep"):
        engine.apply(executions("2025-01-06 sell b1 100 XYZ @ 20"))


def test_an_event_of_a_day_already_applied_is_refused_and_the_engine_stays_as_it_was() -> None:
    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions(TABLE))

    with pytest.raises(TaxRefusal, match="day_is_closed"):
        engine.apply(executions("2025-04-01 sell s2 1 XYZ @ 25"))

    engine.apply(executions("2025-04-02 sell s2 40 XYZ @ 25"))
    assert engine.result().open_lots() == []


def test_an_engine_that_refused_inside_a_batch_takes_nothing_more() -> None:
    engine = TaxEngine(ACCOUNTS)
    with pytest.raises(TaxRefusal, match="insufficient_lots"):
        engine.apply(executions("2025-04-01 sell s1 1 XYZ @ 25"))

    with pytest.raises(TaxRefusal, match="refused_before"):
        engine.apply(executions("2025-04-02 buy b1 1 XYZ @ 25"))


def test_leap_days_are_days() -> None:
    result = taxed("2024-01-30 buy b1 1 XYZ @ 20\n2024-02-29 sell s1 1 XYZ @ 10\n2024-03-30 buy b2 1 XYZ @ 10")

    # 29 February + 30 days is 30 March
    assert result.rows[0].adjustment == 10


def test_an_account_that_nobody_described_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'second'"):
        taxed("2025-01-06 buy b1 100 XYZ @ 20 account=secnd")


def test_facts_of_instruments_and_policies_must_be_whole() -> None:
    with pytest.raises(ConfigurationError, match="lacks right"):
        TaxInstrument("CALL", InstrumentKind.OPTION)
    with pytest.raises(ConfigurationError, match="multiplier"):
        TaxInstrument("CALL", multiplier=Decimal(0))
    with pytest.raises(ConfigurationError, match="two groups"):
        Policies(identical_groups=(frozenset("AB"), frozenset("BC")))


def test_what_may_matter_and_is_not_applied_is_flagged_with_its_sentence() -> None:
    result = taxed("""
        2025-01-06  buy   b1  100 XYZ @ 50
        2025-03-03  buy   b2  100 XYZ @ 40
        2025-03-10  sell  s1  100 XYZ @ 42  lots=b2:100
        2025-03-17  sell  s2  100 XYZ @ 38  lots=b1:100
    """)

    assert rules(result) == ["sold_before"]
    assert "first at s2" in result.flags[0].sentence


def test_shares_of_one_purchase_sold_in_parts_are_not_flagged_as_replacements_of_each_other() -> None:
    scaled_out = """
        2025-03-03  buy   b1  100 XYZ @ 50
        2025-03-10  sell  s1   50 XYZ @ 48
        2025-03-11  sell  s2   50 XYZ @ 47
    """
    another = """
        2025-02-20  buy   b0   10 XYZ @ 40
        2025-02-21  sell  s0   10 XYZ @ 41
    """

    assert rules(taxed(scaled_out)) == []
    # what was bought and sold before them within 30 days may be a replacement, and is flagged, though it came earlier
    assert rules(taxed(another + scaled_out)) == ["sold_before"]
    assert "first at s1, 2 times" in taxed(another + scaled_out).flags[0].sentence


def test_a_gift_is_flagged_because_its_basis_for_a_loss_may_be_lower() -> None:
    assert rules(taxed("2025-01-06 buy g1 1 XYZ @ 50 how=gift")) == ["gift_basis"]


def an_option(symbol: str, right: Right, underlying: str = "XYZ") -> TaxInstrument:
    return TaxInstrument(
        symbol, InstrumentKind.OPTION, Decimal(100), right, underlying, Decimal(20), date(2025, 12, 19)
    )


def test_an_index_option_that_is_not_declared_a_section_1256_contract_is_refused() -> None:
    table = "2025-01-06 buy b1 1 SPX20C @ 20"

    with pytest.raises(TaxRefusal, match=r"broad-based index SPX.*\(section_1256_undeclared\)"):
        taxed(table, instruments=[an_option("SPX20C", Right.CALL, "SPX")])

    declared = TaxInstrument("SPX20C", InstrumentKind.SECTION_1256, Decimal(100))
    sold = taxed(table + "\n2025-02-03 sell s1 1 SPX20C @ 21", instruments=[declared])
    assert [row.term.value for row in sold.rows] == ["60/40"]


def test_a_contract_still_open_after_a_years_end_without_its_mark_is_flagged() -> None:
    future = TaxInstrument("ES", InstrumentKind.SECTION_1256, Decimal(50))
    engine = TaxEngine(ACCOUNTS, [future])
    engine.apply(executions("2025-11-03 buy b1 1 ES @ 6000"))

    assert rules(engine.result()) == []
    assert rules(engine.result(date(2025, 12, 31))) == []
    assert rules(engine.result(date(2026, 1, 2))) == ["section_1256_mark_missing"]
    engine.apply([MarkToMarket(event_id="m1", day=date(2025, 12, 31), symbol="ES", price=Decimal(6100))])
    assert rules(engine.result(date(2026, 1, 2))) == []


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ("buy b1 100 XYZ @ 20", "buy p1 1 PUT @ 2", "married_put_1233c"),
        ("buy b1 100 XYZ @ 20", "short c1 1 CALL @ 2", "qualified_covered_call_1092"),
        ("short c1 1 CALL @ 2", "buy b1 100 XYZ @ 20", "qualified_covered_call_1092"),
        ("short h1 100 XYZ @ 20", "buy c1 1 CALL @ 2 account=second", "straddle_1092"),
        ("short h1 100 XYZ @ 20", "short p1 1 PUT @ 2", "straddle_1092"),
        ("buy c1 1 CALL @ 2", "buy p1 1 PUT @ 2 account=second", "straddle_1092"),
        ("short c1 1 CALL @ 2", "short p1 1 PUT @ 2", "straddle_1092"),
        ("buy c1 1 CALL @ 2", "short c2 1 OTHER @ 1", "straddle_1092"),
    ],
)
def test_positions_that_stand_against_each_other_are_flagged_by_their_rule(first: str, second: str, rule: str) -> None:
    instruments = [
        an_option("CALL", Right.CALL),
        an_option("PUT", Right.PUT),
        an_option("OTHER", Right.CALL),
    ]

    result = taxed(f"2025-01-06 {first}\n2025-01-07 {second}", instruments=instruments)

    assert rules(result) == [rule]


@pytest.mark.parametrize(
    "table",
    [
        "2025-01-06 buy b1 100 XYZ @ 20\n2025-01-07 buy c1 1 CALL @ 2",
        "2025-01-06 buy b1 100 XYZ @ 20\n2025-01-07 short p1 1 PUT @ 2",
        "2025-01-06 buy b1 100 ABC @ 20\n2025-01-07 buy p1 1 PUT @ 2",
        "2025-01-06 buy b1 100 XYZ @ 20\n2025-01-07 sell s1 100 XYZ @ 20\n2025-01-08 buy p1 1 PUT @ 2",
        "2025-01-06 buy b1 100 XYZ @ 20 account=roth\n2025-01-08 buy p1 1 PUT @ 2",
    ],
)
def test_positions_that_do_not_are_not(table: str) -> None:
    assert rules(taxed(table, instruments=[an_option("CALL", Right.CALL), an_option("PUT", Right.PUT)])) == []


def test_parts_of_a_lot_are_named_by_where_their_holding_starts_and_once() -> None:
    (sale,) = executions("2025-04-02 sell s2 2 XYZ @ 25")
    whole = LotChoice("b1", Decimal(1))
    part = LotChoice("b1", Decimal(1), date(2025, 1, 6))

    for lots, rule in (
        ((part, LotChoice("b1", Decimal(1), date(2024, 1, 6))), "unknown_lot"),
        ((part, part), "identification_exceeds_sale"),
        ((whole, part), "identification_exceeds_sale"),
    ):
        engine = TaxEngine(ACCOUNTS)
        with pytest.raises(TaxRefusal, match=rule):
            engine.apply([*executions(TABLE), replace(sale, lots=lots)])


def test_a_later_time_of_the_same_day_is_taken_and_an_earlier_one_refused() -> None:
    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions("2025-04-01 buy b1 10 XYZ @ 20 time=10:00"))
    engine.apply(executions("2025-04-01 sell s1 5 XYZ @ 21 time=10:00"))

    with pytest.raises(TaxRefusal, match="day_is_closed"):
        engine.apply(executions("2025-04-01 sell s2 5 XYZ @ 21 time=09:59"))

    engine.apply(executions("2025-04-01 sell s2 5 XYZ @ 21 time=10:01"))
    assert engine.result().open_lots() == []


def test_an_order_that_was_settled_gets_no_further_execution() -> None:
    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions(TABLE + "2025-04-02 sell s2 10 XYZ @ 19 order=o1 time=10:00"))

    with pytest.raises(TaxRefusal, match=r"order o1, whose losses were settled.*order_is_settled"):
        engine.apply(executions("2025-04-02 sell s3 10 XYZ @ 19 order=o1 time=10:01"))

    engine.apply(executions("2025-04-03 sell s3 10 XYZ @ 19 order=o1 time=10:01"))
