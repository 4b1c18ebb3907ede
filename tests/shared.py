"""Where the shared test data lies: outside the repository, read-only, never copied into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_REPOSITORY = Path(__file__).resolve().parents[1].parent / "shared"


def shared_path(name: str) -> Path:
    """Return the path of a shared file; skip the test where it is missing.

    The folder is TAPELINE_SHARED, else `shared` beside the repository. With TAPELINE_REQUIRE_SHARED=1 a
    missing file fails the test, so that a full run cannot pass by skipping.
    """
    folder = Path(os.environ.get("TAPELINE_SHARED") or _BESIDE_REPOSITORY)
    path = folder / name
    if not path.exists():
        sentence = f"Shared file {name} is not in {folder}. Set TAPELINE_SHARED to the folder that has it."
        if os.environ.get("TAPELINE_REQUIRE_SHARED") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return path
