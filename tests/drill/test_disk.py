"""The disk of the drill: what a commit leaves behind at each of its steps, and what the next process finds."""

from __future__ import annotations

from typing import Any

import pytest

from tapeline.domain.errors import StorageError
from tapeline.drill.disk import Disk, ProcessKilled
from tapeline.drill.faults import Fault, Tally, Weather
from tapeline.ledger.order_facts import OrderAccepted

FACTS = [OrderAccepted(number, f"order{number}") for number in range(1, 5)]


class DiskAtWork:
    """A disk with one committed record, a second one waiting, and a fault that strikes from then on."""

    def __init__(self, fault: Fault) -> None:
        self.weather = Weather(1, Tally())
        self.durable: list[Any] = []
        self.disk = Disk(self.weather, self.durable.extend)
        self.journal = self.disk.open()
        self.journal.append(FACTS[0])
        self.journal.commit()
        for fact in FACTS[1:]:
            self.journal.append(fact)
        self.weather.begin(fault, 1.0)

    def after_restart(self) -> int:
        """Return how many records the next process finds; it reads every one of them."""
        self.weather.end(*next((fault, 1.0) for fault in Fault if fault in self.weather.tally.injected))
        journal = self.disk.open()
        assert [record.fact for record in journal.read()] == FACTS[: journal.head().count]
        return journal.head().count


@pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.DISK_LOCKED])
def test_a_commit_that_is_refused_can_be_repeated(fault: Fault) -> None:
    work = DiskAtWork(fault)

    with pytest.raises(StorageError):
        work.journal.commit()
    refused = len(work.durable)
    work.weather.end(fault, 1.0)
    work.journal.commit()

    assert refused == 1
    assert [row[0] for row in work.durable] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("fault", "found"),
    [(Fault.CRASH_BEFORE_COMMIT, 1), (Fault.CRASH_IN_COMMIT, 1), (Fault.CRASH_AFTER_COMMIT, 4)],
)
def test_a_killed_process_leaves_whole_batches(fault: Fault, found: int) -> None:
    work = DiskAtWork(fault)

    with pytest.raises(ProcessKilled):
        work.journal.commit()

    assert work.after_restart() == found
    assert len(work.durable) == found


def test_nothing_catches_the_end_of_a_process() -> None:
    assert not issubclass(ProcessKilled, Exception)


def test_a_disk_that_is_full_refuses_each_step_of_a_commit_and_keeps_nothing_of_it() -> None:
    work = DiskAtWork(Fault.DISK_FULL)
    steps = set()
    for _ in range(40):
        connection = work.journal.connection
        with pytest.raises(StorageError):
            work.journal.commit()
        steps.add((connection._rows != [], work.disk.file.total_changes))  # type: ignore[attr-defined]  # the drill's own connection
        assert work.disk.file.execute("SELECT count(*) FROM facts").fetchone() == (1,)
        assert len(work.durable) == 1

    assert len(steps) > 3, "refused before anything was written, after some rows, and with all of them"
    work.weather.end(Fault.DISK_FULL, 1.0)
    work.journal.commit()
    assert [row[0] for row in work.durable] == [1, 2, 3, 4]
