"""What a split makes of the shares of an account: of each holder's part, cut to whole steps as one."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from tapeline.domain.corporate import SplitReported
from tapeline.domain.instrument import Instrument
from tapeline.domain.money import exact
from tapeline.engine.desk import ACCOUNT, Desk
from tapeline.ledger.facts import SplitApplied
from tapeline.ledger.views import Views
from tapeline.simulation.amounts import ROUNDING_NUDGE


def splits_of(desk: Desk, report: SplitReported, views: Views) -> list[SplitApplied]:
    """Return what a split does to each holding; the account is cut to the symbol's step as one.

    Those of the book come first, in its order, as it cuts them so; then what others hold in the ledger.
    """
    held = {
        strategy: position.quantity
        for (account, strategy, symbol), position in sorted(views.positions.items())
        if symbol == report.symbol and account == ACCOUNT and strategy not in desk.assembly.names
    }
    step = Instrument(report.symbol).quantity_step
    column = desk.columns.get(report.symbol)
    if column is not None:
        tables = desk.book.fixed
        step = exact(float(tables.symbols[column]["step"]))
        of_book = tables.holdings["quantity"][:, column].tolist()
        held = {**{name: exact(of) for name, of in zip(desk.assembly.names, of_book, strict=True)}, **held}
    facts = []
    before = after = Decimal(0)
    for strategy, quantity in held.items():
        if quantity:
            before += quantity
            total = _whole_steps(before * report.new_shares / report.old_shares / step) * step
            facts.append(
                SplitApplied(
                    report.event_time_ns,
                    report.symbol,
                    strategy,
                    report.new_shares,
                    report.old_shares,
                    quantity,
                    total - after,
                )
            )
            after = total
    return facts


def _whole_steps(steps: Decimal) -> Decimal:
    """Return the steps cut toward zero as the kernels cut them: within a rounding of a whole step it is that one."""
    nudge = Decimal(ROUNDING_NUDGE).copy_sign(steps)
    return (steps + nudge).to_integral_value(ROUND_DOWN)
