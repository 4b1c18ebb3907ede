"""A comparison with the venue as it runs: four questions, look-ups, and once more before anything is believed.

    round 1   executions since the last comparison, open orders, positions and cash are asked for at once
              executions are booked as they come; orders that differ are asked for by name
    round 2   the same again, if round 1 found anything; executions from four times as far back
    ...       until a round finds nothing, or the same as the one before it

Snapshots of different moments differ although nothing is wrong, so what one round finds is only a reason to look again.
Positions and cash are compared as of the moment of their answer: what executed later is taken out of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.position import ZERO
from tapeline.domain.reports import (
    CashAnswered,
    ExecutionsAnswered,
    OpenOrdersAnswered,
    PositionsAnswered,
    Question,
)
from tapeline.domain.times import SECOND
from tapeline.execution.books import Books
from tapeline.execution.look_ups import LookUps
from tapeline.execution.questions import Questions
from tapeline.execution.reconciliation import (
    Finding,
    OurBooks,
    Remedy,
    TheirBooks,
    compare,
    execution_finding,
    missing_executions,
)
from tapeline.execution.settings import KeeperSettings
from tapeline.ledger.control_facts import Reconciled, SymbolLocked, SymbolUnlocked

AccountAnswer = ExecutionsAnswered | OpenOrdersAnswered | PositionsAnswered | CashAnswered
QUESTION_OF: dict[type[Any], Question] = {
    ExecutionsAnswered: Question.EXECUTIONS,
    OpenOrdersAnswered: Question.OPEN_ORDERS,
    PositionsAnswered: Question.POSITIONS,
    CashAnswered: Question.CASH,
}
_FURTHER = 4
_TO_BE_SEEN_TWICE = (Remedy.BUST, Remedy.UNLOCK, Remedy.CORRECT)

Restate = Callable[[Execution, Execution, Decimal | None, int], None]
"""Books an execution as the venue lists it: how it stands, how it is listed, what its order leaves open there, when."""
Execute = Callable[[Execution, int], None]
"""Books an execution that is missing, or asks for its order; or takes one out that the venue has taken back."""


class Phase(Enum):
    """Where a comparison stands."""

    IDLE = auto()
    ASKING = auto()
    LOOKING_UP = auto()
    PAUSING = auto()


class Comparison:
    """One comparison at a time."""

    def __init__(
        self,
        books: Books,
        look_ups: LookUps,
        questions: Questions,
        settings: KeeperSettings,
        execute: Execute,
        take_back: Execute,
        restate: Restate,
        named: Callable[[Execution], Execution],
    ) -> None:
        self._books, self._look_ups, self._questions = books, look_ups, questions
        self._settings, self._named = settings, named
        self._execute, self._take_back, self._restate = execute, take_back, restate
        self._phase = Phase.IDLE
        self._round = 0
        self._moment = 0
        self._pause_ends_ns = 0
        self._answers: dict[Question, Any] = {}
        self._booked: dict[str, Finding] = {}
        self._found: list[Finding] = []
        self._before: list[Finding] = []

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not come to its end."""
        return self._phase is not Phase.IDLE

    @property
    def next_time_ns(self) -> int | None:
        """When the pause between two rounds ends, None outside of one."""
        return self._pause_ends_ns if self._phase is Phase.PAUSING else None

    def begin(self, now_ns: int) -> None:
        """Compare from the first round on, also when a comparison is running: what it was told may be too old."""
        if not self.is_running:
            self._booked = {}
        self._round, self._before = 0, []
        self._look_ups.renew()
        self._ask(now_ns)

    def on_answer(self, answer: AccountAnswer, now_ns: int) -> None:
        """Take an answer about the account; executions are booked whatever asked for them."""
        question = QUESTION_OF[type(answer)]
        is_wanted = self._questions.answered((question, ""), answer.query_id) is not None
        if isinstance(answer, ExecutionsAnswered):
            orders = self._books.views.orders
            for execution in missing_executions(orders.executions, map(self._named, answer.executions)):
                self._booked[execution.execution_id] = execution_finding(orders.states, execution)
                self._execute(execution, now_ns)
            self._look_ups.executions_told(now_ns)
        if is_wanted and self._phase is Phase.ASKING:
            self._answers[question] = answer

    def advance(self, now_ns: int) -> bool:
        """Go on as far as the answers and the time allow; return whether it has come to its end now."""
        if self._phase is Phase.ASKING and len(self._answers) == len(QUESTION_OF):
            self._found = self._compare(now_ns)
            self._phase = Phase.LOOKING_UP
        if self._phase is Phase.LOOKING_UP and not self._look_ups.is_waiting:
            if self._is_believed():
                self._finish(now_ns)
                return True
            self._phase = Phase.PAUSING
            self._pause_ends_ns = now_ns + int(self._settings.recheck_s * SECOND)
        if self._phase is Phase.PAUSING and now_ns >= self._pause_ends_ns:
            self._before = self._found
            self._ask(now_ns)
        return False

    def _ask(self, now_ns: int) -> None:
        self._phase = Phase.ASKING
        self._round += 1
        self._answers = {}
        self._moment = self._books.watch()
        for question in QUESTION_OF.values():
            since_ns = self._since_ns(now_ns) if question is Question.EXECUTIONS else None
            self._questions.ask((question, ""), now_ns, since_ns)

    def _since_ns(self, now_ns: int) -> int:
        known_ns = self._books.views.control.reconciled_ns
        if known_ns is None:
            known_ns = min((state.order.decision_time_ns for state in self._books.states.values()), default=now_ns)
        # that is by our clock, which may be ahead of the venue's; beyond the newest that is booked nothing is known
        known_ns = min(known_ns, self._books.views.orders.booked.newest_ns or known_ns)
        overlap_s = self._settings.overlap_s * _FURTHER ** (self._round - 1)
        return max(0, known_ns - int(overlap_s * SECOND))

    def _compare(self, now_ns: int) -> list[Finding]:
        listed: ExecutionsAnswered = self._answers[Question.EXECUTIONS]
        positions: PositionsAnswered = self._answers[Question.POSITIONS]
        cash: CashAnswered = self._answers[Question.CASH]
        executions = [self._named(one) for one in listed.executions]
        theirs = TheirBooks(self._answers[Question.OPEN_ORDERS].orders, executions, positions.quantities, cash.amount)
        found = []
        for finding in compare(self._ours(listed, positions, cash), theirs, self._settings.cash_tolerance):
            if finding.remedy in (Remedy.ASK, Remedy.ADOPT):
                # what was told meanwhile cannot be held against the list, nor it against that: the name settles both
                self._look_ups.begin(finding.name, now_ns)
                if self._books.touched_since(finding.name, self._moment):
                    continue
            found.append(finding)
        return found

    def _ours(self, listed: ExecutionsAnswered, positions: PositionsAnswered, cash: CashAnswered) -> OurBooks:
        books = self._books
        orders = books.views.orders
        booked = list(orders.booked.between(listed.since_ns, listed.event_time_ns))
        return OurBooks(
            books.account,
            orders.working,
            orders.ended.keys(),
            booked,
            books.quantities(positions.event_time_ns),
            books.cash(cash.event_time_ns),
            books.locked(),
            {name for name, state in orders.working.items() if state.asked},
        )

    def _is_believed(self) -> bool:
        if not self._found or self._round >= self._settings.rounds_max:
            return True
        return [one.numbers for one in self._found] == [one.numbers for one in self._before]

    def _finish(self, now_ns: int) -> None:
        self._phase = Phase.IDLE
        books = self._books
        locks = books.views.control.locks
        # after the last round what nobody saw twice changes no books and unlocks nothing; to lock is safe at any time
        seen = {finding.numbers for finding in self._before}
        unsure = {f.numbers for f in self._found if f.remedy in _TO_BE_SEEN_TWICE and f.numbers not in seen}
        self._correct([f for f in self._found if f.remedy is Remedy.CORRECT and f.numbers not in unsure], now_ns)
        for finding in self._found:
            if finding.ours is None or finding.numbers in unsure:
                continue
            if finding.remedy is Remedy.BUST:
                execution = books.views.orders.executions[finding.name]
                if execution is not None:
                    self._take_back(execution, now_ns)
                continue
            numbers = (now_ns, finding.name, finding.ours, finding.theirs, books.account)
            if finding.remedy is Remedy.UNLOCK:
                books.record(SymbolUnlocked(*numbers))
            elif finding.remedy is Remedy.LOCK:
                lock = locks.get((books.account, finding.name))
                if lock is None or (lock.ours, lock.theirs) != (finding.ours, finding.theirs):
                    books.record(SymbolLocked(*numbers))
        trees = [finding.as_tree() for finding in sorted(self._booked.values())]
        for finding in self._found:
            tree = finding.as_tree()
            trees.append({**tree, "remedy": Remedy.REPORT.name} if finding.numbers in unsure else tree)
        books.record(Reconciled(now_ns, trees))

    def _correct(self, findings: list[Finding], now_ns: int) -> None:
        listed = {one.execution_id: one for one in map(self._named, self._answers[Question.EXECUTIONS].executions)}
        opened = {order.client_order_id: order for order in self._answers[Question.OPEN_ORDERS].orders}
        # what was too much goes first: an order has room for no more than it is for
        for finding in sorted(findings, key=lambda one: ((one.theirs or ZERO) - (one.ours or ZERO), one.name)):
            before, after = self._books.views.orders.executions[finding.name], listed[finding.name]
            if before is None:
                continue  # corrected or busted by the venue's word since
            name = before.client_order_id
            order = None if self._books.touched_since(name, self._moment) else opened.get(name)
            self._restate(before, after, None if order is None else order.leaves_quantity, now_ns)
            self._look_ups.begin(name, now_ns)
