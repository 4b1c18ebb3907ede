"""What the quality gate can say about a bar, what follows from each word, and the numbers behind the rules.

Two things can follow. `quarantine`: the row does not go in, it waits with its reasons for somebody to look.
`mark`: the row goes in, and carries the doubt along. A row can have several reasons; one that quarantines
is enough. The table ACTIONS is the default; `QualityRules(actions=...)` changes it word by word.

Marks travel as one integer per bar, a bit per word, so that a lake of a billion bars can keep them. The order
of the words below is therefore stable: new ones are added at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from tapeline.domain.errors import ConfigurationError


class Action(StrEnum):
    """What happens to a row with a reason."""

    QUARANTINE = "quarantine"
    MARK = "mark"


class Reason(StrEnum):
    """Why a row is bad or doubtful."""

    NOT_A_NUMBER = "not_a_number"
    NON_POSITIVE_PRICE = "non_positive_price"
    NEGATIVE_VOLUME = "negative_volume"
    OHLC_ORDER = "ohlc_order"
    OUTSIDE_SESSION = "outside_session"
    OFF_GRID = "off_grid"
    DUPLICATE = "duplicate"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    ZERO_VOLUME = "zero_volume"
    SPIKE = "spike"
    STALE = "stale"
    GAP = "gap"
    VOLUME_UNIT_BREAK = "volume_unit_break"
    SPLIT_MISSING = "split_missing"
    SPLIT_MISPLACED = "split_misplaced"
    REFERENCE_MISMATCH = "reference_mismatch"

    @property
    def bit(self) -> int:
        """The one bit that stands for this word in a column of marks."""
        return 1 << _ORDER[self]


_ORDER = {reason: place for place, reason in enumerate(Reason)}

ACTIONS: Mapping[Reason, Action] = {
    Reason.NOT_A_NUMBER: Action.QUARANTINE,
    Reason.NON_POSITIVE_PRICE: Action.QUARANTINE,
    Reason.NEGATIVE_VOLUME: Action.QUARANTINE,
    Reason.OHLC_ORDER: Action.QUARANTINE,
    Reason.OUTSIDE_SESSION: Action.QUARANTINE,
    Reason.OFF_GRID: Action.QUARANTINE,
    Reason.DUPLICATE: Action.QUARANTINE,
    Reason.CONFLICTING_DUPLICATE: Action.QUARANTINE,
    Reason.ZERO_VOLUME: Action.MARK,
    # A spike whose whole bar stands apart by more than `spike_quarantine_move` is quarantined all the same.
    Reason.SPIKE: Action.MARK,
    Reason.STALE: Action.MARK,
    Reason.GAP: Action.MARK,
    Reason.VOLUME_UNIT_BREAK: Action.MARK,
    Reason.SPLIT_MISSING: Action.MARK,
    Reason.SPLIT_MISPLACED: Action.MARK,
    Reason.REFERENCE_MISMATCH: Action.MARK,
}


def bits_of(reasons: Iterable[Reason]) -> int:
    """Return the integer that stands for several words."""
    bits = 0
    for reason in reasons:
        bits |= reason.bit
    return bits


def words_of(bits: int) -> tuple[Reason, ...]:
    """Return the words an integer stands for, in their stable order."""
    return tuple(reason for reason in Reason if bits & reason.bit)


@dataclass(frozen=True)
class QualityRules:
    """The numbers of the rules. Moves are in natural logarithms: 0.01 is about 1 %.

    actions : what differs from ACTIONS
    chance : a stale run or a gap is reported where luck would produce its like less often than this, per symbol

    spike_scales : how many local volatilities a price must stand off its neighbours. The local volatility is the
        upper quartile of the absolute returns of `neighbours` bars on each side, as a standard deviation
    spike_move : and how far at least
    spike_reversal : share of the move that the next bar must take back
    spike_bars : longest excursion, in bars, that still counts as a spike
    wick_scales, wick_move : the same for a high or low that its own open and close and both neighbours know
        nothing of; the scale is the larger of volatility and median range
    wick_symbols : so many symbols with such a high, or low, in the same bar are a flash crash and no bad tick
    spike_quarantine_move : beyond it a bar that stands apart as a whole is quarantined

    stale_bars : shortest run of bars that repeat a price to be judged by chance
    stale_range_ticks, stale_volume : a single bar frozen at the price before is doubtful where the median range
        around it is so many ticks, and its volume at least this share of the median volume
    tick : smallest step of prices, in their currency

    gap_bars : shortest hole within a session to be judged by chance
    gap_sessions : share of missing sessions up to which each is a gap; a thinner symbol's are told in one sum

    volume_factor, volume_rise_factor : factor by which the level of a single symbol's volume must fall, or rise
    volume_common_factor : factor where most symbols of the source jump together
    volume_common_share, volume_common_symbols : what most means: this share, and at least so many
    volume_scales : the jump in robust standard deviations of the level before
    volume_price_scales, volume_range : a single symbol's volume may well rise for good with news. Overnight moves
        beyond so many volatilities, and ranges beyond so many usual ones, excuse their square
    volume_before, volume_after : sessions looked at on each side; of a common jump half a dozen before and
        two after suffice

    split_ratio : smallest ratio of a told split that prices must show
    split_ratio_untold : smallest ratio that prices can claim on their own; gaps of 5:4 are everyday news
    split_scales : how near a simple ratio an overnight move must come, in overnight volatilities
    split_volume : how far the traded value may be above its level on a day that was a mere split, in logarithms
    split_range : largest range of prices on such a day, in median ranges of the sessions before, for ratios up to 3:2;
        more for larger ones
    split_sessions : how far from its ex-date the move of a split is searched
    prices : "raw", "adjusted", or "" to see it in the data: whether splits show in the prices

    reference_move, reference_scales : largest difference of two closes of one security: this, or so many daily
        volatilities where these are more
    reference_noise : median difference of daily returns below which two sources show one security, whatever
        factor lies between them
    """

    actions: Mapping[Reason, Action] = field(default_factory=dict)
    chance: float = 1e-6
    neighbours: int = 20
    spike_scales: float = 8.0
    spike_move: float = 0.01
    spike_reversal: float = 0.7
    spike_bars: int = 3
    wick_scales: float = 12.0
    wick_move: float = 0.03
    wick_symbols: int = 3
    spike_quarantine_move: float = 0.25
    stale_bars: int = 3
    stale_range_ticks: float = 20.0
    stale_volume: float = 0.5
    tick: float = 0.01
    gap_bars: int = 3
    gap_sessions: float = 0.01
    volume_factor: float = 10.0
    volume_rise_factor: float = 25.0
    volume_common_factor: float = 4.0
    volume_common_share: float = 0.5
    volume_common_symbols: int = 3
    volume_scales: float = 5.0
    volume_price_scales: float = 4.0
    volume_range: float = 1.5
    volume_before: int = 20
    volume_after: int = 5
    split_ratio: float = 1.25
    split_ratio_untold: float = 1.4
    split_scales: float = 4.0
    split_volume: float = 0.9
    split_range: float = 2.5
    split_sessions: int = 5
    prices: str = ""
    reference_move: float = 0.05
    reference_scales: float = 1.0
    reference_noise: float = 0.002

    def __post_init__(self) -> None:
        for reason, action in self.actions.items():
            if not isinstance(reason, Reason) or not isinstance(action, Action):
                raise ConfigurationError(
                    f"QualityRules: actions must say a Reason and an Action each, found {reason!r}: {action!r}."
                )
        if self.prices not in ("", "raw", "adjusted"):
            raise ConfigurationError(f'QualityRules: prices must be "raw", "adjusted" or "", found {self.prices!r}.')
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, (int, float)) and not value > 0:
                raise ConfigurationError(f"QualityRules: {part.name} must be above zero, found {value}.")

    def action(self, reason: Reason) -> Action:
        """Return what follows from a reason."""
        return self.actions.get(reason, ACTIONS[reason])

    @property
    def quarantine_bits(self) -> int:
        """The reasons that quarantine, as bits."""
        return bits_of(reason for reason in Reason if self.action(reason) is Action.QUARANTINE)
