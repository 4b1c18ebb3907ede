"""What holds for every test: repeatable randomness, no colours, kernels compiled before the workers start.

Code of ours that asks the computer for time, chance or a connection outside its port fails the test (`ambient.py`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

import ambient

ambient.install()

# A failure in CI must be the same on the next run; at the desk fresh examples are worth more.
settings.register_profile("desk", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# Under `make mutants` one failure is enough, however long its example.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, max_examples=40, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
)  # fmt: skip
IS_MUTATED = "MUTANT_UNDER_TEST" in os.environ
settings.load_profile("mutants" if IS_MUTATED else "ci" if os.environ.get("CI") else "desk")


@pytest.fixture(autouse=True)
def _repeatable_randomness() -> None:
    random.seed(20180216)
    np.random.seed(20180216)


@pytest.fixture(autouse=True)
def _nothing_ambient() -> Iterator[None]:
    ambient.found.clear()
    yield
    assert not ambient.found, ambient.found[0]


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Let a mutant meet the quick tests first: the first that fails is the last that runs."""
    if IS_MUTATED:
        items.sort(key=lambda item: is_hypothesis_test(item.obj))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels once, with a progress line, before several workers would each do it."""
    is_worker = hasattr(session.config, "workerinput")
    if is_worker or not getattr(session.config.option, "numprocesses", None):
        return
    from tapeline.app.precompile import Step, ensure_kernels

    reporter = session.config.pluginmanager.get_plugin("terminalreporter")

    def show(step: Step) -> None:
        if step.done in (0, step.total):
            reporter.write_line(step.sentence)

    ensure_kernels(show)
