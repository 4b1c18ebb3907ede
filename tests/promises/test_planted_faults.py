"""Faults planted on purpose: each shows that the test of a promise can fail.

A fault in a compiled kernel costs a compilation, so those here sit where Python joins the pieces, which is also where
the two ways of running differ. docs/promises.md says which promise each one belongs to.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace as changed
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.bar_files import write_bars
from cli.running import run
from engine.builders import SETTINGS, Reversal, simulated_panel, with_last_bar_changed
from engine.test_parity import assert_same
from tapeline import MovingAverageCross, Stream, backtest, bars, compute, ema, replay
from tapeline.domain.errors import InvariantError
from tapeline.domain.panel import Panel
from tapeline.domain.times import to_iso
from tapeline.engine.desk import Desk
from tapeline.engine.intents import Intents
from tapeline.formula.program import Program
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.views import Views, rebuild
from tapeline.store.sqlite_journal import SqliteJournal


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated_panel(symbols=3)


def test_one_share_too_many_in_the_loop_is_noticed_by_its_books(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    order_of = Intents.order_of

    def one_more(intents: Intents, intent: Any, **terms: Any) -> Any:
        order = order_of(intents, intent, **terms)
        return changed(order, quantity=order.quantity + 1)

    monkeypatch.setattr(Intents, "order_of", one_more)

    # What closes a holding is one share too many as well, so the books part ways before the run is over.
    with pytest.raises(InvariantError, match="The book holds"):
        replay([Reversal()], panel, ":memory:", SETTINGS["margin"])


def test_a_price_off_by_a_rounding_in_the_loop_breaks_parity(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = backtest([Reversal()], panel, SETTINGS["margin"])
    monkeypatch.setattr("tapeline.engine.intents._price", lambda value: _rounded_down(value))
    found = replay([Reversal()], panel, ":memory:", SETTINGS["margin"]).result

    with pytest.raises(AssertionError):
        assert_same(expected, found)


def _rounded_down(value: float) -> Decimal | None:
    return None if np.isnan(value) else Decimal(int(value))


def test_a_formula_that_sees_the_next_bar_is_caught(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted program reads each row's close one row early: the last bar then changes what came before it."""
    advance = Program.advance

    def early(program: Program, rows: Panel) -> None:
        close = np.vstack((rows.close[1:], rows.close[-1:]))
        advance(program, changed(rows, close=np.where(np.isnan(rows.close), np.nan, close)))

    monkeypatch.setattr(Program, "advance", early)
    last = to_iso(int(panel.end_ns[-1]))
    lines = []
    for data in (panel, with_last_bar_changed(panel)):
        result = backtest([PeekingCross()], data, SETTINGS["margin"])
        lines.append([line for line in result.order_lines() if last not in line])

    assert lines[0] != lines[1]


class PeekingCross(MovingAverageCross):
    """Decides on every bar, so that the last but one matters."""

    enter_long = bars().close > bars().open
    exit_long = bars().close < bars().open


def test_a_state_that_is_lost_between_chunks_is_caught(panel: Panel) -> None:
    formulas = {"average": ema(bars().close, 5)}
    whole = compute(formulas, panel)["average"]

    forgetful = [
        Stream(formulas, symbols=3, frame="1min").advance(panel.rows(t, t + 1))["average"].copy() for t in range(20)
    ]

    assert np.concatenate(forgetful).tobytes() != whole[:20].tobytes()


def test_a_commission_lost_on_the_way_to_the_book_stops_the_run(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = Desk._filled

    def without_commission(desk: Desk, fact: OrderFilled, session: int) -> None:
        free = changed(fact, execution=changed(fact.execution, commission=Decimal(0)))
        filled(desk, free, session)

    monkeypatch.setattr(Desk, "_filled", without_commission)

    with pytest.raises(InvariantError, match=r"The book has cash of .*, the ledger .* No further orders\."):
        replay([Reversal()], panel, ":memory:", SETTINGS["margin"])


def test_a_fill_that_was_never_executed_shows_when_the_books_are_rebuilt(panel: Panel, tmp_path: Path) -> None:
    """A forger adds an execution with a proper hash; the digest that the run's end carries no longer fits."""
    replay([Reversal()], panel, tmp_path / "run.sqlite", SETTINGS["margin"])

    with SqliteJournal.reading(tmp_path / "run.sqlite") as journal:
        facts = [record.fact for record in journal.read()]
    at = next(number for number, fact in enumerate(facts) if isinstance(fact, OrderFilled))
    genuine = facts[at]
    assert isinstance(genuine, OrderFilled)
    cheaper = changed(genuine.execution, price=genuine.execution.price - Decimal("0.01"))
    facts[at] = changed(genuine, execution=cheaper)

    with pytest.raises(InvariantError, match="The run ended with views of digest"):
        Views().apply_all(facts)


def test_a_journal_whose_end_is_missing_cannot_prove_its_books(panel: Panel, tmp_path: Path) -> None:
    finished = replay([Reversal()], panel, tmp_path / "run.sqlite", SETTINGS["margin"])

    with SqliteJournal.reading(tmp_path / "run.sqlite") as journal:
        whole = rebuild(journal)
        facts = [record.fact for record in journal.read()]
    last_fill = max(number for number, fact in enumerate(facts) if isinstance(fact, OrderFilled))
    short = Views()
    short.apply_all(fact for number, fact in enumerate(facts[:-1]) if number != last_fill)

    assert whole.to_bytes() == finished.views.to_bytes()
    assert short.digest() != whole.digest()


def test_without_the_check_of_the_warm_up_a_run_ends_silently_without_an_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    for place in ("tapeline.engine.backtest", "tapeline.app.replay"):
        monkeypatch.setattr(f"{place}.check_warmup", lambda *_: None)

    outcome = run("backtest", "swing-trend", "--data", "bars.parquet")

    assert outcome.code == 0
    assert "No order was sent" in outcome.out


def test_without_the_guard_of_the_files_a_stopped_run_leaves_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    (tmp_path / "broken.py").write_text(
        "from tapeline import Strategy\n\n\nclass Broken(Strategy):\n    def on_slice(self, now):\n        1 / 0\n"
    )
    monkeypatch.setattr("tapeline.cli.backtest.whole_journal", nullcontext)

    outcome = run("backtest", "broken.py", "--data", "bars.parquet", "--journal", "run.sqlite")

    assert outcome.code == 2
    assert (tmp_path / "run.sqlite").exists()


def test_plain_running_sums_would_fail_the_bound_of_the_drift() -> None:
    """What the drift tests are there for: a window as the difference of running sums, over prices of 0.1 to 4,000."""
    count, length, bound = 5_000_000, 20, 1e-9
    close = 30 * np.exp(5 * np.sin(np.arange(count) * (2 * np.pi / 1_234_567)) - 0.3)
    sums = np.concatenate(([0.0], close.cumsum()))

    drifted = (sums[length:] - sums[:-length]) / length
    exact = np.convolve(close, np.full(length, 1 / length), "valid")

    assert np.max(np.abs(drifted / exact - 1)) > 100 * bound
