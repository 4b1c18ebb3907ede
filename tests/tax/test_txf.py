"""TXF: what is written, what is left out and said, and what is read."""

from __future__ import annotations

from datetime import date

import pytest

from tapeline.domain.errors import DataError
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.rows import VARIOUS, form_row
from tapeline.tax.forms.txf import TxfRecord, read_txf, write_txf
from tapeline.tax.gains import Term
from tax.form_rows import a_line, a_sale

DAY = date(2026, 2, 1)
WASHED = """\
V042\r
ATapeline\r
D02/01/2026\r
^\r
TD\r
N321\r
C1\r
L1\r
P100 sh XYZ\r
D01/06/2025\r
D03/10/2025\r
$1000.00\r
$750.00\r
$250.00\r
^\r
"""


def test_a_washed_sale_is_written_basis_first_with_its_loss_as_a_positive_amount() -> None:
    text, left_out = write_txf([form_row(a_sale(750, 1000, 250), a_line(750, 1000))], "Tapeline", DAY)

    assert (text, left_out) == (WASHED, [])


@pytest.mark.parametrize(
    ("line", "term", "record"),
    [
        (a_line(), Term.SHORT, 321), (a_line(reported=False), Term.SHORT, 711), (None, Term.SHORT, 712),
        (a_line(term=None), Term.LONG, 323), (a_line(term=None, reported=False), Term.LONG, 713),
        (None, Term.LONG, 714),
    ],
)  # fmt: skip
def test_every_box_of_securities_has_its_record(line, term: Term, record: int) -> None:
    text, _ = write_txf([form_row(a_sale(term=term), line)], "Tapeline", DAY)

    assert f"N{record}\r\n" in text
    assert [found.number for found in read_txf(text)] == [record]


def test_what_the_format_cannot_tell_is_left_out_and_said() -> None:
    rows = [
        form_row(a_sale(is_digital=True)),
        form_row(a_sale(), a_line(form=BrokerForm.DIGITAL_ASSETS)),
        form_row(a_sale(1200, 900, term=Term.LONG), a_line(1201, 1000)),
        form_row(a_sale(description="100 sh Société")),
        form_row(a_sale(7, 3)),
    ]

    text, left_out = write_txf(rows, "Tapeline", DAY)

    assert [left.reason for left in left_out] == [
        "the format has no record for box I",
        "the format has no record for box G",
        "the format has no field for code BET",
        "the description has characters that the format does not know",
    ]
    assert [record.proceeds_cents for record in read_txf(text)] == [700]


def test_a_date_that_is_not_one_stays_empty() -> None:
    text, _ = write_txf([form_row(a_sale(acquired=None, acquired_word=VARIOUS))], "Tapeline", DAY)

    assert "P100 sh XYZ\r\nD\r\nD03/10/2025\r\n" in text
    assert read_txf(text)[0].acquired is None


def test_old_records_of_whole_washed_losses_and_unknown_terms_are_read() -> None:
    text = WASHED.replace("N321", "N682").replace("$250.00\r\n", "") + WASHED[WASHED.index("TD") :].replace(
        "321", "716"
    )

    washed, unknown = read_txf(text)

    assert washed == TxfRecord(682, "100 sh XYZ", date(2025, 1, 6), date(2025, 3, 10), 100_000, 75_000, 25_000)
    assert (washed.box, unknown.box) == ("A", "C")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with ''"),
        ("OFXHEADER:100", "begins with 'OFXHEADER:100'"),
        (WASHED.replace("$750.00", "$7x"), "Line 13 of the TXF file, '$7x'"),
        (WASHED.replace("D03/10/2025\r\n", ""), "1 dates and 3 amounts"),
        (WASHED.replace("$250.00\r\n^\r\n", ""), "ends inside a record"),
        (WASHED.replace("C1", "?1"), "no such field"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(DataError, match="TXF") as refusal:
        read_txf(text)

    assert said in str(refusal.value)
