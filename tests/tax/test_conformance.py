"""Every shared conformance case of gains is met, as the check script counts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared import shared_path

ADAPTER = Path(__file__).resolve().parents[1] / "conformance" / "tax_adapter.py"


def test_every_shared_case_of_gains_is_met() -> None:
    check, cases = shared_path("tax/check.py"), shared_path("tax/cases.json")

    done = subprocess.run(
        [sys.executable, str(check), "--adapter", str(ADAPTER), "--cases", str(cases)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 failed")
