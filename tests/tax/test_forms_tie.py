"""To the cent: lots, Form 8949, its pages and Schedule D say the same, on random books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.tax.accounts import Account, AccountKind, Method
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Event, MarkToMarket
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.filing import FilingChoices, prepare
from tapeline.tax.forms.matching import BrokerLine
from tapeline.tax.forms.schedule_d import LONG_LINES, SHORT_LINES
from tapeline.tax.gains import Term
from tapeline.tax.policies import Policies
from tapeline.tax.result import TaxResult
from tax.random_books import ACCOUNTS, books, methods
from tax.tables import taxed

off_by = st.lists(st.sampled_from((0, 0, 1, -700, 12_345)), min_size=8, max_size=8)


def computed(events: list[Event], chosen: dict[str, str]) -> TaxResult:
    kinds = {"roth": AccountKind.RETIREMENT}
    accounts = [Account(n, kinds.get(n, AccountKind.TAXABLE), method=Method(chosen[n])) for n in ACCOUNTS]
    engine = TaxEngine(accounts, policies=Policies(refuse_constructive_sales=False))
    engine.apply(events)
    return engine.result()


def check_forms(events: list[Event], chosen: dict[str, str], off: list[int], first: bool, second: bool) -> None:
    """Fail where the forms of a book do not agree with its gain rows, or with each other."""
    result = computed(events, chosen)
    for year in {row.tax_year for row in result.rows}:
        gains = result.gains(year)
        wrong = iter(off * (len(gains) + 1))
        # a broker that is wrong about proceeds, basis and wash sales of one account
        lines = [
            BrokerLine(
                BrokerForm.SECURITIES, max(0, row.proceeds_cents + next(wrong)), row.cost_cents + next(wrong), True,
                Term.SHORT, account=row.account, symbol=row.symbol,
                acquired=row.open_date, sold=date.fromordinal(row.delivered_day), line_id=str(at),
            )
            for at, row in enumerate(gains)
            if row.account == "first"
        ]  # fmt: skip

        forms = prepare(result, year, FilingChoices(lines, use_exception_1=first, use_exception_2=second))

        by_term = {term: sum(row.gain for row in gains if row.term is term) for term in (Term.SHORT, Term.LONG)}
        assert sum(row.gain_cents for row in forms.rows) == 100 * sum(by_term.values())
        assert sorted(id(gain) for row in forms.rows for gain in row.sale.gains) == sorted(map(id, gains))
        for schedule in (forms.schedule, forms.schedule_other_way):
            assert schedule.amounts["7"] == 100 * by_term[Term.SHORT]
            assert schedule.amounts["15"] == 100 * by_term[Term.LONG]
            assert all(
                t.gain_cents == t.columns["d"] - t.columns["e"] + t.columns["g"] for t in schedule.lines.values()
            )
        on_pages = sum(page.totals.gain_cents for page in forms.pages)
        straight = sum(t.gain_cents for line, t in forms.schedule.lines.items() if line in ("1a", "8a"))
        assert on_pages + straight == sum(forms.schedule.lines[line].gain_cents for line in forms.schedule.lines)
        assert all(len(page.rows) <= 11 and {row.box for row in page.rows} == {page.box} for page in forms.pages)
        assert set(forms.schedule.lines) <= {*SHORT_LINES, *LONG_LINES}
        own = sum((row.proceeds - row.cost + row.adjustment for row in gains), Decimal(0))
        assert (
            sum(row.sale.proceeds_cents - row.sale.cost_cents + row.sale.disallowed_cents for row in forms.rows)
            == 100 * own
        )


@settings(max_examples=150, deadline=None)
@given(books, methods, off_by, st.booleans(), st.booleans())
def test_lots_form_pages_and_schedule_agree(
    events: list[Event], chosen: dict[str, str], off: list[int], first: bool, second: bool
) -> None:
    check_forms(events, chosen, off, first, second)


def test_what_is_no_capital_asset_is_totalled_apart() -> None:
    table = """
        2025-01-06  buy   t1  100 XYZ @ 20  account=trader
        2025-04-01  sell  t2   60 XYZ @ 15  account=trader
        2025-01-06  buy   b1   10 ABC @ 10
        2025-02-06  sell  s1   10 ABC @ 12
    """
    mark = MarkToMarket(event_id="m1", day=date(2025, 12, 31), symbol="XYZ", price=Decimal(30))

    forms = prepare(taxed(table, mark), 2025)

    # 60 x -5 and 40 x +10 at the year's end
    assert (forms.section_475_cents, forms.section_1256_cents) == (10_000, 0)
    assert [row.sale.symbol for row in forms.rows] == ["ABC"]
    assert forms.schedule.amounts["16"] == 2_000


def test_a_year_is_provisional_until_the_thirtieth_of_january_has_passed() -> None:
    result = taxed("2025-12-01 buy b1 10 XYZ @ 10\n2025-12-20 sell s1 10 XYZ @ 8")

    early, late = (prepare(result, 2025, as_of=date(2026, 1, day)) for day in (30, 31))

    assert (early.is_provisional, late.is_provisional) == (True, False)
    assert early.notes[0] == "Provisional: a purchase until January 30, 2026 may still disallow a loss of 2025."
    assert [(loss.quantity, loss.last_day) for loss in prepare(result, 2025, as_of=date(2026, 1, 10)).pending] == [
        (10, date(2026, 1, 19))
    ]


def test_a_line_whose_whole_dollars_do_not_foot_is_named() -> None:
    # 15.50 - 10.40 = 5.10: 16 - 10 is not 5
    result = taxed("2025-01-06 buy b1 1 XYZ @ 10.40\n2025-02-06 sell s1 1 XYZ @ 15.50")

    rounded = prepare(result, 2025, FilingChoices(in_dollars=True))
    exact = prepare(result, 2025)

    assert rounded.schedule.in_dollars["1b"] == {"d": 16, "e": 10, "g": 0, "h": 5}
    assert any("line 1b differ by one" in note for note in rounded.notes)
    assert not any("differ by one" in note for note in exact.notes)
