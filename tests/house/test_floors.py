"""Imports point down: the contracts in pyproject.toml hold, and a planted arrow up is caught."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.paths import PACKAGE, ROOT


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of this repository against the package in a folder."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            code,
            "--no-cache",
            "--no-logo",
            "--config",
            str(ROOT / "pyproject.toml"),
        ],
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package."""
    shutil.copytree(PACKAGE, tmp_path / "tapeline", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_contract_holds() -> None:
    done = lint_imports(PACKAGE.parent)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("domain/money.py", "import tapeline.simulation", "Imports point down"),
        ("simulation/planted.py", "import tapeline.formula", "Imports point down"),
        ("brokers/planted.py", "import tapeline.store", "Imports point down"),
        ("indicators/planted.py", "import tapeline.domain.words", "Imports point down"),
        ("engine/planted.py", "import tapeline.app", "Imports point down"),
        ("new_floor/__init__.py", "", "Imports point down"),
        ("domain/planted.py", "import sqlite3", "The lower floors do no input or output"),
        ("engine/planted.py", "import rich", "Presentation stays up"),
    ],
)
def test_a_planted_arrow_up_is_caught(copy: Path, file: str, line: str, contract: str) -> None:
    path = copy / "tapeline" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")

    done = lint_imports(copy)

    broken = [row for row in done.stdout.splitlines() if row.endswith("BROKEN")]
    assert done.returncode != 0
    assert any(contract in row for row in broken) or contract in done.stdout.split("Could not run")[-1], done.stdout


def through_the_face(source: str) -> list[str]:
    """Return what a source imports from the package's face, its version aside."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in nodes if node.module == "tapeline" for alias in node.names]
    return [name for name in names if name != "__version__"]


def test_inside_the_package_names_are_imported_from_the_file_that_defines_them() -> None:
    """The face is for users; going through it makes circles of imports."""
    found = {str(path): through_the_face(path.read_text()) for path in PACKAGE.rglob("*.py")}

    assert {path: names for path, names in found.items() if names} == {}
    assert through_the_face("def f():\n    from tapeline import __version__, ema\n") == ["ema"]
