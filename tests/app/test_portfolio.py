"""The portfolio of a journal against what the compiled backtest says of the same run, and while a run goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from tapeline import Account, RuleStrategy, RunSettings, bars, distance, ema, percent_of_equity
from tapeline.analysis.drawdown import max_drawdown_of
from tapeline.app.data_choice import DataChoice
from tapeline.app.paper import trade_on_paper
from tapeline.app.portfolio import WAYS, PortfolioChoice, open_portfolio
from tapeline.app.replay import replay
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.times import DAY, ns_to_date
from tapeline.domain.words import Purpose
from tapeline.engine.live import LiveEngine
from tapeline.engine.portfolio import high_water_of, portfolio_tree
from tapeline.engine.result import Result
from tapeline.engine.status import status_of
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.attribution import OPEN, pieces_of
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.tape.calendars import sessions

PANEL = simulate_market(8, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 5)), symbols=3).panel
MARGIN = RunSettings(account=Account(kind="margin", leverage=2.0, short_allowed=True))


class BothSides(RuleStrategy):
    """Long above an average and short below it, with stops and targets, overnight too."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    enter_short = bar.close < ema(bar.close, 5)
    exit_short = bar.close > ema(bar.close, 9)
    stop = distance(bar.close * 0.004)
    target = distance(bar.close * 0.006)


class Trailing(RuleStrategy):
    """Long after a rise, with a stop that follows."""

    bar = bars("15min")
    size = percent_of_equity(10)
    enter_long = bar.close > ema(bar.close, 4)
    trail = bar.close * 0.003


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def finished(folder: Path) -> tuple[Path, Result]:
    """A run of four sessions with longs, shorts, brackets and trailing stops."""
    path = folder / "run.sqlite"
    result = replay([BothSides(), Trailing(), MovingAverageCross(frame="5min")], PANEL, path, MARGIN).result
    return path, result


def test_equity_exposures_and_drawdown_are_those_of_the_backtest(finished: tuple[Path, Result]) -> None:
    path, result = finished
    books = open_portfolio(PortfolioChoice(path))
    (portfolio,) = books.portfolios
    last = np.append(np.flatnonzero(np.diff(result.session)), len(result.session) - 1)

    assert float(portfolio.now.equity) == pytest.approx(result.equity[-1], abs=0.005)
    assert float(portfolio.exposure.long) == pytest.approx(result.long_exposure[-1], abs=0.005)
    assert float(portfolio.exposure.short) == pytest.approx(result.short_exposure[-1], abs=0.005)
    assert len(portfolio.holdings) > 0
    high = high_water_of(books.views.profits, portfolio.now)
    curve = np.concatenate(([result.starting_cash], result.equity[last]))
    assert high.deepest == pytest.approx(max_drawdown_of(curve), abs=1e-9)
    assert high.deepest < 0
    assert high.equity is not None
    assert float(high.equity) == pytest.approx(curve.max(), abs=0.005)
    assert high.depth == pytest.approx(curve[-1] / curve.max() - 1, abs=1e-9)


def test_r_multiples_are_those_of_the_kernel(finished: tuple[Path, Result]) -> None:
    path, result = finished
    books = open_portfolio(PortfolioChoice(path))

    pieces = [piece for piece in pieces_of(books.views, "main", 0) if not piece.is_open and piece.side is not None]
    ours = {piece.entry_order_id: piece.r_multiple for piece in pieces}
    theirs = {row["entry_order"]: row["r_multiple"] for row in result.round_trip_rows()}

    assert len(theirs) > 100
    assert sum(r is None for r in theirs.values()) > 0
    assert {name for name, r in theirs.items() if r is None} == {name for name, r in ours.items() if r is None}
    known = [name for name, r in theirs.items() if r is not None]
    assert [ours[name] for name in known] == pytest.approx([theirs[name] for name in known], rel=1e-6, abs=1e-6)
    assert {name.partition("-")[0] for name in known} == {"BothSides", "Trailing"}


def test_attribution_is_that_of_the_kernels_round_trips(finished: tuple[Path, Result]) -> None:
    path, result = finished
    books = open_portfolio(PortfolioChoice(path))
    expected: dict[str, float] = defaultdict(float)
    for row in result.round_trips:
        expected[Purpose(int(row["exit_purpose"])).word.replace("_", " ")] += float(row["net_pnl"])

    found = {part.label: float(part.profit) for part in books.parts(books.portfolios[0], "exit") if part.label != OPEN}

    assert found == pytest.approx(dict(expected), abs=0.01)
    assert len(found) >= 3


@pytest.mark.parametrize("by", WAYS)
def test_every_way_to_attribute_adds_up_to_the_change_of_equity(
    finished: tuple[Path, Result], folder: Path, by: str
) -> None:
    groups = folder / "groups.csv"
    pl.DataFrame({"symbol": ["SIM01"], "sector": ["Energy"]}).write_csv(groups)
    books = open_portfolio(PortfolioChoice(finished[0], by=by, groups=groups))
    (portfolio,) = books.portfolios

    parts = books.parts(portfolio, by)

    assert sum(part.profit for part in parts) == portfolio.now.equity - portfolio.now.inflow + portfolio.now.outflow
    if by == "signal":
        assert {"BothSides enter long", "BothSides enter short"} <= {part.label for part in parts}
    if by == "sector":
        assert {part.label for part in parts} == {"Energy", "unknown"}


def daily_bars(path: Path, closes: dict[str, npt.ArrayLike]) -> DataChoice:
    """Write closes of the sessions from 2023-11-15 on as flat daily bars."""
    days = [ns_to_date(int(day) * DAY) for day in sessions("XNYS", date(2023, 11, 15), date(2024, 3, 1)).days]
    frames = []
    for symbol, prices in closes.items():
        known = np.asarray(prices, dtype=np.float64)
        own = dict.fromkeys(("open", "high", "low", "close"), known)
        frames.append(pl.DataFrame({"symbol": symbol, "date": days[: len(known)], **own, "volume": 100.0}))
    pl.concat(frames).write_parquet(path)
    return DataChoice(path)


def test_betas_are_of_bars_that_had_ended_and_too_few_are_unknown(finished: tuple[Path, Result], folder: Path) -> None:
    """Twice the moves of the index is a beta of two; what comes after the journal's end would change it."""
    moves = np.where(np.arange(60) % 3 == 0, 0.02, -0.01)
    index, own = 100 * np.cumprod(1 + moves), 50 * np.cumprod(1 + 2 * moves)
    own[40:] *= np.linspace(1, 9, 20)  # from 2024-01-12 on, after the run
    holding = open_portfolio(PortfolioChoice(finished[0])).portfolios[0].holdings[0]
    symbol, value = holding.position.symbol, float(portfolio_value(finished[0], holding.position.symbol))
    whole = daily_bars(folder / "whole.parquet", {"IDX": index, symbol: own})
    short = daily_bars(folder / "short.parquet", {"IDX": index, symbol: own[:5]})

    books, fewer = (
        open_portfolio(PortfolioChoice(finished[0], bars=bars_of, index="IDX", window=20)) for bars_of in (whole, short)
    )

    beta, unknown = books.portfolios[0].beta, fewer.portfolios[0].beta
    assert beta is not None
    assert unknown is not None
    assert beta.net == pytest.approx(2.0 * value, rel=1e-9)
    assert symbol not in beta.unknown
    assert (symbol in unknown.unknown, unknown.net) == (True, 0.0)
    assert "against IDX over the 20 sessions" in books.sources[0]


def portfolio_value(path: Path, symbol: str) -> Decimal:
    holdings = open_portfolio(PortfolioChoice(path)).portfolios[0].holdings
    return sum((one.market_value for one in holdings if one.position.symbol == symbol), Decimal(0))


def test_what_is_not_there_is_refused_in_a_sentence(finished: tuple[Path, Result], folder: Path) -> None:
    path, _ = finished
    no_sector = folder / "no-sector.csv"
    pl.DataFrame({"symbol": ["SIM01"], "industry": ["Oil"]}).write_csv(no_sector)

    for choice, word in (
        (PortfolioChoice(path, by="sectors"), "Did you mean 'sector'"),
        (PortfolioChoice(path, by="sector"), "--groups"),
        (PortfolioChoice(path, index="SPY"), "--data or --lake"),
        (PortfolioChoice(path, account="maim"), "Did you mean 'main'"),
        (PortfolioChoice(path, groups=no_sector), "Unknown column 'sector'"),
    ):
        with pytest.raises(InputError, match=word):
            open_portfolio(choice)
    others = daily_bars(folder / "other.parquet", {"AAA": [1.0, 2.0]})
    with pytest.raises(UnknownNameError, match="IDX"):
        open_portfolio(PortfolioChoice(path, bars=others, index="IDX"))


def test_a_run_that_goes_on_has_a_portfolio_too(folder: Path) -> None:
    path = folder / "live.sqlite"
    seen: list[dict[str, Any]] = []

    def look(engine: LiveEngine) -> None:
        if engine.loop.slices == 450 and not seen:
            engine.control.publish(engine.loop.clock.now_ns(), lambda: status_of(engine), at_once=True)
            books = open_portfolio(PortfolioChoice(path))
            tree = portfolio_tree(books.views.profits, books.portfolios[0], books.pieces["main"])
            held = [position for position in engine.loop.views.positions.values() if position.quantity]
            curve = [100_000.0, *(float(equity) for _, equity in engine.loop.views.equity["main"])]
            seen.append({**tree, "held": len(held), "curve": curve, "status": status_of(engine)})

    trade_on_paper([BothSides()], PANEL, path, MARGIN, speed=float("inf"), on_turn=look)

    (tree,) = seen
    assert tree["time"].startswith("2024-01-03")
    assert len(tree["holdings"]) == tree["held"] > 0
    made = Decimal(tree["equity"]) - Decimal(tree["inflow"])
    assert made == Decimal(tree["profit"]["net"])
    status = tree["status"]
    assert float(tree["equity"]) == pytest.approx(float(status["equity"]), abs=0.01)
    assert tree["high_water"]["below"] == status["high_water"]["below"] != "0.00"
    high = max(*tree["curve"], float(status["equity"]))
    assert float(status["high_water"]["equity"]) == pytest.approx(high, abs=0.01)
    assert float(status["high_water"]["below"]) == pytest.approx(high - float(status["equity"]), abs=0.01)
