"""Schedule D: lines from Form 8949 and elsewhere, the limit of a loss, and what is carried into the next year.

    1a, 8a    rows that need not be listed (Exception 1)      4, 11   6252, 4684, 8824, and 6781: 40 % short, 60 % long
    1b, 8b    boxes A and G, D and J                          5, 12   Schedules K-1
    2, 9      boxes B and H, E and K                          6, 14   losses carried over from the year before
    3, 10     boxes C and I, F and L                          13      capital gain distributions
    7, 15     net short-term, net long-term                   16, 21  both together; the loss that is allowed this year

Source: Schedule D (Form 1040) and its instructions, 2025, with the Capital Loss Carryover Worksheet; IRC 1211(b),
1212(b)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.forms.pages import Totals, totals_of
from tapeline.tax.forms.rounding import whole_dollars
from tapeline.tax.forms.rows import FormRow

LOSS_LIMIT_CENTS, LOSS_LIMIT_SEPARATE_CENTS = 300_000, 150_000
SHORT_LINES, LONG_LINES = ("1a", "1b", "2", "3"), ("8a", "8b", "9", "10")
SHORT_AMOUNTS, LONG_AMOUNTS = ("4", "5", "6"), ("11", "12", "13", "14")
SECTION_1256_SHORT_PERCENT = 40


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
    short_carryover_cents, long_carryover_cents : losses for the next year, as positive amounts
    worksheet : lines 1 to 13 of the Capital Loss Carryover Worksheet, empty where nothing is carried
    """

    lines: Mapping[str, Totals]
    amounts: Mapping[str, int]
    short_carryover_cents: int
    long_carryover_cents: int
    worksheet: Mapping[str, int] = field(default_factory=dict)

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
    amounts = _amounts(lines, elsewhere)
    worksheet = _carryover_worksheet(amounts, elsewhere)
    return ScheduleD(lines, amounts, worksheet.get("8", 0), worksheet.get("13", 0), worksheet)


def _amounts(lines: Mapping[str, Totals], elsewhere: FromElsewhere) -> dict[str, int]:
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

    amounts["7"] = net(SHORT_LINES, SHORT_AMOUNTS)
    amounts["15"] = net(LONG_LINES, LONG_AMOUNTS)
    amounts["16"] = amounts["7"] + amounts["15"]
    limit = LOSS_LIMIT_SEPARATE_CENTS if elsewhere.is_separate else LOSS_LIMIT_CENTS
    amounts["21"] = max(amounts["16"], -limit) if amounts["16"] < 0 else 0
    return {line: amounts[line] for line in sorted(amounts, key=int)}


def _percent(cents: int, percent: int) -> int:
    """Return a part of an amount in cents, half-up away from zero; what is left is the other part."""
    return -_percent(-cents, percent) if cents < 0 else (cents * percent + 50) // 100


def _carryover_worksheet(amounts: Mapping[str, int], elsewhere: FromElsewhere) -> dict[str, int]:
    loss_allowed = -amounts["21"]
    income = elsewhere.taxable_income_cents
    if amounts["16"] >= 0 or (loss_allowed == -amounts["16"] and (income is None or income >= 0)):
        return {}
    short, long_term = amounts["7"], amounts["15"]
    work = {"1": loss_allowed if income is None else income, "2": loss_allowed}
    work["3"] = max(0, work["1"] + work["2"])
    work["4"] = min(work["2"], work["3"])
    work["5"] = max(0, -short)
    work["6"] = max(0, long_term)
    work["7"] = work["4"] + work["6"]
    work["8"] = max(0, work["5"] - work["7"])
    work["9"] = max(0, -long_term)
    work["10"] = max(0, short)
    work["11"] = max(0, work["4"] - work["5"])
    work["12"] = work["10"] + work["11"]
    work["13"] = max(0, work["9"] - work["12"])
    return work
