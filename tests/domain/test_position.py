"""Positions: average cost in exact amounts, checked by hand."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.position import Position, part_of

FLAT = Position("main", "Dip", "ABCD")


def after(*trades: tuple[str, str]) -> Position:
    position = FLAT
    for quantity, price in trades:
        position = position.traded(Decimal(quantity), Decimal(price), Decimal("1.00"))
    return position


def test_adding_averages_the_cost() -> None:
    # 100 * 10.00 + 200 * 10.10 = 3,020.00 for 300; 3,020 / 300 = 10.066666666...
    held = after(("100", "10.00"), ("200", "10.10"))

    assert (held.quantity, held.cost, held.average_price) == (
        Decimal(300),
        Decimal("3020.00"),
        Decimal("10.06666667"),
    )
    assert held.realized == 0
    assert held.commissions == Decimal("2.00")


def test_closing_a_part_takes_its_share_of_the_cost_and_the_rest_makes_it_whole() -> None:
    # 3,020 * 100 / 300 = 1,006.66666667; 1,100 - 1,006.66666667 = 93.33333333
    part = after(("100", "10.00"), ("200", "10.10"), ("-100", "11.00"))
    # in all 300 * 11.00 - 3,020.00 = 280.00
    flat = part.traded(Decimal(-200), Decimal("11.00"), Decimal(0))

    assert (part.cost, part.realized) == (Decimal("2013.33333333"), Decimal("93.33333333"))
    assert (flat.quantity, flat.cost, flat.realized) == (0, 0, Decimal("280.00"))
    assert flat.average_price is None


def test_a_short_gains_when_it_is_bought_back_lower() -> None:
    # sold 100 at 20.00, bought back 60 at 18.50: 60 * 1.50 = 90.00; 40 stay at 20.00
    held = after(("-100", "20.00"), ("60", "18.50"))

    assert (held.quantity, held.cost, held.realized) == (Decimal(-40), Decimal("-800.00"), Decimal("90.00"))
    assert held.average_price == Decimal("20.00")
    assert held.unrealized(Decimal("21.00")) == Decimal("-40.00")


def test_a_trade_that_crosses_zero_closes_and_opens_at_one_price() -> None:
    # long 100 at 10.00, sold 150 at 12.00: 100 * 2.00 = 200.00 realized, short 50 at 12.00
    held = after(("100", "10.00"), ("-150", "12.00"))

    assert (held.quantity, held.cost, held.realized) == (Decimal(-50), Decimal("-600.00"), Decimal("200.00"))


def test_a_reverse_split_pays_the_fraction_and_realizes_its_cost() -> None:
    # 100 at 3.00, 1 for 8: 12.5 shares of 24.00; 12 stay with 288.00 of cost, the half one had cost 12.00.
    # Paid at 24.80 a share: 12.40, so 0.40 is realized.
    held = after(("100", "3.00")).split(Decimal(1), Decimal(8), Decimal(12)).paid_for_fraction(Decimal("12.40"))

    assert (held.quantity, held.cost, held.realized) == (Decimal(12), Decimal("288.00"), Decimal("0.40"))


def test_a_split_of_a_short_makes_the_short_pay_its_fraction() -> None:
    # short 3 at 10.00, 3 for 2: -4.5, cut to -4; half a share had brought 10 / 1.5 * 0.5 = 3.33333333
    held = after(("-3", "10.00")).split(Decimal(3), Decimal(2), Decimal(-4))

    assert held.cost == Decimal("-30.00") + Decimal("3.33333333")
    assert held.paid_for_fraction(Decimal("-3.40")).realized == Decimal("3.33333333") - Decimal("3.40")


def test_the_whole_of_an_amount_is_the_amount_itself() -> None:
    assert part_of(Decimal("1") / Decimal("3"), Decimal(7), Decimal(7)) == Decimal("1") / Decimal("3")


TRADES = st.lists(
    st.tuples(
        st.decimals("-500", "500", places=3).filter(bool),
        st.decimals("0.01", "900", places=2),
        st.decimals("-1", "9", places=2),
    ),
    max_size=30,
)


@given(TRADES)
def test_cost_plus_realized_is_what_was_paid_and_received_to_the_last_digit(
    trades: list[tuple[Decimal, Decimal, Decimal]],
) -> None:
    position = FLAT
    for quantity, price, commission in trades:
        position = position.traded(quantity, price, commission)

    # What came in by sales less what went out by purchases is realized P&L less what is still tied up.
    assert position.realized - position.cost == -sum((q * p for q, p, _ in trades), Decimal(0))
    assert position.quantity == sum((q for q, _, _ in trades), Decimal(0))
    assert position.commissions == sum((c for _, _, c in trades), Decimal(0))
    assert position.quantity != 0 or position.cost == 0
