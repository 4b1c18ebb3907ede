"""The core is lean, the locks are complete, and no file names the place it was fetched from."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

from house.paths import PACKAGE, ROOT

LOCKS = ("core", "dev", "installer")
IMPORT_NAME_OF = {"exchange-calendars": "exchange_calendars", "fpdf2": "fpdf", "pyyaml": "yaml"}


def pins(lock: str) -> dict[str, str]:
    """Return package -> version of a lock."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def declared() -> set[str]:
    """Return the import names of the core dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[;]", entry)[0] for entry in project["dependencies"]}
    return {IMPORT_NAME_OF.get(name, name) for name in names}


def imported() -> set[str]:
    """Return the top-level names of everything the package imports from outside."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"tapeline"}


def test_the_core_is_exactly_what_is_imported() -> None:
    brought_along = {"llvmlite"}  # part of numba: the name of the processor

    assert imported() - brought_along == declared()


def test_every_pin_of_a_lock_has_hashes_and_no_address() -> None:
    for lock in LOCKS:
        text = (ROOT / "requirements" / f"{lock}.lock").read_text()
        entries = re.split(r"\n(?=\w)", text.strip())

        assert len(entries) == len(pins(lock)) > 0
        assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries), lock
        assert not re.search(r"https?:|file:|--index|--find-links|--extra-index", text), lock


def test_the_larger_lock_holds_the_smaller_one_unchanged() -> None:
    assert pins("core").items() <= pins("dev").items()


def test_every_declared_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    names = {re.split(r"[<>=\[;]", entry)[0].lower() for entry in wanted}

    assert names <= set(pins("dev"))


def test_importing_the_package_pulls_in_no_slow_library() -> None:
    """The first word of help must come in half a second."""
    slow = ("pandas", "numba", "exchange_calendars", "polars", "scipy", "sqlite3")
    code = f"import sys, tapeline; print([name for name in {slow!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
