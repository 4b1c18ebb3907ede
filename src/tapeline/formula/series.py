"""Series: what is known beside the bars, such as membership in an index, or quotes.

    member = series("member") == 1
    spread = series("ask") - series("bid")

Values come with the data, `panel.with_series("member", values)`, one for each base bar, as it stands at the bar's end;
in a row without a bar they are unknown, as the bar's fields are. In a strategy with a slower frame a series is read as
it stands at the ends of that frame's bars; elsewhere a slower frame is named: `series("ask").on(bars("15min"))`.
"""

from __future__ import annotations

from tapeline.domain.errors import FormulaError
from tapeline.formula import operations as op
from tapeline.formula.node import Node, make


def series(name: str) -> Node:
    """Return the series of the data that has this name. A run over data without it is refused."""
    if not isinstance(name, str) or not name:
        raise FormulaError(f"series takes the name of a series of the data, not {name!r}.")
    return make(op.SERIES, (), (name,))
