"""Load what a command names: bars, settings, run folders."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tapeline.domain.errors import ConfigurationError, InputError, UnknownNameError
from tapeline.feeds.reading import Reading
from tapeline.feeds.parquet import read_bars
from tapeline.simulation.settings import (
    Account,
    Costs,
    Limits,
    Market,
    PercentCommission,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
)


@dataclass(frozen=True)
class DataChoice:
    """Which bars a command wants, in the words of the command line; empty texts mean all."""

    path: Path | None
    symbols: str = ""
    first: str = ""
    last: str = ""
    label: str = "start"
    calendar: str = "XNYS"

    def read(self) -> Reading:
        """Return the bars. Raises InputError without a path, and what reading raises."""
        if self.path is None:
            raise InputError("No data was named. Give --data with a Parquet file or folder.")
        names = [name.strip() for name in self.symbols.split(",") if name.strip()]
        return read_bars(
            self.path,
            symbols=names or None,
            first=self.first or None,
            last=self.last or None,
            label=self.label,  # type: ignore[arg-type]  # checked by the reader, which names the choices
            calendar=None if self.calendar.lower() == "none" else self.calendar,
        )


_SECTIONS: dict[str, type[Any]] = {"account": Account, "costs": Costs, "market": Market, "limits": Limits}
_COMMISSIONS: dict[str, type[Any]] = {
    "percent": PercentCommission,
    "per_share": PerShareCommission,
    "sale_fees": SaleFees,
}


def load_settings(path: Path | None, cash: float | None = None) -> RunSettings:
    """Return run settings from a TOML file, the defaults for what it leaves out.

    Raises ConfigurationError or UnknownNameError for what the file may not hold, naming the nearest key.
    """
    settings = RunSettings() if path is None else settings_from(_toml(path), str(path))
    if cash is not None:
        settings = replace(settings, account=replace(settings.account, cash=cash))
    return settings


def settings_from(values: Mapping[str, Any], where: str) -> RunSettings:
    """Return run settings from nested plain values."""
    parts: dict[str, Any] = {}
    for name, value in values.items():
        if name == "compare":
            parts[name] = value
        elif name not in _SECTIONS:
            raise UnknownNameError("section", name, [*_SECTIONS, "compare"], where=where)
        else:
            parts[name] = _section(_SECTIONS[name], value, f"{where}, section {name}")
    return RunSettings(**parts)


def _section(owner: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where} must be a table of settings, found {values!r}.")
    known = {f.name for f in fields(owner)}
    chosen = dict(values)
    for name in chosen:
        if name not in known:
            raise UnknownNameError("setting", name, known, where=where)
    if "slippage" in chosen:
        chosen["slippage"] = _section(Slippage, chosen["slippage"], f"{where}.slippage")
    if "commission" in chosen:
        chosen["commission"] = tuple(_commission(part, f"{where}.commission") for part in chosen["commission"])
    try:
        return owner(**chosen)
    except TypeError as exc:
        raise ConfigurationError(f"{where}: {exc}.") from exc


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
        raise InputError(f"Settings file {path} cannot be read: {exc.strerror}.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise InputError(f"Settings file {path} is no TOML: {exc}.") from exc


def new_run_folder(work: Path) -> Path:
    """Make and return the next run folder: run-0001, run-0002, ..."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(p.name[4:]) for p in work.glob("run-*") if p.name[4:].isdigit()), default=0)
        folder = work / f"run-{number:04d}"
        folder.mkdir()
    except OSError as exc:
        raise InputError(
            f"Folder {work} cannot be written: {exc.strerror}. Name another one with --work."
        ) from exc
    return folder


def newest_journal(work: Path) -> Path:
    """Return the journal of the newest run below a work folder."""
    found = sorted(work.glob("run-*/journal.sqlite"))
    if not found:
        raise InputError(f"There is no run in {work} yet. Run `tapeline demo` first, or name a journal.")
    return found[-1]
