"""Every promise of docs/promises.md names tests that exist, and a planted fault."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from house.paths import ROOT

TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[[^\]]*\])?`")


def rows() -> list[list[str]]:
    """Return the cells of the table's rows, without its head."""
    lines = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0] != "promise" and not set(row[0]) <= {"-", ":"}]


def names_in(path: Path) -> set[str]:
    """Return the names of the test functions of a file, those in classes included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_promises() -> None:
    assert len(rows()) >= 5


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:60])
def test_a_promise_names_its_test_and_a_planted_fault(row: list[str]) -> None:
    assert len(row) == 3, f"promise, test, planted fault: {row}"
    promise, test, fault = row
    assert promise
    assert fault
    named = TEST_NAME.findall(test)
    assert named, f"{test} names no test in the form `tests/file.py::test_name`"

    for file, name in named + TEST_NAME.findall(fault):
        assert (ROOT / file).exists(), f"{file} does not exist"
        assert name in names_in(ROOT / file), f"{file} has no {name}"
