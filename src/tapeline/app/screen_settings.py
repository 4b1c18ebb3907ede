"""The screener's settings file: YAML in, checked numbers out.

    switches:
      class_a: false
    score:
      grade_a_plus: 72
    universe:
      price_min: 5

A file names only what differs from the profile. An unknown key is refused, and the nearest one named.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tapeline.domain.errors import ConfigurationError, InputError, UnknownNameError
from tapeline.screener.regime import RegimeSettings
from tapeline.screener.settings import FRAME_SETS, Profile, ScreenSettings
from tapeline.screener.universe import UniverseSettings


@dataclass(frozen=True)
class ScreenerSettings:
    """Everything a screen is made from.

    profile : which rules the switches were taken from before a file changed them
    """

    profile: str = Profile.TAPELINE
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    regime: RegimeSettings = field(default_factory=RegimeSettings)
    universe: UniverseSettings = field(default_factory=UniverseSettings)


def load_screener_settings(path: Path | None, profile: str = Profile.TAPELINE, frames: str = "") -> ScreenerSettings:
    """Return a profile's settings with what a file changes.

    frames : name of a shipped set of frames, empty for the file's or the default
    Raises InputError for a file that cannot be read, ConfigurationError or UnknownNameError for what it may not hold.
    """
    screen = ScreenSettings().with_profile(profile)
    settings = ScreenerSettings(profile, screen)
    if path is not None:
        settings = _changed(settings, _yaml(path), str(path))
    return replace(settings, screen=settings.screen.with_frames(frames)) if frames else settings


def _yaml(path: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"Settings file {path} cannot be read: {exc.strerror}. Name a YAML file.") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise InputError(f"Settings file {path} is not YAML: {' '.join(str(exc).split())}. Mend it there.") from exc
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{path} must hold sections with settings, found {found!r}.")
    return found


def _changed(settings: ScreenerSettings, values: Mapping[str, Any], where: str) -> ScreenerSettings:
    """The sections of the screen stand at the top, beside `regime` and `universe`."""
    of_screen = {entry.name for entry in fields(ScreenSettings)}
    screen, regime, universe = settings.screen, settings.regime, settings.universe
    for name, value in values.items():
        if name == "frames" and isinstance(value, str):
            if value not in FRAME_SETS:
                raise UnknownNameError("set of frames", value, FRAME_SETS, where=where)
            screen = screen.with_frames(value)
        elif name in of_screen:
            screen = replace(screen, **{name: _merged(getattr(screen, name), value, f"{where}: {name}")})
        elif name == "regime":
            regime = _merged(regime, value, f"{where}: regime")
        elif name == "universe":
            universe = _merged(universe, value, f"{where}: universe")
        else:
            raise UnknownNameError("section", str(name), [*sorted(of_screen), "regime", "universe"], where=where)
    return replace(settings, screen=screen, regime=regime, universe=universe)


def _merged(before: Any, values: Any, where: str) -> Any:
    """Return a section with some of its settings changed."""
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where} must be a section of settings, found {values!r}.")
    hints = typing.get_type_hints(type(before))
    changed = {}
    for name, value in values.items():
        if name not in hints:
            raise UnknownNameError("setting", str(name), hints, where=where)
        changed[name] = _checked(value, hints[name], f"{where}.{name}")
    return replace(before, **changed)


def _checked(value: Any, hint: Any, where: str) -> Any:
    """Return a plain value as its setting wants it."""
    if typing.get_origin(hint) is tuple:
        return _listed(value, typing.get_args(hint), where)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is float and is_number:
        return float(value)
    if hint is int and is_number and value == int(value):
        return int(value)
    if hint in (bool, str) and isinstance(value, hint):
        return value
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    assert not is_dataclass(hint)
    raise ConfigurationError(f"{where} must be {words[hint]}, found {value!r}.")


def _listed(value: Any, kinds: Sequence[Any], where: str) -> tuple[Any, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigurationError(f"{where} must be a list, found {value!r}.")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = [kinds[0]] * len(value)
    if len(kinds) != len(value):
        raise ConfigurationError(f"{where} must be a list of {len(kinds)}, found {len(value)}: {value!r}.")
    return tuple(
        _checked(one, kind, f"{where}[{place}]") for place, (one, kind) in enumerate(zip(value, kinds, strict=True))
    )
