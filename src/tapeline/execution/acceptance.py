"""A person accepts a difference that the last comparison found: our books take over what the venue says.

    ours: ABCD, Dip 100 and external 50        theirs: 80           external -50, Dip -20
    ours: ABCD, Dip 100                        theirs: 130          external +30
    ours: cash 10,000.00                       theirs: 9,998.75     income of -1.25

No execution is invented: the fact says that a holding was changed, by whom and why. What is missing is taken first from
what nobody here asked for, then from the strategies by name; what is too much, and what turns the account round, is
external. Exits for more than is left are fitted to it (`fitting.py`).

Refused while anything may still explain the difference: a gap, a comparison, and in the symbol an entry, an order in
parts or one of others that works, one that was triggered, is in doubt or is asked for by name; and where the books say
something else than what the person was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from tapeline.domain.errors import InputError
from tapeline.domain.position import EXACT, ZERO
from tapeline.domain.reports import EXTERNAL
from tapeline.domain.times import SECOND, to_iso
from tapeline.domain.words import Purpose
from tapeline.execution.books import Record
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.control import CASH_BREAK, POSITION_BREAK
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views

_ORDER_FINDINGS = ("ORDER_MISSING", "ORDER_REVIVED", "ORDER_FILLED_DIFFERS")
CASH = "cash"
"""What the account's cash is called where symbols are named."""


class Acceptance:
    """What one account's persons accept.

    record : journals a fact and returns it
    price_of : the newest price of a symbol, None where none is known
    """

    def __init__(
        self, views: Views, record: Record, keeper: OrderKeeper, price_of: Callable[[str], Decimal | None]
    ) -> None:
        self._views, self._record, self._keeper, self._price_of = views, record, keeper, price_of
        self._account = keeper.account

    def accept(
        self, name: str, shown: str | None, *, who: str, reason: str, now_ns: int, price: Decimal | None = None
    ) -> BreakAccepted:
        """Book that what the venue says of a symbol, or of `cash`, is so, and return the fact.

        shown : the venue's value as the person saw it, None where it was shown none
        price : of a symbol that has none here
        Raises InputError, and changes nothing, for a difference that does not stand or has changed.
        """
        if not reason.strip():
            raise InputError(f"A difference of {name} is accepted for a reason only. Give one with --reason.")
        finding = self._finding(name)
        if finding["theirs"] != shown:
            raise InputError(
                f"The broker's value of {name} was shown as {_said(shown)}, and the last comparison found"
                f" {_said(finding['theirs'])}. Look at it again with `tapeline reconcile`."
            )
        self._check_is_settled(name)
        ours, theirs = Decimal(finding["ours"]), Decimal(finding["theirs"] or 0)
        have = self._views.cash_amount(self._account) if name == CASH else self._views.quantity(name, self._account)
        if have != ours:
            raise InputError(
                f"Our books had {ours} of {name} when they were compared and have {have} now: something has happened"
                " since that may explain it. Compare them again with `tapeline reconcile`."
            )
        if name == CASH:
            return self._book(BreakAccepted(now_ns, ours, theirs, who, reason, account=self._account))
        price = self._price_of(name) or price
        if price is None:
            raise InputError(f"{name} has no price here, and what is held needs one. Give the last one with --price.")
        changes = self._changes(name, ours, theirs)
        return self._book(BreakAccepted(now_ns, ours, theirs, who, reason, name, changes, price, self._account))

    def _finding(self, name: str) -> Mapping[str, Any]:
        wanted = (CASH_BREAK, self._account) if name == CASH else (POSITION_BREAK, name)
        control = self._views.control
        for finding in control.findings:
            if (finding["finding"], finding["name"]) == wanted:
                return finding
        before = [fact for fact in control.accepted if (fact.symbol or CASH) == name]
        if before:
            raise InputError(f"There is no difference of {name} any more: {accepted_sentence(before[-1])}")
        open_names = [CASH if one["finding"] == CASH_BREAK else one["name"] for one in control.findings if _may(one)]
        what = f"It found these: {', '.join(open_names)}." if open_names else "It left none that could be accepted."
        raise InputError(f"The last comparison with the broker's books found no difference of {name}. {what}")

    def _check_is_settled(self, name: str) -> None:
        if self._keeper.is_comparing or not self._keeper.is_sure:
            raise InputError(
                "The books are just being compared, or a gap is open: what is missing may still come. Try again in a"
                " moment; `tapeline status` shows when."
            )
        for state in self._views.orders.working_of(name):
            self._check_changes_nothing(state)
        for order_name in self._unsettled():
            known = self._views.orders.states.get(order_name)
            if name != CASH and (known is None or known.order.symbol == name):
                raise InputError(
                    f"What became of the order {order_name} is not sure, and it may explain the difference of {name}."
                    " Compare again with `tapeline reconcile`, and accept what is left then."
                )
        for parent in self._views.parents.states.values():
            if parent.ended is None and parent.order.symbol == name:
                raise InputError(
                    f"The order {parent.name} is being worked in parts and may still change what is held of {name}."
                    " Wait until it has ended, compare again and accept."
                )

    def _check_changes_nothing(self, state: OrderState) -> None:
        """Raise InputError for an order that works and is about to change what is held, or may have done it already."""
        order = state.order
        if order.strategy == EXTERNAL:
            raise InputError(
                f"The order {order.client_order_id} works, which nobody here asked for, and may still change what is"
                f" held of {order.symbol}. Cancel it at the broker or wait until it has ended; then compare again and"
                " accept."
            )
        if order.purpose is Purpose.ENTRY and order.parent is None:
            raise InputError(
                f"The entry {order.client_order_id} works and may still change what is held of {order.symbol}."
                " `tapeline pause` calls entries back; then compare again and accept."
            )
        if state.is_triggered or True in state.asked.values():
            why = "was triggered" if state.is_triggered else "has a request whose outcome is not known"
            raise InputError(
                f"The order {order.client_order_id} {why}: it may have filled, and its report may be late. Wait for"
                " it, compare again with `tapeline reconcile`, and accept what is left then."
            )

    def _unsettled(self) -> list[str]:
        """Return the orders that the venue is asked for, and those that the last comparison found to differ."""
        findings = self._views.control.findings
        return [*self._keeper.asked_for, *(one["name"] for one in findings if one["finding"] in _ORDER_FINDINGS)]

    def _changes(self, symbol: str, ours: Decimal, theirs: Decimal) -> dict[str, Decimal]:
        """Return by strategy what makes ours theirs."""
        with localcontext(EXACT):
            left = theirs - ours
            changes: dict[str, Decimal] = {}
            held = {
                s: p.quantity for (a, s, of), p in self._views.positions.items() if (a, of) == (self._account, symbol)
            }
            toward_zero = min(abs(left), abs(ours)).copy_sign(left) if ours * left < 0 else ZERO
            for strategy in sorted(held, key=lambda name: (name != EXTERNAL, name)):
                if held[strategy] * toward_zero < 0:
                    part = min(abs(held[strategy]), abs(toward_zero)).copy_sign(toward_zero)
                    changes[strategy] = part
                    toward_zero -= part
                    left -= part
            if left:
                changes[EXTERNAL] = changes.get(EXTERNAL, ZERO) + left
            return changes

    def _book(self, fact: BreakAccepted) -> BreakAccepted:
        recorded: BreakAccepted = self._record(fact)
        return recorded


def accepted_sentence(fact: BreakAccepted) -> str:
    """Return what was accepted, by whom, when and why."""
    what = fact.symbol or CASH
    return (
        f"{what} was accepted at the broker's {amount_text(fact.theirs)} instead of {amount_text(fact.ours)} at"
        f" {to_iso(fact.event_time_ns // SECOND * SECOND)} by {fact.who}: {fact.reason}"
    )


def _may(finding: Mapping[str, Any]) -> bool:
    return finding["finding"] in (CASH_BREAK, POSITION_BREAK)


def _said(value: str | None) -> str:
    return "none" if value is None else value
