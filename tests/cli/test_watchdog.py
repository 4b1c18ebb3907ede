"""The watchdog over paper runs in processes of their own that really hang."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.running import command, environment, run
from tapeline.domain.control import TradingState, Trigger
from tapeline.ledger.control_facts import GapOpened
from tapeline.ledger.facts import TradingStateChanged
from tapeline.ledger.order_facts import OrderIntended
from tapeline.store.latch import read_latch
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

BARS = ("--to", "2024-01-02", "--symbols", "SIM01,SIM02", "--frame", "5min")
WITHIN_S = 180.0

LOOPS_FOREVER = """
from tapeline import Strategy, bars

class Hangs(Strategy):
    \"\"\"Buys, and some slices later never comes back.\"\"\"

    price = bars("5min").close
    slices = 0

    def on_slice(self, now):
        self.slices += 1
        while self.slices > 20:
            pass
        if self.slices == 5:
            now.enter("SIM01", quantity=10)
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        monkeypatch.chdir(name)
        yield Path(name)


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        command(*arguments), env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def until(what: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.1)


def journal(folder: Path) -> Path:
    return folder / "tapeline-work" / "run-0001" / "journal.sqlite"


def state() -> dict[str, object]:
    shown = run("status", "--json")
    return dict(json.loads(shown.out)) if shown.code == 0 else {}


def test_a_run_that_was_stopped_dead_is_halted_and_sends_nothing_when_it_wakes_up(folder: Path) -> None:
    with ExitStack() as started:
        trading = started.enter_context(process("paper", "moving-average-cross", *BARS, "--speed", "200"))
        until(lambda: int(str(state().get("slices", 0))) > 30)
        dog = started.enter_context(process("watchdog", "--stalled-after", "4s"))
        os.kill(trading.pid, signal.SIGSTOP)
        until(lambda: read_latch(journal(folder)) is not None)
        latch = read_latch(journal(folder))
        said = run("status")

        os.kill(trading.pid, signal.SIGCONT)
        until(lambda: state().get("state") == "HALTED")
        until(lambda: state().get("gap") is None)
        refused = run("resume")
        resumed = run("resume", "--reason", "the disk was slow")
        stopped = run("stop")
        trading.communicate(timeout=WITHIN_S)
        told, _ = dog.communicate(timeout=WITHIN_S)

    assert latch is not None and latch.trigger is Trigger.LOOP_STALLED
    assert f"process {trading.pid} on " in latch.why and "the bound is 4 s" in latch.why
    assert "Nothing is sent any more" in said.out
    assert (refused.code, resumed.code, stopped.code, trading.returncode, dog.returncode) == (2, 0, 0, 0, 0)
    assert "The latch is set" in told and "has ended in order" in told
    assert read_latch(journal(folder)) is None
    with SqliteJournal.reading(journal(folder)) as facts:
        changes = list(facts.read(kind=TradingStateChanged.kind))
        orders = [record.sequence for record in facts.read(kind=OrderIntended.kind)]
        gaps = [record.fact.cause.name for record in facts.read(kind=GapOpened.kind)]  # type: ignore[attr-defined]
    halted, active = changes
    assert halted.fact.state is TradingState.HALTED  # type: ignore[attr-defined]
    assert halted.fact.who.startswith("watchdog of ")  # type: ignore[attr-defined]
    assert halted.fact.text == latch.why  # type: ignore[attr-defined]
    assert active.fact.text == "the disk was slow"  # type: ignore[attr-defined]
    assert not [sequence for sequence in orders if halted.sequence < sequence < active.sequence]
    assert gaps == ["START", "STALLED"]


def test_a_run_whose_strategy_never_comes_back_is_halted_and_ended(folder: Path) -> None:
    (folder / "hangs.py").write_text(LOOPS_FOREVER)
    with ExitStack() as started:
        trading = started.enter_context(process("paper", "hangs.py", *BARS, "--speed", "max", "--no-limits"))
        until(lambda: Path(f"{journal(folder)}.control").exists())
        dog = started.enter_context(process("watchdog", "--stalled-after", "5s", "--kill-after", "4s"))
        told, _ = dog.communicate(timeout=WITHIN_S)
        trading.communicate(timeout=WITHIN_S)

    assert trading.returncode == -signal.SIGKILL
    assert dog.returncode == 2
    assert "It was ended." in told and "was ended by the watchdog" in told
    assert verify(journal(folder)).is_sound


def test_a_watchdog_without_a_run_says_so(folder: Path) -> None:
    assert "There is no run" in run("watchdog").sentence
    (folder / "tapeline-work" / "run-0001").mkdir(parents=True)
    journal(folder).touch()
    assert "Nothing runs on" in run("watchdog").sentence
    Path(f"{journal(folder)}.control").touch()
    assert "--stalled-after 'soon' is no span of time" in run("watchdog", "--stalled-after", "soon").sentence
    assert "give 4 s or more" in run("watchdog", "--stalled-after", "1s").sentence
