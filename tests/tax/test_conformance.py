"""Every shared conformance case of gains and of forms is met, as the check script counts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared import shared_path

ADAPTER = Path(__file__).resolve().parents[1] / "conformance" / "tax_adapter.py"


@pytest.mark.parametrize("name", ["cases.json", "forms_cases.json"], ids=["gains", "forms"])
def test_every_shared_case_is_met(name: str) -> None:
    check, cases = shared_path("tax/check.py"), shared_path(f"tax/{name}")

    done = subprocess.run(
        [sys.executable, str(check), "--adapter", str(ADAPTER), "--cases", str(cases)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 failed")
