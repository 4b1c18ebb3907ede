"""The boxes of Form 8949: which one a sale belongs into, and the line of Schedule D that takes its total.

    what the broker sent                          short-term    long-term    line
    1099-B, basis reported to the IRS             A             D            1b, 8b   (or 1a, 8a under Exception 1)
    1099-B, basis not reported                    B             E            2, 9
    nothing, no digital asset                     C             F            3, 10
    1099-DA, basis reported                       G             J            1b, 8b   (or 1a, 8a)
    1099-DA, basis not reported                   H             K            2, 9
    nothing, digital asset                        I             L            3, 10

A digital asset on a 1099-B follows the 1099-B. Source: Form 8949 and its instructions, tax year 2025; 2026 has the
same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tapeline.tax.gains import Term


class Part(Enum):
    """The two parts of the form."""

    SHORT = "I"
    LONG = "II"


class BrokerForm(Enum):
    """The form a broker reports sales on."""

    SECURITIES = "1099-B"
    DIGITAL_ASSETS = "1099-DA"


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    line : of Schedule D for the total; exception_line : for rows that need not be listed, empty where all must be
    txf : record number in a TXF file; None, the format has none for digital assets
    """

    letter: str
    part: Part
    line: str
    exception_line: str
    txf: int | None
    sentence: str


_REPORTED = "reported on Form(s) {} showing basis was reported to the IRS"
_NOT_REPORTED = "reported on Form(s) {} showing basis was not reported to the IRS"
_NO_FORM = "not reported to you on Form 1099-B or Form 1099-DA"


def _boxes(form: str, letters: str, numbers: tuple[int | None, ...], nothing: str) -> list[Box]:
    found = []
    for at, letter in enumerate(letters):
        long_term, row = divmod(at, 3)
        lines = (("1b", "2", "3"), ("8b", "9", "10"))[long_term]
        exception = ("1a", "8a")[long_term] if row == 0 else ""
        what = (_REPORTED.format(form), _NOT_REPORTED.format(form), nothing)[row]
        part = Part.LONG if long_term else Part.SHORT
        found.append(Box(letter, part, lines[row], exception, numbers[at], what))
    return found


BOXES: dict[str, Box] = {
    box.letter: box
    for box in (
        *_boxes("1099-B", "ABCDEF", (321, 711, 712, 323, 713, 714), _NO_FORM),
        *_boxes("1099-DA", "GHIJKL", (None,) * 6, f"of digital assets, {_NO_FORM}"),
    )
}
"""Every box by its letter."""

PRINTED_ORDER = {letter: place for place, letter in enumerate("ABCGHIDEFJKL")}
"""The place of each box: Part I before Part II."""


def box_of(form: BrokerForm | None, *, is_basis_reported: bool, is_digital: bool, term: Term) -> Box:
    """Return the box of a short- or long-term sale.

    form : what the broker sent, None for nothing; is_digital counts only then
    """
    digital = form is BrokerForm.DIGITAL_ASSETS if form is not None else is_digital
    row = 2 if form is None else (0 if is_basis_reported else 1)
    return BOXES["ABCDEFGHIJKL"[6 * digital + 3 * (term is Term.LONG) + row]]
