"""Questions to the venue: asked until they are answered, each time under a new number.

A question without an answer is asked again after a time that doubles, lengthened at random by up to the jitter. An
answer counts only if it bears the number under which the question was asked last: what a question of before is
answered with may be older than what we know by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tapeline.domain.reports import Query, Question
from tapeline.domain.times import SECOND
from tapeline.execution.settings import KeeperSettings
from tapeline.execution.timers import Timers

Subject = tuple[Question, str]
"""What is asked, and about which order; about the account, an empty name."""

_DOUBLINGS_MAX = 20


@dataclass(slots=True)
class Asked:
    """A question that has no answer yet.

    query : the one under way, None while it waits to be asked
    asked_ns : when that was
    tries : how often it was asked in vain
    """

    since_ns: int | None
    query: Query | None = None
    asked_ns: int = 0
    tries: int = 0


class Questions:
    """All questions without an answer.

    first_id : of the first query; that of the start's time in nanoseconds is not used by an earlier process
    """

    def __init__(self, settings: KeeperSettings, random: Random, first_id: int) -> None:
        self._settings, self._random = settings, random
        self._next_id = first_id
        self._open: dict[Subject, Asked] = {}
        self._timers: Timers[Subject] = Timers()
        self._leaving: list[Query] = []
        self._is_linked = True

    def __contains__(self, subject: Subject) -> bool:
        return subject in self._open

    @property
    def next_time_ns(self) -> int | None:
        """When a question is due to be asked, or asked again; None while there is no link."""
        return self._timers.next_ns if self._is_linked else None

    def ask(self, subject: Subject, now_ns: int, since_ns: int | None = None) -> None:
        """Ask at once; a question that is under way gets a new number, and looks back as far as the further of both."""
        asked = self._open.setdefault(subject, Asked(since_ns))
        if since_ns is not None and asked.since_ns is not None:
            asked.since_ns = min(asked.since_ns, since_ns)
        self._send(subject, asked, now_ns)

    def ask_again(self, subject: Subject, now_ns: int, not_after_ns: int | None = None) -> None:
        """Ask later, each time after a longer while; once at `not_after_ns` if that comes before."""
        asked = self._open.setdefault(subject, Asked(None))
        asked.query = None
        asked.tries += 1
        due_ns = now_ns + self._wait_ns(asked.tries)
        if not_after_ns is not None and now_ns < not_after_ns:
            due_ns = min(due_ns, not_after_ns)
        self._timers.set(subject, due_ns)

    def drop(self, subject: Subject) -> None:
        """Want no answer any more."""
        if self._open.pop(subject, None) is not None:
            self._timers.drop(subject)

    def answered(self, subject: Subject, query_id: int) -> Asked | None:
        """Close a question and return it, or None if this is not the answer to what was asked last."""
        asked = self._open.get(subject)
        if asked is None or asked.query is None or asked.query.query_id != query_id:
            return None
        self.drop(subject)
        return asked

    def apart_ns(self, subject: Subject, query_id: int, answered_ns: int, now_ns: int) -> int:
        """Return by how much the venue's time of an answer lies outside of the time between question and answer.

        Negative where it lies before: our clock is ahead by as much at least. 0 for what was not asked last.
        """
        asked = self._open.get(subject)
        if asked is None or asked.query is None or asked.query.query_id != query_id:
            return 0
        return answered_ns - min(max(answered_ns, asked.asked_ns), now_ns)

    def reopen(self, subject: Subject, asked: Asked) -> None:
        """Take up a question again whose answer was of no use, with the number of its tries."""
        self._open[subject] = asked

    def link_lost(self) -> None:
        """Nothing can be asked: answers to what is under way will not come, and would be too old."""
        self._is_linked = False
        self._leaving.clear()
        for asked in self._open.values():
            asked.query = None

    def link_restored(self, now_ns: int) -> None:
        """Ask everything that is open anew."""
        self._is_linked = True
        for subject, asked in self._open.items():
            asked.tries = 0
            self._send(subject, asked, now_ns)

    def on_time(self, now_ns: int) -> None:
        """Ask what is due."""
        if self._is_linked:
            for subject in self._timers.take(now_ns):
                asked = self._open[subject]
                if asked.query is not None:
                    asked.tries += 1
                self._send(subject, asked, now_ns)

    def leaving(self) -> list[Query]:
        """Return what is to be sent, once."""
        queries, self._leaving = self._leaving, []
        return queries

    def _send(self, subject: Subject, asked: Asked, now_ns: int) -> None:
        if not self._is_linked:
            return
        question, name = subject
        if asked.query is not None:
            # what has not left yet need not leave: nobody waits for its answer any more
            self._leaving = [query for query in self._leaving if query.query_id != asked.query.query_id]
        asked.query = Query(self._next_id, question, name or None, asked.since_ns)
        asked.asked_ns = now_ns
        self._next_id += 1
        self._leaving.append(asked.query)
        self._timers.set(subject, now_ns + self._wait_ns(asked.tries))

    def _wait_ns(self, tries: int) -> int:
        settings = self._settings
        wait_s = min(settings.query_timeout_s * 2 ** min(tries, _DOUBLINGS_MAX), settings.query_timeout_s_max)
        return int(wait_s * (1 + settings.jitter * self._random.random()) * SECOND)
