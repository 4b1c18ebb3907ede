"""One decorator for everything compiled, and one place for the machine code.

`compiled(signature)` marks a function for Numba without compiling it: that happens at the first call, or
ahead of time, in parallel processes (`app/precompile.py`). Either way the machine code is kept on the disk
(`code_cache`) and read from there by later processes.

Ahead of time means: before the first backtest, with a progress line. What is compiled then is

- each function with a signature, for exactly that signature. A call with other types (a read-only array,
  another layout, an int where a float was announced) compiles a second version in the middle of somebody's
  run;
- what each function marked `@warmer` calls. A warmer is for types that no text can say, such as named
  tuples of arrays: a plain function without arguments that calls the kernel once, on the smallest valid
  input.

Functions that only compiled functions call become part of those (`inner`). One that Python calls and that
has no signature says `entry=True`; it needs a warmer to be compiled ahead.

Kernels never use fast-math: results must not depend on how the compiler groups operations.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config
from numba.core.caching import IndexDataCacheFile
from numba.core.sigutils import normalize_signature

from tapeline.indicators.code_cache import CodeCache, code_cache
from tapeline.indicators.inner import inner

Function = TypeVar("Function", bound=Callable[..., Any])

registry: dict[str, tuple[Any, Any]] = {}
warmers: dict[str, Callable[[], object]] = {}


def compiled(signature: Any = "", *, entry: bool = False, **options: Any) -> Callable[[Function], Function]:
    """Mark a function as compiled.

    signature : Numba's text form, e.g. "void(float64[:, ::1], int64)", or a Numba signature; compiled ahead
        of time when given
    entry : for a function without a signature that Python calls; without either, only compiled functions do
    """

    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "forceinline": False, **options}

    def mark(function: Function) -> Function:
        if config.DISABLE_JIT:
            return function
        if not (signature or entry):
            return inner(function, options, lambda: _entry(function, options))  # type: ignore[no-any-return]
        dispatcher = _entry(function, options)
        if signature:
            registry[_name(function)] = (dispatcher, signature)
        return dispatcher  # type: ignore[no-any-return]

    return mark


@cache
def address_of_code(kernel: Any) -> int:
    """Return where the machine code of a kernel with a signature begins; it is compiled, or read, if need be."""
    arguments, _ = normalize_signature(registry[_name(kernel.py_func)][1])
    kernel.compile(arguments)  # under the text itself it would be compiled once more, beside what was compiled ahead
    made = kernel.overloads[tuple(arguments)]
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


def warmer(function: Function) -> Function:
    """Mark a function whose call compiles kernels that have no signature. See the head of this file."""
    warmers[_name(function)] = function
    return function


class SharedCacheFile(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's file of one function's machine code, safe with many writers, torn files and a full disk.

    Two processes that save two signatures of one function at once choose the same file name; the index of one
    then points at the code of the other, which a third process would run. Hence a lock. Everything else that
    goes wrong with the files means only that code is compiled again.
    """

    def save(self, key: Any, data: Any) -> None:
        try:
            with (Path(self._cache_path) / ".lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._index_is_torn():
                    self.flush()
                super().save(key, data)
        except OSError:
            return

    def load(self, key: Any) -> Any:
        try:
            return super().load(key)
        except Exception:  # unpickling a torn file can raise anything
            return None

    def _index_is_torn(self) -> bool:
        try:
            self._load_index()
        except Exception:  # as above
            return True
        return False


def _entry(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    with _kept_in(code_cache()) as keeps:
        dispatcher = numba.njit(cache=keeps, **options)(function)
    if keeps:
        dispatcher._cache._cache_file.__class__ = SharedCacheFile
    return dispatcher


@contextmanager
def _kept_in(place: CodeCache) -> Iterator[bool]:
    """Let functions marked in the body keep their code in our folder, without moving anybody else's."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(place.folder or before)
    try:
        yield place.folder is not None
    finally:
        config.CACHE_DIR = before


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
