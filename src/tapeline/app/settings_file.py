"""Settings from a TOML file: of a run, of single orders and of what a live run watches.

Each table is made into the settings that its name says; a slip is told with its place and the nearest name.
"""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from tapeline.domain.errors import ConfigurationError, InputError, UnknownNameError
from tapeline.execution.settings import KeeperSettings
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.monitors import MonitorSettings
from tapeline.simulation.execution_settings import Algorithms, algorithm_of
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.settings import (
    Account,
    Costs,
    Market,
    PercentCommission,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
)

GATE, WATCHES, KEEPER = "gate", "watches", "order_keeper"
"""Tables that live runs alone ask for; a slip in one is told by every run."""


@dataclass(frozen=True, slots=True)
class LiveChoice:
    """What a file of settings says of a live run besides single orders.

    monitors : bounds of the watches
    keeper : what it says of the order keeper, by name; what it leaves out is for the kind of run to say
    """

    monitors: MonitorSettings
    keeper: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GateChoice:
    """What a file of settings says of single orders. shortable : symbols that can be borrowed, None = all"""

    settings: GateSettings
    of_strategies: Mapping[str, GateSettings]
    shortable: Sequence[str] | None


_SECTIONS: dict[str, type[Any]] = {"account": Account, "costs": Costs, "market": Market, "limits": Limits}
_COMMISSIONS: dict[str, type[Any]] = {
    "percent": PercentCommission,
    "per_share": PerShareCommission,
    "sale_fees": SaleFees,
}


def load_settings(
    path: Path | None, cash: float | None = None, *, limits_of: Callable[..., Limits] = Limits
) -> RunSettings:
    """Return run settings from a TOML file, the defaults for what it leaves out.

    limits_of : makes the account's limits of those that the file names
    Raises ConfigurationError or UnknownNameError for what the file may not hold, naming the nearest key.
    """
    values = {} if path is None else _toml(path)
    settings = settings_from(values, str(path), limits_of=limits_of)
    if cash is not None:
        settings = replace(settings, account=replace(settings.account, cash=cash))
    return settings


def settings_from(values: Mapping[str, Any], where: str, *, limits_of: Callable[..., Limits] = Limits) -> RunSettings:
    """Return run settings from nested plain values."""
    parts: dict[str, Any] = {"limits": limits_of()}
    for name, value in values.items():
        if name == "compare":
            parts[name] = _checked(value, Literal["tolerant", "exact"], f"{where}: compare")
        elif name == "trade_from":
            parts[name] = _checked(value, str, f"{where}: trade_from")
        elif name == "limits" and isinstance(value, Mapping):
            of_strategies = {key: limits for key, limits in value.items() if isinstance(limits, Mapping)}
            own = {key: bound for key, bound in value.items() if key not in of_strategies}
            parts[name] = _section(Limits, own, f"{where}: limits", make=limits_of)
            parts["strategy_limits"] = {
                key: _section(Limits, limits, f"{where}: limits.{key}") for key, limits in of_strategies.items()
            }
        elif name == GATE:
            gate_from(value, where)
        elif name in (WATCHES, KEEPER):
            live_from({name: value}, where)
        elif name == "execution":
            parts[name], parts["strategy_execution"] = _execution(value, f"{where}: execution")
        elif name not in _SECTIONS:
            raise UnknownNameError(
                "section", name, [*_SECTIONS, "execution", GATE, WATCHES, KEEPER, "compare", "trade_from"], where=where
            )
        else:
            parts[name] = _section(_SECTIONS[name], value, f"{where}: {name}")
    try:
        return RunSettings(**parts)
    except InputError as exc:
        raise ConfigurationError(f"{where}: {exc}") from exc


def load_gate(path: Path | None) -> GateChoice:
    """Return the bounds of single orders from a TOML file's table `gate`, the defaults for what it leaves out."""
    values = {} if path is None else _toml(path)
    return gate_from(values.get(GATE, {}), str(path))


def load_live(path: Path | None) -> LiveChoice:
    """Return what the tables `watches` and `order_keeper` of a TOML file say, the defaults for what they leave out."""
    return live_from({} if path is None else _toml(path), str(path))


def live_from(values: Mapping[str, Any], where: str) -> LiveChoice:
    """Return the bounds of the watches and the times of the order keeper from nested plain values."""
    monitors = _section(MonitorSettings, values.get(WATCHES, {}), f"{where}: {WATCHES}")
    given = values.get(KEEPER, {})
    if isinstance(given, Mapping) and "is_perfect" in given:
        raise ConfigurationError(f"{where}: {KEEPER}.is_perfect is no setting: whether a venue loses nothing is known.")
    keeper = _section(KeeperSettings, given, f"{where}: {KEEPER}")
    return LiveChoice(monitors, {name: getattr(keeper, name) for name in given})


def gate_from(values: Any, where: str) -> GateChoice:
    """Return the bounds of single orders from nested plain values; tables inside are those of strategies."""
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where}: {GATE} must be a table of settings, found {values!r}.")
    of_strategies = {key: bounds for key, bounds in values.items() if isinstance(bounds, Mapping)}
    own = {key: bound for key, bound in values.items() if key not in of_strategies}
    shortable = own.pop("shortable", None)
    if shortable is not None and not (isinstance(shortable, list) and all(isinstance(one, str) for one in shortable)):
        raise ConfigurationError(f"{where}: {GATE}.shortable must be a list of symbols, found {shortable!r}.")
    return GateChoice(
        _section(GateSettings, own, f"{where}: {GATE}"),
        {key: _section(GateSettings, {**own, **of}, f"{where}: {GATE}.{key}") for key, of in of_strategies.items()},
        shortable,
    )


def algorithms_from(entry: str, leaving: str) -> Algorithms:
    """Return how entries and exits are worked, from texts such as "twap:minutes=30"; empty texts are none."""
    return Algorithms(algorithm_of(entry) if entry else None, algorithm_of(leaving) if leaving else None)


def _execution(values: Any, where: str) -> tuple[Algorithms, dict[str, Algorithms]]:
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where} must be a table of settings, found {values!r}.")
    of_strategies = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    own = {key: value for key, value in values.items() if key not in of_strategies}
    return _algorithms(own, where), {key: _algorithms(v, f"{where}.{key}") for key, v in of_strategies.items()}


def _algorithms(values: Mapping[str, Any], where: str) -> Algorithms:
    for name, value in values.items():
        if name not in ("entry", "exit"):
            raise UnknownNameError("setting", name, ("entry", "exit"), where=where)
        if not isinstance(value, str):
            raise ConfigurationError(f'{where}: {name} must be a text such as "twap:minutes=30", found {value!r}.')
    return algorithms_from(values.get("entry", ""), values.get("exit", ""))


def _section(owner: type[Any], values: Any, where: str, make: Callable[..., Any] | None = None) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where} must be a table of settings, found {values!r}.")
    hints = typing.get_type_hints(owner)
    chosen = dict(values)
    for name, value in chosen.items():
        if name not in hints:
            raise UnknownNameError("setting", name, hints, where=where)
        if name == "slippage":
            chosen[name] = _section(Slippage, value, f"{where}.slippage")
        elif name == "commission":
            chosen[name] = _commissions(value, f"{where}.commission")
        else:
            chosen[name] = _checked(value, hints[name], f"{where}.{name}")
    needed = [f.name for f in fields(owner) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in chosen]
    if missing:
        raise ConfigurationError(f"{where}: {' and '.join(missing)} must be given. Add it there.")
    try:
        return (make or owner)(**chosen)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{where}: {str(exc).removeprefix(f'{owner.__name__}: ')}") from exc


def _checked(value: Any, hint: Any, where: str) -> Any:
    """Return a plain value as its setting wants it; raise ConfigurationError for another type."""
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if float in kinds and number:
        return float(value)
    if int in kinds and number and value == int(value):
        return int(value)
    if Decimal in kinds and number:
        return Decimal(str(value))
    if (bool in kinds and isinstance(value, bool)) or (str in kinds and isinstance(value, str)):
        return value
    if str in kinds and isinstance(value, date):
        return value.isoformat()
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    if choices and isinstance(value, str):
        if value not in choices:
            raise UnknownNameError("value", value, choices, where=where)
        return value
    wanted = {float: "a number", Decimal: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    words = [wanted[kind] for kind in kinds if kind in wanted] or [f"one of {', '.join(choices)}"]
    raise ConfigurationError(f"{where} must be {words[0]}, found {value!r}.")


def _commissions(parts: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise ConfigurationError(f"{where} must be a list of tables, each with a model; found {parts!r}.")
    return tuple(_commission(part, where) for part in parts)


def _commission(values: Any, where: str) -> Any:
    if not isinstance(values, Mapping) or "model" not in values:
        raise ConfigurationError(f"{where}: each part is a table with a model: {', '.join(_COMMISSIONS)}.")
    model = values["model"]
    if model not in _COMMISSIONS:
        raise UnknownNameError("commission model", str(model), _COMMISSIONS, where=where)
    return _section(_COMMISSIONS[model], {k: v for k, v in values.items() if k != "model"}, f"{where} ({model})")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as exc:
        raise InputError(f"Settings file {path} cannot be read: {exc.strerror}. Give --config a TOML file.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise InputError(f"Settings file {path} is not TOML: {exc}. Mend it there.") from exc
