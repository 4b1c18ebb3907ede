"""The error tree. Every message says what was asked, what was found, where, and what to do.

TapelineError
├── InputError              the caller's words: a path, a time, a number, a shape
│   ├── UnknownNameError    a name that is not in its list; names the nearest
│   ├── ConfigurationError  settings that contradict each other or lie outside their bounds
│   ├── DataError           market data that cannot be used as it is
│   ├── FormulaError        a formula that cannot be built or placed where it stands
│   └── TaxRefusal          events for which a tax rule forbids a guess; names the rule
├── StorageError            the journal or a store could not be read or written
│   ├── IntegrityError      a record was altered, is missing, or stands out of order
│   └── LeaseLostError      another process writes the journal now; this one sends nothing any more
└── InvariantError          we erred: books that must agree do not; never caught and continued
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TapelineError(Exception):
    """Everything this program refuses or fails at on purpose."""


class InputError(TapelineError):
    """What the caller asked for cannot be done as asked."""


class UnknownNameError(InputError):
    """A name that is not in the list of possible ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        self.kind, self.name, self.known, self.where = kind, name, sorted(known), where
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        place = f" in {self.where}" if self.where else ""
        near = difflib.get_close_matches(self.name, self.known, n=1, cutoff=0.5)
        if not near:
            near = difflib.get_close_matches(self.name.lower(), [k.lower() for k in self.known], n=1, cutoff=0.5)
            near = [k for k in self.known if near and k.lower() == near[0]]
        shown = ", ".join(self.known[:12]) + (f", ... ({len(self.known)} in all)" if len(self.known) > 12 else "")
        hint = f"Did you mean {near[0]!r}?" if near else (f"Known: {shown}." if self.known else "There are none.")
        return f"Unknown {self.kind} {self.name!r}{place}. {hint}"


class ConfigurationError(InputError):
    """Settings outside their bounds, or contradicting each other."""


class DataError(InputError):
    """Market data that cannot be used as it is."""


class FormulaError(InputError):
    """A formula that cannot be built, or cannot be used where it stands."""


class TaxRefusal(InputError):  # noqa: N818 - the field's word for what the engine does
    """Events that cannot be taxed as they are; `rule` is the name of the rule that forbids a guess."""

    def __init__(self, rule: str, sentence: str) -> None:
        self.rule, self.sentence = rule, sentence
        super().__init__(f"{sentence} ({rule})")


class StorageError(TapelineError):
    """The journal or a store could not be read or written."""


class IntegrityError(StorageError):
    """A record of the journal was altered, is missing, or stands out of order."""


class LeaseLostError(StorageError):
    """Another process has become the writer of the journal, or its file is gone: this process has to end."""


class InvariantError(TapelineError):
    """Two books that must agree do not. A fault of ours: the run stops."""
