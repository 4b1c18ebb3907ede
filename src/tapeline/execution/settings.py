"""What the order keeper may be told: how long to wait, how far to look back, what to do by default."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """Times in seconds.

    is_perfect : the venue is a part of this process and loses nothing, as in a replay: no request is timed, nothing
        is asked, and every report is taken at its word
    request_timeout_s : after which a request without a report has an unknown outcome; above the longest time that the
        venue takes to acknowledge, for a simulated one the length of a bar
    query_timeout_s, query_timeout_s_max : after which a question is asked again; doubled each time, up to the second
    jitter : part of a waiting time by which it is lengthened at random, so that many do not ask in step
    horizon_s : within which a request that left may still arrive; a venue that does not know an order is believed
        only when asked after it, and asked before
    compare_every_s : how often the books are compared with the venue's while no gap is open
    overlap_s : how far before the last comparison executions are asked for; above `compare_every_s`
    recheck_s : after which a comparison that found something is repeated before it is believed
    rounds_max : after which a comparison that never finds the same twice is believed
    cash_tolerance : up to which cash may differ, in the account's currency
    cancels_revived : whether an order that was taken for ended and is found working is canceled
    """

    is_perfect: bool = False
    request_timeout_s: float = 10.0
    query_timeout_s: float = 5.0
    query_timeout_s_max: float = 300.0
    jitter: float = 0.5
    horizon_s: float = 60.0
    compare_every_s: float = 300.0
    overlap_s: float = 900.0
    recheck_s: float = 1.0
    rounds_max: int = 8
    cash_tolerance: Decimal = Decimal("1.00")
    cancels_revived: bool = True

    def __post_init__(self) -> None:
        for name in (
            "request_timeout_s", "query_timeout_s", "query_timeout_s_max", "horizon_s", "compare_every_s", "overlap_s",
            "recheck_s",
        ):  # fmt: skip
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigurationError(
                    f"The order keeper's {name} must be a number of seconds above zero, found {getattr(self, name)}."
                )
        if not 0 <= self.jitter <= 1:
            raise ConfigurationError(f"The order keeper's jitter must lie between 0 and 1, found {self.jitter}.")
        if self.rounds_max < 2:
            raise ConfigurationError(
                f"The order keeper's rounds_max must be 2 or more, found {self.rounds_max}: what one comparison finds "
                f"is believed when the next one finds it too."
            )
        if self.overlap_s <= self.compare_every_s:
            raise ConfigurationError(
                f"The order keeper's overlap_s of {self.overlap_s:g} must be above its compare_every_s of "
                f"{self.compare_every_s:g}: else what happened between two comparisons is never asked for."
            )
        if self.cash_tolerance < 0:
            raise ConfigurationError(
                f"The order keeper's cash_tolerance must be zero or more, found {self.cash_tolerance}."
            )


PERFECT = KeeperSettings(is_perfect=True)
"""For a venue inside the process, such as that of a replay."""
