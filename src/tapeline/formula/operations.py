"""What a node of a formula can do: the table of operations.

An operation says how it is written, how it is checked, what it means to the compiler, and in which version
of its meaning. An indicator is one entry (`indicator(...)`) with its compiled kernel; adding one needs
nothing else.

kinds
    constant, parameter     numbers
    field, series, session  leaves known in every row of a frame
    position                leaves known only inside the decision loop
    cell                    operations of one moment (`indicators.elementwise`)
    kernel, crossing        operations with a memory, over the existing bars of the node's frame
    cross_section           operations over the symbols of one row
    name                    the first input, under the words of what it is made of
    frame                   reading a value in the rows of another frame
    latest                  reading a value as of the symbol's newest bar, in rows without a bar too
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tapeline.domain.errors import FormulaError, UnknownNameError
from tapeline.indicators import elementwise as element

Argument = float | str


@dataclass(frozen=True)
class Setting:
    """One argument of an operation: its name, its bounds, and its default if it may be left out.

    whole : the number counts bars, so it has no fraction
    choices : names of a convention and the number each has in the kernel
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    default: Argument | None = None
    choices: Mapping[str, float] = field(default_factory=dict)

    def check(self, value: Argument, *, where: str) -> None:
        """Raise FormulaError if the value is not allowed."""
        if self.choices and isinstance(value, str):
            if value not in self.choices:
                raise FormulaError(str(UnknownNameError(self.name, value, self.choices, where=where)))
            return
        if isinstance(value, str):
            raise FormulaError(f"{self.name} of {where} must be a number, not {value!r}.")
        if self.whole and value != math.floor(value):
            raise FormulaError(f"{self.name} of {where} counts bars and must be whole, not {value:g}.")
        if not self.low <= value <= self.high:
            bounds = f"at least {self.low:g}" if self.high == math.inf else f"{self.low:g} to {self.high:g}"
            raise FormulaError(f"{self.name} of {where} must be {bounds}, not {value:g}.")

    def number(self, value: Argument) -> float:
        """Return the value as the kernel takes it."""
        return self.choices[value] if isinstance(value, str) else value


@dataclass(frozen=True)
class Operation:
    """One operation.

    name : its key, also the way it is written unless `symbol` is given
    version : number of its meaning; raised whenever the same definition gives other values
    code : its number in `indicators.elementwise`
    symbol : sign between the operands, or before the only one
    condition : "yes" if the result is true, false or unknown; "inherit" if it is when the operands are
    settings : its arguments after the inputs
    kernel : name in `indicators.library.KERNELS`; vector : from the settings to the kernel's parameters
    outputs : names of the outputs as they are written, one empty name for a single one
    kernel_output : which of the kernel's outputs the first of them is
    method : written behind the first input: close.lag(1)
    selection : picks one of its inputs' values without computing, so that equality stays exact
    any_series : its inputs may be any series, so all of them are written, not "bars" for several bar fields
    """

    name: str
    kind: str
    version: int = 1
    code: int = -1
    symbol: str = ""
    condition: str = "no"
    settings: tuple[Setting, ...] = ()
    kernel: str = ""
    vector: Callable[[Sequence[float]], Sequence[float]] = tuple
    outputs: tuple[str, ...] = ("",)
    kernel_output: int = 0
    method: bool = False
    selection: bool = False
    any_series: bool = False


OPERATIONS: dict[str, Operation] = {}


def define(operation: Operation) -> Operation:
    """Enter an operation in the table."""
    OPERATIONS[operation.name] = operation
    return operation


def _cell(name: str, code: int, symbol: str = "", condition: str = "no") -> Operation:
    return define(Operation(name, "cell", code=code, symbol=symbol, condition=condition))


CONSTANT = define(Operation("constant", "constant"))
PARAMETER = define(Operation("parameter", "parameter"))
FIELD = define(Operation("field", "field"))
SERIES = define(Operation("series", "series", selection=True))
SESSION = define(Operation("session", "session"))
POSITION = define(Operation("position", "position"))
NAMED = define(Operation("named", "name"))
ON_FRAME = define(Operation("on", "frame", condition="inherit", method=True, selection=True))

ADD = _cell("add", element.ADD, "+")
SUBTRACT = _cell("subtract", element.SUBTRACT, "-")
MULTIPLY = _cell("multiply", element.MULTIPLY, "*")
DIVIDE = _cell("divide", element.DIVIDE, "/")
MINIMUM = _cell("minimum", element.MINIMUM)
MAXIMUM = _cell("maximum", element.MAXIMUM)
ROUND_TO = _cell("round_to", element.ROUND)
NEGATE = _cell("negate", element.NEGATE, "-")
ABSOLUTE = _cell("abs", element.ABSOLUTE)
LOG = _cell("log", element.LOG)
EXP = _cell("exp", element.EXP)
SQRT = _cell("sqrt", element.SQRT)
SIGN = _cell("sign", element.SIGN)
GREATER = _cell("greater", element.GREATER, ">", "yes")
GREATER_EQUAL = _cell("greater_equal", element.GREATER_EQUAL, ">=", "yes")
LESS = _cell("less", element.LESS, "<", "yes")
LESS_EQUAL = _cell("less_equal", element.LESS_EQUAL, "<=", "yes")
EQUAL = _cell("equal", element.EQUAL, "==", "yes")
NOT_EQUAL = _cell("not_equal", element.NOT_EQUAL, "!=", "yes")
AND = _cell("and", element.AND, "&", "yes")
OR = _cell("or", element.OR, "|", "yes")
NOT = _cell("not", element.NOT, "~", "yes")
WHERE = _cell("where", element.WHERE, condition="inherit")
KNOWN = define(Operation("known", "cell", code=element.KNOWN, condition="yes", method=True))
LATEST = define(Operation("latest", "latest", condition="inherit", method=True, selection=True))

COMPARISONS = (GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, EQUAL, NOT_EQUAL)
LOGIC = (AND, OR, NOT)

CROSSED_ABOVE = define(Operation("crossed_above", "crossing", condition="yes"))
CROSSED_BELOW = define(Operation("crossed_below", "crossing", condition="yes"))

RANK = define(Operation("rank", "cross_section", method=True))
ZSCORE = define(
    Operation(
        "zscore",
        "cross_section",
        method=True,
        settings=(Setting("flat", default="unknown", choices={"unknown": math.nan, "zero": 0.0}),),
    )
)
DEMEAN = define(Operation("demean", "cross_section", method=True))


def indicator(
    name: str,
    *settings: Setting,
    kernel: str = "",
    vector: Callable[[Sequence[float]], Sequence[float]] = tuple,
    outputs: tuple[str, ...] = ("",),
    kernel_output: int = 0,
    condition: str = "no",
    method: bool = False,
    selection: bool = False,
    any_series: bool = False,
    version: int = 1,
) -> Operation:
    """Define an operation that is run by an indicator kernel (of the same name unless told)."""
    return define(
        Operation(
            name,
            "kernel",
            version=version,
            condition=condition,
            settings=settings,
            kernel=kernel or name,
            vector=vector,
            outputs=outputs,
            kernel_output=kernel_output,
            method=method,
            selection=selection,
            any_series=any_series,
        )
    )


def bars_setting(name: str = "length", low: int = 1, default: int | None = None) -> Setting:
    """Return the setting of a number of bars."""
    return Setting(name, low=low, whole=True, default=default)


# The methods of a node that look back.
indicator("lag", bars_setting("bars", low=0), condition="inherit", method=True, selection=True)
indicator("any", bars_setting("bars"), condition="yes", method=True)
indicator("all", bars_setting("bars"), condition="yes", method=True)
indicator("count", bars_setting("bars"), kernel="count_true", method=True)
indicator("highest", bars_setting("bars"), kernel="rolling_max", method=True, selection=True)
indicator("lowest", bars_setting("bars"), kernel="rolling_min", method=True, selection=True)
indicator("bars_since", method=True)
