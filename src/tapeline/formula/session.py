"""Session time: nodes of the exchange's clock, at the end of a row of whatever frame they are used on.

Known in every row inside a session, also where a symbol has no bar; unknown when the data has no sessions.
On a frame of their own they need naming it: `session.minutes_to_close.on(bars("15min"))`.
"""

from __future__ import annotations

from tapeline.formula import operations as op
from tapeline.formula.node import make

minutes_since_open = make(op.SESSION, (), ("minutes_since_open",))
"""Minutes from the session's open to the end of the row."""

minutes_to_close = make(op.SESSION, (), ("minutes_to_close",))
"""Minutes from the end of the row to the session's close, half days included; 0 in its last row."""

month = make(op.SESSION, (), ("month",))
"""Months from January 1970 to that of the session's date. `month.on(day)` changes with the first session of a month."""

is_last_bar = minutes_to_close <= 0.0
"""Whether the row ends at the session's close."""
