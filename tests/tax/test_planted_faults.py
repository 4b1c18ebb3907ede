"""Faults planted into the engine: the comparison share by share notices each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tapeline.tax import securities, wash_sales
from tapeline.tax.forms import schedule_d
from tapeline.tax.forms.pages import Totals
from tapeline.tax.forms.rounding import whole_dollars
from tapeline.tax.forms.rows import FormRow
from tapeline.tax.lots import Lot, Position
from tapeline.tax.wash_sales import WashSales
from tax.random_books import books, methods
from tax.test_forms_tie import check_forms, off_by
from tax.test_share_by_share import compare


def a_window_of_29_days(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wash_sales, "WINDOW_DAYS", 29)
    patch.setattr(securities, "WINDOW_DAYS", 29)


def a_loss_that_no_basis_takes_up(patch: pytest.MonkeyPatch) -> None:
    real = WashSales._replace

    def forgetful(self, loss, lot, factor):  # type: ignore[no-untyped-def]
        basis, is_whole = lot.basis, real(self, loss, lot, factor)
        if is_whole and not lot.position.is_short:
            lot.basis = basis
        return is_whole

    patch.setattr(WashSales, "_replace", forgetful)


def a_share_that_replaces_twice(patch: pytest.MonkeyPatch) -> None:
    real = WashSales._replace

    def generous(self, loss, lot, factor):  # type: ignore[no-untyped-def]
        is_whole = real(self, loss, lot, factor)
        lot.used = False
        return is_whole

    patch.setattr(WashSales, "_replace", generous)


def shares_that_replace_themselves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WashSales, "_can_replace", lambda self, lot, loss: True)


def matched_shares_behind_the_rest_of_their_lot(patch: pytest.MonkeyPatch) -> None:
    def cut(self: Position, lot: Lot, quantity: int) -> Lot:
        first = lot.cut(quantity)
        first.position = self
        first.part, lot.part = lot.part, first.part
        if first.opening is not None and not self.is_short:
            first.opening.restarting.append(first)
        self._link(lot, first)
        self.rank(first)
        self.rank(lot)
        return first

    patch.setattr(Position, "cut", cut)


GENERATED = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@pytest.mark.parametrize(
    "plant",
    [
        a_window_of_29_days,
        a_loss_that_no_basis_takes_up,
        a_share_that_replaces_twice,
        shares_that_replace_themselves,
        matched_shares_behind_the_rest_of_their_lot,
    ],
)
def test_the_second_engine_notices(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)

    @GENERATED
    @given(events=books, by_account=methods)
    def agree(events, by_account):  # type: ignore[no-untyped-def]
        compare(events, by_account)

    with pytest.raises(AssertionError):
        agree()


def test_rows_rounded_before_they_are_added_do_not_tie(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded_row_by_row(rows: Iterable[FormRow]) -> Totals:
        columns = [(row.proceeds_cents, row.basis_cents, row.adjustment_cents) for row in rows]
        return Totals(*(sum(100 * whole_dollars(cents) for cents in column) for column in zip(*columns, strict=True)))

    monkeypatch.setattr(schedule_d, "totals_of", rounded_row_by_row)

    @GENERATED
    @given(books, methods, off_by)
    def agree(events, chosen, off):  # type: ignore[no-untyped-def]
        check_forms(events, chosen, off, first=False, second=False)

    with pytest.raises(AssertionError):
        agree()
