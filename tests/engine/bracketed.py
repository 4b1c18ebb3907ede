"""A bracket whose target is traded through by exactly one tick, for the fault that is planted in the kernel."""

from __future__ import annotations

from tapeline import RuleStrategy, bars, distance, fixed_quantity

BARS = """
          A
    14:31 100 111
    14:32 100
    14:33 101 102.01 101 101
    14:34 99 99 97 97
"""


class Bracketed(RuleStrategy):
    """Ten shares between 98 and 102."""

    enter_long = bars().volume == 111
    stop = distance(2)
    target = distance(2)
    size = fixed_quantity(10)
