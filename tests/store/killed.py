"""A scenario, killed at every step by which it changes a file; what is left behind is judged after each.

    python -m store.killed SCENARIO kill|tear|full|full once|flush|flush once|power|"flush and kill" EVERY

It runs in a process of its own, without threads, so that each death is that of a fork. Prints as JSON how many steps
there were, their names, and a sentence for each step after which something was wrong. See `test_persistence_points.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from store.disk_steps import Steps
from tapeline.domain.control import Trigger
from tapeline.domain.errors import StorageError
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.ports.control import Latch
from tapeline.store.control_file import ControlFile
from tapeline.store.latch import read_latch
from tapeline.store.sqlite_file import lease_of
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

Say = Callable[[str], None]
BATCH, BATCHES = 3, 4
LATCH = Latch(Trigger.LOOP_STALLED, "watchdog", "no sign of life", 7)


@dataclass(frozen=True)
class Left:
    """What a process left: its folder, what it had said until then, and whether it ended by itself."""

    folder: Path
    said: list[str]
    has_ended: bool

    def times(self, word: str) -> int:
        return sum(line.split()[0] == word for line in self.said)


def keep_books(folder: Path, say: Say, steps: Steps) -> None:
    """Make a journal and its desk, fill both, log and database in turn, close them, and go on with a second lease."""
    path = folder / "journal"
    for opening in range(2):
        with SqliteJournal.writing(path) as journal, ControlFile.open(path) as desk:
            say("opened")
            journal.connection.execute("PRAGMA wal_autocheckpoint = 12")
            for batch in range(opening * BATCHES, (opening + 1) * BATCHES):
                for number in range(batch * BATCH, (batch + 1) * BATCH):
                    journal.append(OrderAccepted(number + 1, f"O-{number}", "x" * 900))
                patiently(journal.commit, say, steps)
                say("committed")
                patiently(lambda: desk.publish(1, dict, at_once=True), say, steps)
                if batch % 3 == 0:
                    patiently(lambda: desk.give("halt", who="anna", reason="news", now_ns=1), say, steps)
                    say("given")
                    for command in desk.commands():
                        say("taken")
                        desk.answer(command, "done", done=True)
                        say("answered")
            patiently(lambda: desk.set_latch(LATCH), say, steps)
            say("latched")
            if not opening:
                say("releasing")
                patiently(lambda: desk.release(LATCH), say, steps)
    say("closed")


def patiently(act: Callable[[], object], say: Say, steps: Steps) -> None:
    """Do something; what is refused for want of room is done again when there is some."""
    try:
        act()
    except StorageError as exc:
        say(f"refused {exc}")
        steps.end()
        act()


def go_on(folder: Path, say: Say, steps: Steps) -> None:
    """Go on where a process died whose flush was lost; as soon as a batch is committed the machine loses its power.

    Somebody reads meanwhile, so that the log is not begun anew.
    """
    steps.medium.load(Path(f"{folder}.kept"), folder)
    path, log = folder / "journal", folder / "journal-wal"
    reader = sqlite3.connect(path, isolation_level=None)
    if log.exists() and log.stat().st_size:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
    with SqliteJournal.writing(path) as journal:
        say("opened")
        count = journal.head().count
        for number in range(count, count + BATCH):
            journal.append(OrderAccepted(number + 1, f"O-{number}"))
        journal.commit()
        say("committed")
        steps.end_at_once()


def books_are_whole(left: Left) -> str:
    """Return what is wrong with what `keep_books` left, nothing for nothing."""
    path, committed = left.folder / "journal", left.times("committed")
    with SqliteJournal.writing(path) as journal:
        names = [record.fact.client_order_id for record in journal.read()]  # type: ignore[attr-defined]
        token = lease_of(path)
    # what was refused as it was flushed may be there all the same when the file is opened again
    in_doubt = 0 if left.has_ended and "I/O error" not in left.said[-1] else 1
    if names != [f"O-{number}" for number in range(len(names))] or len(names) % BATCH:
        return f"the journal has {len(names)} facts, which are no whole batches"
    if not committed * BATCH <= len(names) <= (committed + in_doubt) * BATCH:
        return f"{committed} batches were committed and {len(names)} facts are there"
    if not verify(path).is_sound:
        return str(verify(path).fault)
    if token is None or token.token <= left.times("opened"):
        return f"lease {token} was given twice"
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(1, "next"))
        journal.commit()
    if verify(path).head.count != len(names) + 1:
        return "it does not go on"
    with ControlFile.open(path) as desk:
        waiting = len(desk.commands())
        desk.give("pause", who="anna", reason="", now_ns=1)
    if not left.times("given") - left.times("taken") - in_doubt <= waiting <= 1:
        return f"{left.times('given')} commands were given, {left.times('taken')} taken, and {waiting} wait"
    if left.times("latched") > left.times("releasing") and read_latch(path) != LATCH:
        return "the latch is gone"
    if left.has_ended and "closed" not in left.said and not refused(left):
        return f"it gave up: {left.said[-1:]}"
    return ""


def refused(left: Left) -> bool:
    """Return whether the process ended with a sentence about the disk."""
    return left.said[-1].startswith("refused ") and any(
        word in left.said[-1] for word in ("full", "room", "disk", "kept")
    )


def run_in_child(
    scenario: Callable[[Path, Say, Steps], None], steps: Steps, folder: Path, at: int | None, how: str
) -> Left:
    """Run a scenario in a process of its own until it ends or is killed at a step."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:

            def say(line: str) -> None:
                os.write(writing, line.encode() + b"\n")

            steps.begin(at, how, lambda: steps.medium.lay(Path(f"{folder}.kept"), folder))
            scenario(folder, say, steps)
            count, names = steps.count, steps.names
            steps.end()
            say("steps " + json.dumps([count, names, steps.was_refused]))
            code = 0
        except StorageError as exc:
            steps.end()
            say(f"refused {exc}")
            code = 0 if steps.was_refused else 1
        except BaseException:
            steps.end()
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and os.waitstatus_to_exitcode(status) != 0:
        said.append("failed")
    return Left(folder, said, not killed)


def loses_power(left: Left) -> None:
    """Where a machine lost its power: let the folder have what the disk kept, and nothing that was on its way there."""
    kept = Path(f"{left.folder}.kept")
    if kept.exists():
        shutil.rmtree(left.folder)
        kept.rename(left.folder)


def every_step(
    scenario: Callable[[Path, Say, Steps], None], judge: Callable[[Left], str], how: str, every: int
) -> dict[str, object]:
    """Let a scenario die at each of its steps; return the steps' names and what was found wrong."""
    steps, memory = Steps(), Path("/dev/shm")
    home = str(memory) if memory.is_dir() else None
    with TemporaryDirectory(dir=home) as folder:
        scenario(Path(folder), lambda _: None, steps)  # what is loaded once need not be loaded in each child
    with TemporaryDirectory(dir=home) as folder:
        whole = run_in_child(scenario, steps, Path(folder), None, how)
        wrong = [f"unharmed: {found}"] if (found := judge(whole)) or "failed" in whole.said else []
    told = whole.said[-1]
    count, names, _ = json.loads(told.removeprefix("steps "))
    met = 0
    for at in range(1, count + 1, every):
        with TemporaryDirectory(dir=home) as folder:
            left = run_in_child(scenario, steps, Path(folder), at, how)
            if how == "flush and kill":
                left.said.extend(run_in_child(go_on, steps, Path(folder), None, "power").said)
            loses_power(left)
            met += not left.has_ended or not left.said[-1].endswith(" false]")
            found = judge(left)
            if found:
                wrong.append(f"step {at} of {count}, {names[at - 1]}: {found}; said last: {left.said[-1:]}")
    return {"count": count, "names": names, "met": met, "wrong": wrong}


if __name__ == "__main__":
    from store import killed_scenarios

    print(json.dumps(every_step(*killed_scenarios.SCENARIOS[sys.argv[1]], sys.argv[2], int(sys.argv[3]))))
