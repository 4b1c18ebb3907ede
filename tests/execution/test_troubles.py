"""All interleavings: fill, partial fill, replace, cancel, disconnect, duplicate, reorder, loss and stop."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from execution.machine import Troubles

TestTroubles = Troubles.TestCase
TestTroubles.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
