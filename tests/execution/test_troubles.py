"""All interleavings: fill, partial fill, replace, cancel, disconnect, duplicate, reorder, loss and stop."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from execution.machine import Troubles

SEARCH = settings(stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


def test_after_any_course_of_troubles_and_a_quiet_time_both_books_say_the_same() -> None:
    run_state_machine_as_test(Troubles, settings=SEARCH)
