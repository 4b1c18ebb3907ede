"""Functions that are only called by other compiled functions: made up to the point of linking, no further.

What a compiled function calls becomes part of its own machine code. Numba nevertheless turns every called
function into machine code of its own as well, with all that it calls in turn, and wraps it for Python. In
the market kernel, a hundred functions deep, that was half of the compiling time, for code that nobody ran.

Here a function called from compiled code is typed, lowered and optimised, and then kept as intermediate
code to be linked into its callers. Called from Python, as tests like to do, it is compiled completely the
usual way.

This stands on Numba's inner workings, so its version is pinned by the lock and `tests/house/test_inner.py`
holds what is used of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class InnerLibrary(JITCodeLibrary):  # type: ignore[misc]  # Numba carries no types
    """Intermediate code that is linked into callers and never becomes machine code by itself."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class InnerCompiler(Compiler):  # type: ignore[misc]  # as above
    """Numba's compiler, ending in an InnerLibrary."""

    def define_pipelines(self) -> Any:
        self.state.flags.no_compile = True
        self.state.library = InnerLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        return super().define_pipelines()


def inner(function: Callable[..., Any], options: dict[str, Any], entry: Callable[[], Any]) -> Any:
    """Return a function for compiled code to call.

    entry : gives the complete function, for calls from Python; called when there is the first one
    """
    dispatcher = numba.njit(pipeline_class=InnerCompiler, no_cpython_wrapper=True, **options)(function)
    complete: list[Any] = []

    def add_overload(result: Any) -> None:
        # Numba finds a callee's code by its entry point; without machine code, any object of its own will do.
        key = object()
        dispatcher.targetctx.insert_user_function(key, result.fndesc, [result.library])
        dispatcher.overloads[tuple(result.signature.args)] = result._replace(entry_point=key)

    def function_for_python(*arguments: Any, **named: Any) -> Any:
        if not complete:
            complete.append(entry())
        return complete[0]

    dispatcher.add_overload = add_overload
    dispatcher._compile_for_args = function_for_python
    return dispatcher
