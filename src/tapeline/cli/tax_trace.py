"""`tapeline why 8949:ROW`: the row, its lots and wash sales, and the journal's chains, as a tree or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.tree import Tree

from tapeline.app.run_files import newest_journal
from tapeline.app.tax_forms import FormsChoice, make_forms
from tapeline.app.tax_trace import FormTrace, GainTrace, Source, WashStep, trace_row
from tapeline.app.taxes import TaxBooks, TaxChoice, open_books
from tapeline.cli.console import console, show_text
from tapeline.cli.show import bars_around_of
from tapeline.cli.tax_options import amount, foot_lines, head_of, print_json, quantity
from tapeline.ledger.why_text import as_plain, bar_line, manifest_lines, order_lines
from tapeline.report.tax_paper import money_text
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tax.events import Trade
from tapeline.tax.forms.filing import Forms
from tapeline.tax.gains import GainKind

TREE_WIDTH_MIN, FILE_WIDTH = 100, 10_000


def show_trace(
    question: str, choice: TaxChoice, how: FormsChoice, data: Path | None, *, whole: bool, as_json: bool
) -> None:
    """Print what stands behind a row of Form 8949.

    data : the run's bars, to show those around each decision; whole : with every setting of the run
    """
    books = open_books(choice)
    forms = make_forms(books, how)
    if choice.trades:
        trace = trace_row(question, books, forms)
    else:
        with SqliteJournal.reading(choice.journal or newest_journal(choice.work)) as journal:
            around = None if data is None else bars_around_of(journal, data)
            trace = trace_row(question, books, forms, journal, around)
    if as_json:
        print_json(_as_plain(trace, books, forms))
        return
    tree = _tree(trace, forms, whole=whole)
    # what is no terminal gets lines that are never broken
    width = max(console.width, TREE_WIDTH_MIN) if console.is_terminal else FILE_WIDTH
    Console(file=console.file, width=width, highlight=False, markup=False).print(tree, crop=False, soft_wrap=True)
    for line in ("", forms.status, *foot_lines(books)):
        show_text(line)


def _tree(trace: FormTrace, forms: Forms, *, whole: bool) -> Tree:
    row = trace.row
    where = "on no page: left out by an exception"
    if trace.page is not None:
        where = f"Part {row.box.part.value}, box {row.box.letter}, copy {trace.page.copy} of {trace.page.copies}"
    tree = Tree(f"Form 8949 of {forms.tax_year}, row {row.number}: {where}; Schedule D line {row.box.line}")
    codes = f" + (g) {money_text(row.adjustment_cents)} [code {row.codes}]" if row.codes else ""
    tree.add(
        f"(a) {row.sale.description}  (b) {row.acquired_text}  (c) {row.sold_text}:"
        f"  (d) {money_text(row.proceeds_cents)} - (e) {money_text(row.basis_cents)}{codes}"
        f" = (h) {money_text(row.gain_cents)}"
    )
    tree.add(_broker_line(trace))
    shown: set[str] = set()
    for traced in trace.gains:
        _add_gain(tree, traced, shown)
    manifest = next((answer.manifest for answer in trace.answers() if answer.manifest is not None), None)
    if manifest is not None:
        _add_lines(tree, manifest_lines(manifest, whole=whole))
    for sentence in dict.fromkeys(s for answer in trace.answers() for s in answer.not_shown):
        tree.add(sentence)
    return tree


def _broker_line(trace: FormTrace) -> str:
    row = trace.row
    if row.line is None:
        return "No 1099 reported it"
    if row.is_assumed:
        return "No 1099 was given: the broker is taken to have reported these figures"
    basis = "none" if row.line.basis_cents is None else money_text(row.line.basis_cents)
    return (
        f"{row.line.form.value}, {row.line.line_id}: proceeds {money_text(row.line.proceeds_cents)}, basis {basis},"
        f" wash sale loss {money_text(row.line.disallowed_cents)}"
    )


def _add_gain(tree: Tree, traced: GainTrace, shown: set[str]) -> None:
    gain = traced.gain
    branch = tree.add(
        f"Gain row: {quantity(gain.quantity)} {gain.symbol}, account {gain.account}, {gain.kind.value}:"
        f" {amount(gain.proceeds)} - {amount(gain.cost)} + {amount(gain.adjustment)} = {amount(gain.gain)},"
        f" {gain.term.value}, tax year {gain.tax_year}"
    )
    tacked = "" if gain.start_day == gain.opened_day else f", holding period from {gain.holding_start}"
    is_short = gain.kind is GainKind.SHORT_SALE
    opened = branch.add(f"{'Opened short' if is_short else 'Lot'} {gain.open_id} of {gain.open_date}{tacked}")
    for step in traced.carried_in:
        _add_step(opened, step, "In its basis: a loss disallowed at sale", step.disallowance.row.close_id, shown)
    _add_source(opened, traced.opened, shown)
    closed = branch.add(f"{'Closed' if is_short else 'Sold'} by {gain.close_id} on {gain.close_date}")
    _add_source(closed, traced.closed, shown)
    for step in traced.replaced:
        _add_step(branch, step, "Wash sale: replaced by lot", step.disallowance.lot_id, shown)


def _add_step(branch: Tree, step: WashStep, words: str, event_id: str, shown: set[str]) -> None:
    found = step.disallowance
    account = found.row.account if event_id == found.row.close_id else found.account
    effect = "lost for good"
    if not found.is_permanent:
        effect = f"in the basis of lot {found.lot_id}"
        if found.start_before != found.start_after:
            effect += (
                f", whose holding period begins {found.holding_start_after} instead of {found.holding_start_before}"
            )
    node = branch.add(
        f"{words} {event_id} in account {account}: {amount(found.amount)} of the loss on {quantity(found.quantity)}"
        f" shares, {effect}; {found.rule}"
    )
    _add_source(node, step.other, shown)


def _add_source(branch: Tree, source: Source, shown: set[str]) -> None:
    event = source.event
    if isinstance(event, Trade):
        branch.add(
            f"Execution {source.event_id}: {type(event).__name__.upper()} {quantity(event.quantity)} {event.symbol} at"
            f" {event.price:f}, costs {event.commission + event.fees:f}, on {event.trade_date}"
        )
    elif event is not None:
        branch.add(f"{type(event).__name__} {source.event_id} on {event.day}")
    if source.answer is None:
        if source.missing:
            branch.add(source.missing)
        return
    for chain in source.answer.orders:
        if chain.client_order_id in shown:
            branch.add(f"Order {chain.client_order_id}, shown above")
            continue
        shown.add(chain.client_order_id)
        _add_lines(branch, order_lines(chain))
    if source.answer.bars:
        _add_lines(branch, ["Bars around the decision", *(f"  {bar_line(bar)}" for bar in source.answer.bars)])


def _add_lines(branch: Tree, lines: Iterable[str]) -> None:
    """Add lines as nodes, one below the other by their indentation."""
    path: list[tuple[int, Tree]] = [(-1, branch)]
    for line in lines:
        depth = len(line) - len(line.lstrip())
        while path[-1][0] >= depth:
            path.pop()
        path.append((depth, path[-1][1].add(line.strip())))


def _as_plain(trace: FormTrace, books: TaxBooks, forms: Forms) -> dict[str, Any]:
    row, page = trace.row, trace.page
    return {
        "asked": trace.asked,
        **head_of(books),
        "row": {
            "number": row.number,
            "part": row.box.part.value,
            "box": row.box.letter,
            "copy": None if page is None else page.copy,
            "schedule_d_line": row.box.line,
            "a": row.sale.description,
            "b": row.acquired_text,
            "c": row.sold_text,
            **{
                name: f"{cents / 100:.2f}"
                for name, cents in (
                    ("d", row.proceeds_cents),
                    ("e", row.basis_cents),
                    ("g", row.adjustment_cents),
                    ("h", row.gain_cents),
                )
            },
            "f": row.codes,
            "is_assumed": row.is_assumed,
            "broker_line": None if row.line is None or row.is_assumed else row.line.line_id,
        },
        "status": forms.status,
        "gains": [_gain_tree(traced) for traced in trace.gains],
    }


def _gain_tree(traced: GainTrace) -> dict[str, Any]:
    from tapeline.cli.tax_show import gain_tree

    return {
        **gain_tree(traced.gain, None),
        "opened": _source_tree(traced.opened),
        "closed": _source_tree(traced.closed),
        "wash_sales": list(map(_step_tree, traced.replaced)),
        "carried_in": list(map(_step_tree, traced.carried_in)),
    }


def _step_tree(step: WashStep) -> dict[str, Any]:
    found = step.disallowance
    return {
        "sale": found.row.close_id,
        "loss_account": found.row.account,
        "replacement_account": found.account,
        "replacement_lot": found.lot_id,
        "rule": found.rule,
        "quantity": found.quantity,
        "amount": found.amount,
        "is_permanent": found.is_permanent,
        "holding_start_before": found.holding_start_before,
        "holding_start_after": found.holding_start_after,
        "source": _source_tree(step.other),
    }


def _source_tree(source: Source) -> dict[str, Any]:
    event = source.event
    found: dict[str, Any] = {"id": source.event_id, "kind": None if event is None else type(event).__name__}
    if isinstance(event, Trade):
        found |= {
            "account": event.account,
            "symbol": event.symbol,
            "quantity": event.quantity,
            "price": event.price,
            "costs": event.commission + event.fees,
            "trade_date": event.trade_date,
            "client_order_id": event.order_id,
        }
    elif event is not None:
        found["day"] = event.day
    why = None if source.answer is None else as_plain(source.answer)
    return {**found, "why": why, "missing": source.missing or None}
