"""The reference vectors of `shared/stats`, through the adapter and the check every implementation passes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared import shared_path

ADAPTER = Path(__file__).resolve().parent.parent / "conformance" / "stats_adapter.py"

# Vectors required below each prefix; a vector that vanishes from the pack must not pass unseen.
PREFIXES = {
    "bacon": 28,
    "daily": 28,
    "pub.bacon": 3,
    "pub.redrock": 2,
    "edge": 8,
    "lo2002": 2,
    "pub.psr": 4,
    "pub.mintrl": 6,
    "vol.": 8,
    "frac.w": 4,
    "frac.ffd": 2,
}


@pytest.mark.parametrize(("prefix", "count"), PREFIXES.items())
def test_every_vector_of_a_prefix_passes_the_check(prefix, count):
    check = shared_path("stats/check.py")

    done = subprocess.run(
        [sys.executable, check, "--adapter", ADAPTER, "--only", prefix], capture_output=True, text=True
    )

    assert done.stdout.splitlines()[-1] == f"{count} passed, 0 failed", done.stdout


def test_the_prefixes_cover_every_statistic_that_the_adapter_knows():
    vectors = json.loads(shared_path("stats/vectors.json").read_text())["vectors"]
    source = ADAPTER.read_text()

    outside = [
        item["id"]
        for item in vectors
        if f'"{item["statistic"]}": ' in source and not item["id"].startswith(tuple(PREFIXES))
    ]

    assert outside == []
