"""Tables of 1099 lines by our words or by the form's boxes; what is not known is refused with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tapeline.domain.errors import DataError, InputError, TaxRefusal, UnknownNameError
from tapeline.feeds.broker_forms import read_adjustments, read_broker_forms
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.codes import Adjustment
from tapeline.tax.gains import Term


def written(folder: Path, text: str) -> Path:
    path = folder / "1099.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_line_is_read_by_words(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "form,account,symbol,sold,acquired,proceeds,basis,wash_sale,market_discount,basis_reported,term,collectible\n"
        "1099-B,second,XYZ,2025-03-10,2025-01-06,750.00,1000.005,250,1.5,yes,short,yes\n",
    )

    assert read_broker_forms(path) == [
        BrokerLine(
            BrokerForm.SECURITIES, 75_000, 100_001, True, Term.SHORT, 25_000, 150, False, True, False, "second", "XYZ",
            date(2025, 1, 6), date(2025, 3, 10), f"{path} line 2",
        )
    ]  # fmt: skip


def test_both_forms_are_read_by_their_boxes(tmp_path: Path) -> None:
    securities = written(
        tmp_path, "symbol,1b,1c,1d,1e,1f,1g,2,12\nXYZ,2025-01-06,2025-03-10,750,1000,0,250,short,yes\n"
    )
    (line,) = read_broker_forms(securities)
    assert (line.acquired, line.sold) == (date(2025, 1, 6), date(2025, 3, 10))
    assert (line.proceeds_cents, line.basis_cents, line.disallowed_cents) == (75_000, 100_000, 25_000)

    digital = written(tmp_path, "form,1a,1d,1e,1f,1g,2,6\n1099-DA,BTC,,2025-06-01,22500,,no,\n")
    (line,) = read_broker_forms(digital)
    assert (line.form, line.symbol, line.acquired, line.term) == (BrokerForm.DIGITAL_ASSETS, "BTC", None, None)
    assert (line.proceeds_cents, line.basis_cents, line.is_basis_reported) == (2_250_000, None, False)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("symbol,sold,proceeds,basis_reported,fee\n", UnknownNameError, "Unknown column 'fee'"),
        ("form,symbol,sold,proceeds,basis_reported\n1099-X,XYZ,2025-03-10,7,no\n", DataError, "line 2"),
        ("symbol,sold,proceeds,basis_reported\nXYZ,2025-03-10,,no\n", DataError, "'proceeds', or its box, is empty"),
        ("symbol,sold,proceeds,basis_reported\nXYZ,2025-03-10,seven,no\n", DataError, "'seven' is no number"),
        ("symbol,sold,proceeds,1d,basis_reported\nXYZ,2025-03-10,7,8,no\n", DataError, "stands there twice"),
        ("symbol,1c,1d,12,1i\nXYZ,2025-03-10,7,no,5\n", DataError, "a 1099-B has no box 1i"),
        ("symbol,1c,1d,1e,12,5\nXYZ,2025-03-10,7,6,yes,yes\n", DataError, "a noncovered security has no basis"),
        ("symbol,1c,1d,12,7\nXYZ,2025-03-10,7,no,yes\n", TaxRefusal, "box 7 says that a loss is not allowed"),
        ("symbol,1c,1d,12,11\nXYZ,2025-03-10,7,no,yes\n", UnknownNameError, "Unknown column '11'"),
        ("symbol,sold,proceeds,basis_reported\nXYZ,2025-03-10,7,yes\n", TaxRefusal, "line 2: A line of a 1099-B"),
    ],
)
def test_what_cannot_be_taken_as_it_is_gets_refused(tmp_path: Path, text: str, kind: type, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        read_broker_forms(written(tmp_path, text))

    assert isinstance(refusal.value, kind)
    assert said in str(refusal.value)


def test_adjustments_are_read_by_sale_and_lot(tmp_path: Path) -> None:
    path = written(tmp_path, "sale,lot,code,amount\ns1,b1,l,250.00\ns1,b1,O,-1\ns2,,N,\n")

    assert read_adjustments(path) == {
        ("s1", "b1"): [Adjustment("L", 25_000), Adjustment("O", -100)],
        ("s2", ""): [Adjustment("N")],
    }


def test_an_adjustment_with_the_wrong_sign_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(TaxRefusal, match="line 2: Code L"):
        read_adjustments(written(tmp_path, "sale,lot,code,amount\ns1,b1,L,-250.00\n"))
