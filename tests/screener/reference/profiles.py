"""The two profiles: the rules as written, and the same with the corrections of section 7.

Each field is one correction; its number is the item of section 7. `SOURCE` has none, `TAPELINE` has all, and
`dataclasses.replace` switches a single one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Profile:
    """Which corrections are switched on."""

    name: str
    whole_universe: bool = False  # 1: watchlist without a hand-over
    volume_by_time_of_day: bool = False  # 2: v against bars of the same time of day
    touch_within_bands: bool = (
        False  # 3: a touch is close <= lower + 0.1 * (upper - lower), wherever a touch is asked for
    )
    histogram_by_atr: bool = False  # 3: c and the T3 histogram rule in units of ATR
    oversold_within_five: bool = False  # 4: Q4 looks for the oversold bar in x[1]..x[5]
    overhead_on_t3: bool = False  # 5: swing highs of T3
    class_a: bool = False  # 5: class A, as A+ but with overhead
    crossed_within_three: bool = False  # 6: the state's crossing may be three bars old, from K <= 50
    one_stop: bool = False  # 7: section 6's stop for R, RR and risk
    a_plus_at_70: bool = False  # 8: grade A+ from a score of 70
    strong_ratio_is_late: bool = False  # 9: ratio > 5 with RSI >= 45 is Late
    low_of_eleven: bool = False  # 9: the lowest close is looked for in 11 bars
    flat_rsi_unknown: bool = False  # 10: RSI without any change
    unknown_gives_zero: bool = False  # 10: no cheaper alternative for an unknown input
    unknown_caps_grade: bool = False  # 10: an unknown input caps the grade at B
    proxy_raised: bool = False  # 11: proxy volatility * 1.25
    breadth_without_funds: bool = False  # 11: funds are not counted in breadth
    entries_of_class_a: bool = False  # 11: A may be entered, at half the size


SWITCHES = tuple(field.name for field in fields(Profile) if field.name != "name")
SOURCE = Profile("source")
TAPELINE = Profile("tapeline", **dict.fromkeys(SWITCHES, True))
