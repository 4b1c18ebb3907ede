"""One decorator for everything compiled, and one place for the machine code.

`compiled(signature)` marks a function for Numba without compiling it: the work is done at the first call,
or ahead of time by `registry`, in parallel processes, and is then read from the disk.

Numba's own disk cache notices a change only in the file of the function itself, not in the functions it calls.
So the cache folder is named after a digest of every compiled source of the package: any change starts afresh
and nothing stale is ever run.

Kernels never use fast-math: results must not depend on how the compiler groups operations.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

PACKAGE = Path(__file__).resolve().parent.parent
COMPILED_FOLDERS = ("indicators", "simulation", "formula")

Function = TypeVar("Function", bound=Callable[..., Any])

registry: dict[str, tuple[Any, str]] = {}


def source_digest() -> str:
    """Return a digest of all sources that can end up in machine code."""
    digest = hashlib.sha256()
    for folder in COMPILED_FOLDERS:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Return a writable folder for machine code: the user's cache, else a temporary one."""
    base = os.environ.get("TAPELINE_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    folder = root / "tapeline" / "kernels" / source_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"tapeline-kernels-{os.getuid()}" / source_digest()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

import numba  # noqa: E402  (the cache folder must be named before Numba reads its settings)


def compiled(signature: str = "", **options: Any) -> Callable[[Function], Function]:
    """Mark a function as compiled.

    signature : Numba's text form, e.g. "void(float64[:, ::1], int64)"; compiled ahead of time when given.
        Without one the function is only ever called by other compiled functions.
    """

    def mark(function: Function) -> Function:
        dispatcher = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        if signature:
            registry[f"{function.__module__}.{function.__qualname__}"] = (dispatcher, signature)
        return dispatcher  # type: ignore[no-any-return]

    return mark
