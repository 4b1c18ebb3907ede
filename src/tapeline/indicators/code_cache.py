"""Where machine code is kept, and which sources it comes from. Knows nothing of the compiler.

Numba's own disk cache notices a change only in the file of the function itself, not in the functions it
calls nor in the constants it uses. So the folder is named after a digest of every source that can end up in
machine code: the files with compiled functions and, transitively, the files of the package that these
import. A change in any of them starts afresh; nothing stale is ever run, and a change elsewhere costs no
compilation.

Loading machine code is running it. So a folder is used only if it belongs to the user and nobody else can
write to it; in a shared temporary folder, anybody could have made it beforehand.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
COMPILED_FOLDERS = ("indicators", "simulation", "formula")
DECORATOR_IMPORT = re.compile(r"^from tapeline\.indicators\.compiled import .*\b(compiled|warmer)\b", re.M)
PACKAGE_IMPORT = re.compile(r"^\s*from tapeline((?:\.\w+)*) import (?:\(([^)]*)\)|([^\n]*))", re.MULTILINE)


@dataclass(frozen=True)
class CodeCache:
    """The folder for this version's machine code.

    folder : None where no safe folder can be written; code then lives only as long as the process
    remark : a sentence where it is not the usual folder, else empty
    """

    folder: Path | None
    remark: str = ""


@cache
def kernel_modules() -> tuple[str, ...]:
    """Return the names of the modules that define compiled functions."""
    return tuple(sorted(_module_name(path) for path, text in _candidate_sources() if DECORATOR_IMPORT.search(text)))


@cache
def kernel_sources() -> tuple[Path, ...]:
    """Return the files whose text can end up in machine code, sorted."""
    texts = dict(_candidate_sources())
    open_paths = [path for path, text in texts.items() if DECORATOR_IMPORT.search(text)]
    found = set(open_paths)
    while open_paths:
        path = open_paths.pop()
        text = texts.get(path) or path.read_text(encoding="utf-8")
        new = {imported for imported in _imported_files(text) if imported not in found}
        found |= new
        open_paths += new
    return tuple(sorted(found))


@cache
def source_digest() -> str:
    """Return a digest of all sources that can end up in machine code."""
    digest = hashlib.sha256()
    for path in kernel_sources():
        digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def code_cache() -> CodeCache:
    """Return the folder for machine code: TAPELINE_CACHE, else the user's cache, else a temporary one."""
    named = os.environ.get("TAPELINE_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(named) if named else _home() / ".cache"
    below = Path("tapeline") / "kernels" / source_digest()
    if root.is_absolute() and _is_ours(root / below):
        return CodeCache(root / below)
    other = Path(tempfile.gettempdir()) / f"tapeline-{os.getuid()}"
    why = f"Compiled code cannot be kept in {root}: no place that only you can write to."
    if _is_ours(other) and _is_ours(other / below):
        return CodeCache(other / below, f"{why} It is kept in {other}. To choose, set TAPELINE_CACHE.")
    return CodeCache(None, f"{why} Every start compiles anew, until TAPELINE_CACHE names a folder of yours.")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # neither HOME nor an entry among the users
        return Path("~")


def _is_ours(folder: Path) -> bool:
    """Make a folder if need be; say whether it can be written, by us alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
        found = folder.lstat()
    except OSError:
        return False
    open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not open_to_others


def _candidate_sources() -> list[tuple[Path, str]]:
    paths = (path for folder in COMPILED_FOLDERS for path in (PACKAGE / folder).glob("*.py"))
    return [(path, path.read_text(encoding="utf-8")) for path in paths]


def _imported_files(text: str) -> list[Path]:
    """Return the files of the package that a source imports, the packages' own faces included."""
    files = []
    for dotted, in_parentheses, on_line in PACKAGE_IMPORT.findall(text):
        stem = PACKAGE.joinpath(*dotted.split(".")[1:])
        names = re.findall(r"\w+", in_parentheses or on_line)
        files += [stem.with_suffix(".py"), stem / "__init__.py", *(stem / f"{name}.py" for name in names)]
    return [path for path in files if path.is_file()]


def _module_name(path: Path) -> str:
    return ".".join(("tapeline", *path.relative_to(PACKAGE).with_suffix("").parts))
