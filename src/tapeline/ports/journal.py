"""The journal port: where facts go to stay.

Facts are appended in the order in which they happened and become durable together, at `commit`. A crash
loses whole batches that were not committed, never half of one. Nothing is ever changed or taken out:
a correction is a new fact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol


class Fact(Protocol):
    """Something that happened. `kind` is its name in the journal, `schema` the version of its fields."""

    kind: ClassVar[str]
    schema: ClassVar[int]

    @property
    def event_time_ns(self) -> int:
        """When it happened, UTC nanoseconds."""


class Record(NamedTuple):
    """One fact at its place in the chain.

    sequence : its number, from 1
    body : the fact's canonical bytes
    hash : 32 bytes that depend on this record and every one before it
    """

    sequence: int
    fact: Fact
    body: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many records there are and the hash of the last one."""

    count: int
    hash: bytes

    @property
    def text(self) -> str:
        """The hash as 64 hexadecimal digits, to be kept outside the journal."""
        return self.hash.hex()


class Journal(Protocol):
    """An append-only, hash-chained book of facts. One process writes; any number read."""

    def append(self, fact: Fact) -> bytes:
        """Add a fact to the batch that the next `commit` makes durable. Returns its canonical bytes."""

    def commit(self) -> None:
        """Make all that was appended durable, whole or not at all. Raises StorageError; may be repeated."""

    def see_lease(self) -> None:
        """See whether this process is still the one that writes. Raises LeaseLostError if it is not."""

    def read(
        self,
        *,
        kind: str | None = None,
        client_order_id: str | None = None,
        execution_id: str | None = None,
        signal_id: str | None = None,
        symbol: str | None = None,
        from_ns: int | None = None,
        until_ns: int | None = None,
        first: int = 1,
        last: int | None = None,
        passing_over: Collection[str] = (),
    ) -> Iterator[Record]:
        """Yield committed records in order of their numbers, those only that meet every condition given.

        from_ns, until_ns : bounds of the event time, both included; first, last : bounds of the number
        passing_over : kinds that are left out
        """

    def facts(self, *, passing_over: Collection[str] = (), first: int = 1) -> Iterator[Fact]:
        """Yield committed facts alone in order of their numbers, faster than `read`.

        passing_over : kinds that are left out; first : number of the first
        """

    def head(self) -> Head:
        """Return the end of the chain, facts that still wait for `commit` included."""

    def close(self) -> None:
        """Let go of the journal. What was not committed is lost."""
