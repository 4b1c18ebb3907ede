"""What a checkpoint keeps of an object, so that another one of its class goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Keeps:
    """An object whose state is in the attributes that KEPT names; whatever else it has is made anew with it."""

    KEPT: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, Any]:
        """Return the state as it stands, not copied."""
        return {name: getattr(self, name) for name in self.KEPT}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another one."""
        for name, value in state.items():
            setattr(self, name, value)
