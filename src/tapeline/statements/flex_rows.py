"""Rows of a Flex file: elements with their line, attributes read by `ibflex`, and XML that may do no harm.

A Flex file is elements of attributes. They are read one after the other, so a large file needs no tree in memory, and
each keeps its line. A file that declares a document type or an entity is refused: Flex files have none, and entities
are how XML reads other files or grows without bound (CWE-611, CWE-776).

`ibflex` knows the attributes of each element and their types; it also guesses at dates with slashes and drops offsets
of times, so those are refused here before it sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from xml.parsers import expat
from zoneinfo import ZoneInfo

from tapeline.domain.errors import DataError
from tapeline.statements.model import is_amount, moment_ns

SIZE_MAX_BYTES = 1_000_000_000
DEPTH_MAX = 16
ELEMENTS_MAX = 20_000_000

_OFFSET = re.compile(r"\d[ ]?(?:[+-]\d{2}:?\d{2}|Z|[A-Z]{3,4})$")


@dataclass(frozen=True, slots=True)
class FlexRow:
    """One element. where : file and line, for who must mend it"""

    tag: str
    attributes: dict[str, str]
    where: str
    zone: ZoneInfo

    def has(self, name: str) -> bool:
        """Return whether an attribute is there and says something."""
        return self.attributes.get(name, "") not in ("", "-", "--", "N/A", "MULTI")

    def text(self, name: str) -> str:
        """Return an attribute as it is written, empty where there is none."""
        return self.attributes.get(name, "").strip() if self.has(name) else ""

    def needed(self, name: str) -> str:
        """Return an attribute that must be there. Raises DataError, saying how to have it in the query."""
        if not self.has(name):
            raise self.fault(f"it has no {name}. Add that field to the Flex query's section and fetch it again.")
        return self.text(name)

    def amount(self, name: str) -> Decimal:
        """Return an exact number, zero where there is none."""
        value = self._typed(name) if self.has(name) else Decimal(0)
        if not is_amount(value):
            raise self.fault(f"{name} {self.text(name)[:40]!r} is no number of an account.")
        return value

    def needed_amount(self, name: str) -> Decimal:
        """Return an exact number that must be there."""
        self.needed(name)
        return self.amount(name)

    def day(self, *names: str) -> date:
        """Return the first date among attributes. Raises DataError if there is none."""
        found = self.maybe_day(*names)
        if found is None:
            self.needed(names[0])
            raise self.fault(f"{names[0]} {self.text(names[0])!r} is no date.")
        return found

    def maybe_day(self, *names: str) -> date | None:
        """Return the first date among attributes, None if there is none."""
        for name in names:
            if self.has(name):
                value = self._typed(name)
                return value.date() if isinstance(value, datetime) else value
        return None

    def moment(self, *names: str) -> tuple[int, bool]:
        """Return the first time among attributes in UTC nanoseconds, and whether it has a clock; else midnight."""
        for name in names:
            if self.has(name):
                value = self._typed(name)
                if isinstance(value, datetime):
                    has_clock = re.search(r"[;, T]", self.text(name)) is not None or len(self.text(name)) > 10
                    return moment_ns(value.replace(tzinfo=self.zone)), has_clock
                return moment_ns(datetime(value.year, value.month, value.day, tzinfo=self.zone)), False
        self.needed(names[0])
        raise self.fault(f"{names[0]} is no time.")

    @property
    def notes(self) -> set[str]:
        """The codes of a row, such as O, P, Ca, A, Ex, Ep, LD, R."""
        written = self.text("notes") or self.text("code")
        return set(re.split(r"[;, ]+", written)) - {""}

    def fault(self, sentence: str) -> DataError:
        """Return the error that says where a sentence is about."""
        return DataError(f"{self.where}, element {self.tag}: {sentence}")

    def _typed(self, name: str) -> Any:
        parser, known = library(), known_element(self.tag)
        written = self.attributes[name].strip()
        kind = known.__annotations__.get(name, "")
        if "date" in kind:
            self._check_date(name, written)
        try:
            return parser.parse_element_attr(known, name, written)[1]
        except (parser.FlexParserError, KeyError) as exc:
            raise self.fault(f"{name} {written!r} cannot be read as {kind or 'anything known'}. ({exc})") from exc

    def _check_date(self, name: str, written: str) -> None:
        if "/" in written:
            raise self.fault(
                f"{name} {written!r}: which of the two is the month? Set the query's date format to yyyy-MM-dd."
            )
        if _OFFSET.search(written) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
            raise self.fault(
                f"{name} {written!r} names a zone of its own. Set the query's time format to HHmmss, without zone; the "
                "zone of the account is given with --zone."
            )


@cache
def library() -> Any:
    """Return the parser of ibflex, imported when a Flex file is read for the first time."""
    from ibflex import parser

    return parser


@cache
def known_element(tag: str) -> Any:
    """Return what ibflex knows of an element. It has no WashSale, whose attributes are those of a Lot."""
    return getattr(library().Types, "Lot" if tag == "WashSale" else tag)


def read_rows(path: Path, zone: ZoneInfo, take: Callable[[FlexRow, tuple[str, ...]], None]) -> None:
    """Give every element of a file to `take`, with the tags it stands in, from the outside in.

    Raises DataError, naming the line, for a file that is no XML, too large, too deep, or declares entities.
    """
    size = path.stat().st_size
    if size > SIZE_MAX_BYTES:
        raise DataError(f"{path} has {size:,} bytes; up to {SIZE_MAX_BYTES:,} are read. Fetch shorter periods.")
    parser = expat.ParserCreate()
    inside: list[str] = []
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        where = f"{path} line {parser.CurrentLineNumber}"
        if count > ELEMENTS_MAX:
            raise DataError(f"{where}: more than {ELEMENTS_MAX:,} elements. Fetch shorter periods.")
        if len(inside) >= DEPTH_MAX:
            raise DataError(f"{where}: elements stand {DEPTH_MAX + 1} deep; a Flex file has five. This is none.")
        take(FlexRow(tag, attributes, where, zone), tuple(inside))
        inside.append(tag)

    def refuse(*_: object) -> None:
        raise DataError(
            f"{path} line {parser.CurrentLineNumber} declares a document type or an entity; a Flex file never does. "
            "Fetch it again from the broker."
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: inside.pop()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as exc:
        raise DataError(
            f"{path} line {exc.lineno} is no well-formed XML ({expat.errors.messages[exc.code]}). If the file was cut "
            "off, fetch it again."
        ) from exc
