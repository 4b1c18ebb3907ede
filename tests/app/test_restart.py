"""A paper run that is killed goes on over its journal and trades what it would have traded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapeline import (
    Account,
    Market,
    RuleStrategy,
    RunSettings,
    ScaleOut,
    Strategy,
    bars,
    distance,
    ema,
    percent_of_equity,
)
from tapeline.app.paper import trade_on_paper
from tapeline.domain.control import TradingState
from tapeline.domain.corporate import Split
from tapeline.domain.errors import ConfigurationError, DataError, InvariantError, StorageError
from tapeline.domain.panel import Panel
from tapeline.domain.words import Purpose
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.control_facts import CommandGiven, RunResumed
from tapeline.ledger.facts import RunEnded
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderFilled,
    OrderIntended,
    OrderReplaced,
    OutcomeLost,
    ReplaceRejected,
)
from tapeline.ledger.views import Views, rebuild
from tapeline.simulation.execution_settings import Algorithms, adaptive, limit, participation, twap
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

DAY = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel
HOUR = DAY.rows(0, 70)
DAYS = simulate_market(11, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 4)), symbols=3).panel.rows(
    330, 850
)
"""The end of a session, one whole, and the beginning of the next."""
SETTINGS = RunSettings(
    account=Account(kind="margin", leverage=2.0, short_allowed=True), market=Market(latency_s=0.001, participation=0.05)
)
SPLITS = (
    Split(DAYS.symbols[0], date(2024, 1, 3), Decimal(2), Decimal(1)),
    Split(DAYS.symbols[1], date(2024, 1, 4), Decimal(1), Decimal(4)),
)


class Eager(RuleStrategy):
    """Often in the market, both ways, with stops and targets, and sells half on the way."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    enter_short = bar.close < ema(bar.close, 13)
    exit_short = bar.close > ema(bar.close, 5)
    stop = distance(bar.close * 0.01)
    target = distance(bar.close * 0.02)
    scale_out = ScaleOut(bar.close > ema(bar.close, 2), 0.5)


class Remembers(Strategy):
    """Free-form code with a memory of its own: it enters by what it has counted and trails its stops by hand."""

    bar = bars("5min")
    close = bar.close
    size = percent_of_equity(15)

    def on_start(self, symbols: Sequence[str]) -> None:
        self.rises = np.zeros(len(symbols))
        self.before = np.full(len(symbols), np.nan)

    def on_slice(self, now: Any) -> None:
        self.rises = np.where(now.close > self.before, self.rises + 1, 0)
        self.before = now.close
        now.enter(self.rises >= 3, stop=now.close * 0.99)
        now.scale_out(self.rises >= 5, 0.4, stop=now.close * 0.995)
        now.set_stop(self.rises == 4, now.close * 0.992)
        now.exit((self.rises == 0) & (now.quantity > 0))


class Trails(Strategy):
    """In the market whenever it can be, and moves its stops with every bar."""

    bar = bars("1min")
    close = bar.close
    size = percent_of_equity(15)

    def on_start(self, symbols: Sequence[str]) -> None:
        self.best = np.zeros(len(symbols))

    def on_slice(self, now: Any) -> None:
        self.best = np.where(now.quantity > 0, np.maximum(self.best, now.close), 0.0)
        now.enter((now.quantity == 0) & (now.close > 0), stop=now.close * 0.997)
        now.set_stop(now.quantity > 0, self.best * 0.998)


def trade(path: Path, panel: Panel = DAY, settings: RunSettings = SETTINGS, **options: Any) -> LiveEngine:
    strategies = options.pop("strategies", (Eager, Remembers))
    return trade_on_paper([make() for make in strategies], panel, path, settings, speed=math.inf, **options)


def executions(path: Path) -> list[Any]:
    with SqliteJournal.reading(path) as journal:
        return [record.fact.execution for record in journal.read(kind=OrderFilled.kind)]  # type: ignore[attr-defined]


def books(path: Path) -> Views:
    with SqliteJournal.reading(path) as journal:
        return rebuild(journal)


def what_counts(views: Views) -> dict[str, Any]:
    """Everything of the books but what a restart rightly adds: gaps, comparisons, the numbers of denials."""
    tree = views.as_tree()
    return {name: tree[name] for name in ("cash", "ended_orders", "equity", "marks", "positions", "round_trips")}


def prefix(whole: Path, count: int, path: Path) -> None:
    """Write the journal as it stood when so many records were durable."""
    with SqliteJournal.reading(whole) as journal, SqliteJournal.writing(path) as copy:
        for record in journal.read(last=count):
            copy.append(record.fact)
        copy.commit()


def commits(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Path, list[int]]:
    """Run without a fault. Returns its journal and how many records were durable after each commit."""
    counts: list[int] = []
    commit = SqliteJournal.commit

    def counted(journal: SqliteJournal) -> None:
        commit(journal)
        counts.append(journal.head().count)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteJournal, "commit", counted)
        trade(folder / "whole", **options)
    return folder / "whole", sorted(set(counts))


IN_PARTS = replace(
    SETTINGS,
    execution=Algorithms(twap(minutes=20), limit()),
    strategy_execution={"Remembers": Algorithms(participation(rate=0.05), adaptive(minutes=10))},
)


@pytest.mark.parametrize("chosen", [SETTINGS, IN_PARTS], ids=["whole orders", "worked in parts"])
def test_killed_between_any_two_commits_it_trades_what_it_would_have_traded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chosen: RunSettings
) -> None:
    """Every state that a kill can leave is a committed prefix of the journal: all of them are gone through."""
    whole, counts = commits(folder, monkeypatch, panel=HOUR, settings=chosen)
    expected, ended = executions(whole), what_counts(books(whole))
    assert len(expected) > 20 and len(counts) > 30

    for count in counts[1:]:
        path = folder / f"killed-{count}"
        prefix(whole, count, path)
        trade(path, HOUR, chosen, resume=True)

        assert executions(path) == expected, f"killed after record {count}"
        assert what_counts(books(path))["positions"] == ended["positions"]
        assert what_counts(books(path))["ended_orders"] == ended["ended_orders"]
        assert books(path).cash == books(whole).cash


LATE = replace(SETTINGS, market=Market(latency_s=150.0, participation=0.05))
"""Every instruction is on its way for longer than two bars."""


def test_killed_while_replaces_wait_for_one_another_it_trades_what_it_would_have_traded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue hears again what left and nothing else; what waited then waits again and leaves in its turn."""
    chosen = {"panel": DAY.rows(0, 40), "settings": LATE, "strategies": (Trails, Eager)}
    whole, counts = commits(folder, monkeypatch, **chosen)
    expected = executions(whole)
    with SqliteJournal.reading(whole) as journal:
        refused = [r.fact for r in journal.read(kind=ReplaceRejected.kind)]
        replaced = list(journal.read(kind=OrderReplaced.kind))
    assert len(expected) > 20 and len(replaced) > 3
    assert sum(fact.status is None for fact in refused) >= 3  # type: ignore[attr-defined]  # all are ReplaceRejected

    for count in counts[1:]:
        path = folder / f"killed-{count}"
        prefix(whole, count, path)
        trade(path, resume=True, **chosen)

        assert executions(path) == expected, f"killed after record {count}"


class Desk:
    """A person who asks for one thing after the other, and again where a run died before it was done."""

    def __init__(self, path: Path, acts: Sequence[tuple[int, str, TradingState]]) -> None:
        self.path, self.acts = path, acts
        self.number: int | None = None

    def __call__(self, engine: LiveEngine) -> None:
        done = [c.command for c in commands(self.path) if not c.refusal]
        if len(done) < len(self.acts):
            slices, name, _ = self.acts[len(done)]
            with ControlFile.open(self.path) as desk:
                waits = self.number is not None and desk.answer_of(self.number) is None
                if engine.loop.slices >= slices and not waits:
                    self.number = desk.give(name, who="anna", reason="drill", now_ns=engine.loop.clock.now_ns())
        if done:
            assert engine.guard.switch.state is self.acts[len(done) - 1][2]


def commands(path: Path) -> list[CommandGiven]:
    with SqliteJournal.reading(path) as journal:
        return [record.fact for record in journal.read(kind=CommandGiven.kind)]  # type: ignore[misc]  # read by kind


ACTS = (
    (20, "pause", TradingState.REDUCING),
    (26, "resume", TradingState.ACTIVE),
    (34, "flatten", TradingState.HALTED),
)


def test_killed_around_what_people_ask_for_it_is_done_once_and_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two commits from the first command on: each is obeyed once, and the run ends flat and HALTED."""
    panel = DAY.rows(0, 48)
    whole, counts = commits(folder, monkeypatch, panel=panel, on_turn=Desk(folder / "whole", ACTS))
    before = executions(whole)
    with SqliteJournal.reading(whole) as journal:
        first = next(journal.read(kind=CommandGiven.kind)).sequence
    assert len(before) > 5

    for count in [count for count in counts if count >= first - 1]:
        path = folder / f"killed-{count}"
        prefix(whole, count, path)
        had = executions(path)
        engine = trade(path, panel, resume=True, on_turn=Desk(path, ACTS))

        views = engine.loop.views
        assert [c.command for c in commands(path) if not c.refusal] == [name for _, name, _ in ACTS]
        assert views.control.state is TradingState.HALTED and engine.flattening is None
        assert not views.orders.working and not any(p.quantity for p in views.positions.values())
        ids = [execution.execution_id for execution in executions(path)]
        assert executions(path)[: len(had)] == had == before[: len(had)] and len(ids) == len(set(ids))


class Killed(BaseException):
    """The process is gone."""


def killing(at: Sequence[int]) -> Callable[[LiveEngine], None]:
    """Return what ends a process in the turns of these numbers, one in each process."""
    left, turn = list(at), 0

    def on_turn(engine: LiveEngine) -> None:
        nonlocal turn
        turn += 1
        if left and turn >= left[0]:
            left.pop(0)
            turn = 0
            raise Killed

    return on_turn


@pytest.fixture(scope="module")
def whole_days() -> Iterator[Path]:
    """The journal of some days with splits that nothing interrupted."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        trade(Path(name) / "whole", DAYS, corporate_actions=SPLITS)
        yield Path(name) / "whole"


def test_what_is_called_back_at_the_close_is_left_alone_over_the_night(whole_days: Path) -> None:
    """The venue has the cancels and carries them out when it opens; none is sent a second time."""
    close_ns = int(DAYS.end_ns[449])
    with SqliteJournal.reading(whole_days) as journal:
        night = [r.fact for r in journal.read(from_ns=close_ns + 1, until_ns=int(DAYS.start_ns[450]))]
        called_back = [r.fact for r in journal.read(kind=CancelIntended.kind, from_ns=close_ns, until_ns=close_ns)]
        lost = [fact for fact in night if isinstance(fact, OutcomeLost)]
    assert called_back and len(lost) == len(called_back)
    assert not [fact for fact in night if isinstance(fact, CancelIntended | CancelRejected)]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_killed_many_times_over_days_with_splits(whole_days: Path, at: list[int]) -> None:
    with TemporaryDirectory(dir=whole_days.parent) as name:
        path, on_turn = Path(name) / "killed", killing(at)
        for start in range(len(at) + 1):
            try:
                trade(path, DAYS, corporate_actions=SPLITS, resume=start > 0, on_turn=on_turn)
            except Killed:
                continue
            break

        assert executions(path) == executions(whole_days)
        assert what_counts(books(path)) == what_counts(books(whole_days))
        purposes = {execution.client_order_id for execution in executions(path)}
        with SqliteJournal.reading(path) as journal:
            orders = [r.fact.order for r in journal.read(kind=OrderIntended.kind)]  # type: ignore[attr-defined]
            resumed = list(journal.read(kind=RunResumed.kind))
        assert any(o.purpose is Purpose.SCALE_OUT and o.client_order_id in purposes for o in orders)
        assert resumed


def test_stopped_by_a_person_it_goes_on_another_day(folder: Path) -> None:
    """A run is stopped in the evening and goes on in the morning, with the state of trading that it had."""
    turns = 0

    def on_turn(engine: LiveEngine) -> None:
        nonlocal turns
        turns += 1
        if turns == 100:
            with ControlFile.open(folder / "journal") as desk:
                desk.give("pause", who="anna", reason="lunch", now_ns=0)
        if turns == 120:
            engine.is_stopped = True

    trade(folder / "journal", on_turn=on_turn)
    engine = trade(folder / "journal", resume=True)

    assert engine.guard.switch.state is TradingState.REDUCING
    assert engine.loop.slices == len(DAY)
    with SqliteJournal.reading(folder / "journal") as journal:
        assert len(list(journal.read(kind=RunEnded.kind))) == 2


def test_what_cannot_go_on_is_refused_and_nothing_is_recorded(folder: Path) -> None:
    path = folder / "journal"
    with pytest.raises(DataError, match="nothing to go on with"):
        trade(path, resume=True)
    path.unlink()
    with pytest.raises(Killed):
        trade(path, on_turn=killing([150]))
    with SqliteJournal.reading(path) as journal:
        head = journal.head()

    with pytest.raises(DataError, match="already holds"):
        trade(path)
    with pytest.raises(DataError, match="began on other bars"):
        trade(path, DAYS, resume=True)
    with pytest.raises(ConfigurationError, match="Eager of this journal holds or orders"):
        trade_on_paper([Remembers()], DAY, path, SETTINGS, speed=math.inf, resume=True)
    with SqliteJournal.writing(path), pytest.raises(StorageError):
        trade(path, resume=True)

    with SqliteJournal.reading(path) as journal:
        assert journal.head() == head


def test_a_run_whose_end_does_not_fit_its_facts_is_not_gone_on_with(folder: Path) -> None:
    """The digest at the end of the newest run is of all books before it."""
    path = folder / "journal"
    trade(path)
    with SqliteJournal.writing(path) as journal:
        *facts, ended = journal.facts()
        assert isinstance(ended, RunEnded)
    with SqliteJournal.writing(folder / "false") as journal:
        for fact in [*facts, replace(ended, views_digest="0" * 64)]:
            journal.append(fact)
        journal.commit()

    with pytest.raises(InvariantError, match=f"ended with views of digest {'0' * 64}"):
        trade(folder / "false", resume=True)
    trade(path, resume=True)


def test_other_code_may_go_on(folder: Path) -> None:
    """Facts are what happened: a strategy that was mended in between takes over what the old one holds."""

    class Mended(Eager):
        """Would not have entered at all."""

        enter_long = Eager.bar.close < 0

    Mended.__name__ = "Eager"
    with pytest.raises(Killed):
        trade(folder / "journal", on_turn=killing([150]))
    before = executions(folder / "journal")

    engine = trade_on_paper(
        [Mended(), Remembers()], DAY, folder / "journal", replace(SETTINGS), speed=math.inf, resume=True
    )

    assert executions(folder / "journal")[: len(before)] == before
    assert engine.loop.views.cash_amount() == books(folder / "journal").cash_amount()
