"""The watchdog's judgement, look by look; its eyes on real processes are in `tests/cli/test_watchdog.py`."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tapeline.app.watchdog import Verdict, Watchdog, WatchdogSettings
from tapeline.domain.control import Trigger
from tapeline.domain.errors import ConfigurationError
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store.control_file import ControlFile
from tapeline.store.latch import read_latch
from tapeline.store.lease import Holder, this_process
from tapeline.store.sqlite_journal import SqliteJournal

EXPOSED = {"has_ended": False, "positions": [{"symbol": "ABCD"}], "orders_working": 2}
FLAT = {"has_ended": False, "positions": [], "orders_working": 0}


class Run:
    """What a watchdog can see of a run."""

    def __init__(self, path: Path, holder: Holder | None = None) -> None:
        self.path, self._opened = path, ExitStack()
        self.journal = self._opened.enter_context(SqliteJournal.writing(path, holder=holder))
        self.desk = self._opened.enter_context(ControlFile.open(path))

    def shows(self, status: dict[str, Any]) -> None:
        self.desk.publish(1, lambda: status, at_once=True)

    def dies(self) -> None:
        self._opened.close()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    found = Run(tmp_path / "journal")
    yield found
    found.dies()


def a_dog(run: Run, **settings: float) -> Watchdog:
    return Watchdog(run.path, WatchdogSettings(**settings), who="watchdog of anna")


def verdicts(dog: Watchdog, seconds: int) -> list[Verdict]:
    return [dog.look(1.0, 77).verdict for _ in range(seconds)]


def test_a_run_that_shows_itself_lives_however_slow_it_is(run: Run) -> None:
    dog = a_dog(run)
    for _ in range(10):
        run.shows(EXPOSED)
        assert verdicts(dog, 30) == [Verdict.ALIVE] * 30
    assert read_latch(run.path) is None


def test_a_silent_run_is_latched_with_who_when_and_why(run: Run) -> None:
    run.shows(FLAT)
    dog = a_dog(run)

    found = verdicts(dog, 31)

    assert found == [Verdict.ALIVE] * 30 + [Verdict.STALLED]
    latch = read_latch(run.path)
    assert latch is not None
    assert (latch.trigger, latch.who, latch.set_ns) == (Trigger.LOOP_STALLED, "watchdog of anna", 77)
    assert latch.why == f"{this_holder(run)} showed no sign of life for 30 s; the bound is 30 s"


def this_holder(run: Run) -> str:
    found = run.journal.connection.execute("SELECT process_id, host, taken_ns FROM lease").fetchone()
    return str(Holder(*found))


def test_what_the_watchdog_slept_through_itself_is_no_silence_of_the_run(run: Run) -> None:
    dog = a_dog(run)
    verdicts(dog, 1)

    assert dog.look(3_600.0, 77).verdict is Verdict.ALIVE


def test_a_run_that_wakes_up_lives_again_and_keeps_its_latch(run: Run) -> None:
    dog = a_dog(run)
    verdicts(dog, 40)
    latch = read_latch(run.path)

    run.shows(FLAT)

    assert verdicts(dog, 1) == [Verdict.ALIVE]
    assert read_latch(run.path) == latch is not None


def test_a_run_whose_desk_it_holds_locked_is_latched_all_the_same(run: Run) -> None:
    run.shows(FLAT)
    hung = sqlite3.connect(run.desk.path, isolation_level=None)
    hung.execute("BEGIN IMMEDIATE")
    run.journal.connection.execute("BEGIN IMMEDIATE")

    assert verdicts(a_dog(run, stalled_after_s=4), 6)[-1] is Verdict.STALLED
    assert read_latch(run.path) is not None
    hung.close()
    run.journal.connection.execute("ROLLBACK")


def test_a_run_whose_lock_was_removed_is_watched_by_its_signs_and_never_killed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda process, _: killed.append(process))
    dog = a_dog(run, stalled_after_s=5, kill_after_s=2)
    Path(f"{run.path}.writer").unlink()
    for number in range(20):
        run.shows({"has_ended": False, "positions": [], "orders_working": number})
        assert verdicts(dog, 1) == [Verdict.ALIVE]

    sights = [dog.look(1.0, 77) for _ in range(10)]

    assert [sight.verdict for sight in sights] == [Verdict.ALIVE] * 4 + [Verdict.STALLED] * 6
    assert "no sign of life" in sights[-1].text and "was removed" in sights[-1].text
    assert killed == []
    run.shows({"has_ended": True, "positions": [], "orders_working": 0})
    assert verdicts(dog, 1) == [Verdict.ENDED]


def test_a_run_that_ended_in_order_is_not_latched(run: Run) -> None:
    run.shows({**EXPOSED, "has_ended": True})
    run.dies()

    assert a_dog(run).look(1.0, 77).verdict is Verdict.ENDED
    assert read_latch(run.path) is None


def test_a_run_that_died_with_anything_open_is_latched_for_its_next_start(run: Run) -> None:
    run.shows(EXPOSED)
    run.dies()

    sight = a_dog(run).look(1.0, 77)

    assert sight.verdict is Verdict.DIED
    assert "1 positions and 2 orders that work" in sight.text
    latch = read_latch(run.path)
    assert latch is not None and "is gone without an end in order" in latch.why


def test_a_run_that_died_flat_is_told_and_not_latched(run: Run) -> None:
    run.shows(FLAT)
    run.dies()

    sight = a_dog(run).look(1.0, 77)

    assert (sight.verdict, "Nothing was held" in sight.text) == (Verdict.DIED, True)
    assert read_latch(run.path) is None


def test_a_new_process_over_the_journal_is_a_sign_of_life(run: Run) -> None:
    run.shows({**FLAT, "has_ended": True})
    dog = a_dog(run)
    verdicts(dog, 25)
    run.dies()
    again = Run(run.path)

    assert verdicts(dog, 25) == [Verdict.ALIVE] * 25
    again.dies()


def test_the_process_is_ended_after_the_grace_and_no_earlier(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda number, how: killed.append((number, how)))
    dog = a_dog(run, stalled_after_s=10, kill_after_s=5)

    verdicts(dog, 15)
    assert killed == []
    verdicts(dog, 1)

    assert killed == [(os.getpid(), signal.SIGKILL)]


def test_a_process_of_another_computer_is_never_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda number, how: pytest.fail("a process of ours has that number"))
    run = Run(tmp_path / "journal", Holder(os.getpid(), f"not-{this_process().host}", 1))
    dog = a_dog(run, stalled_after_s=10, kill_after_s=5)

    verdicts(dog, 16)

    assert "not a process of this computer" in dog.look(1.0, 77).text
    run.dies()


@pytest.mark.parametrize("given", [{"stalled_after_s": 1.0}, {"stalled_after_s": float("nan")}, {"kill_after_s": 0.0}])
def test_bounds_that_make_no_sense_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="The watchdog was asked"):
        WatchdogSettings(**given)


def test_looking_disturbs_no_run(run: Run) -> None:
    dog = a_dog(run)
    for number in range(20):
        dog.look(1.0, 77)
        run.journal.append(OrderAccepted(number + 1, f"{number}"))
        run.journal.commit()
        run.shows(FLAT)
