"""The one loop: slice in, facts booked, strategies asked, intents journaled, orders out.

    for each slice:
        take what the broker reports      -> journal -> book
        advance the formulas by one row
        mark, decide                      (the same compiled functions as the backtest)
        intents                           -> journal -> broker

Everything the book learns and everything the broker is sent is read back from the journal's bytes first: what is
not in the journal cannot have an effect. The loop knows ports only; it cannot tell the simulated venue from a live
one, nor a replay from a feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from tapeline.domain.control import TradingState
from tapeline.domain.corporate import SplitReported
from tapeline.domain.errors import InvariantError
from tapeline.domain.keeping import Keeps
from tapeline.domain.panel import Floats, Sessions
from tapeline.domain.parent import ParentEnd
from tapeline.domain.slice import Slice
from tapeline.domain.times import to_iso
from tapeline.engine.assembly import Assembly, view_of
from tapeline.engine.desk import Desk
from tapeline.engine.dispatch import Dispatch
from tapeline.engine.failures import BookBefore, failure_text
from tapeline.engine.formulas import Formulas
from tapeline.engine.guard import Guard
from tapeline.engine.parents import Parents
from tapeline.engine.protection import Protection
from tapeline.engine.reasons import Reasons
from tapeline.engine.result import Result, result_of
from tapeline.engine.splits import splits_of
from tapeline.execution.fitting import Fitting
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT, KeeperSettings
from tapeline.formula.splits import ratio_of
from tapeline.formula.table import Table
from tapeline.indicators.compiled import address_of_code
from tapeline.ledger.canonical import decode
from tapeline.ledger.facts import SessionClosed
from tapeline.ledger.replaces import Replaces
from tapeline.ledger.views import Views
from tapeline.ports.broker import Broker
from tapeline.ports.clock import Clock
from tapeline.ports.journal import Fact, Journal
from tapeline.ports.market_data import Tape
from tapeline.simulation.addresses import address_of, book_address
from tapeline.simulation.decision import close_slice
from tapeline.simulation.lanes import LAYOUT, Curves, new_lanes, point_to, read_bars
from tapeline.simulation.rows import end_slice
from tapeline.strategies.base import Strategy
from tapeline.strategies.view import SliceView

_CURVES = ("equity", "long_exposure", "short_exposure")
SliceDone = Callable[[Slice, "EventLoop"], None]
"""Called after each slice, for progress and for tests."""


class EventLoop(Keeps):
    """Strategies at work on a feed and a broker, with every fact journaled.

    batch_slices : slices per commit: 1 live, more in a replay, which can be repeated
    keeper : how far the venue is trusted; seed : of the jitter of its waiting times
    on_fact : who follows what is recorded, each fact as the journal has it; replaces : which left and which wait
    free_form : the strategies that are code, by name
    slices, session : how many slices were taken in, and the session of the newest; -1 before the first
    """

    KEPT = ("session", "slices", "_times", "_sessions", "_curves")

    def __init__(
        self,
        assembly: Assembly,
        feed: Tape,
        broker: Broker,
        journal: Journal,
        *,
        clock: Clock,
        sessions: Sessions | None,
        batch_slices: int = 1,
        keeper: KeeperSettings = PERFECT,
        seed: int = 0,
        on_slice: SliceDone | None = None,
    ) -> None:
        self.assembly, self.feed, self.broker, self.journal = assembly, feed, broker, journal
        self.symbols, self.frame_ns, self.sessions = feed.symbols, feed.frame_ns, sessions
        self.clock, self.batch_slices, self.on_slice = clock, batch_slices, on_slice
        self.desk = Desk(assembly, self.symbols)
        self.desk.follows_ledger = not keeper.is_perfect
        self.views = Views()
        self.keeper = OrderKeeper(
            self.views, self.record, keeper, random=Random(seed), now_ns=clock.now_ns(), steady_ns=clock.steady_ns
        )
        self._fitting = Fitting(assembly.names, self.views, self.record, self.keeper, self.desk.protect_anew)
        self.parents = Parents(self.desk, self.views, self.record, self.keeper, feed, sessions, seed)
        self.protection = Protection(self.desk, self.views, self.record, self.keeper)
        self.desk.told, self.desk.owner_of = self.parents.told, self.parents.owner_of
        self.guard: Guard | None = None
        self.replaces = Replaces()
        self.on_fact: list[Callable[[Any], None]] = [self.replaces.see]
        self.session = -1
        self.series: Mapping[str, Floats] = {}  # of the newest slice
        self.slices = 0
        self._times: list[int] = []
        self._sessions: list[int] = []
        self._curves: list[tuple[float, ...]] = []
        self._account = self.desk.book.fixed.account
        self.formulas = Formulas(assembly.program, feed, sessions)
        self._clock = np.zeros((5, 1), dtype=np.int64)  # start and end of the slice, session, its open and close
        self._layout = np.zeros((len(assembly.strategies), len(LAYOUT)), dtype=np.int64)
        self._lane = new_lanes(1)
        read_bars(self._lane, self._clock[0], self._clock[1], tuple(self._clock[2:]), self.formulas.bars)
        self._lane["book"], self._lane["strategies"] = book_address(self.desk.book), len(assembly.strategies)
        self._lane["layout"] = address_of(self._layout)
        self._lane["close_slice"] = address_of_code(close_slice)
        self._free: list[tuple[int, Strategy, SliceView, Table]] = [
            (index, strategy, view_of(strategy, self.symbols, index, table), table)
            for index, (strategy, table) in enumerate(zip(assembly.strategies, assembly.tables, strict=True))
            if isinstance(strategy, Strategy)
        ]
        self.free_form = {assembly.names[index]: strategy for index, strategy, _, _ in self._free}
        self.reasons = Reasons(assembly, self.symbols, {index: view for index, _, view, _ in self._free})
        self._dispatch = Dispatch(
            self.desk, self.views, self.record, self.keeper, self.parents, self.reasons, clock.now_ns
        )
        for _, strategy, _, _ in self._free:
            strategy.on_start(self.symbols)

    def run(self, slices: Iterable[Slice]) -> None:
        """Work through slices to their end; commit whatever is left."""
        before: Slice | None = None
        for now in slices:
            if before is not None and now.session != before.session:
                self.close_session(before)
            self.step(now)
            before = now
            if self.slices % self.batch_slices == 0:
                self.journal.commit()
            self.send()
        self.take_reports()
        if before is not None:
            self.close_session(before)
        self.journal.commit()

    def step(self, now: Slice) -> None:
        """Take in one slice and act on it. Raises InvariantError for a slice that has not ended yet."""
        if now.end_ns > self.clock.now_ns():
            raise InvariantError(
                f"A slice that ends at {to_iso(now.end_ns)} was handed out at {to_iso(self.clock.now_ns())}, before its"
                " end. The feed or the clock is wrong; nothing was decided on it."
            )
        self.session = now.session
        self.take_reports()
        self._end(now)
        self._ask_guard()
        self._dispatch.carry_out(self.desk.book.rows("intents"), now, self.guard)
        self._work(now)
        if self.guard is not None:
            self.guard.forget()
        self._count(now)
        if self.on_slice is not None:
            self.on_slice(now, self)

    def see_again(self, now: Slice) -> None:
        """Take in a slice of the past: formulas and marks move on, and nothing is decided."""
        self._account[0]["halted"] = 1
        self.session = now.session
        self._end(now, may_act=False)
        self.parents.watch.see_quotes(now)
        self._count(now)

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another loop; the parts are taken by themselves, values of formulas by `recall`."""
        super().take_state(state)
        self._lane["book"] = book_address(self.desk.book)

    def recall(self, past: Iterable[Slice]) -> Slice | None:
        """Let the formulas take in the slices of a past of which all else is known. Returns the last."""
        last = self.formulas.recall(past)
        self.slices = self.formulas.rows
        if last is not None:
            self.series = last.series
            self.parents.watch.see_quotes(last)
        return last

    @property
    def newest_ns(self) -> int:
        """The end of the newest slice, 0 before the first."""
        return self._times[-1] if self._times else 0

    def _end(self, now: Slice, *, may_act: bool = True) -> None:
        """End a slice whose events are booked: formulas, marks, decisions."""
        self.series = now.series
        self.formulas.advance(now)
        book = self.desk.book
        signals = self.assembly.signals(np.array([now.end_ns]))
        self._layout[:] = signals.layout
        point_to(self._lane, signals, 0)
        self._clock[:, 0] = now.start_ns, now.end_ns, now.session, now.session_open_ns, now.session_close_ns
        end_slice(self._lane, 0)
        if self.views.control.state is TradingState.HALTED:
            return
        for index, strategy, view, table in self._free:
            row = int(signals.rows[index, 0])
            if row >= 0:
                view.turn_to(now.end_ns, now.session, now.session_open_ns, now.session_close_ns)
                view.show(table.values, table.exists, row, book, _nothing, may_act=may_act)
                if self.guard is None:
                    strategy.on_slice(view)
                else:
                    self._ask_guarded(self.guard, index, strategy, view, may_act)

    def _ask_guarded(self, guard: Guard, index: int, strategy: Strategy, view: SliceView, may_act: bool) -> None:
        """Ask free-form code of a live run; one that raises does not end it for the others and for what is held."""
        before = BookBefore(self.desk.book, index) if may_act else None
        try:
            strategy.on_slice(view)
        except InvariantError:
            raise
        except Exception as exc:
            view.notes.clear()
            if before is not None:
                before.restore()
                name, now_ns = self.assembly.names[index], self.clock.now_ns()
                guard.strategy_failed(name, failure_text(name, exc, to_iso(view.time_ns)), now_ns)

    def _count(self, now: Slice) -> None:
        account = self._account[0]
        self._times.append(now.end_ns)
        self._sessions.append(now.session)
        self._curves.append(tuple(float(account[name]) for name in _CURVES))
        self.slices += 1

    def result(self) -> Result:
        """Return the outcome of the slices so far."""
        curves = np.array(self._curves, dtype=np.float64).reshape(-1, 3)
        return result_of(
            self.assembly,
            self.symbols,
            self.desk.book,
            np.array(self._times, dtype=np.int64),
            np.array(self._sessions, dtype=np.int64),
            Curves(*(np.ascontiguousarray(curves[:, column]) for column in range(3))),
        )

    def record(self, fact: Fact) -> Any:
        """Journal a fact and return it as the journal's bytes say it."""
        recorded = decode(self.journal.append(fact))
        self.views.apply(recorded)
        for follow in self.on_fact:
            follow(recorded)
        return recorded

    def take_reports(self) -> None:
        """Take what the broker has told since the last call: journal, books, book."""
        told: list[Any] = []
        for report in self.broker.events():
            if isinstance(report, SplitReported):
                self.book(self.keeper.take(told, self.clock.now_ns()))
                told = []
                self._split(report, self.session)
            else:
                told.append(report)
        self.book(self.keeper.take(told, self.clock.now_ns()))

    def book(self, facts: Sequence[Any]) -> None:
        """Let the book take in facts that are recorded already."""
        if facts:
            self.desk.book_reports(facts, self.session, self.views)
            if self.desk.follows_ledger:
                self._fitting.fit(facts, self.clock.now_ns())
            self._settle_parents()

    def _work(self, now: Slice) -> None:
        """Let execution algorithms act on a slice."""
        self.parents.work(now)
        self._settle_parents()

    def protect(self, now_ns: int) -> None:
        """While trading is HALTED and nothing is being closed, see to it that what is held has its stop at the venue.

        Nothing is done in doubt: a gap is open, or there is no link.
        """
        control = self.views.control
        if control.state is TradingState.HALTED and control.flatten is None and self.keeper.is_sure:
            self._ask_guard()
            self.parents.keeper.protect(now_ns)
            self.protection.advance(now_ns, self.parents.keeper.denies)

    def _ask_guard(self) -> None:
        if self.guard is not None:
            self.parents.keeper.denies = self.guard.denies
            self.parents.keeper.denies_replace = self.guard.denies_replace

    def _settle_parents(self) -> None:
        if self.views.parents.states:
            self.parents.keeper.settle(self.clock.now_ns())
            self.end_parents(self.clock.now_ns())

    def end_parents(self, now_ns: int) -> None:
        """Let the book take in which orders that were worked in parts have ended."""
        ended = self.parents.ends(now_ns)
        if ended:
            self.desk.book_reports(ended, self.session, self.views)

    def send(self, is_barred: Callable[[], bool] | None = None) -> None:
        """Let leave what may; everything it rests on has to be durable, or repeatable.

        is_barred : asked before each message; from its first True on the rest stays, and what it raises ends the run
        """
        leaving = self.keeper.outbox(self.clock.now_ns())
        for index, message in enumerate(leaving):
            if is_barred is not None and is_barred():
                self.keeper.keep_back(leaving[index:])
                return
            message.send(self.broker)

    def _split(self, report: SplitReported, session: int) -> None:
        """Record a split for each holder of the symbol, others too; book and formulas take it in once for all."""
        self.parents.keeper.stop_all(report.symbol, ParentEnd.CORPORATE_ACTION, report.event_time_ns)
        applied = [self.record(fact) for fact in splits_of(self.desk, report, self.views)]
        self.desk.book_split(report, session)
        for fact in applied:
            self.desk.settle_split(fact, self.views)
        self.restate(report)

    def restate(self, report: SplitReported) -> None:
        """Let the formulas take in a split: what they keep is in new shares from now on."""
        column = self.desk.columns.get(report.symbol)
        if column is not None:
            ratio = ratio_of(report.new_shares, report.old_shares)
            self.formulas.restate(column, ratio, report.event_time_ns)

    def close_session(self, last: Slice) -> None:
        """Record the session's marks and compare the book with the ledger, to the cent."""
        self.record(SessionClosed(last.end_ns, self.desk.marks()))
        self.compare_books()

    def compare_books(self) -> None:
        """Compare the book's float64 cash with the ledger's exact one, to the cent, and every holding exactly."""
        approximate, ledger = self.desk.cash(), self.views.cash["main"].amount
        if abs(approximate - float(ledger)) >= 0.005:
            raise InvariantError(
                f"The book has cash of {approximate:.6f}, the ledger {ledger}; the difference is"
                f" {approximate - float(ledger):.6f}. No further orders."
            )
        names = self.assembly.names
        held = {
            (p.strategy, p.symbol): p.quantity
            for p in self.views.positions.values()
            if p.quantity and p.strategy in names
        }
        booked = self.desk.holdings()
        for strategy, symbol in sorted(held.keys() | booked.keys()):
            have, should = booked.get((strategy, symbol), 0), held.get((strategy, symbol), 0)
            if have != should:
                raise InvariantError(
                    f"The book holds {have} {symbol} for {strategy}, the ledger {should}. No further orders."
                )


def _nothing() -> None:
    """In the loop the market is always settled before a strategy is asked."""
