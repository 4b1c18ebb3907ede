"""Executions as they are booked: each once, and those that were corrected or busted under their old names too."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from operator import itemgetter

from tapeline.domain.adopted import NOT_SHOWN, RESTATED, Grounds
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution

_time_of = itemgetter(0)


class ExecutionBook:
    """Every execution by its id.

    by_id : what is booked; None for one that stands no more, see `standing`
    renamed : the ids under which nothing stands any more by a conclusion of ours, not by the venue's word; what it
        lists so has the next name of `returned_name` here
    """

    def __init__(self) -> None:
        self.by_id: dict[str, Execution | None] = {}
        self.renamed: set[str] = set()
        self._successors: dict[str, str] = {}
        self._times: list[tuple[int, str]] = []

    def must_be_new(self, execution: Execution) -> None:
        """Raise InvariantError for an execution that was booked before."""
        if execution.execution_id in self.by_id:
            raise InvariantError(f"Execution {execution.execution_id} is booked a second time.")

    def add(self, execution: Execution) -> None:
        """Book an execution that is new."""
        self.by_id[execution.execution_id] = execution
        when = execution.event_time_ns, execution.execution_id
        if self._times and when < self._times[-1]:
            insort(self._times, when)
        else:
            self._times.append(when)

    def correct(self, before: Execution, after: Execution, grounds: Grounds) -> None:
        """Book what an execution was in truth. Raises InvariantError unless the one before stands so."""
        self.must_be_new(after)
        self._take_down(before)
        self.add(after)
        self._successors[before.execution_id] = after.execution_id
        if grounds == RESTATED:
            self.renamed.add(before.execution_id)

    def bust(self, execution: Execution, grounds: Grounds) -> None:
        """Take out an execution. Raises InvariantError unless it stands so."""
        self._take_down(execution)
        if grounds == NOT_SHOWN:
            self.renamed.add(execution.execution_id)

    def note_bust(self, execution: Execution) -> None:
        """Take in that an execution is void that was never booked."""
        self.must_be_new(execution)
        self.by_id[execution.execution_id] = None

    def is_void(self, execution_id: str) -> bool:
        """Return whether the venue has busted an execution, rather than corrected it or ceased to show it."""
        is_down = execution_id in self.by_id and self.by_id[execution_id] is None
        return is_down and execution_id not in self._successors and execution_id not in self.renamed

    def standing(self, execution_id: str) -> Execution | None:
        """Return how an execution that was reported under this id stands now; None if it was busted or never booked."""
        while execution_id in self._successors:
            execution_id = self._successors[execution_id]
        return self.by_id.get(execution_id)

    @property
    def newest_ns(self) -> int | None:
        """When the latest was executed, by the venue's clock; None before the first."""
        return self._times[-1][0] if self._times else None

    def between(self, first_ns: int, last_ns: int) -> Iterator[Execution]:
        """Yield the executions that stand of a stretch of time, both ends included, in order of their times."""
        begin = bisect_left(self._times, first_ns, key=_time_of)
        end = bisect_right(self._times, last_ns, key=_time_of)
        for _, execution_id in self._times[begin:end]:
            execution = self.by_id[execution_id]
            if execution is not None:
                yield execution

    def _take_down(self, execution: Execution) -> None:
        name = execution.execution_id
        booked = self.by_id.get(name)
        if booked != execution:
            never = "was corrected or busted before" if name in self.by_id else "was never booked"
            found = f"stands as {booked}" if booked is not None else never
            raise InvariantError(f"A correction or bust says that {execution} stands, but it {found}.")
        self.by_id[name] = None
