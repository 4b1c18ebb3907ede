"""Schedule D: lines from Form 8949 and elsewhere, the limit of a loss, and what is carried into the next year.

    1a, 8a    rows that need not be listed (Exception 1)      4, 11   6252, 4684, 8824, and 6781: 40 % short, 60 % long
    1b, 8b    boxes A and G, D and J                          5, 12   Schedules K-1
    2, 9      boxes B and H, E and K                          6, 14   losses carried over from the year before
    3, 10     boxes C and I, F and L                          13      capital gain distributions
    7, 15     net short-term, net long-term                   16, 21  both together; the loss that is allowed this year

Source: Schedule D (Form 1040) and its instructions, 2025, with the Capital Loss Carryover Worksheet; IRC 1211(b),
1212(b).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.amounts import dollars, to_cents
from tapeline.tax.carryover import LOSS_LIMIT, LOSS_LIMIT_SEPARATE, Carryover, net_year
from tapeline.tax.forms.pages import Totals, totals_of
from tapeline.tax.forms.rounding import whole_dollars
from tapeline.tax.forms.rows import FormRow

SHORT_LINES, LONG_LINES = ("1a", "1b", "2", "3"), ("8a", "8b", "9", "10")
SHORT_AMOUNTS, LONG_AMOUNTS = ("4", "5", "6"), ("11", "12", "13", "14")
SECTION_1256_SHORT_PERCENT = 40
LINE_TEXTS = {
    "1a": "Short-term, reported with basis, not listed (Exception 1)",
    "1b": "Short-term, Form 8949 boxes A and G",
    "2": "Short-term, Form 8949 boxes B and H",
    "3": "Short-term, Form 8949 boxes C and I",
    "4": "Short-term from Forms 6252, 4684, 6781 (40 %), 8824",
    "5": "Short-term from partnerships, S corporations, estates, trusts (Schedule K-1)",
    "6": "Short-term loss carried over from the year before",
    "7": "Net short-term gain or loss",
    "8a": "Long-term, reported with basis, not listed (Exception 1)",
    "8b": "Long-term, Form 8949 boxes D and J",
    "9": "Long-term, Form 8949 boxes E and K",
    "10": "Long-term, Form 8949 boxes F and L",
    "11": "Long-term from Forms 4797, 2439, 6252, 4684, 6781 (60 %), 8824",
    "12": "Long-term from partnerships, S corporations, estates, trusts (Schedule K-1)",
    "13": "Capital gain distributions",
    "14": "Long-term loss carried over from the year before",
    "15": "Net long-term gain or loss",
    "16": "Lines 7 and 15 together",
    "21": "Loss allowed this year",
}
"""The lines of Schedule D in our words, in the order of the form."""


@dataclass(frozen=True, slots=True)
class FromElsewhere:
    """What Schedule D takes from other papers, in cents; gains above zero, losses below.

    section_1256_cents : the total of Form 6781; 40 % of it is short-term
    short_forms_cents, long_forms_cents : lines 4 and 11 without Form 6781
    short_partnership_cents, long_partnership_cents : lines 5 and 12
    short_carryover_cents, long_carryover_cents : losses of the year before, as positive amounts
    distributions_cents : line 13
    taxable_income_cents : line 1 of the carryover worksheet, below zero if it would be; None, the loss limit is used up
    is_separate : married filing separately
    """

    section_1256_cents: int = 0
    short_forms_cents: int = 0
    long_forms_cents: int = 0
    short_partnership_cents: int = 0
    long_partnership_cents: int = 0
    short_carryover_cents: int = 0
    long_carryover_cents: int = 0
    distributions_cents: int = 0
    taxable_income_cents: int | None = None
    is_separate: bool = False

    def __post_init__(self) -> None:
        if self.short_carryover_cents < 0 or self.long_carryover_cents < 0:
            raise TaxRefusal(
                "carryover_is_positive",
                "A loss carried over is given as a positive amount, found one below zero. Leave the sign out.",
            )


@dataclass(frozen=True, slots=True)
class ScheduleD:
    """The lines of one year.

    lines : columns d, e, g, h of each line that has sales; amounts : every other line, in cents
    short_carryover_cents, long_carryover_cents : losses for the next year, as positive amounts: lines 8 and 13 of the
        Capital Loss Carryover Worksheet
    """

    lines: Mapping[str, Totals]
    amounts: Mapping[str, int]
    short_carryover_cents: int
    long_carryover_cents: int

    @property
    def in_dollars(self) -> dict[str, dict[str, int]]:
        """The lines with sales in whole dollars: cents added first, every total rounded once."""
        return {line: totals.in_dollars for line, totals in self.lines.items()}

    @property
    def amounts_in_dollars(self) -> dict[str, int]:
        """The other lines in whole dollars; sums come from cents too."""
        return {line: whole_dollars(cents) for line, cents in self.amounts.items()}


def schedule_d(
    rows: Iterable[FormRow], elsewhere: FromElsewhere | None = None, *, use_exception_1: bool = False
) -> ScheduleD:
    """Return Schedule D of a year's rows.

    use_exception_1 : rows that need not be listed are summed on lines 1a and 8a
    """
    elsewhere = elsewhere or FromElsewhere()
    by_line: dict[str, list[FormRow]] = {}
    for row in rows:
        line = (row.exception_line if use_exception_1 else "") or row.box.line
        by_line.setdefault(line, []).append(row)
    lines = {line: totals_of(by_line[line]) for line in (*SHORT_LINES, *LONG_LINES) if line in by_line}
    amounts, carryover = _amounts(lines, elsewhere)
    return ScheduleD(lines, amounts, to_cents(carryover.short), to_cents(carryover.long))


def _amounts(lines: Mapping[str, Totals], elsewhere: FromElsewhere) -> tuple[dict[str, int], Carryover]:
    short_of_1256 = _percent(elsewhere.section_1256_cents, SECTION_1256_SHORT_PERCENT)
    amounts = {
        "4": short_of_1256 + elsewhere.short_forms_cents,
        "5": elsewhere.short_partnership_cents,
        "6": -elsewhere.short_carryover_cents,
        "11": elsewhere.section_1256_cents - short_of_1256 + elsewhere.long_forms_cents,
        "12": elsewhere.long_partnership_cents,
        "13": elsewhere.distributions_cents,
        "14": -elsewhere.long_carryover_cents,
    }

    def net(with_columns: tuple[str, ...], without: tuple[str, ...]) -> int:
        return sum(lines[line].gain_cents for line in with_columns if line in lines) + sum(
            amounts[line] for line in without
        )

    income = elsewhere.taxable_income_cents
    netting = net_year(
        dollars(net(SHORT_LINES, SHORT_AMOUNTS)),
        dollars(net(LONG_LINES, LONG_AMOUNTS)),
        limit=LOSS_LIMIT_SEPARATE if elsewhere.is_separate else LOSS_LIMIT,
        taxable_income=None if income is None else dollars(income),
    )
    amounts["7"], amounts["15"], amounts["16"] = map(to_cents, (netting.short, netting.long, netting.net))
    amounts["21"] = -to_cents(netting.deducted)
    return {line: amounts[line] for line in sorted(amounts, key=int)}, netting.carryover


def _percent(cents: int, percent: int) -> int:
    """Return a part of an amount in cents, half-up away from zero; what is left is the other part."""
    return -_percent(-cents, percent) if cents < 0 else (cents * percent + 50) // 100
