"""What a run that goes on is set to otherwise than it was before, and whether a bound was loosened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LIMITS = ("settings.limits.", "settings.strategy_limits.")
_BOUNDS = ("paper.gate.", "paper.strategy_gates.", "paper.monitors.")
_LEAST = {"reward_risk", "pause_minutes", "assumed_stop"}
"""Limits that bind from below."""
_TERMS = {"pause_minutes": "losses_in_row", "assumed_stop": "open_risk"}
"""Terms of another limit, which bind most where they are not given, and nothing without that one."""


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A setting by its place in the manifest, and its values; None stands for none, too.

    may_loosen : whether a limit binds less now, or a bound of gate or watches is another one
    """

    name: str
    before: Any
    now: Any
    may_loosen: bool

    def __str__(self) -> str:
        return f"{self.name}: {_text(self.before)} before, {_text(self.now)} now"


def settings_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[SettingChanged]:
    """Return what differs between two manifests; a part that an older version did not record is left out."""
    known = {name: value for name, value in now.items() if name in before}
    old, new = dict(_leaves(before)), dict(_leaves(known))
    return [
        SettingChanged(name, old.get(name), new.get(name), _may_loosen(name, old, new))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _may_loosen(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if name.startswith(_BOUNDS):
        return True
    place, _, field = name.rpartition(".")
    if not name.startswith(_LIMITS) or field == "type":
        return False
    if field in _TERMS and old.get(f"{place}.{_TERMS[field]}") is None:
        return False
    before, now = old.get(name), new.get(name)
    if before is None or now is None:
        return (now is None) != (field in _TERMS)
    return float(now) < float(before) if field in _LEAST else float(now) > float(before)


def _leaves(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        parts: list[tuple[Any, Any]] = list(tree.items())
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        parts = list(enumerate(tree))
    else:
        yield name, tree
        return
    for part, value in parts:
        yield from _leaves(value, f"{name}.{part}" if name else str(part))


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
