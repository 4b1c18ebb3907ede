"""docs/tax-rules.md names a test for every rule, and every policy has a row there."""

from __future__ import annotations

import ast
import re
from dataclasses import fields

from house.paths import ROOT
from tapeline.tax.policies import Policies

TABLE = (ROOT / "docs" / "tax-rules.md").read_text(encoding="utf-8")
RULES = {
    *(f"L{number}" for number in range(1, 13)),
    *(f"H{number}" for number in range(1, 7)),
    *(f"W{number}" for number in range(1, 20)),
    *(f"S{number}" for number in range(1, 9)),
    *(f"I{number}" for number in range(1, 9)),
    *(f"R{number}" for number in range(1, 7)),
    "M1",
    "M2",
}


def test_every_named_test_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE)
    assert len(named) > 80

    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


def test_every_rule_and_every_policy_has_a_row() -> None:
    first_cells = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("| ")]

    assert RULES - set(re.findall(r"\b[LHWSIMR]\d+\b", " ".join(first_cells))) == set()
    for policy in fields(Policies):
        # the declared groups are rule W15
        assert policy.name == "identical_groups" or any(f"`{policy.name}`" in cell for cell in first_cells), policy.name
