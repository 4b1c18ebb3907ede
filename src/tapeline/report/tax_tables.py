"""Tables of a year's forms: one definition for the CSV files and the sheets of the workbook.

Form 8949 with own and broker's figures, its pages, Schedule D with and without Exception 1, the audit of wash sales,
losses a purchase may still wash, open lots at the year's end (next year's opening state), totals that go on other
forms, the reconciliation with the 1099s, and what all of it was computed with. Money is whole cents until it is
written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from tapeline.tax.amounts import share_price
from tapeline.tax.forms.filing import Forms, gain_cents
from tapeline.tax.forms.rounding import whole_dollars
from tapeline.tax.forms.rows import FORM_4797, FORM_6781, FormRow
from tapeline.tax.forms.schedule_d import LINE_TEXTS, ScheduleD
from tapeline.tax.gains import Gain

Row = tuple[Any, ...]


class Kind(Enum):
    """What the cells of a column are."""

    TEXT = "text"
    MONEY = "money, in cents"
    PER_SHARE = "dollars per share"
    QUANTITY = "quantity"
    DATE = "date"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in a file, its kind, and how wide it is shown, in characters."""

    name: str
    kind: Kind = Kind.TEXT
    width: int = 12


@dataclass(frozen=True, slots=True)
class TaxTable:
    """One table: `name` is that of its file and sheet. Rows are made anew each time they are asked for."""

    name: str
    columns: tuple[Column, ...]
    make_rows: Callable[[], Iterable[Row]]


def _text(*names: str, width: int = 12) -> tuple[Column, ...]:
    return tuple(Column(name, width=width) for name in names)


def _money(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.MONEY, 14) for name in names)


def _dates(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.DATE, 12) for name in names)


def tables_of(forms: Forms) -> list[TaxTable]:
    """Return every table of a year's forms."""
    return [
        TaxTable("form-8949", _FORM_COLUMNS, lambda: _form_rows(forms)),
        TaxTable(
            "form-8949-pages",
            (
                *_text("part", "box", width=6),
                Column("copy", Kind.COUNT, 6),
                Column("rows", Kind.COUNT, 6),
                *_money("d_proceeds", "e_basis", "g_adjustment", "h_gain"),
            ),
            lambda: (
                (page.box.part.value, page.box.letter, page.copy, len(page.rows), *page.totals.columns.values())
                for page in forms.pages
            ),
        ),
        TaxTable(
            "schedule-d",
            (
                *_text("way", width=30),
                *_text("line", width=6),
                *_text("what", width=60),
                *_money("d_proceeds", "e_basis", "g_adjustment", "h_gain"),
            ),
            lambda: _schedule_rows(forms),
        ),
        TaxTable("wash-sales", _WASH_COLUMNS, lambda: _wash_rows(forms)),
        TaxTable(
            "pending-losses",
            (
                *_text("account", "symbol", "sale", "lot"),
                *_dates("sold"),
                Column("shares", Kind.QUANTITY),
                *_money("loss"),
                *_dates("open_until"),
            ),
            lambda: (
                (
                    loss.row.account,
                    loss.row.symbol,
                    loss.row.close_id,
                    loss.row.open_id,
                    loss.row.close_date,
                    loss.quantity,
                    _cents(loss.amount),
                    loss.last_day,
                )
                for loss in forms.pending
            ),
        ),
        TaxTable(
            "open-lots",
            (
                *_text("account", "symbol", "lot", "position"),
                *_dates("acquired", "holding_start"),
                Column("shares", Kind.QUANTITY),
                *_money("basis", "short_proceeds", "deferred_loss"),
            ),
            lambda: (
                (
                    lot.account,
                    lot.symbol,
                    lot.open_id,
                    "short" if lot.is_short else "long",
                    lot.acquired,
                    lot.holding_start,
                    lot.quantity,
                    _cents(lot.cost_basis),
                    _cents(lot.proceeds),
                    _cents(lot.deferred_loss),
                )
                for lot in forms.open_lots
            ),
        ),
        TaxTable(
            "other-forms",
            (
                *_text("form", "account", "symbol", "sale", "lot"),
                *_dates("acquired", "sold"),
                *_money("proceeds", "basis", "gain"),
            ),
            lambda: _other_rows(forms),
        ),
        TaxTable(
            "reconciliation",
            (*_text("account", "symbol"), *_dates("sold"), *_text("rows", "lines"), *_text("finding", width=70)),
            lambda: (
                (
                    finding.account,
                    finding.symbol,
                    finding.sold,
                    " ".join(str(row.number) for row in finding.rows),
                    " ".join(finding.lines),
                    finding.sentence,
                )
                for finding in forms.findings
            ),
        ),
        TaxTable("notes", (*_text("about", width=30), *_text("says", width=110)), lambda: note_rows(forms)),
    ]


_FORM_COLUMNS = (
    Column("row", Kind.COUNT, 7),
    *_text("part", "box", width=5),
    *_text("a_description", width=24),
    *_dates("b_acquired", "c_sold"),
    *_money("d_proceeds", "e_basis"),
    *_text("f_codes", width=7),
    *_money("g_adjustment", "h_gain"),
    *_text("schedule_d_line", width=8),
    *_text("may_skip_to_line", width=8),
    *_text("account", "symbol"),
    *_dates("holding_start"),
    *_money("own_proceeds", "own_basis", "own_disallowed"),
    *_text("broker_form", width=10),
    *_money("broker_proceeds", "broker_basis", "broker_disallowed"),
    *_text("broker_term", "broker_line", width=10),
    *_text("sales", "lots", width=16),
)


def _form_rows(forms: Forms) -> Iterator[Row]:
    for row in forms.rows:
        sale, line, box = row.sale, row.line, row.box
        skips = row.exception_line
        broker: Row = ("", None, None, None, "", "")
        if row.is_assumed:
            broker = ("assumed", None, None, None, "", "")
        elif line is not None:
            term = "" if line.term is None else line.term.value
            amounts = line.proceeds_cents, line.basis_cents, line.disallowed_cents
            broker = (line.form.value, *amounts, term, line.line_id)
        yield (
            row.number,
            box.part.value,
            box.letter,
            sale.description,
            sale.acquired_word or sale.acquired,
            sale.sold,
            row.proceeds_cents,
            row.basis_cents,
            row.codes,
            row.adjustment_cents if row.codes else None,
            row.gain_cents,
            skips if forms.choices.use_exception_1 and skips else box.line,
            skips,
            sale.account,
            sale.symbol,
            sale.gains[0].holding_start,
            sale.proceeds_cents,
            sale.cost_cents,
            sale.disallowed_cents,
            *broker,
            _ids(row, "close_id"),
            _ids(row, "open_id"),
        )


def _ids(row: FormRow, name: str) -> str:
    if len(row.sale.gains) == 1:
        return str(getattr(row.sale.gains[0], name))
    return " ".join(dict.fromkeys(getattr(gain, name) for gain in row.sale.gains))


def _schedule_rows(forms: Forms) -> Iterator[Row]:
    uses = forms.choices.use_exception_1
    ways = {True: "Exception 1 used", False: "every row listed"}
    yield from _lines_of(forms.schedule, f"{ways[uses]} (chosen)", in_dollars=forms.choices.in_dollars)
    yield from _lines_of(forms.schedule_other_way, ways[not uses], in_dollars=forms.choices.in_dollars)


def _lines_of(schedule: ScheduleD, way: str, *, in_dollars: bool) -> Iterator[Row]:
    def rounded(cents: int) -> int:
        return 100 * whole_dollars(cents) if in_dollars else cents

    for line, text in LINE_TEXTS.items():
        if line in schedule.lines:
            yield way, line, text, *map(rounded, schedule.lines[line].columns.values())
        elif line in schedule.amounts:
            yield way, line, text, None, None, None, rounded(schedule.amounts[line])
    for name, cents in (
        ("short-term", schedule.short_carryover_cents),
        ("long-term", schedule.long_carryover_cents),
    ):
        yield way, "", f"Carried into the next year, {name} loss", None, None, None, rounded(cents)


_WASH_COLUMNS = (
    *_text("loss_account", "loss_symbol", "sale", "lot"),
    *_dates("sold"),
    Column("shares", Kind.QUANTITY),
    *_money("disallowed"),
    *_text("replaced_in_account", "replaced_by_symbol", "replaced_by_lot"),
    *(Column(name, Kind.PER_SHARE, 14) for name in ("basis_per_share_before", "basis_per_share_after")),
    *_dates("holding_start_before", "holding_start_after"),
    *_text("is_permanent", width=8),
    *_text("rule", width=44),
)


def _wash_rows(forms: Forms) -> Iterator[Row]:
    for found in forms.disallowances:
        row = found.row
        yield (
            row.account,
            row.symbol,
            row.close_id,
            row.open_id,
            row.close_date,
            found.quantity,
            _cents(found.amount),
            found.account,
            found.symbol,
            found.lot_id,
            share_price(found.basis_before),
            share_price(found.basis_after),
            found.holding_start_before,
            found.holding_start_after,
            "yes" if found.is_permanent else "no",
            found.rule,
        )


def _other_rows(forms: Forms) -> Iterator[Row]:
    for form, gains, total in (
        (FORM_6781, forms.futures, forms.section_1256_cents),
        (FORM_4797, forms.traders, forms.section_475_cents),
    ):
        yield from (_other_row(form, gain) for gain in gains)
        yield (
            form,
            "",
            "all",
            "",
            "",
            None,
            None,
            sum(gain.proceeds_cents for gain in gains),
            sum(gain.cost_cents for gain in gains),
            total,
        )


def _other_row(form: str, gain: Gain) -> Row:
    return (
        form,
        gain.account,
        gain.symbol,
        gain.close_id,
        gain.open_id,
        gain.open_date,
        gain.close_date,
        gain.proceeds_cents,
        gain.cost_cents,
        gain_cents(gain),
    )


def note_rows(forms: Forms) -> Iterator[tuple[str, str]]:
    """Yield what the forms were computed with: what it is about, what it says."""
    yield "disclaimer", forms.disclaimer
    for note in forms.notes:
        yield "note", note
    for account, method in forms.methods.items():
        yield f"method of account {account}", method
    for name, answer in forms.policies.items():
        yield f"policy {name}", answer


def _cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))
