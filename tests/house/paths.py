"""Where the pieces of the house lie, and how to run them in a copy."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tapeline"


def load(path: Path, name: str) -> ModuleType:
    """Return a file as a module, also one without the ending .py."""
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def a_small_package(folder: Path, kernels: str) -> Path:
    """Lay out the real compiling machinery around one made-up file of kernels; return the source folder."""
    package = folder / "src" / "tapeline"
    for name in ("app", "domain", "indicators"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").touch()
    (package / "__init__.py").touch()
    for name in (
        "app/precompile.py",
        "app/compile_plan.py",
        "domain/errors.py",
        "indicators/compiled.py",
        "indicators/code_cache.py",
        "indicators/inner.py",
    ):
        shutil.copy(PACKAGE / name, package / name)
    (package / "app" / "warm.py").touch()
    (package / "indicators" / "tiny.py").write_text(kernels)
    return folder / "src"


def run_python(source: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code against a source folder; variables set to "" are removed, the tests' own cache folder too."""
    variables = {**os.environ, "TAPELINE_CACHE": "", "PYTHONPATH": str(source), **environment}
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={name: value for name, value in variables.items() if value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
