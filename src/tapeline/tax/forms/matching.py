"""Own gain rows matched with the lines of the brokers' 1099s, each matched or explained.

Brokers split what we add and add what we split: a partly washed lot is two lines there, and fills of a day may be
one. So both sides are grouped by account, symbol, day of sale and day of acquisition, and a group becomes one row of
the form. Lines whose day of acquisition is blank, or that print the adjusted day of a washed lot, are matched by what
is left of the day of sale. Where a group of ours has both terms and the broker's has not, its figures are divided by
quantity, to the cent.

An account without any line of a form is taken to be reported as its own figures say, which the row remembers
(`is_assumed`), or not reported at all if the caller names it in `unreported`. An account that sent lines, but none for
a sale, did not report that sale. A line without any sale of ours is never put on the form: it is listed, because
something is missing on our side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any, TypeVar

from tapeline.tax.accounts import TaxInstrument
from tapeline.tax.forms.brokers import BrokerLine, form_for, is_covered
from tapeline.tax.forms.codes import CODES, Adjustment
from tapeline.tax.forms.rows import FormRow, Sale, form_row, sale_of
from tapeline.tax.gains import Gain, Term

_AMOUNTS = ("proceeds_cents", "basis_cents", "disallowed_cents", "market_discount_cents")
_Item = TypeVar("_Item")
Group = list[Gain]
Given = Mapping[tuple[str, str], Sequence[Adjustment]]
"""Codes that the taxpayer gives, by the ids of disposition and lot; an empty lot id is every lot of the disposition."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the reconciliation: what was compared, and how it comes out.

    lines : ids of the broker's lines, none where it has no such sale; rows : of the form, none where we have none
    """

    account: str
    symbol: str
    sold: date | None
    lines: tuple[str, ...]
    sentence: str
    rows: tuple[FormRow, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something is missing on one side."""
        return not self.rows or not self.lines


def match(
    gains: Iterable[Gain],
    lines: Sequence[BrokerLine],
    instruments: Mapping[str, TaxInstrument],
    *,
    unreported: Collection[str] = (),
    adjustments: Given | None = None,
) -> tuple[list[FormRow], list[Finding]]:
    """Return the rows of Form 8949, unnumbered, and the findings about the accounts that a 1099 came from.

    gains : short- and long-term rows only; unreported : accounts that no 1099 comes from
    """
    given = adjustments or {}
    reporting = {(line.account, name) for line in lines for name in (line.form, line.symbol)}
    rows: list[FormRow] = []
    left: list[Gain] = []
    for gain in gains:
        instrument = _instrument(instruments, gain.symbol)
        if {(gain.account, form_for(instrument)), (gain.account, gain.symbol)} & reporting:
            left.append(gain)
            continue
        sale = sale_of([gain], instrument)
        line = None if gain.account in unreported else _assumed(sale, instrument)
        own = _adjustments(given, [gain]) if given else ()
        rows.append(form_row(sale, line, own, is_assumed=line is not None))
    findings: list[Finding] = []
    for group, reported in _pairs(left, lines):
        made = _rows(group, reported, instruments, given)
        rows += made
        findings.append(_finding(group, reported, made))
    return rows, findings


def _instrument(instruments: Mapping[str, TaxInstrument], symbol: str) -> TaxInstrument:
    return instruments.get(symbol) or TaxInstrument(symbol)


def _assumed(sale: Sale, instrument: TaxInstrument) -> BrokerLine:
    """Return what a broker that agrees with us would report."""
    covered = sale.acquired is not None and is_covered(instrument, sale.acquired)
    return BrokerLine(
        form_for(instrument),
        sale.proceeds_cents,
        sale.cost_cents if covered else None,
        covered,
        sale.term,
        sale.disallowed_cents,
    )


def _adjustments(given: Given, gains: Group) -> tuple[Adjustment, ...]:
    keys = {(gain.close_id, gain.open_id) for gain in gains} | {(gain.close_id, "") for gain in gains}
    return tuple(adjustment for key in sorted(keys) for adjustment in given.get(key, ()))


def _pairs(gains: Group, lines: Sequence[BrokerLine]) -> list[tuple[Group, list[BrokerLine]]]:
    """Return groups of gains with their lines: by both days, then by the day of sale alone, then what has no match."""
    exact = _grouped(gains, lambda gain: (*_sold(gain), gain.open_date))
    exact_lines = _grouped(lines, lambda line: (line.account, line.symbol, line.sold, line.acquired))
    pairs: list[tuple[Group, list[BrokerLine]]] = []
    for key in [key for key in exact if key in exact_lines]:
        pairs.append((exact.pop(key), exact_lines.pop(key)))
    by_day = _grouped([gain for group in exact.values() for gain in group], _sold)
    lines_by_day = _grouped(
        [line for group in exact_lines.values() for line in group],
        lambda line: (line.account, line.symbol, line.sold),
    )
    for key in sorted({*by_day, *lines_by_day}, key=str):
        group, reported = by_day.get(key, []), lines_by_day.get(key, [])
        # a sale that the broker did not report keeps a row for each lot
        pairs += [(group, reported)] if reported else [([gain], []) for gain in group]
    return pairs


def _sold(gain: Gain) -> tuple[str, str, date | None]:
    return gain.account, gain.symbol, date.fromordinal(gain.delivered_day)


def _grouped(items: Iterable[_Item], key: Callable[[_Item], Any]) -> dict[Any, list[_Item]]:
    groups: dict[Any, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _rows(
    group: Group, reported: list[BrokerLine], instruments: Mapping[str, TaxInstrument], given: Given
) -> list[FormRow]:
    if not group:
        return []
    instrument = _instrument(instruments, group[0].symbol)
    by_term: dict[Term, Group] = _grouped(group, lambda gain: gain.term)
    parts = _divided(by_term, reported)
    return [
        form_row(sale_of(gains, instrument), parts[term], _adjustments(given, gains)) for term, gains in by_term.items()
    ]


def _divided(by_term: Mapping[Term, Group], reported: list[BrokerLine]) -> dict[Term, BrokerLine | None]:
    """Return what the broker reported of each of our terms."""
    if not reported:
        return dict.fromkeys(by_term)
    if {line.term for line in reported} == set(by_term):
        return {term: _together([line for line in reported if line.term is term], term) for term in by_term}
    if len(by_term) == 1:
        return {term: _together(reported, term) for term in by_term}
    left = _together(reported, None)
    shares_left = sum(gain.quantity_units for gains in by_term.values() for gain in gains)
    parts: dict[Term, BrokerLine | None] = {}
    for term, gains in by_term.items():
        shares = sum(gain.quantity_units for gain in gains)
        part, left = _cut(left, Fraction(shares) / shares_left)
        parts[term] = part
        shares_left -= shares
    return parts


def _cut(line: BrokerLine, share: Fraction) -> tuple[BrokerLine, BrokerLine]:
    """Return a share of a line and the rest; cents add up."""
    parts: dict[str, Any] = {
        name: int(getattr(line, name) * share) for name in _AMOUNTS if getattr(line, name) is not None
    }
    rest: dict[str, Any] = {name: getattr(line, name) - cents for name, cents in parts.items()}
    return replace(line, **parts), replace(line, **rest)


def _together(lines: Sequence[BrokerLine], ours: Term | None) -> BrokerLine:
    """Return lines as one: basis is reported only if all of them say so; of several terms one that is not ours."""
    first = lines[0]
    if len(lines) == 1:
        return first
    known = [line.basis_cents for line in lines if line.basis_cents is not None]
    terms = sorted({line.term for line in lines if line.term is not None}, key=lambda term: term is ours)
    return replace(
        first,
        proceeds_cents=sum(line.proceeds_cents for line in lines),
        basis_cents=sum(known) if len(known) == len(lines) else None,
        is_basis_reported=all(line.is_basis_reported for line in lines),
        term=terms[0] if len(terms) == 1 or (terms and ours is not None) else None,
        disallowed_cents=sum(line.disallowed_cents for line in lines),
        market_discount_cents=sum(line.market_discount_cents for line in lines),
        is_ordinary=any(line.is_ordinary for line in lines),
        is_collectible=any(line.is_collectible for line in lines),
        is_opportunity_fund=any(line.is_opportunity_fund for line in lines),
        line_id=", ".join(line.line_id for line in lines),
    )


def _finding(group: Group, reported: list[BrokerLine], rows: list[FormRow]) -> Finding:
    names = tuple(line.line_id for line in reported)
    if not group:
        line = reported[0]
        sentence = (
            "reported by the broker; no such sale is in these books, so it is on no form: look for what is missing"
        )
        return Finding(line.account, line.symbol, line.sold, names, sentence)
    account, symbol, sold = _sold(group[0])
    if not reported:
        sentence = "the 1099 does not have this sale; it is listed as one that was not reported"
    else:
        codes = sorted({code for row in rows for code in row.codes})
        sentence = "; ".join(f"{code}: {CODES[code].use}" for code in codes) or "the figures agree"
        if len({(line.form, line.is_basis_reported) for line in reported}) > 1:
            sentence += "; the lines belong into different boxes, and days that would tell them apart are missing"
    return Finding(account, symbol, sold, names, sentence, tuple(rows))
