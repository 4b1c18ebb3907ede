"""From a row of Form 8949 back to the bars: the tax half here, the journal's half by `ledger/why.py`.

    row of the form -> gain rows -> lot and sale -> execution -> order -> signal and its conditions -> bar
                                 -> wash sales: what replaced the shares, and losses carried into the basis, each with
                                    its rule and its own execution

A row that comes from a table of trades ends at its executions: a table knows no orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tapeline.app.taxes import TaxBooks
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.ledger.why import Answer, BarsAround, explain_execution
from tapeline.ports.journal import Journal
from tapeline.tax.events import Event, Trade
from tapeline.tax.executions import OPENING_SUFFIX
from tapeline.tax.forms.filing import Forms
from tapeline.tax.forms.pages import Page
from tapeline.tax.forms.rows import FormRow
from tapeline.tax.gains import Gain
from tapeline.tax.wash_sales import Disallowance

PREFIX = "8949:"


@dataclass(frozen=True, slots=True)
class Source:
    """What acquired or disposed of shares.

    event : the trade or corporate action of that id, None where there is none
    answer : the journal's chain behind it, None for what is no execution of a journal
    missing : a sentence, where the journal has no such chain: an execution that no order of ours asked for
    """

    event_id: str
    event: Event | None
    answer: Answer | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class WashStep:
    """One disallowance, and the execution on its other side: the replacement's, or the loss's sale."""

    disallowance: Disallowance
    other: Source


@dataclass(frozen=True, slots=True)
class GainTrace:
    """One gain row of the line: how it was opened and closed.

    replaced : what of its loss was disallowed, by what; carried_in : disallowed losses that are in its basis
    """

    gain: Gain
    opened: Source
    closed: Source
    replaced: tuple[WashStep, ...]
    carried_in: tuple[WashStep, ...]


@dataclass(frozen=True, slots=True)
class FormTrace:
    """The answer to `8949:ROW`.

    page : where the row is printed; None where Exception 1 or 2 leaves it off the form's pages
    """

    asked: str
    row: FormRow
    page: Page | None
    gains: tuple[GainTrace, ...]

    def answers(self) -> Iterator[Answer]:
        """Yield every chain from the journal."""
        for traced in self.gains:
            sources = [traced.opened, traced.closed, *(step.other for step in (*traced.replaced, *traced.carried_in))]
            yield from (source.answer for source in sources if source.answer is not None)


@dataclass
class _Tracer:
    journal: Journal | None
    bars_around: BarsAround | None
    events: Mapping[tuple[str, str], Event]
    known: dict[tuple[str, str], Source] = field(default_factory=dict)

    def source(self, account: str, event_id: str) -> Source:
        """Return an event with its chain; each is looked up once."""
        key = account, event_id
        if key not in self.known:
            event = self.events.get(key) or self.events.get(("", event_id))
            answer, missing = None, ""
            if self.journal is not None and isinstance(event, Trade):
                try:
                    answer = explain_execution(self.journal, event_id.removesuffix(OPENING_SUFFIX), self.bars_around)
                except InputError as exc:
                    missing = str(exc)
            self.known[key] = Source(event_id, event, answer, missing)
        return self.known[key]


def trace_row(
    question: str,
    books: TaxBooks,
    forms: Forms,
    journal: Journal | None = None,
    bars_around: BarsAround | None = None,
) -> FormTrace:
    """Return what stands behind a row of Form 8949.

    question : 8949:ROW, by the number that is printed on the form
    journal : of the executions, None where they came from a table
    Raises InputError for a question that is none, UnknownNameError for a number that no row has.
    """
    row = _row(question, forms, sorted({gain.tax_year for gain in books.result.rows}))
    events = {_key(event): event for event in books.events}
    tracer = _Tracer(journal, bars_around, events)
    every = books.result.disallowances
    return FormTrace(
        question,
        row,
        next((page for page in forms.pages if any(listed is row for listed in page.rows)), None),
        tuple(
            GainTrace(
                gain,
                tracer.source(gain.account, gain.open_id),
                tracer.source(gain.account, gain.close_id),
                tuple(
                    WashStep(found, tracer.source(found.account, found.lot_id)) for found in every if found.row is gain
                ),
                tuple(
                    WashStep(found, tracer.source(found.row.account, found.row.close_id))
                    for found in every
                    if _is_carried_into(found, gain)
                ),
            )
            for gain in row.sale.gains
        ),
    )


def _row(question: str, forms: Forms, years: list[int]) -> FormRow:
    written = question.removeprefix(PREFIX)
    if not written.isdigit():
        raise InputError(f"{question!r} names no row. Write {PREFIX} and the number of the row, such as {PREFIX}12.")
    number = int(written)
    if not 1 <= number <= len(forms.rows):
        if not forms.rows and years:
            found = ", ".join(map(str, years))
            raise InputError(
                f"Form 8949 of {forms.tax_year} has no row; what was closed was so in {found}. Use --year."
            )
        known = [f"1 to {len(forms.rows)}"] if forms.rows else []
        raise UnknownNameError("row", written, known, where=f"Form 8949 of {forms.tax_year}")
    return forms.rows[number - 1]


def _is_carried_into(found: Disallowance, gain: Gain) -> bool:
    """Whether a disallowed loss is in the basis of the shares of a gain: same lot, and the holding start it gave."""
    return (
        not found.is_permanent
        and found.row is not gain
        and (found.account, found.lot_id, found.start_after) == (gain.account, gain.open_id, gain.start_day)
    )


def _key(event: Event) -> tuple[str, str]:
    return (event.account, event.execution_id) if isinstance(event, Trade) else ("", event.event_id)
