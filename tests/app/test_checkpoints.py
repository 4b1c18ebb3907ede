"""A paper run that keeps checkpoints goes on from them as it would have gone on through its whole journal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.test_restart import (
    DAYS,
    IN_PARTS,
    LATE,
    SETTINGS,
    SPLITS,
    Eager,
    Killed,
    Remembers,
    Trails,
    books,
    executions,
    killing,
    trade,
    what_counts,
)
from tapeline import Account
from tapeline.app import paper

EACH = {"checkpoint_facts": 1}
NONE = {"checkpoint_facts": 10**9}
CASH = replace(SETTINGS, account=Account())


class Read:
    """Where the runs of a test began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: list[int] = []
        read = paper.read_checkpoint

        def counted(*arguments: Any) -> Any:
            kept = read(*arguments)
            self.counts.append(0 if kept is None else kept.count)
            return kept

        monkeypatch.setattr(paper, "read_checkpoint", counted)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    return Read(monkeypatch)


@pytest.mark.parametrize(
    ("chosen", "strategies"),
    [
        (SETTINGS, (Eager, Remembers)),
        (IN_PARTS, (Eager, Remembers)),
        (LATE, (Trails, Eager)),
        (CASH, (Remembers, Trails)),
    ],
    ids=["whole orders", "worked in parts", "replaces in line", "settled cash"],
)
def test_killed_again_and_again_it_trades_what_it_would_have_traded(
    folder: Path, read: Read, chosen: Any, strategies: Any
) -> None:
    options: dict[str, Any] = {"settings": chosen, "strategies": strategies, "corporate_actions": SPLITS, **EACH}
    trade(folder / "whole", DAYS, **options)
    assert not read.counts
    path = folder / "killed"
    at = [63, 130, 40, 200, 31, 77]  # the first session is over after 60 turns, the second after 450

    for start in range(len(at) + 1):
        try:
            trade(path, DAYS, resume=start > 0, on_turn=killing(at[start : start + 1]), **options)
        except Killed:
            continue
        break

    assert executions(path) == executions(folder / "whole") and len(executions(path)) > 100
    assert what_counts(books(path)) == what_counts(books(folder / "whole"))
    assert len(set(read.counts)) > 2
