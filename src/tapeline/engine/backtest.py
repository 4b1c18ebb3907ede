"""The compiled backtest: panels in, result out, in bounded memory.

    result = backtest(GoldenCross(), read_bars("bars.parquet"))
    results = sweep(MovingAverageCross, panel, [{"fast_bars": 10}, {"fast_bars": 20}])

Formulas are advanced chunk by chunk; the compiled loop plays each chunk's slices. A free-form strategy is asked in
Python at each slice of its frame; the market is played up to there as soon as it looks or acts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.panel import Panel, Sessions, Times
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import SECOND, frame_text, to_iso
from tapeline.engine.assembly import AnyStrategy, Assembly, assemble, view_of
from tapeline.engine.inputs import Inputs
from tapeline.engine.result import Result, result_of
from tapeline.engine.warmup_check import check_warmup
from tapeline.formula.splits import advance_through
from tapeline.simulation.addresses import address_of, book_address, market_address
from tapeline.simulation.lanes import FIRST_COLUMN, LAYOUT, NO_SESSION, Curves, Signals, new_lanes, point_to, read_bars
from tapeline.simulation.market import Market
from tapeline.simulation.market import copies_of as copies_of_market
from tapeline.simulation.rows import code_addresses, run_lanes, send_intents
from tapeline.simulation.settings import RunSettings
from tapeline.simulation.tables import Book
from tapeline.simulation.tables import copies_of as copies_of_book
from tapeline.simulation.venue import new_venue
from tapeline.strategies.base import Strategy

SHARES_PER_WORKER = 4  # of the lanes: some take longer than others

Progress = Callable[[int, int], None]
"""Called with the slices done and the slices in all."""


def backtest(
    strategies: AnyStrategy | type[AnyStrategy] | Sequence[AnyStrategy],
    data: Panel | Iterable[Panel],
    settings: RunSettings | None = None,
    *,
    sessions: Sessions | None = None,
    corporate_actions: Sequence[CorporateAction] = (),
    groups: Mapping[str, Sequence[Any]] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run strategies that share one account over the data, compiled; `app/backtest.py` has the way for every run.

    data : a panel, or panels of the same symbols one after the other, such as `Lake.panels()` gives them, of which
        only the present one is kept
    sessions : the calendar of all panels; one panel has its own
    groups : labels of the symbols for `demean(by=...)`, one per symbol; None is no group
    Raises DataError when there is nothing to run on, and what compiling the strategies raises.
    """
    settings = settings or RunSettings()
    chosen = instances(strategies)
    more: Iterator[Panel] | None = None
    if not isinstance(data, Panel):
        if corporate_actions:
            raise ConfigurationError(
                "Corporate actions were given with panels that are read one after the other; formulas could not be"
                " restated from a history that is not kept. Give one panel, or split-adjusted bars."
            )
        more = iter(data)
        first = next(more, None)
        if first is None:
            raise DataError("There are no panels to run on. Check period and symbols.")
        data = first
    _check_data(data)
    assembly = assemble(
        chosen, symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings, groups=groups
    )
    if more is None:
        check_warmup(assembly, data)
    else:  # how much will come is not known
        assembly.program.check_series(data)
    _check_compiled(assembly)
    crew = _Crew([assembly], data, [0], len(data.symbols), corporate_actions, groups, sessions)
    (result,) = crew.run_all(progress, more or ())
    return result


def backtest_each(
    strategy: AnyStrategy | type[AnyStrategy],
    data: Panel,
    settings: RunSettings | None = None,
    *,
    progress: Progress | None = None,
) -> list[Result]:
    """Run one strategy on each symbol by itself, each with an account of its own; results in column order."""
    settings = settings or RunSettings()
    (chosen,) = instances(strategy)
    _check_data(data)
    assembly = assemble((chosen,), symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings)
    check_warmup(assembly, data)
    _check_compiled(assembly)
    columns = range(len(data.symbols))
    return _Crew([assembly] * len(columns), data, columns, 1).run_all(progress)


def sweep(
    strategy: type[AnyStrategy],
    data: Panel,
    parameter_sets: Sequence[Mapping[str, float]],
    settings: RunSettings | None = None,
    *,
    groups: Mapping[str, Sequence[Any]] | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Run a strategy once for each set of parameters, each with an account of its own.

    All sets are advanced together: what their formulas have in common is computed once.
    """
    settings = settings or RunSettings()
    if not parameter_sets:
        raise ConfigurationError("A sweep needs at least one set of parameters.")
    _check_data(data)
    chosen = [strategy(frame=None, **parameters) for parameters in parameter_sets]
    assembly = assemble(
        chosen, symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings, groups=groups
    )
    check_warmup(assembly, data)
    _check_compiled(assembly)
    assemblies = [assembly.only(index) for index in range(len(chosen))]
    return _Crew(assemblies, data, [0] * len(chosen), len(data.symbols), groups=groups).run_all(progress)


class _Lane:
    """One account's run: some strategies over a range of columns of the data."""

    def __init__(
        self, assembly: Assembly, crew: _Crew, index: int, symbols: tuple[str, ...], market: Market, book: Book
    ) -> None:
        self.assembly, self.crew, self.symbols, self.market, self.book = assembly, crew, symbols, market, book
        self.index = index
        self.place, self.layout = crew.places[index : index + 1], crew.layouts[index]
        self.curves = Curves(*(curve[index] for curve in crew.curves))
        self.account = book.fixed.account
        self.done = self.sent = 0
        self.free = [
            (number, strategy, view_of(strategy, symbols, number, table), table)
            for number, (strategy, table) in enumerate(zip(assembly.strategies, assembly.tables, strict=True))
            if isinstance(strategy, Strategy)
        ]
        for _, strategy, _, _ in self.free:
            strategy.on_start(symbols)

    def run(self, first: int, last: int) -> None:
        """Run slices first..last-1, which are the rows of the program's last chunk."""
        signals = self.read(first, last)
        if self.free:
            self._ask(signals, first, last)
        self._play(last)

    def read(self, first: int, last: int) -> Signals:
        """Take the formula values of the slices first..last-1."""
        self.signals = self.assembly.signals(self.crew.data.end_ns[first:last])  # they must outlive the chunk
        self.layout[:] = self.signals.layout
        self.layout[:, FIRST_COLUMN] = self.place["first_column"]
        point_to(self.place, self.signals, first)
        return self.signals

    def result(self) -> Result:
        """Return the outcome of everything that was run."""
        crew, assembly = self.crew, self.assembly
        inputs = None
        if not crew.done:  # of panels that followed each other, the bars are gone
            inputs = Inputs(assembly.strategies, crew.data, assembly.settings, crew.corporate_actions, crew.groups)
        return result_of(assembly, self.symbols, self.book, *crew.whole(self.index), inputs)

    def _play(self, last: int) -> None:
        if self.done < last:
            run_lanes(self.place, self.done, last)
            self.done, self.sent = last, int(self.account[0]["intents"])

    def _ask(self, signals: Signals, first: int, last: int) -> None:
        decision_rows = signals.rows.tolist()
        free = [(s, view, t.values, t.exists, decision_rows[index]) for index, s, view, t in self.free]
        times = self.crew.data.end_ns[first:last].tolist()
        no_sessions = (np.full(last - first, NO_SESSION), *np.zeros((2, last - first), dtype=np.int64))
        clock = [numbers[first:last] for numbers in self.crew.sessions] if self.crew.sessions else no_sessions
        places, opens, closes = (numbers.tolist() for numbers in clock)
        latency_ns = int(self.place[0]["latency_ns"])
        for t in range(first, last):
            for strategy, view, values, exists, decision_row in free:
                row = decision_row[t - first]
                if row >= 0:
                    view.turn_to(times[t - first], places[t - first], opens[t - first], closes[t - first])
                    view.show(values, exists, row, self.book, partial(self._play, t + 1))
                    strategy.on_slice(view)
            # A strategy that did nothing and looked at no account leaves the slice to be played with later ones.
            if self.done == t + 1 and self.account[0]["intents"] > self.sent:
                send_intents(self.market, self.book, self.sent, latency_ns)


class _Crew:
    """Lanes over the same bars, run side by side, as many at a time as there are processors.

    assemblies, first_columns : one of each for every lane; columns : of each lane
    """

    def __init__(
        self,
        assemblies: Sequence[Assembly],
        data: Panel,
        first_columns: Sequence[int],
        columns: int,
        corporate_actions: Sequence[CorporateAction] = (),
        groups: Mapping[str, Sequence[Any]] | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.groups = groups
        count, settings = len(assemblies), assemblies[0].settings
        self.data, self.program, self.corporate_actions = data, assemblies[0].program, corporate_actions
        self.shares_signals = all(assembly is assemblies[0] for assembly in assemblies)
        self.places = new_lanes(count)
        self.done: list[tuple[Times, Times | None, Curves]] = []
        self.turn_to(data)
        strategies = len(assemblies[0].strategies)
        self.layouts = np.zeros((count, strategies, len(LAYOUT)), dtype=np.int64)
        self.calendar = sessions or data.sessions
        symbols = [data.symbols[first : first + columns] for first in first_columns]
        venue = new_venue(symbols[0], settings, self.calendar, data.frame_ns, corporate_actions)
        markets = [venue, *copies_of_market(venue, count - 1)]
        if self.shares_signals:
            book = assemblies[0].new_book(symbols[0])
            books = [book, *copies_of_book(book, count - 1)]
            for own, first in zip(books, first_columns, strict=True):
                assemblies[0].put_sectors(own, first)
        else:
            parts = zip(assemblies, symbols, first_columns, strict=True)
            books = [assembly.new_book(own, first) for assembly, own, first in parts]
        places: dict[str, Any] = {
            "market": [market_address(market) for market in markets],
            "book": [book_address(book) for book in books],
            "strategies": strategies,
            "first_column": first_columns,
            "layout": _addresses(self.layouts),
            "latency_ns": round(settings.market.latency_s * SECOND),
            **code_addresses(),
        }
        for name, values in places.items():
            self.places[name] = values
        self.lanes = [
            _Lane(assembly, self, index, own, market, book)
            for index, (assembly, own, market, book) in enumerate(zip(assemblies, symbols, markets, books, strict=True))
        ]
        self.asks = any(lane.free for lane in self.lanes)
        workers = min(count, os.cpu_count() or 1)
        self.workers = ThreadPoolExecutor(max_workers=workers) if workers > 1 else None
        self.shares = np.array_split(self.places, SHARES_PER_WORKER * workers if workers > 1 else 1)

    def turn_to(self, data: Panel) -> None:
        """Let the lanes read a panel from its first slice on, and write their curves anew."""
        self.data, self.sessions = data, sessions_of(data)
        self.bars = [np.ascontiguousarray(panel) for panel in (data.open, data.high, data.low, data.close, data.volume)]
        read_bars(self.places, data.start_ns, data.end_ns, self.sessions, self.bars)
        shape = (len(self.places), len(data))
        # exposures are written where there are any: much of that memory is never touched
        self.curves = Curves(np.empty(shape), np.zeros(shape), np.zeros(shape))
        for name, curve in self.curves._asdict().items():
            self.places[name] = _addresses(curve)

    def run_all(self, progress: Progress | None, more: Iterable[Panel] = ()) -> list[Result]:
        """Run all slices, chunk by chunk of the formulas.

        more : panels that follow the present one; each is let go of before the next is asked for
        """
        slices = 0
        try:
            for panel in chain([self.data], more):
                if panel is not self.data:
                    self._follow(panel)
                for first, last in advance_through(self.program, panel, self.corporate_actions):
                    self._run(first, last)
                    if progress:
                        progress(slices + last, slices + len(panel))
                slices += len(panel)
        finally:
            if self.workers:
                self.workers.shutdown()
        return [lane.result() for lane in self.lanes]

    def _follow(self, panel: Panel) -> None:
        before = self.data
        if panel.symbols != before.symbols or panel.frame_ns != before.frame_ns:
            raise DataError(
                f"A panel of {len(panel.symbols)} symbols and bars of {frame_text(panel.frame_ns)} follows one of"
                f" {len(before.symbols)} and {frame_text(before.frame_ns)}. Give panels of the same symbols and frame."
            )
        if self.calendar is not None and panel.end_ns[-1] > self.calendar.close_ns[-1]:
            raise DataError(
                f"A panel ends at {to_iso(int(panel.end_ns[-1]))}, after the last session of the run's calendar. Give"
                " backtest the calendar of all panels: sessions=lake.sessions()."
            )
        self.done.append((before.end_ns, self.sessions[0] if self.sessions else None, self.curves))
        self.turn_to(panel)
        for index, lane in enumerate(self.lanes):
            lane.done, lane.curves = 0, Curves(*(curve[index] for curve in self.curves))

    def whole(self, index: int) -> tuple[Times, Times | None, Curves]:
        """Return times, sessions and curves of a lane over all panels."""
        session = self.sessions[0] if self.sessions else None
        parts = [*self.done, (self.data.end_ns, session, self.curves)]
        if len(parts) == 1:
            return self.data.end_ns, session, self.lanes[index].curves
        curves = Curves(*(np.concatenate([part[2][n][index] for part in parts]) for n in range(len(Curves._fields))))
        sessions = None if session is None else np.concatenate([part[1] for part in parts if part[1] is not None])
        return np.concatenate([part[0] for part in parts]), sessions, curves

    def _run(self, first: int, last: int) -> None:
        if self.asks:
            self._map(lambda lane: lane.run(first, last), self.lanes)
            return
        if self.shares_signals:
            signals = self.lanes[0].read(first, last)
            self.layouts[:] = signals.layout
            self.layouts[..., FIRST_COLUMN] = self.places["first_column"][:, np.newaxis]
            point_to(self.places, signals, first)
        else:
            for lane in self.lanes:
                lane.read(first, last)
        self._map(lambda share: run_lanes(share, first, last), self.shares)

    def _map(self, function: Callable[[Any], None], parts: Sequence[Any]) -> None:
        for _ in self.workers.map(function, parts) if self.workers else map(function, parts):
            pass


def _addresses(blocks: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return where each of the blocks along the first axis begins."""
    return address_of(blocks) + blocks.strides[0] * np.arange(len(blocks))


def sessions_of(data: Panel) -> tuple[Times, Times, Times] | None:
    """Return session, open and close of each slice, None for a panel without sessions."""
    if data.sessions is None:
        return None
    where = session_rows(data)
    return where.ordinal, where.open_ns, where.close_ns


def instances(strategies: Any) -> tuple[AnyStrategy, ...]:
    """Return strategies as given, alone or in a row, as classes or as objects."""
    many = strategies if isinstance(strategies, (list, tuple)) else (strategies,)
    return tuple(strategy() if isinstance(strategy, type) else strategy for strategy in many)


def _check_compiled(assembly: Assembly) -> None:
    if any(assembly.algorithms):
        raise ConfigurationError(
            "Execution algorithms work orders slice by slice, which the compiled backtest does not. Use"
            " tapeline.backtest or replay, or take execution out of strategies and settings."
        )


def _check_data(data: Panel) -> None:
    if not len(data) or not data.symbols:
        raise DataError(
            f"There are no bars to run on: {len(data)} times, {len(data.symbols)} symbols. Check period and symbols."
        )
