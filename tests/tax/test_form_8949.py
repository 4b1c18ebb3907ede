"""Rows of Form 8949: boxes, columns, codes and Exception 1, by amounts worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.domain.errors import TaxRefusal, UnknownNameError
from tapeline.tax.accounts import InstrumentKind, Right, TaxInstrument
from tapeline.tax.events import OptionExpiration, OptionPosition
from tapeline.tax.forms.boxes import BOXES, BrokerForm, Part, box_of
from tapeline.tax.forms.brokers import is_covered
from tapeline.tax.forms.codes import CODES, Adjustment
from tapeline.tax.forms.rows import form_of, form_row, sale_of
from tapeline.tax.gains import Term
from tax.form_rows import a_line, a_sale, columns
from tax.tables import taxed

DA = BrokerForm.DIGITAL_ASSETS


@pytest.mark.parametrize(
    ("form", "reported", "digital", "short", "long"),
    [
        (BrokerForm.SECURITIES, True, False, "A", "D"),
        (BrokerForm.SECURITIES, False, False, "B", "E"),
        (None, False, False, "C", "F"),
        (DA, True, True, "G", "J"),
        (DA, False, True, "H", "K"),
        (None, False, True, "I", "L"),
        (BrokerForm.SECURITIES, True, True, "A", "D"),  # a digital asset on a 1099-B follows the 1099-B
        (BrokerForm.SECURITIES, False, True, "B", "E"),
    ],
)
def test_a_box_is_decided_by_the_brokers_form_and_the_term(
    form: BrokerForm | None, reported: bool, digital: bool, short: str, long: str
) -> None:
    def box(term: Term) -> str:
        return box_of(form, is_basis_reported=reported, is_digital=digital, term=term).letter

    assert (box(Term.SHORT), box(Term.LONG)) == (short, long)


def test_every_box_goes_to_its_line_of_schedule_d() -> None:
    lines = {letter: (box.part, box.line, box.exception_line) for letter, box in BOXES.items()}

    for short, long, line, long_line in (("AG", "DJ", "1b", "8b"), ("BH", "EK", "2", "9"), ("CI", "FL", "3", "10")):
        exceptions = ("1a", "8a") if line == "1b" else ("", "")
        assert {lines[letter] for letter in short} == {(Part.SHORT, line, exceptions[0])}
        assert {lines[letter] for letter in long} == {(Part.LONG, long_line, exceptions[1])}


def test_section_1256_and_475_are_on_other_forms() -> None:
    assert [form_of(term) for term in Term] == ["8949", "8949", "6781", "4797"]


def test_a_reported_basis_is_repeated_and_corrected_and_one_that_was_not_reported_is_entered_right() -> None:
    sale = a_sale(1200, 900)

    assert columns(form_row(sale, a_line(1200, 1000))) == ("A", 1200, 1000, "B", 100, 300)
    assert columns(form_row(sale, a_line(1200, 800))) == ("A", 1200, 800, "B", -100, 300)
    assert columns(form_row(sale, a_line(1200, 1000, reported=False))) == ("B", 1200, 900, "B", 0, 300)
    assert columns(form_row(sale, a_line(1200, None, reported=False))) == ("B", 1200, 900, "", 0, 300)
    assert columns(form_row(sale)) == ("C", 1200, 900, "", 0, 300)


def test_proceeds_are_the_1099s_in_every_box_and_the_difference_is_code_e() -> None:
    sale = a_sale(1495, 1000)

    assert columns(form_row(sale, a_line(1500, 1000))) == ("A", 1500, 1000, "E", -5, 495)
    assert columns(form_row(sale, a_line(1500, None, reported=False))) == ("B", 1500, 1000, "E", -5, 495)
    assert columns(form_row(sale, a_line(1400, 1000, form=DA))) == ("G", 1400, 1000, "E", 95, 495)


def test_codes_stand_in_the_order_of_the_alphabet_and_their_amounts_are_netted() -> None:
    sale = a_sale(4190, 5100, 900, Term.LONG)
    line = a_line(4200, 4600, term=Term.SHORT, market_discount_cents=2000, is_collectible=True)

    row = form_row(sale, line)

    # B 4600 - 5100 = -500, D -20, E 4190 - 4200 = -10, W +900
    assert columns(row) == ("D", 4200, 4600, "BCDETW", 370, -30)


def test_a_wash_sale_is_the_disallowed_loss_and_zero_where_the_broker_saw_one_that_is_none() -> None:
    assert columns(form_row(a_sale(750, 1000, 250), a_line(750, 1000))) == ("A", 750, 1000, "W", 250, 0)
    assert columns(form_row(a_sale(750, 1000, 100))) == ("C", 750, 1000, "W", 100, -150)

    none = form_row(a_sale(750, 1000), a_line(750, 1000, disallowed=250))
    smaller = form_row(a_sale(750, 1000, 100), a_line(750, 1000, disallowed=250))

    assert columns(none) == ("A", 750, 1000, "W", 0, -250)
    assert columns(smaller) == ("A", 750, 1000, "W", 100, -150)
    assert none.remarks == ("Attach a statement: the 1099 shows a wash sale loss of 250.00, correct is 0.00.",)
    assert smaller.remarks == ("Attach a statement: the 1099 shows a wash sale loss of 250.00, correct is 100.00.",)


def test_the_term_on_the_1099_is_corrected_by_the_part_the_row_is_in() -> None:
    sale = a_sale(term=Term.LONG)

    assert columns(form_row(sale, a_line(term=Term.SHORT))) == ("D", 1500, 1000, "T", 0, 500)
    assert columns(form_row(sale, a_line(term=None))) == ("D", 1500, 1000, "", 0, 500)  # checkbox X: own records decide
    assert form_row(sale, a_line(term=Term.ORDINARY)).codes == "T"


@pytest.mark.parametrize(
    ("code", "amount", "gain"),
    [("H", -500, 0), ("L", 200, 700), ("O", -1, 499), ("P", 3, 503), ("Q", -250, 250), ("R", -100, 400),
     ("S", 50, 550), ("X", -10, 490), ("Y", 20, 520), ("Z", -500, 0), ("C", 0, 500), ("D", -7, 493), ("N", 0, 0)],
)  # fmt: skip
def test_the_taxpayers_own_codes_change_the_gain_by_their_amount(code: str, amount: int, gain: int) -> None:
    row = form_row(a_sale(), a_line(), [Adjustment(code, amount * 100)])

    assert (row.codes, row.gain_cents) == (code, gain * 100)


@pytest.mark.parametrize(("code", "amount"), [("H", 1), ("L", -1), ("L", 0), ("C", 1), ("Q", 1), ("N", 1), ("S", -1)])
def test_an_amount_with_the_wrong_sign_is_refused(code: str, amount: int) -> None:
    with pytest.raises(TaxRefusal) as refusal:
        Adjustment(code, amount)

    assert refusal.value.rule == "adjustment_sign"


@pytest.mark.parametrize("code", ["B", "E", "M", "T", "W"])
def test_codes_that_are_computed_are_not_taken(code: str) -> None:
    with pytest.raises(TaxRefusal) as refusal:
        Adjustment(code, 1)

    assert refusal.value.rule == "code_is_computed"


def test_every_code_of_the_form_is_known_and_no_other() -> None:
    assert set(CODES) == set("BCDEHLMNOPQRSTWXYZ")
    with pytest.raises(UnknownNameError):
        Adjustment("F", 1)


def test_exception_1_takes_reported_rows_without_code_or_amounts_of_their_own_kind() -> None:
    assert form_row(a_sale(), a_line()).exception_line == "1a"
    assert form_row(a_sale(term=Term.LONG), a_line(term=Term.LONG)).exception_line == "8a"
    assert form_row(a_sale(), a_line(form=DA)).exception_line == "1a"

    for row in (
        form_row(a_sale()),
        form_row(a_sale(), a_line(reported=False)),
        form_row(a_sale(), a_line(basis=999)),
        form_row(a_sale(), a_line(1501)),
        form_row(a_sale(1000, 1500, 500), a_line(1000, 1500, disallowed=500)),
        form_row(a_sale(term=Term.LONG), a_line(term=Term.SHORT)),
        form_row(a_sale(), a_line(is_ordinary=True)),
        form_row(a_sale(), a_line(is_opportunity_fund=True)),
        form_row(a_sale(), a_line(is_collectible=True)),
        form_row(a_sale(), a_line(market_discount_cents=1)),
        form_row(a_sale(), a_line(), [Adjustment("O", 1)]),
    ):
        assert row.exception_line == "", row


def test_a_line_that_reported_a_basis_it_does_not_show_is_refused() -> None:
    with pytest.raises(TaxRefusal) as refusal:
        a_line(basis=None)

    assert refusal.value.rule == "reported_basis_missing"


@pytest.mark.parametrize(
    ("instrument", "day", "covered"),
    [
        (TaxInstrument("XYZ"), "2011-01-01", True),
        (TaxInstrument("XYZ"), "2010-12-31", False),
        (TaxInstrument("XYZ", in_reinvestment_plan=True), "2011-06-01", False),
        (TaxInstrument("XYZ", in_reinvestment_plan=True), "2012-01-01", True),
        (TaxInstrument("FUND", InstrumentKind.FUND_SHARE), "2011-12-31", False),
        (TaxInstrument("BTC", InstrumentKind.CRYPTO), "2025-12-31", False),
        (TaxInstrument("BTC", InstrumentKind.CRYPTO), "2026-01-01", True),
    ],
)
def test_what_is_covered_depends_on_kind_and_day(instrument: TaxInstrument, day: str, covered: bool) -> None:
    assert is_covered(instrument, date.fromisoformat(day)) is covered


def test_the_date_of_a_washed_lot_is_its_own_and_its_term_that_of_the_added_days() -> None:
    result = taxed("""
        2024-01-05  buy   b1  100 XYZ @ 20
        2025-03-10  sell  s1  100 XYZ @ 15
        2025-03-20  buy   b2  100 XYZ @ 16
        2025-06-20  sell  s2  100 XYZ @ 30
    """)

    row = form_row(sale_of([result.rows[1]], TaxInstrument("XYZ")))

    assert (row.acquired_text, row.sold_text) == ("03/20/2025", "06/20/2025")
    assert columns(row) == ("F", 3000, 2100, "", 0, 900)  # 1,600 + 500 carried; held since January 2024


def test_a_short_sale_is_dated_by_the_shares_that_close_it_and_a_loss_by_their_delivery() -> None:
    result = taxed("""
        2025-07-01  short  x1  100 ABC @ 50
        2025-07-01  short  x2  100 DEF @ 50
        2025-12-30  cover  c1  100 ABC @ 45
        2025-12-31  cover  c2  100 DEF @ 55
    """)

    gain, loss = (form_row(sale_of([row], TaxInstrument(row.symbol))) for row in result.rows)

    assert (gain.acquired_text, gain.sold_text) == ("12/30/2025", "12/30/2025")
    # traded on the last day of the year, delivered on the first business day of the next: its year
    assert (loss.acquired_text, loss.sold_text) == ("12/31/2025", "01/02/2026")
    assert result.rows[1].tax_year == 2026


def test_inherited_shares_say_so_in_place_of_a_date() -> None:
    result = taxed("2025-05-01 buy b1 10 XYZ @ 20 how=inheritance\n2025-06-02 sell s1 10 XYZ @ 25")

    row = form_row(sale_of(result.rows, TaxInstrument("XYZ")))

    assert (row.acquired_text, row.box.part) == ("INHERITED", Part.LONG)


def test_several_lots_of_one_term_on_one_row_are_various() -> None:
    result = taxed("2025-01-06 buy b1 60 XYZ @ 20\n2025-01-07 buy b2 40 XYZ @ 21\n2025-06-02 sell s1 100 XYZ @ 25")

    together = sale_of(result.rows, TaxInstrument("XYZ"))
    one_day = sale_of([result.rows[0], result.rows[0]], TaxInstrument("XYZ"))

    assert (together.description, form_row(together).acquired_text) == ("100 sh XYZ", "VARIOUS")
    assert columns(form_row(together)) == ("C", 2500, 2040, "", 0, 460)
    assert form_row(one_day).acquired_text == "01/06/2025"


def test_descriptions_say_quantity_and_what_it_is() -> None:
    bitcoin = TaxInstrument("BTC", InstrumentKind.CRYPTO)
    call = TaxInstrument(
        "XYZ 260116C100", InstrumentKind.OPTION, Decimal(100), Right.CALL, "XYZ", Decimal(100), date(2026, 1, 16)
    )
    result = taxed(
        "2025-01-06 buy b1 0.5 BTC @ 60000\n2025-02-03 sell s1 0.50 BTC @ 61000",
        instruments=[bitcoin],
    )
    assert sale_of(result.rows, bitcoin).description == "0.5 BTC"

    table = "2025-01-06 buy b1 2 XYZ260116C100 @ 3"
    call = TaxInstrument("XYZ260116C100", *(getattr(call, name) for name in ("kind", "multiplier", "right")), "XYZ",
                         Decimal(100), date(2026, 1, 16))  # fmt: skip
    expired = OptionExpiration(
        event_id="e1", day=date(2026, 1, 16), account="main", symbol="XYZ260116C100", contracts=Decimal(2),
        position=OptionPosition.LONG,
    )  # fmt: skip
    sale = sale_of(taxed(table, expired, instruments=[call]).rows, call)

    assert sale.description == "2 XYZ260116C100"
    assert columns(form_row(sale)) == ("F", 0, 600, "", 0, -600)
