"""What a run leaves behind: orders, executions, round trips, equity and exposures, and the measures over them.

The compiled backtest and the event loop fill the same object from the same book, so two results can be compared
field by field; `digest` is the hash of every order and execution in order, by which they are. The schema of the
JSON form is docs/result-schema.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tapeline import __version__
from tapeline.analysis.summary import summarize, to_json_values
from tapeline.domain.money import exact, text
from tapeline.domain.order import client_order_id
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import to_iso
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Reason, Side, Stage, TimeInForce
from tapeline.engine.assembly import Assembly
from tapeline.engine.inputs import Inputs
from tapeline.ports.journal import Journal
from tapeline.simulation.lanes import NO_SESSION, Curves
from tapeline.simulation.tables import Book

if TYPE_CHECKING:  # Plotly is imported when a figure is made, and not before
    from plotly.graph_objects import Figure

Records = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a run over T slices, S strategies and N symbols.

    strategies, symbols : names, indexed by the fields `strategy` and `symbol` of the records
    times_ns : int64 [T], ends of the slices; session : int64 [T], session of each, -1 without sessions
    equity, long_exposure, short_exposure : float64 [T], at the closes, currency; exposures unsigned
    orders, executions, round_trips : structured arrays, see `simulation.records`
    starting_cash, cash : of the account before and after; positions : float64 [N] at the end
    manifest : what the run was made of: strategies with versions, settings, data
    inputs : strategies, bars and settings themselves, for the report; None where they are not at hand
    """

    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    times_ns: Times
    session: Times
    equity: Floats
    long_exposure: Floats
    short_exposure: Floats
    orders: Records
    executions: Records
    round_trips: Records
    starting_cash: float
    cash: float
    financing: float
    positions: Floats
    manifest: Mapping[str, Any] = field(default_factory=dict)
    inputs: Inputs | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        # The bars of a run are large and its strategies may be code that another process cannot import.
        return {**self.__dict__, "inputs": None}

    @property
    def final_equity(self) -> float:
        """Equity at the last close."""
        return float(self.equity[-1]) if len(self.equity) else self.starting_cash

    def order_id(self, number: int) -> str:
        """Return the client order id of an order by its row in `orders`."""
        order = self.orders[number]
        return client_order_id(
            self.strategies[order["strategy"]],
            self.symbols[order["symbol"]],
            int(order["decided_ns"]),
            int(order["sequence"]),
        )

    @cached_property
    def metrics(self) -> dict[str, float]:
        """All measures by name, NaN where undefined; definitions in docs/result-schema.md."""
        executions = self.executions
        return summarize(
            self.times_ns,
            self.equity,
            self.round_trips,
            {"notional": executions["quantity"] * executions["price"], "commission": executions["commission"]},
            starting_equity=self.starting_cash,
            session=self.session if len(self.session) and self.session[0] >= 0 else None,
            gross_exposure=self.long_exposure + self.short_exposure,
            net_exposure=self.long_exposure - self.short_exposure,
        )

    def execution_lines(self) -> Iterator[str]:
        """Yield each execution as one line of text: id, time, stage, side, quantity, price, commission, reason."""
        names = ("ticket", "time_ns", "stage", "side", "quantity", "price", "commission")
        ids, purposes = self._order_ids, self.orders["purpose"].tolist()
        for ticket, time_ns, stage, side, *amounts in _rows(self.executions, names):
            words = (ids[ticket], to_iso(time_ns), Stage(stage).name, Side(side).name)
            yield " ".join((*words, *map(_number_text, amounts), Purpose(purposes[ticket]).word))

    def order_lines(self) -> Iterator[str]:
        """Yield each order as one line of text: id, side, type, quantities, prices, status and reason."""
        words = ("side", "order_type", "time_in_force", "status", "reason")
        amounts = ("quantity", "limit_price", "stop_price", "trail", "filled")
        for order_id, row in zip(self._order_ids, _rows(self.orders, (*words, *amounts)), strict=True):
            side, order_type, time_in_force, status, reason, *numbers = row
            yield " ".join(
                (
                    order_id,
                    Side(side).name,
                    OrderType(order_type).name,
                    TimeInForce(time_in_force).name,
                    *map(_number_text, numbers),
                    OrderStatus(status).name,
                    Reason(reason).word or "-",
                )
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all orders and executions, 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for lines in (self.order_lines(), self.execution_lines()):
            for line in lines:
                digest.update(line.encode() + b"\n")
        return digest.hexdigest()

    def round_trip_rows(self) -> Iterator[dict[str, Any]]:
        """Yield each round trip as plain values."""
        for row in self.round_trips:
            yield {
                "strategy": self.strategies[row["strategy"]],
                "symbol": self.symbols[row["symbol"]],
                "side": "long" if row["side"] > 0 else "short",
                "quantity": float(row["quantity"]),
                "entry_time": to_iso(int(row["entry_ns"])),
                "entry_price": float(row["entry_price"]),
                "exit_time": to_iso(int(row["exit_ns"])),
                "exit_price": float(row["exit_price"]),
                "exit_reason": Purpose(int(row["exit_purpose"])).word,
                "bars_held": int(row["bars_held"]),
                "commission": float(row["commission"]),
                "net_pnl": float(row["net_pnl"]),
                "mae": float(row["mae"]),
                "mfe": float(row["mfe"]),
                "r_multiple": None if np.isnan(row["r_multiple"]) else float(row["r_multiple"]),
                "entry_order": self.order_id(int(row["entry_ticket"])),
                "exit_order": self.order_id(int(row["exit_ticket"])),
            }

    def execution_rows(self) -> Iterator[dict[str, Any]]:
        """Yield each execution as plain values."""
        for row in self.executions:
            yield {
                "client_order_id": self.order_id(int(row["ticket"])),
                "strategy": self.strategies[row["strategy"]],
                "symbol": self.symbols[row["symbol"]],
                "side": Side(int(row["side"])).name,
                "quantity": float(row["quantity"]),
                "price": float(row["price"]),
                "commission": float(row["commission"]),
                "time": to_iso(int(row["time_ns"])),
                "stage": Stage(int(row["stage"])).name.lower(),
                "purpose": Purpose(int(self.orders[row["ticket"]]["purpose"])).word,
            }

    def to_dict(self) -> dict[str, Any]:
        """Return the whole result as plain values; equity at the close of each session, NaN as None."""
        last = self._session_ends()
        return {
            "schema": 1,
            "digest": self.digest,
            "manifest": dict(self.manifest),
            "metrics": to_json_values(self.metrics),
            "cash": self.cash,
            "financing": self.financing,
            "positions": {
                symbol: float(quantity)
                for symbol, quantity in zip(self.symbols, self.positions, strict=True)
                if quantity != 0.0
            },
            "equity": {
                "time": [to_iso(int(t)) for t in self.times_ns[last]],
                "equity": self.equity[last].tolist(),
                "long_exposure": self.long_exposure[last].tolist(),
                "short_exposure": self.short_exposure[last].tolist(),
            },
            "round_trips": list(self.round_trip_rows()),
            "executions": list(self.execution_rows()),
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict(), allow_nan=False)

    def report(
        self,
        path: str | Path,
        *,
        benchmark: str | Result | Floats | None = None,
        journal: Journal | None = None,
        remarks: Sequence[str] = (),
    ) -> Path:
        """Write one page that tells the run: equity, drawdowns, months, trades and what explains them. Return its path.

        benchmark : symbol to buy and hold, another result, or a level for each slice; None = all symbols of the
            run in equal parts, if its bars are at hand
        journal : of this run: explanations are then what it recorded, instead of computed again
        remarks : sentences to stand at the head, such as where the bars came from
        Raises DataError for a run without slices or a benchmark that does not fit, StorageError for a file that
        cannot be written. docs/report.md tells what the page shows.
        """
        from tapeline.engine.report_content import content_of
        from tapeline.report.page import render
        from tapeline.store.whole_file import check_page_place, write_whole

        place = Path(path)
        check_page_place(place)
        write_whole(place, render(content_of(self, benchmark=benchmark, journal=journal, remarks=remarks)))
        return place

    def plot(self, benchmark: str | Result | Floats | None = None) -> Figure:
        """Return equity and drawdown as a Plotly figure, for notebooks. benchmark : as in `report`"""
        from tapeline.engine.report_content import benchmark_of, check_slices
        from tapeline.report.figures import as_plotly, equity_figure

        check_slices(self)
        held = benchmark_of(self, benchmark)
        return as_plotly(equity_figure(self.times_ns, self.equity, self.starting_cash, held))

    @cached_property
    def _order_ids(self) -> list[str]:
        rows = _rows(self.orders, ("strategy", "symbol", "decided_ns", "sequence"))
        return [client_order_id(self.strategies[s], self.symbols[n], time_ns, k) for s, n, time_ns, k in rows]

    def _session_ends(self) -> npt.NDArray[np.int64]:
        """Return the last row of each session, or of each UTC date without sessions."""
        if not len(self.times_ns):
            return np.zeros(0, dtype=np.int64)
        day = self.session if self.session[0] >= 0 else self.times_ns // 86_400_000_000_000
        return np.append(np.flatnonzero(np.diff(day) != 0), len(day) - 1).astype(np.int64)


def result_of(
    assembly: Assembly,
    symbols: tuple[str, ...],
    book: Book,
    times_ns: Times,
    session: Times | None,
    curves: Curves,
    inputs: Inputs | None = None,
) -> Result:
    """Return the result that a book and the curves of its run hold. Without sessions, each slice's is -1."""
    tables = book.tables
    account = tables.account[0]
    return Result(
        strategies=assembly.names,
        symbols=symbols,
        times_ns=times_ns,
        session=np.broadcast_to(NO_SESSION, times_ns.shape) if session is None else session,
        equity=curves.equity,
        long_exposure=curves.long_exposure,
        short_exposure=curves.short_exposure,
        orders=tables.tickets[: int(account["tickets"])],
        executions=tables.executions[: int(account["executions"])],
        round_trips=tables.round_trips[: int(account["round_trips"])],
        starting_cash=assembly.settings.account.cash,
        cash=float(account["cash"]),
        financing=float(account["financing"]),
        positions=tables.positions,
        manifest={
            "tapeline": __version__,
            "strategies": assembly.manifest,
            "settings": assembly.facts,
        },
        inputs=inputs,
    )


def _rows(records: Records, names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    # Columns as lists: reading a field of a record at a time takes most of the time of a digest.
    return zip(*(records[name].tolist() for name in names), strict=True)


def _number_text(value: float) -> str:
    if value == 0.0:  # 0 and -0 are one key of a cache, and two texts
        return text(exact(value))
    return "-" if value != value else _known_text(value)


@lru_cache(maxsize=1 << 16)
def _known_text(value: float) -> str:
    return text(exact(value))
