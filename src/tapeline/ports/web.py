"""The web port: one question, one answer. Whoever needs something from a server is given one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a server said. headers : names in lower case"""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Web(Protocol):
    """Servers that answer questions."""

    def get(self, url: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> WebAnswer:
        """Return the answer to a GET request, whatever its status.

        Raises InputError if there is none: no connection, no answer in time, an answer that is too long.
        """
        ...
