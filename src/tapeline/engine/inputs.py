"""What a run was computed from, kept beside its result so that a report can show prices and explain entries.

References only: a thousand results of one sweep share one panel. A pickled result goes without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.panel import Panel
from tapeline.engine.assembly import AnyStrategy
from tapeline.simulation.settings import RunSettings


@dataclass(frozen=True, eq=False)
class Inputs:
    """Strategies, bars and settings of a run, as they were given.

    groups : labels of the symbols for `demean(by=...)`
    """

    strategies: tuple[AnyStrategy, ...]
    data: Panel
    settings: RunSettings
    corporate_actions: Sequence[CorporateAction] = ()
    groups: Mapping[str, Sequence[Any]] | None = None
