"""Find strategies: the shipped ones by name, a user's own by `file.py:ClassName`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.errors import InputError, InvariantError, UnknownNameError
from tapeline.strategies.base import RuleStrategy, Strategy
from tapeline.strategies.catalogue import SHIPPED
from tapeline.strategies.reversal import MomentumReversal

USER_MODULE = "tapeline_user_"

StrategyClass = type[RuleStrategy] | type[Strategy]


def find_strategy(text: str) -> StrategyClass:
    """Return the strategy class that a name or `file.py:ClassName` means.

    Raises UnknownNameError, naming the nearest, or InputError when the file cannot be used.
    """
    path_text, separator, class_name = text.rpartition(":")
    if separator and path_text.endswith(".py"):
        return _from_file(Path(path_text), class_name)
    if text.endswith(".py"):
        return _from_file(Path(text), "")
    if text not in SHIPPED:
        raise UnknownNameError("strategy", text, SHIPPED)
    return SHIPPED[text]


def make_strategies(
    names: Sequence[str], assignments: Sequence[str] = (), frame: str = "", screener: ScreenerSettings | None = None
) -> list[RuleStrategy | Strategy]:
    """Return strategies with their parameters, each given as `name=number` and going to all that declare it.

    frame : frame of those that have none of their own; screener : the settings of those that trade the screener's rules
    Raises InputError or UnknownNameError for what none of them takes.
    """
    values: dict[str, float] = {}
    for assignment in assignments:
        name, separator, number = assignment.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            separator = ""
        if not separator:
            raise InputError(f"Parameter {assignment!r} is no assignment of a number. Write it like fast=10.")
    classes = [find_strategy(name) for name in names]
    declared = {name for found in classes for name in found.declared_parameters()}
    for name in values:
        if name not in declared:
            raise UnknownNameError("parameter", name, declared, where=", ".join(names))
    if screener is not None and not any(issubclass(found, MomentumReversal) for found in classes):
        raise InputError(
            f"The screener's settings are for strategies that trade its rules, and {', '.join(names)} does not."
            " Leave --settings, --profile, --vix and --filters out, or name momentum-reversal."
        )
    made: list[RuleStrategy | Strategy] = []
    for found in classes:
        own = {name: value for name, value in values.items() if name in found.declared_parameters()}
        chosen = None if found.frame or not frame else frame
        if screener is not None and issubclass(found, MomentumReversal):
            made.append(found(screener.screen, screener.regime, frame=chosen, **own))
        else:
            made.append(found(frame=chosen, **own))
    return made


def _from_file(path: Path, class_name: str) -> StrategyClass:
    if not path.is_file():
        raise InputError(f"Strategy file {path} does not exist. Give the path of a Python file.")
    module_name = f"{USER_MODULE}{path.stem}"
    specification = importlib.util.spec_from_file_location(module_name, path.resolve())
    if specification is None or specification.loader is None:
        raise InputError(f"Strategy file {path} cannot be loaded as a Python module.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module_name] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as exc:
        raise _stopped(path, exc) from exc
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, (RuleStrategy, Strategy)) and value.__module__ == module_name
    }
    if not class_name and len(found) == 1:
        return next(iter(found.values()))
    if class_name not in found:
        if not found:
            raise InputError(
                f"Strategy file {path} defines no subclass of RuleStrategy or Strategy. Write one, or name"
                " another file."
            )
        if not class_name:
            raise InputError(f"Strategy file {path} defines {', '.join(found)}. Say which: {path}:{next(iter(found))}.")
        raise UnknownNameError("strategy class", class_name, found, where=str(path))
    return found[class_name]


@contextmanager
def users_faults() -> Iterator[None]:
    """Turn an exception from a user's strategy into a sentence with its file and line; pass on others."""
    try:
        yield
    except InvariantError:
        raise
    except Exception as exc:
        for module in sys.modules.copy().values():
            path = getattr(module, "__file__", None)
            if module.__name__.startswith(USER_MODULE) and path and _lines_in(exc, Path(path)):
                raise _stopped(Path(path), exc) from exc
        raise


def _stopped(path: Path, exc: BaseException) -> InputError:
    lines = _lines_in(exc, path)
    where = f" at line {lines[-1]}" if lines else ""
    what = f"{exc}" if isinstance(exc, InputError) else f"{type(exc).__name__}: {exc}."
    if isinstance(exc, SyntaxError):
        what = f"{type(exc).__name__}: {exc.msg}."
    return InputError(
        f"Strategy file {path} stopped{where}: {what} Mend it there, or see the whole trace with --debug."
    )


def _lines_in(exc: BaseException, path: Path) -> list[int]:
    """Return the lines of a file that an exception came through, the innermost last."""
    if isinstance(exc, SyntaxError) and exc.lineno and exc.filename == str(path.resolve()):
        return [exc.lineno]
    lines = []
    trace = exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.resolve()):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines
