"""The shared conformance cases of the rules for fills, and the slow reference against the same cases."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import pytest

from conformance import fills_adapter
from shared import shared_path
from simulation import reference_market

Simulate = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize("simulate", [fills_adapter.simulate, reference_market.simulate], ids=["kernel", "reference"])
def test_every_shared_case_is_met(simulate: Simulate) -> None:
    cases = json.loads(shared_path("fills/cases.json").read_text())["cases"]
    spec = importlib.util.spec_from_file_location("fills_check", shared_path("fills/check.py"))
    assert spec is not None and spec.loader is not None
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)

    faults = {}
    for case in cases:
        question = {name: value for name, value in case.items() if name != "expect"}
        found = check.check(case, simulate(json.loads(json.dumps(question))))
        if found:
            faults[case["id"]] = found

    assert len(cases) >= 142
    assert faults == {}
