"""The main job on real bars: 199 symbols, 44 sessions of minutes, from file to ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from shared import shared_path


def tapeline(*words: str, folder: Path) -> str:
    """Run the command line in a folder and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tapeline.cli", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_trades_the_whole_pack_and_its_journal_is_sound(tmp_path: Path) -> None:
    """All symbols and sessions; the journal verifies, and an order of it is explained without the data."""
    pack = shared_path("data/minute_us_2018.parquet")

    said = tapeline("demo", "--data", str(pack), folder=tmp_path)
    verified = tapeline("journal", "verify", folder=tmp_path)
    result = json.loads((tmp_path / "tapeline-work" / "run-0001" / "result.json").read_text())
    order_id = result["round_trips"][0]["entry_order"]
    why = tapeline("why", order_id, folder=tmp_path)

    # the pack's README: 199 symbols, 3,355,295 rows
    assert "3,355,295 1min bars of 199 symbols" in said
    assert "17,160 slices" in said
    assert "unbroken" in verified
    assert len(result["equity"]["time"]) == 44
    assert len(result["round_trips"]) > 100
    assert f"Why {order_id}" in why
    assert "What the journal cannot show" in why
