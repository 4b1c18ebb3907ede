"""The heart of the suite: the compiled backtest and the event loop give the same orders and executions.

They share the compiled kernels and nothing of the plumbing: the backtest runs chunks of panels without leaving
compiled code; the loop sees one slice at a time, advances formulas by one row, sends every order through the broker
port and learns of every fill from bytes it has read back from the journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine.builders import (
    SETTINGS,
    FreeBracket,
    FreeCross,
    Keep,
    Reversal,
    real_panel,
    simulated_panel,
    with_last_bar_changed,
)
from tapeline import (
    BuyAndHold,
    CashDividend,
    IntradayMeanReversion,
    MovingAverageCross,
    Panel,
    RunSettings,
    Split,
    SwingTrend,
    backtest,
)
from tapeline.app.replay import FinishedReplay, replay
from tapeline.domain.money import text
from tapeline.domain.slice import Slice
from tapeline.domain.times import to_iso
from tapeline.engine.assembly import AnyStrategy
from tapeline.engine.loop import EventLoop
from tapeline.engine.result import Result
from tapeline.feeds.replay import Replay
from tapeline.formula import program
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.ledger.views import rebuild
from tapeline.store.sqlite_journal import SqliteJournal


def shipped() -> list[AnyStrategy]:
    """Those that can share an account within the day; buying and holding would leave them no cash."""
    return [MovingAverageCross(), IntradayMeanReversion(), SwingTrend()]


def assert_same(one: Result, other: Result) -> None:
    """Fail at the first order or execution that differs; then compare curves bit for bit."""
    for mine, theirs in zip(one.order_lines(), other.order_lines(), strict=True):
        assert mine == theirs
    for mine, theirs in zip(one.execution_lines(), other.execution_lines(), strict=True):
        assert mine == theirs
    assert one.digest == other.digest
    for name in ("equity", "long_exposure", "short_exposure", "positions"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.round_trips.tobytes() == other.round_trips.tobytes()
    assert one.cash == other.cash


def both(strategies: list[AnyStrategy], panel: Panel, settings: RunSettings) -> tuple[Result, FinishedReplay]:
    compiled = backtest(strategies, panel, settings)
    replayed = replay(strategies, panel, ":memory:", settings)
    return compiled, replayed


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_shipped_strategies_trade_the_same_both_ways_on_real_minutes(settings: str) -> None:
    """Nine sessions of 199 symbols, across 11 March 2018 when New York moved its clocks; all kinds of costs."""
    panel = real_panel("minute_us_2018.parquet", "2018-03-05", "2018-03-15")

    compiled, replayed = both(shipped(), panel, SETTINGS[settings])

    assert len(compiled.executions) > 100
    assert_same(compiled, replayed.result)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_buying_and_holding_is_the_same_both_ways(settings: str) -> None:
    compiled, replayed = both([BuyAndHold()], simulated_panel(), SETTINGS[settings])

    assert len(compiled.executions) >= 6
    assert_same(compiled, replayed.result)


def test_five_minute_bars_with_half_days_trade_the_same_both_ways() -> None:
    """November 2025 with its half day, 75 symbols, split-adjusted five-minute bars."""
    panel = real_panel("bars_5min_us_2025.parquet", "2025-11-10", "2025-12-05")

    compiled, replayed = both([*shipped(), MovingAverageCross(frame="30min")], panel, SETTINGS["margin"])

    assert len(compiled.executions) > 100
    assert_same(compiled, replayed.result)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_declaration_of_a_rule_strategy_trades_the_same_both_ways(settings: str) -> None:
    """Brackets, scale-outs, moved stops, short sales and two frames, on thin simulated bars."""
    compiled, replayed = both([Reversal(), Reversal(low_rsi=45)], simulated_panel(), SETTINGS[settings])

    assert len(compiled.executions) > 50
    assert_same(compiled, replayed.result)


@pytest.mark.parametrize("settings", ["cash", "late"])
def test_free_form_strategies_trade_the_same_both_ways(settings: str) -> None:
    """Beside rule strategies on one account."""
    strategies = [FreeCross(), Reversal(), FreeBracket()]

    compiled, replayed = both(strategies, simulated_panel(), SETTINGS[settings])

    assert len(compiled.executions) > 50
    assert_same(compiled, replayed.result)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_length_of_chunks_changes_nothing(settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 7, 111 and all rows give the same result bit for bit."""
    panel, results = simulated_panel(symbols=4), []
    for cells in (28, 444, 10_000_000):
        monkeypatch.setattr(program, "CHUNK_CELLS", cells)
        results.append(backtest([Reversal(), FreeCross()], panel, SETTINGS[settings]))

    assert_same(results[0], results[1])
    assert_same(results[0], results[2])


def test_changing_the_last_bar_changes_nothing_before_it_on_either_way() -> None:
    """What was ordered and executed before the last slice, and the equity up to there, stays as it was."""
    panel = simulated_panel()
    changed = with_last_bar_changed(panel)
    strategies: list[AnyStrategy] = [Reversal(), FreeCross()]
    last = to_iso(int(panel.end_ns[-1]))

    for run in (backtest, lambda *args: replay(args[0], args[1], ":memory:", args[2]).result):
        before, after = (run(strategies, data, SETTINGS["margin"]) for data in (panel, changed))

        assert before.equity[-1] != after.equity[-1]
        assert before.equity[:-1].tobytes() == after.equity[:-1].tobytes()
        early = [line for line in before.execution_lines() if last not in line]
        assert early == [line for line in after.execution_lines() if last not in line]
        assert len(early) > 50


def test_the_loop_never_reads_a_slice_before_it_has_acted_on_the_one_before() -> None:
    """A feed that makes each slice only when asked, from data nobody else holds, gives the same executions."""
    panel = simulated_panel(symbols=3)
    expected = backtest([Reversal()], panel, SETTINGS["margin"])
    acted: list[int] = []

    class Hesitant(Replay):
        def slices(self) -> Iterator[Slice]:
            for number, now in enumerate(super().slices()):
                assert len(acted) == number, "the loop asked for a slice before it was done with the last"
                yield now

    def done(now: Slice, loop: EventLoop) -> None:
        acted.append(now.end_ns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tapeline.app.replay.Replay", Hesitant)
        found = replay([Reversal()], panel, ":memory:", SETTINGS["margin"], on_slice=done)

    assert len(acted) == len(panel)
    assert_same(expected, found.result)


def test_the_journal_alone_holds_the_same_executions_and_books(tmp_path: Path) -> None:
    """Executions read from the journal file, and views rebuilt from it, are those of the compiled backtest."""
    panel = simulated_panel()
    compiled = backtest([Reversal()], panel, SETTINGS["margin"])
    replay([Reversal()], panel, tmp_path / "run.journal", SETTINGS["margin"])

    with SqliteJournal.reading(tmp_path / "run.journal") as journal:
        fills = [record.fact for record in journal.read(kind=OrderFilled.kind)]
        orders = {
            record.fact.order.client_order_id: record.fact.order for record in journal.read(kind=OrderIntended.kind)
        }
        views = rebuild(journal)

    from_journal = [
        " ".join(
            (
                fill.client_order_id,
                to_iso(fill.event_time_ns),
                fill.execution.stage.name,
                fill.execution.side.name,
                text(fill.execution.quantity),
                text(fill.execution.price),
                text(fill.execution.commission),
                orders[fill.client_order_id].purpose.word,
            )
        )
        for fill in fills
    ]
    assert from_journal == list(compiled.execution_lines())
    assert abs(float(views.cash_amount()) - compiled.cash) < 0.005
    for column, symbol in enumerate(panel.symbols):
        assert float(views.quantity(symbol)) == compiled.positions[column]


def test_two_replays_write_the_same_journal_bytes(tmp_path: Path) -> None:
    """Same inputs, same chain: the heads are equal."""
    panel = simulated_panel(symbols=3)
    heads = {
        replay([Reversal()], panel, tmp_path / f"{number}.journal", SETTINGS["margin"]).journal_head
        for number in range(2)
    }

    assert len(heads) == 1


def test_the_free_cross_trades_like_the_rule() -> None:
    """The same idea in rules and in code gives the same executions, but for the strategy's name in the ids."""
    panel = simulated_panel()
    rule = backtest([MovingAverageCross()], panel)
    code = backtest([FreeCross()], panel)

    assert len(rule.executions) == len(code.executions) > 50
    for name in ("time_ns", "side", "symbol", "quantity", "price"):
        np.testing.assert_array_equal(rule.executions[name], code.executions[name])


def test_splits_dividends_and_debits_reach_both_books_alike() -> None:
    """Three for two, one for three and a dividend while positions and brackets are open."""
    panel = simulated_panel(symbols=4)
    days = [date(2024, 1, 4), date(2024, 1, 8), date(2024, 1, 10)]
    actions = [
        *(Split(symbol, days[0], Decimal(3), Decimal(2)) for symbol in panel.symbols[:2]),
        *(CashDividend(symbol, days[1], Decimal("0.37")) for symbol in panel.symbols),
        *(Split(symbol, days[2], Decimal(1), Decimal(3)) for symbol in panel.symbols[1:]),
    ]

    compiled = backtest([Keep(), Reversal()], panel, SETTINGS["margin"], corporate_actions=actions)
    replayed = replay([Keep(), Reversal()], panel, ":memory:", SETTINGS["margin"], corporate_actions=actions)

    assert compiled.financing != 0.0
    assert_same(compiled, replayed.result)
    assert abs(float(replayed.views.cash_amount()) - compiled.cash) < 0.005
