"""Pages of Form 8949: one box a page, eleven rows each, every page with its own totals on line 2.

Further rows go on further copies of the same part with the same box. Copy k of the form is made of the k-th page of
each part, so short- and long-term pages can share a sheet. Under Exception 2 a page holds one row for each box and
account, with code M, and the rows themselves go into a statement in the same format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tapeline.tax.forms.boxes import BOXES, PRINTED_ORDER, Box
from tapeline.tax.forms.rounding import whole_dollars
from tapeline.tax.forms.rows import FormRow, Sale

ROWS_A_PAGE = 11
SEE_STATEMENT = "see attached statement"


@dataclass(frozen=True, slots=True)
class Totals:
    """Columns (d), (e), (g) and (h) of a page or a line, in cents; h = d - e + g."""

    proceeds_cents: int = 0
    basis_cents: int = 0
    adjustment_cents: int = 0

    @property
    def gain_cents(self) -> int:
        """Column (h)."""
        return self.proceeds_cents - self.basis_cents + self.adjustment_cents

    def __add__(self, other: Totals) -> Totals:
        """Return both together."""
        return Totals(
            self.proceeds_cents + other.proceeds_cents,
            self.basis_cents + other.basis_cents,
            self.adjustment_cents + other.adjustment_cents,
        )

    @property
    def columns(self) -> dict[str, int]:
        """Amounts in cents by the letter of their column."""
        return {
            "d": self.proceeds_cents,
            "e": self.basis_cents,
            "g": self.adjustment_cents,
            "h": self.gain_cents,
        }

    @property
    def in_dollars(self) -> dict[str, int]:
        """Whole dollars by column, each total rounded once."""
        return {column: whole_dollars(cents) for column, cents in self.columns.items()}


def totals_of(rows: Iterable[FormRow]) -> Totals:
    """Return the sums of rows."""
    proceeds = basis = adjustment = 0
    for row in rows:
        proceeds += row.proceeds_cents
        basis += row.basis_cents
        adjustment += row.adjustment_cents
    return Totals(proceeds, basis, adjustment)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `copy` of `copies` of its part, with at most eleven rows of one box."""

    box: Box
    copy: int
    copies: int
    rows: tuple[FormRow, ...]
    totals: Totals


def numbered(rows: Iterable[FormRow]) -> list[FormRow]:
    """Return rows in the order they are printed, with their numbers set: by box, day of sale, then as given."""
    ordered = sorted(rows, key=lambda row: (PRINTED_ORDER[row.box.letter], row.sale.sold is None, row.sale.sold or 0))
    for number, row in enumerate(ordered, 1):
        row.number = number
    return ordered


def pages_of(rows: Sequence[FormRow], rows_a_page: int = ROWS_A_PAGE) -> list[Page]:
    """Return the pages of rows that are in printed order."""
    cut: list[tuple[Box, tuple[FormRow, ...]]] = []
    for letter, group in groupby(rows, key=lambda row: row.box.letter):
        together = tuple(group)
        cut += [
            (BOXES[letter], together[first : first + rows_a_page]) for first in range(0, len(together), rows_a_page)
        ]
    copies = {part: sum(box.part is part for box, _ in cut) for part in {box.part for box, _ in cut}}
    at = dict.fromkeys(copies, 0)
    pages = []
    for box, listed in cut:
        at[box.part] += 1
        pages.append(Page(box, at[box.part], copies[box.part], listed, totals_of(listed)))
    return pages


def summarized(rows: Sequence[FormRow]) -> Iterator[FormRow]:
    """Yield one row for each box and account in place of its rows: Exception 2, code M beside the codes of its rows."""
    groups: dict[tuple[int, str], list[FormRow]] = {}
    for row in rows:
        groups.setdefault((PRINTED_ORDER[row.box.letter], row.sale.account), []).append(row)
    for (_, account), group in sorted(groups.items(), key=lambda item: item[0]):
        first, totals = group[0], totals_of(group)
        sale = Sale(
            f"{SEE_STATEMENT} ({account})" if account else SEE_STATEMENT,
            None,
            None,
            sum(row.sale.proceeds_cents for row in group),
            sum(row.sale.cost_cents for row in group),
            sum(row.sale.disallowed_cents for row in group),
            first.sale.term,
            first.sale.is_digital,
            account=account,
        )
        codes = "".join(sorted({"M", *(code for row in group for code in row.codes)}))
        yield FormRow(sale, None, first.box, totals.proceeds_cents, totals.basis_cents, codes, totals.adjustment_cents)
