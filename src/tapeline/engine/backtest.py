"""The compiled backtest: panels in, result out, in bounded memory.

    result = backtest(GoldenCross(), read_bars("bars.parquet"))
    results = sweep(MovingAverageCross, panel, [{"fast_bars": 10}, {"fast_bars": 20}])

Formulas are advanced chunk by chunk; the compiled loop plays each chunk's slices. A free-form strategy is asked in
Python at each slice of its frame; the market is played up to there as soon as it looks or acts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.panel import Panel
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import SECOND
from tapeline.engine.assembly import AnyStrategy, Assembly, assemble, view_of
from tapeline.engine.inputs import Inputs
from tapeline.engine.result import Result, result_of
from tapeline.engine.warmup_check import check_warmup
from tapeline.simulation import market, records
from tapeline.simulation.decision import FIRST_COLUMN, LAYOUT, Signals
from tapeline.simulation.lanes import LANE, address_of, addresses, run_lanes
from tapeline.simulation.market import Market
from tapeline.simulation.records import Book
from tapeline.simulation.rows import Curves, Rows, send_intents
from tapeline.simulation.settings import RunSettings
from tapeline.simulation.venue import new_venue
from tapeline.strategies.base import Strategy

NO_SESSION = -1
SHARES_PER_WORKER = 4  # of the lanes: some take longer than others

Progress = Callable[[int, int], None]
"""Called with the slices done and the slices in all."""


def backtest(
    strategies: AnyStrategy | type[AnyStrategy] | Sequence[AnyStrategy],
    data: Panel,
    settings: RunSettings | None = None,
    *,
    corporate_actions: Sequence[CorporateAction] = (),
    groups: Mapping[str, Sequence[int]] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run strategies that share one account over the data.

    groups : labels of the symbols for `demean(by=...)`, one whole number per symbol
    Raises DataError when there is nothing to run on, and what compiling the strategies raises.
    """
    settings = settings or RunSettings()
    chosen = _instances(strategies)
    _check_data(data)
    assembly = assemble(
        chosen, symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings, groups=groups
    )
    check_warmup(assembly, data)
    lane = _Lane(assembly, data, 0, len(data.symbols), corporate_actions, groups=groups)
    _advance(assembly, data, [lane], progress)
    return lane.result()


def backtest_each(
    strategy: AnyStrategy | type[AnyStrategy],
    data: Panel,
    settings: RunSettings | None = None,
    *,
    progress: Progress | None = None,
) -> list[Result]:
    """Run one strategy on each symbol by itself, each with an account of its own; results in column order."""
    settings = settings or RunSettings()
    (chosen,) = _instances(strategy)
    _check_data(data)
    assembly = assemble((chosen,), symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings)
    check_warmup(assembly, data)
    lanes = [_Lane(assembly, data, 0, 1)]
    lanes += [_Lane(assembly, data, column, 1, like=lanes[0]) for column in range(1, len(data.symbols))]
    _advance(assembly, data, lanes, progress)
    return [lane.result() for lane in lanes]


def sweep(
    strategy: type[AnyStrategy],
    data: Panel,
    parameter_sets: Sequence[Mapping[str, float]],
    settings: RunSettings | None = None,
    *,
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
    assembly = assemble(chosen, symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings)
    check_warmup(assembly, data)
    columns = len(data.symbols)
    lanes = [_Lane(assembly.only(0), data, 0, columns)]
    lanes += [_Lane(assembly.only(index), data, 0, columns, like=lanes[0]) for index in range(1, len(chosen))]
    _advance(assembly, data, lanes, progress)
    return [lane.result() for lane in lanes]


class _Lane:
    """One account's run: some strategies over a range of columns of the data.

    like : a lane that has not run, with as many columns and without corporate actions, to copy instead of building anew
    """

    def __init__(
        self,
        assembly: Assembly,
        data: Panel,
        first_column: int,
        columns: int,
        corporate_actions: Sequence[CorporateAction] = (),
        like: _Lane | None = None,
        groups: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        settings = assembly.settings
        self.inputs = Inputs(assembly.strategies, data, settings, corporate_actions, groups)
        self.assembly, self.data, self.first_column = assembly, data, first_column
        self.symbols = data.symbols[first_column : first_column + columns]
        self.market: Market = (
            market.copy_of(like.market)
            if like
            else new_venue(self.symbols, settings, data.sessions, data.frame_ns, corporate_actions)
        )
        same_rules = like is not None and like.assembly is assembly
        self.book: Book = records.copy_of(like.book) if like and same_rules else assembly.new_book(self.symbols)
        self.account = self.book.tables.account
        self.rows: Rows = like.rows if like else as_rows(data)
        self.curves = Curves(*np.empty((len(Curves._fields), len(data))))
        self.place = self._place(len(assembly.strategies))
        self.latency_ns = round(settings.market.latency_s * SECOND)
        self.done = self.sent = self.chunk_first = 0
        self.free = [
            (index, strategy, view_of(strategy, self.symbols, index, table), table)
            for index, (strategy, table) in enumerate(zip(assembly.strategies, assembly.tables, strict=True))
            if isinstance(strategy, Strategy)
        ]
        for _, strategy, _, _ in self.free:
            strategy.on_start(self.symbols)

    def run(self, first: int, last: int) -> None:
        """Run slices first..last-1, which are the rows of the program's last chunk."""
        self.read(self.assembly.signals(self.rows.end_ns[first:last]), first, last)
        if self.free:
            self._ask(first, last)
        self._play(last)

    def read(self, signals: Signals, first: int, last: int) -> None:
        """Take the formula values of the slices first..last-1."""
        self.chunk_first, self.chunk_rows, self.signals = first, last - first, signals
        self.layout[:] = signals.layout
        self.layout[:, FIRST_COLUMN] = self.first_column
        _point_to(self.place, signals)

    def result(self) -> Result:
        """Return the outcome of everything that was run."""
        return result_of(
            self.assembly, self.symbols, self.book, self.data.end_ns, self.rows.session, self.curves, self.inputs
        )

    def _place(self, strategies: int) -> npt.NDArray[Any]:
        self.layout = np.zeros((strategies, len(LAYOUT)), dtype=np.int64)
        place = np.zeros(1, dtype=LANE)
        place["market"], place["book"] = addresses(self.market, self.book)
        place["strategies"], place["first_column"] = strategies, self.first_column
        place["layout"] = address_of(self.layout)
        for name, curve in self.curves._asdict().items():
            place[name] = address_of(curve)
        return place

    def _play(self, last: int) -> None:
        if self.done < last:
            run_lanes(self.place, self.rows, self.done, last, self.chunk_first, self.chunk_rows, self.latency_ns)
            self.done, self.sent = last, int(self.account[0]["intents"])

    def _ask(self, first: int, last: int) -> None:
        decision_rows = self.signals.rows.tolist()
        free = [(s, view, t.values, t.exists, decision_rows[index]) for index, s, view, t in self.free]
        times = self.rows.end_ns[first:last].tolist()
        places = self.rows.session[first:last].tolist()
        opens, closes = self.rows.open_ns[first:last].tolist(), self.rows.close_ns[first:last].tolist()
        for t in range(first, last):
            for strategy, view, values, exists, decision_row in free:
                row = decision_row[t - first]
                if row >= 0:
                    view.turn_to(times[t - first], places[t - first], opens[t - first], closes[t - first])
                    view.show(values, exists, row, self.book, partial(self._play, t + 1))
                    strategy.on_slice(view)
            # A strategy that did nothing and looked at no account leaves the slice to be played with later ones.
            if self.done == t + 1 and self.account[0]["intents"] > self.sent:
                send_intents(self.market, self.book, self.sent, self.latency_ns)


def _point_to(places: npt.NDArray[Any], signals: Signals) -> None:
    for name in ("values", "exists", "rows"):
        places[name] = address_of(getattr(signals, name))
    places["cells"] = len(signals.values)


def as_rows(data: Panel) -> Rows:
    """Return a panel's bars with the session of each, as the compiled loop reads them."""
    if data.sessions is None:
        session = np.full(len(data), NO_SESSION, dtype=np.int64)
        open_ns = close_ns = np.zeros(len(data), dtype=np.int64)
    else:
        where = session_rows(data)
        session, open_ns, close_ns = where.ordinal, where.open_ns, where.close_ns
    return Rows(
        data.start_ns,
        data.end_ns,
        session,
        open_ns,
        close_ns,
        data.open,
        data.high,
        data.low,
        data.close,
        data.volume,
    )


def _advance(assembly: Assembly, data: Panel, lanes: Sequence[_Lane], progress: Progress | None) -> None:
    program = assembly.program
    crew = _Crew(lanes)
    try:
        for first in range(0, len(data), program.chunk_rows):
            last = min(first + program.chunk_rows, len(data))
            program.advance(data.rows(first, last))
            crew.run(first, last)
            if progress:
                progress(last, len(data))
    finally:
        crew.leave()


class _Crew:
    """Runs lanes side by side, as many at a time as there are processors."""

    def __init__(self, lanes: Sequence[_Lane]) -> None:
        self.lanes, self.rows = lanes, lanes[0].rows
        self.asks = any(lane.free for lane in lanes)
        count = min(len(lanes), os.cpu_count() or 1)
        self.workers = ThreadPoolExecutor(max_workers=count) if count > 1 else None
        self.places = np.concatenate([lane.place for lane in lanes])
        self.layouts = np.stack([lane.layout for lane in lanes])
        for index, lane in enumerate(lanes):
            lane.place, lane.layout = self.places[index : index + 1], self.layouts[index]
            lane.place["layout"] = address_of(lane.layout)
        self.share = all(lane.assembly is lanes[0].assembly for lane in lanes)
        self.shares = np.array_split(self.places, SHARES_PER_WORKER * count if count > 1 else 1)

    def run(self, first: int, last: int) -> None:
        """Run slices first..last-1 of all lanes."""
        if self.asks:
            self._map(lambda lane: lane.run(first, last), self.lanes)
            return
        end_ns = self.rows.end_ns[first:last]
        if self.share:
            signals = self.lanes[0].assembly.signals(end_ns)
            self.layouts[:] = signals.layout
            self.layouts[..., FIRST_COLUMN] = self.places["first_column"][:, np.newaxis]
            _point_to(self.places, signals)
        else:
            for lane in self.lanes:
                lane.read(lane.assembly.signals(end_ns), first, last)
        latency_ns = self.lanes[0].latency_ns
        self._map(lambda share: run_lanes(share, self.rows, first, last, first, last - first, latency_ns), self.shares)

    def leave(self) -> None:
        """End the workers."""
        if self.workers:
            self.workers.shutdown()

    def _map(self, function: Callable[[Any], None], parts: Sequence[Any]) -> None:
        for _ in self.workers.map(function, parts) if self.workers else map(function, parts):
            pass


def _instances(strategies: Any) -> tuple[AnyStrategy, ...]:
    many = strategies if isinstance(strategies, (list, tuple)) else (strategies,)
    return tuple(strategy() if isinstance(strategy, type) else strategy for strategy in many)


def _check_data(data: Panel) -> None:
    if not len(data) or not data.symbols:
        raise DataError(
            f"There are no bars to run on: {len(data)} times, {len(data.symbols)} symbols. Check period and symbols."
        )
