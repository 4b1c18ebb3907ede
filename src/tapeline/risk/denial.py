"""The answer of a limit that does not let an order leave."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.domain.words import Limit


@dataclass(frozen=True, slots=True)
class Denial:
    """Why an order was not sent: the limit, what it found, its bound, and a sentence with both."""

    limit: Limit
    found: float
    bound: float
    text: str
