"""A year's forms: Form 8949, Schedule D, the totals that go elsewhere, and everything that must go with them.

    forms = prepare(engine.result(), 2025)
    forms.pages                     Form 8949, eleven rows a page
    forms.schedule.amounts["16"]    Schedule D, in cents

Beside the forms stand the reconciliation with the brokers' 1099s, the audit of wash sales, what is open at the year's
end, the policies in force, and whether a purchase may still change the year (until 30 January has passed).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import TaxInstrument
from tapeline.tax.flags import Flag
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.matching import Finding, Given, match
from tapeline.tax.forms.pages import Page, Totals, numbered, pages_of, summarized, totals_of
from tapeline.tax.forms.rows import FORM_4797, FORM_6781, FORM_8949, FormRow, form_of
from tapeline.tax.forms.schedule_d import FromElsewhere, ScheduleD, schedule_d
from tapeline.tax.gains import Gain
from tapeline.tax.result import OpenLot, PendingLoss, TaxResult
from tapeline.tax.wash_sales import Disallowance

LAYOUT_YEAR = 2025


@dataclass(frozen=True, slots=True)
class FilingChoices:
    """How a year is reported.

    lines : of the brokers' 1099s; unreported : accounts that no 1099 comes from
    adjustments : codes that the taxpayer gives; accounts : those to report, all if empty
    use_exception_1 : rows that need not be listed go straight to Schedule D
    use_exception_2 : one row for each box and account, with a statement
    in_dollars : totals of Schedule D in whole dollars
    """

    lines: Sequence[BrokerLine] = ()
    unreported: Collection[str] = ()
    adjustments: Given = field(default_factory=dict)
    accounts: Collection[str] = ()
    elsewhere: FromElsewhere = field(default_factory=FromElsewhere)
    use_exception_1: bool = False
    use_exception_2: bool = False
    in_dollars: bool = False


@dataclass(frozen=True, slots=True)
class Forms:
    """Everything of one year.

    rows : of Form 8949 in printed order, those that Exception 1 leaves out included; pages : what is printed
    schedule, schedule_other_way : with the choice about Exception 1 that was made, and with the other one
    futures, traders : rows of Form 6781 and Form 4797
    findings : of the reconciliation; disallowances : of this year's losses
    open_lots : at the year's end; pending : losses that a purchase may still wash
    status : a sentence on whether the year is final
    """

    tax_year: int
    choices: FilingChoices
    rows: tuple[FormRow, ...]
    pages: tuple[Page, ...]
    schedule: ScheduleD
    schedule_other_way: ScheduleD
    futures: tuple[Gain, ...]
    traders: tuple[Gain, ...]
    findings: tuple[Finding, ...]
    disallowances: tuple[Disallowance, ...]
    open_lots: tuple[OpenLot, ...]
    pending: tuple[PendingLoss, ...]
    is_provisional: bool
    policies: Mapping[str, str]
    methods: Mapping[str, str]
    flags: tuple[Flag, ...]
    disclaimer: str

    @property
    def listed(self) -> tuple[FormRow, ...]:
        """The rows that must stand on Form 8949 or its statement."""
        if not self.choices.use_exception_1:
            return self.rows
        return tuple(row for row in self.rows if not row.exception_line)

    @property
    def statement(self) -> tuple[FormRow, ...]:
        """The rows of the attached statement, under Exception 2; else none."""
        return self.listed if self.choices.use_exception_2 else ()

    @property
    def totals(self) -> Totals:
        """All rows together."""
        return totals_of(self.rows)

    @property
    def section_1256_cents(self) -> int:
        """The total for Form 6781."""
        return sum(gain_cents(gain) for gain in self.futures)

    @property
    def section_475_cents(self) -> int:
        """The total for Form 4797, Part II."""
        return sum(gain_cents(gain) for gain in self.traders)

    @property
    def lines_off(self) -> list[str]:
        """The lines of Schedule D whose rounded columns do not foot, though their cents do."""
        rounded = self.schedule.in_dollars
        return [line for line, found in rounded.items() if found["d"] - found["e"] + found["g"] != found["h"]]

    @property
    def notes(self) -> list[str]:
        """Sentences that belong on every output."""
        assumed = sum(row.is_assumed for row in self.rows)
        found = [self.status]
        if self.tax_year != LAYOUT_YEAR:
            found.append(f"Boxes, lines and limits are those of the forms of {LAYOUT_YEAR}; this is {self.tax_year}.")
        if assumed:
            found.append(
                f"{assumed:,} of {len(self.rows):,} rows have no 1099 beside them: their boxes assume that the broker"
                " reported these same figures. Compare them with the 1099 before filing."
            )
        missing = sum(finding.is_open for finding in self.findings)
        if missing:
            found.append(f"{missing:,} entries of the reconciliation lack their other side.")
        if self.choices.use_exception_2:
            found.append("Exception 2: the statement goes with the return, on paper with Form 8453 or as a PDF.")
        if self.choices.in_dollars and self.lines_off:
            found.append(
                f"In whole dollars the columns of line {', '.join(self.lines_off)} differ by one from their gain: each"
                " is rounded once, from its own sum in cents."
            )
        found += [f"Row {row.number}: {remark}" for row in self.rows for remark in row.remarks]
        return [*found, *(flag.sentence for flag in self.flags)]

    @property
    def status(self) -> str:
        """Whether a later purchase may still change the year."""
        if self.is_provisional:
            return (
                f"Provisional: a purchase until January 30, {self.tax_year + 1} may still disallow a loss of"
                f" {self.tax_year}."
            )
        return f"The window of {self.tax_year}'s last loss has passed."


def gain_cents(gain: Gain) -> int:
    """Return a row's reported gain or loss in cents."""
    return gain.proceeds_cents - gain.cost_cents + gain.adjustment_cents


def prepare(
    result: TaxResult,
    tax_year: int,
    choices: FilingChoices | None = None,
    *,
    instruments: Mapping[str, TaxInstrument] | None = None,
    open_lots: Sequence[OpenLot] | None = None,
    as_of: date | None = None,
) -> Forms:
    """Return a year's forms.

    instruments : by symbol, what is not plain stock
    open_lots : at the year's end, where the engine has gone on since; by default what is open now
    as_of : the day of the output, which decides whether the year is provisional; by default the year's last day
    Raises TaxRefusal for an adjustment that fits no row.
    """
    choices = choices or FilingChoices()
    gains = [gain for gain in result.gains(tax_year) if not choices.accounts or gain.account in choices.accounts]
    by_form: dict[str, list[Gain]] = {FORM_8949: [], FORM_6781: [], FORM_4797: []}
    for gain in gains:
        by_form[form_of(gain.term)].append(gain)
    _check_adjustments(choices.adjustments, by_form[FORM_8949])
    matched, findings = match(
        by_form[FORM_8949],
        choices.lines,
        instruments or {},
        unreported=choices.unreported,
        adjustments=choices.adjustments,
    )
    rows = numbered(matched)
    futures_cents = sum(gain_cents(gain) for gain in by_form[FORM_6781])
    elsewhere = replace(choices.elsewhere, section_1256_cents=choices.elsewhere.section_1256_cents + futures_cents)
    schedules = {way: schedule_d(rows, elsewhere, use_exception_1=way) for way in (False, True)}
    listed = [row for row in rows if not (choices.use_exception_1 and row.exception_line)]
    ours = {id(gain) for gain in gains}
    day = as_of or date(tax_year, 12, 31)
    return Forms(
        tax_year,
        choices,
        tuple(rows),
        tuple(pages_of(list(summarized(listed)) if choices.use_exception_2 else listed)),
        schedules[choices.use_exception_1],
        schedules[not choices.use_exception_1],
        tuple(by_form[FORM_6781]),
        tuple(by_form[FORM_4797]),
        tuple(findings),
        tuple(found for found in result.disallowances if id(found.row) in ours),
        tuple(_of_accounts(result.open_lots() if open_lots is None else open_lots, choices.accounts)),
        tuple(loss for loss in result.pending_losses(day) if id(loss.row) in ours),
        result.is_provisional(tax_year, day),
        result.policies,
        result.methods,
        tuple(result.flags),
        result.disclaimer,
    )


def _of_accounts(lots: Sequence[OpenLot], accounts: Collection[str]) -> list[OpenLot]:
    return [lot for lot in lots if not accounts or lot.account in accounts]


def _check_adjustments(given: Given, gains: Sequence[Gain]) -> None:
    known = {(gain.close_id, gain.open_id) for gain in gains}
    sales = {close_id for close_id, _ in known}
    for close_id, lot_id in given:
        if (close_id not in sales) if not lot_id else ((close_id, lot_id) not in known):
            lot = f" from lot {lot_id}" if lot_id else ""
            raise TaxRefusal(
                "adjustment_without_row",
                f"An adjustment names sale {close_id}{lot}, which is on no row of the year's Form 8949."
                " Correct its ids.",
            )
        if not lot_id and sum(close == close_id for close, _ in known) > 1:
            raise TaxRefusal(
                "adjustment_of_one_row",
                f"An adjustment names sale {close_id}, which sold several lots; name the lot as well.",
            )
