"""Points for conditions, in three-valued logic: only what is true earns any.

`source` tries the next alternative when a condition is unknown; with `strict` an unknown condition ends its
sub-rule without points, and the sub-rule counts as unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tapeline.formula import Node, cumulative_sum, where
from tapeline.formula.node import Operand, as_node
from tapeline.screener.settings import Steps


def is_true(condition: Node) -> Node:
    """Return the condition with unknown made false."""
    return where(condition.known(), condition, 0)


def seen(condition: Node, bars: int) -> Node:
    """Return on how many of the last bars the condition was true; fewer bars and unknown ones are none."""
    true = is_true(condition)
    return where(true.lag(bars - 1).known(), true.count(bars), cumulative_sum(true))


@dataclass
class Points:
    """Collects the conditions whose unknown state caps a grade.

    strict : an unknown condition gives its sub-rule nothing
    """

    strict: bool
    seen: list[Node] = field(default_factory=list)

    def first(self, *alternatives: tuple[Node, Operand], otherwise: Operand = 0) -> Node:
        """Return the points of the first alternative that is true."""
        result = as_node(otherwise)
        for condition, points in reversed(alternatives):
            if self.strict:
                self.seen.append(condition)
                result = where(condition.known(), where(condition, points, result), 0)
            else:
                result = where(is_true(condition), points, result)
        return result

    def at_most(self, value: Node, steps: Steps) -> Node:
        """Return the points of the first bound that the value does not exceed."""
        return self.first(*((value <= bound, points) for bound, points in steps))

    def at_least(self, value: Node, steps: Steps) -> Node:
        """Return the points of the first bound that the value reaches."""
        return self.first(*((value >= bound, points) for bound, points in steps))

    def all_known(self, frame_rows: Sequence[Node] = ()) -> Node:
        """Return whether every condition asked so far is known, each as of its newest bar."""
        result = as_node(1)
        for node in (*dict.fromkeys(self.seen), *frame_rows):
            result = result & node.known().latest()
        return result
