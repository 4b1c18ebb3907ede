"""Strategies: the rule as formulas, or free-form code that is shown one slice at a time.

    class GoldenCross(RuleStrategy):
        \"\"\"Hold while the 50-bar average is above the 200-bar average; otherwise be in cash.\"\"\"

        day = bars("1d")
        fast, slow = sma(day.close, 50), sma(day.close, 200)

        enter_long = fast > slow
        exit_long = fast < slow

A class is the rule, an instance is the rule with its parameters: `GoldenCross()`, `Reversal(touch=1.03)`.
Parameters are class attributes made by `param`; what a strategy may declare is listed in `RuleStrategy`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from typing import TYPE_CHECKING, Any, ClassVar

from tapeline.domain.errors import ConfigurationError, FormulaError, UnknownNameError
from tapeline.domain.times import parse_frame
from tapeline.formula.node import Node
from tapeline.formula.parameters import Parameter
from tapeline.simulation.execution_settings import Algorithm, Algorithms
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.settings import as_facts
from tapeline.strategies.rules import Distance, ScaleOut, SessionWindow, Size, percent_of_equity

if TYPE_CHECKING:
    from tapeline.strategies.view import SliceView

MINUTE_NS = 60_000_000_000

_MAY_READ_POSITION = ("exit_long", "exit_short", "move_stop", "scale_out")


class _Declared:
    """What both kinds of strategy share: a name, parameters, a size and session windows.

    frame : the frame that `bars()` means and on which it decides, such as "15min"; None = that of the data for
        `bars()`, and decisions on the finest frame that the formulas use
    size : how the quantity of an entry is found
    positions_max : holdings of this strategy at one time, None = no bound of its own
    limits : bounds of this strategy beside the account's, None = none; a run's settings may give others
    execution, execution_exit : the algorithms that work its entries, and exits that its rules ask for; None = orders
        leave as they are. Runs with them go slice by slice
    entry_window : when in a session entries are allowed, None = always
    flat_before_close_minutes : close everything so many minutes before the session ends, None = hold overnight
    """

    frame: str | None = None
    size: ClassVar[Size] = percent_of_equity(10)
    positions_max: ClassVar[int | None] = None
    limits: ClassVar[Limits | None] = None
    execution: ClassVar[Algorithm | None] = None
    execution_exit: ClassVar[Algorithm | None] = None
    entry_window: ClassVar[SessionWindow | None] = None
    flat_before_close_minutes: ClassVar[float | None] = None

    def __init__(self, *, frame: str | None = None, **parameters: float) -> None:
        if frame is not None:
            parse_frame(frame)
            self.frame = frame
        known = self.declared_parameters()
        for name in parameters:
            if name not in known:
                raise UnknownNameError("parameter", name, known, where=f"strategy {type(self).__name__}")
        self.parameters: dict[str, float] = {
            name: parameter.check(parameters.get(name, parameter.default)) for name, parameter in known.items()
        }

    @classmethod
    def declared_parameters(cls) -> dict[str, Parameter]:
        """Return the class's parameters by name, inherited ones included."""
        found: dict[str, Parameter] = {}
        for owner in reversed(cls.__mro__):
            found.update({name: value for name, value in vars(owner).items() if isinstance(value, Parameter)})
        return found

    @property
    def name(self) -> str:
        """The strategy's name in journal, results and order ids."""
        return type(self).__name__

    @property
    def algorithms(self) -> Algorithms:
        """How its orders are worked, as it declares it."""
        return Algorithms(self.execution, self.execution_exit)

    def _code(self) -> str:
        """Return what the strategy does beside its formulas: nothing for rules."""
        return ""

    def formulas(self) -> dict[str, Node]:
        """Return the formulas that the engine must compute for this strategy, by name."""
        raise NotImplementedError

    @property
    def version(self) -> str:
        """A digest of everything that decides: formulas, declarations and parameter values; 16 hex digits."""
        content = {
            "code": self._code(),
            "formulas": {name: node.version for name, node in sorted(self.formulas().items())},
            "parameters": {name: repr(value) for name, value in sorted(self.parameters.items())},
            "declared": [
                self.frame,
                int(self.size.kind),
                self.positions_max,
                [self.entry_window.after_open_minutes, self.entry_window.before_close_minutes]
                if self.entry_window
                else None,
                self.flat_before_close_minutes,
                *self._more_declared(),
                *([as_facts(self.limits)] if self.limits else []),
                *([as_facts(self.algorithms)] if self.algorithms else []),
            ],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _more_declared(self) -> tuple[object, ...]:
        return ()


class RuleStrategy(_Declared):
    """A strategy that is all formulas.

    enter_long, enter_short : enter when true, from flat
    exit_long, exit_short : close the whole holding when true; may read `position.*`
    stop, target : price, or `distance(...)` from the price at the decision; they become the entry's bracket
    trail : distance by which a stop follows the price, instead of `stop`
    move_stop : price to which the stop is tightened; may read `position.*`
    scale_out : `ScaleOut(when, fraction)`; its condition may read `position.*`
    rank : which symbols go first when more want in than there are slots, highest first
    """

    enter_long: ClassVar[Node | None] = None
    exit_long: ClassVar[Node | None] = None
    enter_short: ClassVar[Node | None] = None
    exit_short: ClassVar[Node | None] = None
    stop: ClassVar[Node | Distance | None] = None
    target: ClassVar[Node | Distance | None] = None
    trail: ClassVar[Node | None] = None
    move_stop: ClassVar[Node | None] = None
    scale_out: ClassVar[ScaleOut | None] = None
    rank: ClassVar[Node | None] = None

    def __init__(self, *, frame: str | None = None, **parameters: float) -> None:
        super().__init__(frame=frame, **parameters)
        owner = type(self).__name__
        if self.enter_long is None and self.enter_short is None:
            raise ConfigurationError(f"Strategy {owner} has neither enter_long nor enter_short: it would never trade.")
        if self.stop is not None and self.trail is not None:
            raise ConfigurationError(f"Strategy {owner} declares stop and trail; a bracket has one stop. Keep one.")
        if self.size.kind.name == "RISK_PER_STOP" and self.stop is None and self.trail is None:
            raise ConfigurationError(f"Strategy {owner} sizes by risk per stop but has neither stop nor trail.")

    def formulas(self) -> dict[str, Node]:
        """Return the declared rules by name, sizes and conditions inside of declarations included."""
        found: dict[str, Node] = {}
        for name in ("enter_long", "exit_long", "enter_short", "exit_short", "trail", "rank", "move_stop"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Node):
                raise FormulaError(
                    f"Strategy {self.name}: {name} must be a formula, found {type(value).__name__} {value!r}."
                )
            found[name] = value
        for name in ("stop", "target"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value.value if isinstance(value, Distance) else value
        if self.scale_out is not None:
            found["scale_out"] = self.scale_out.when
        found["size"] = self.size.value
        if self.size.volatility is not None:
            found["volatility"] = self.size.volatility
        for name, formula in found.items():
            if formula.needs_position and name not in _MAY_READ_POSITION:
                raise FormulaError(
                    f"Strategy {self.name}: {name} reads the position, and is decided while there is none. Only"
                    f" {', '.join(_MAY_READ_POSITION)} can read it."
                )
        return found

    def _more_declared(self) -> tuple[object, ...]:
        distances = [isinstance(level, Distance) for level in (self.stop, self.target)]
        return (*distances, self.scale_out.fraction if self.scale_out else None)


class Strategy(_Declared):
    """A strategy in free-form code: formulas as class attributes, decisions in `on_slice`.

    class BuyTheDip(Strategy):
        dip = rsi(bars().close, 14)

        def on_slice(self, now):
            now.enter(now.dip < 30)
            now.exit(now.dip > 60)

    Every formula among the class attributes is an array over symbols on `now`, by the same name. The verbs are
    `now.enter`, `now.exit` and `now.set_stop`; sizes, limits, costs and fills are the same as for rules.
    """

    def _code(self) -> str:
        try:
            return inspect.getsource(type(self))
        except (OSError, TypeError):  # made at a prompt: no source is kept, the compiled code is all there is
            code = type(self).on_slice.__code__
            return code.co_code.hex() + repr(code.co_names)

    def on_start(self, symbols: tuple[str, ...]) -> None:
        """Prepare own state before the first slice of a run; the default has none."""

    def on_slice(self, now: SliceView) -> None:
        """Decide at the end of a slice of the decision frame."""
        raise NotImplementedError

    def formulas(self) -> dict[str, Node]:
        """Return every formula among the class attributes; parts of a group are named `group.part`."""
        found: dict[str, Node] = {}
        for owner in reversed(type(self).__mro__):
            for name, value in vars(owner).items():
                if name.startswith("_") or isinstance(value, (Parameter, Size)):
                    continue
                for part, node in _nodes_of(name, value):
                    found[part] = node
        found["_size"] = self.size.value
        if self.size.volatility is not None:
            found["_volatility"] = self.size.volatility
        for name, formula in found.items():
            if formula.needs_position:
                raise FormulaError(
                    f"Strategy {self.name}: {name.lstrip('_')} reads position.*, which belongs to rules. In code read"
                    " now.quantity, and keep what you need of the entry yourself."
                )
        return found


def _nodes_of(name: str, value: Any) -> list[tuple[str, Node]]:
    if isinstance(value, Node):
        return [(name, value)]
    parts = getattr(value, "_asdict", None)
    if parts is None:
        return []
    return [(f"{name}.{part}", node) for part, node in parts().items() if isinstance(node, Node)]
