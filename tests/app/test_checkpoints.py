"""A paper run that keeps checkpoints goes on from them as it would have gone on through its whole journal."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.test_restart import (
    DAYS,
    IN_PARTS,
    LATE,
    SETTINGS,
    SPLITS,
    Eager,
    Killed,
    Remembers,
    Trails,
    books,
    executions,
    killing,
    trade,
    what_counts,
)
from tapeline import Account, RuleStrategy, bars, distance, ema, percent_of_equity
from tapeline.app import paper
from tapeline.domain.times import date_to_ns
from tapeline.engine.checkpoint import state_of
from tapeline.engine.formulas import Formulas
from tapeline.engine.live import LiveEngine
from tapeline.engine.restart import Restart
from tapeline.feeds.simulated import simulate_market
from tapeline.store.checkpoint_file import checkpoint_path, from_bytes, to_bytes
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

EACH = {"checkpoint_facts": 1}
NOUNS = ("tapeline.domain.", "tapeline.ledger.", "tapeline.formula.splits")
CASH = replace(SETTINGS, account=Account())


class Read:
    """Where the runs of a test began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: list[int] = []
        read = paper.read_checkpoint

        def counted(*arguments: Any) -> Any:
            kept = read(*arguments)
            self.counts.append(0 if kept is None else kept.count)
            return kept

        monkeypatch.setattr(paper, "read_checkpoint", counted)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    return Read(monkeypatch)


@pytest.mark.parametrize(
    ("chosen", "strategies"),
    [
        (SETTINGS, (Eager, Remembers)),
        (IN_PARTS, (Eager, Remembers)),
        (LATE, (Trails, Eager)),
        (CASH, (Remembers, Trails)),
    ],
    ids=["whole orders", "worked in parts", "replaces in line", "settled cash"],
)
def test_killed_again_and_again_it_trades_what_it_would_have_traded(
    folder: Path, read: Read, chosen: Any, strategies: Any
) -> None:
    options: dict[str, Any] = {"settings": chosen, "strategies": strategies, "corporate_actions": SPLITS, **EACH}
    trade(folder / "whole", DAYS, **options)
    assert not read.counts
    path = folder / "killed"
    at = [63, 130, 40, 200, 31, 77]  # the first session is over after 91 turns

    for start in range(len(at) + 1):
        try:
            trade(path, DAYS, resume=start > 0, on_turn=killing(at[start : start + 1]), **options)
        except Killed:
            continue
        break

    assert executions(path) == executions(folder / "whole") and len(executions(path)) > 100
    assert what_counts(books(path)) == what_counts(books(folder / "whole"))
    assert len(set(read.counts)) > 2


def test_with_other_settings_it_goes_through_the_whole_journal(folder: Path, read: Read) -> None:
    path = folder / "journal"
    with pytest.raises(Killed):
        trade(path, DAYS, on_turn=killing([140]), **EACH)
    with pytest.raises(Killed):
        trade(path, DAYS, resume=True, on_turn=killing([2]), **EACH)
    other = replace(SETTINGS, account=replace(SETTINGS.account, leverage=1.5))
    trade(path, DAYS, other, resume=True, **EACH)

    assert read.counts[0] > 50 and read.counts[1] == 0
    assert what_counts(books(path))["cash"]


def test_what_it_goes_on_with_is_what_was_kept(folder: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the facts after it is asked of the journal, and the state is the same, part by part."""
    path, states = folder / "journal", list[bytes]()
    write = paper.write_checkpoint

    def kept(journal: Path, head: Any, state: Any, **more: Any) -> bool:
        body = to_bytes(state)
        assert body is not None
        states.append(body)
        return write(journal, head, state, **more)

    monkeypatch.setattr(paper, "write_checkpoint", kept)
    with pytest.raises(Killed):
        trade(path, DAYS, on_turn=killing([140]), **EACH)
    put_back, asked = LiveEngine.put_back, list[int]()
    facts = SqliteJournal.facts

    def compared(engine: LiveEngine, state: Any, history: Any) -> Any:
        later = put_back(engine, state, history)
        now = state_of(engine.loop, engine.guard)
        before = from_bytes(states[-1])
        assert now is not None and now.keys() == before.keys() - {"venue"}
        assert alike(now["parts"], before["parts"]) and alike(now["free_form"], before["free_form"])
        return later

    def counted(journal: SqliteJournal, **given: Any) -> Any:
        asked.append(given["first"])
        return facts(journal, **given)

    monkeypatch.setattr(LiveEngine, "put_back", compared)
    monkeypatch.setattr(SqliteJournal, "facts", counted)
    trade(path, DAYS, resume=True, **EACH)

    assert read.counts[0] > 50 and asked == [read.counts[0] + 1]


def alike(one: Any, other: Any) -> bool:
    """Whether two states say the same, whatever objects they are made of."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(alike(*pair) for pair in zip(one, other, strict=True))
    slots = [name for of in type(one).__mro__ for name in getattr(of, "__slots__", ())]
    if hasattr(one, "__dict__") and not isinstance(one, type) and not hasattr(type(one), "__members__"):
        return alike(vars(one), vars(other))
    if slots and type(one).__module__.startswith("tapeline."):
        return all(alike(getattr(one, name), getattr(other, name)) for name in slots)
    return bool(one == other or one != one)  # NaN is like NaN


class Closes(Remembers):
    """Free-form code that keeps what nobody can write down."""

    def on_start(self, symbols: Any) -> None:
        super().on_start(symbols)
        self.key = lambda: 0


def test_where_code_keeps_what_cannot_be_written_down_there_is_no_checkpoint(folder: Path, read: Read) -> None:
    options: dict[str, Any] = {"strategies": (Closes, Eager), **EACH}
    trade(folder / "whole", DAYS, **options)
    with pytest.raises(Killed):
        trade(folder / "killed", DAYS, on_turn=killing([200]), **options)
    trade(folder / "killed", DAYS, resume=True, **options)

    assert read.counts == [0] and not checkpoint_path(folder / "whole").exists()
    assert executions(folder / "killed") == executions(folder / "whole")


def test_splits_stay_where_they_were_when_bars_come_to_be_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed lost bars before the split; a later process has them, and after it one begins at its checkpoint."""
    kept = [row for row in range(len(DAYS)) if not 20 <= row < 50]
    names = ("start_ns", "end_ns", "open", "high", "low", "close", "volume")
    some = replace(DAYS, **{name: getattr(DAYS, name)[kept] for name in names})
    expected = int(np.searchsorted(DAYS.start_ns, date_to_ns(SPLITS[0].ex)))
    monkeypatch.setattr(paper, "panel_digest", lambda _: "the same bars")
    rows: list[int] = []
    restate = Formulas._restate

    def counted(formulas: Formulas, *given: Any) -> None:
        rows.append(formulas.rows)
        restate(formulas, *given)

    path = folder / "journal"
    options: dict[str, Any] = {"strategies": (Remembers,), "corporate_actions": SPLITS[:1], **EACH}
    with pytest.raises(Killed):
        trade(path, some, on_turn=killing_when(lambda _: checkpoint_path(path).exists()), **options)
    after_next = killing_when(lambda engine: engine.loop.newest_ns >= DAYS.end_ns[452])
    with pytest.raises(Killed):
        trade(path, DAYS, resume=True, on_turn=after_next, **options)
    monkeypatch.setattr(Formulas, "_restate", counted)
    monkeypatch.setattr(Restart, "walk", killing_when(lambda _: True))
    with pytest.raises(Killed):
        trade(path, DAYS, resume=True, **options)

    assert rows == [expected]


def killing_when(comes: Callable[[Any], bool]) -> Callable[..., None]:
    """Return what ends a process as soon as something is so."""

    def on_turn(engine: Any, *_: Any) -> None:
        if comes(engine):
            raise Killed

    return on_turn


COUNTED: dict[int, int] = {}
TERMS = {"rises": 3}


class OfTheClass(Remembers):
    """Free-form code whose memory is one for all objects of its class."""

    memory: dict[str, Any] = {}  # noqa: RUF012  # that is what is tested

    def on_slice(self, now: Any) -> None:
        self.memory["rises"] = self.memory.get("rises", 0) + 1
        super().on_slice(now)


class OfTheModule(Remembers):
    """Free-form code that counts in its module, by way of a function."""

    def on_slice(self, now: Any) -> None:
        count(now.session)
        super().on_slice(now)


class OfItsFunction(Remembers):
    """Free-form code whose memory is the default of an argument."""

    def noted(self, session: int, known: set[int] = set()) -> bool:  # noqa: B006  # that is what is tested
        known.add(session)
        return len(known) > 1

    def on_slice(self, now: Any) -> None:
        self.noted(now.session)
        super().on_slice(now)


class InSlots(Remembers):
    """Free-form code with an attribute that is in no `__dict__`."""

    __slots__ = ("count",)

    def on_slice(self, now: Any) -> None:
        self.count = getattr(self, "count", 0) + 1
        super().on_slice(now)


class Reads(Remembers):
    """Free-form code that finds its terms in its module and on its class, and leaves them as they are."""

    terms = {"rises": 2}  # noqa: RUF012  # read only

    def on_slice(self, now: Any) -> None:
        assert TERMS["rises"] > self.terms["rises"]
        super().on_slice(now)


def count(session: int) -> None:
    COUNTED[session] = COUNTED.get(session, 0) + 1


@pytest.mark.parametrize("strategy", [OfTheClass, OfTheModule, OfItsFunction, InSlots, Reads])
def test_where_code_keeps_something_beside_its_attributes_there_is_no_checkpoint(folder: Path, strategy: Any) -> None:
    with pytest.raises(Killed):
        trade(folder / "journal", DAYS, strategies=(strategy, Eager), on_turn=killing([100]), **EACH)

    assert checkpoint_path(folder / "journal").exists() == (strategy is Reads)


class Hourly(RuleStrategy):
    """In and out with the hour."""

    bar = bars("1h")
    size = percent_of_equity(10)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 3)
    stop = distance(bar.close * 0.02)


def test_it_is_kept_when_as_much_has_come_as_is_worth_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a session alone, not before so many facts, and then when an eighth of all is new."""
    counts: list[int] = []
    write = paper.write_checkpoint

    def counted(journal: Path, head: Any, state: Any, **more: Any) -> bool:
        counts.append(head.count)
        return write(journal, head, state, **more)

    monkeypatch.setattr(paper, "write_checkpoint", counted)
    weeks = simulate_market(
        5, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 16)), symbols=2, frame="1h"
    ).panel
    trade(folder / "journal", weeks, strategies=(Hourly,), checkpoint_facts=40)

    with SqliteJournal.reading(folder / "journal") as journal:
        last = journal.head().count
    assert counts[0] >= 40 and len(counts) > 3
    assert all(later - one >= max(40, later // 8) for one, later in pairwise(counts))
    assert last - counts[-1] < 40 + last // 4


def test_a_checkpoint_is_no_pickle_of_the_program(folder: Path) -> None:
    """It names values and nouns of the books; no strategy, no kernel, no function stands in it."""
    with pytest.raises(Killed):
        trade(folder / "journal", DAYS, on_turn=killing([140]), **EACH)
    body = checkpoint_path(folder / "journal").read_bytes().split(b"\n", 2)[2]

    names = {argument for operation, argument, _ in pickletools.genops(body) if operation.name == "SHORT_BINUNICODE"}
    modules = {name for name in names if isinstance(name, str) and name.startswith("tapeline.")}
    assert modules and all(name.startswith(NOUNS) for name in modules)
