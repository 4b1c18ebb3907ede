"""Tables as lines of text."""

from __future__ import annotations

import pytest

from tapeline.cli import text_table
from tapeline.cli.live_tables import show_orders
from tapeline.cli.text_table import TextTable


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    from rich.console import Console

    def show(table: TextTable) -> list[str]:
        monkeypatch.setattr(text_table, "console", Console(width=20))
        table.show()
        return capsys.readouterr().out.splitlines()

    return show


def test_figures_end_at_the_right_words_begin_at_the_left_and_nothing_is_cut_off(shown) -> None:  # type: ignore[no-untyped-def]
    table = TextTable("What is held", ["account", "day", "amount"])
    table.add_row("main", "2025-01-06", "-1,000.00")
    table.add_row("a long name", "", "5.00")

    assert shown(table) == [
        "What is held",
        "account      day            amount",
        "main         2025-01-06  -1,000.00",
        "a long name                   5.00",
    ]


def test_a_table_without_rows_has_its_names(shown) -> None:  # type: ignore[no-untyped-def]
    assert shown(TextTable("None", ["a", "b"])) == ["None", "a  b"]


def test_brackets_are_no_markup(shown) -> None:  # type: ignore[no-untyped-def]
    table = TextTable("[bold]", ["[red]"])
    table.add_row("[b]")

    assert shown(table) == ["[bold]", "[red]", "[b]"]


def test_a_line_beneath_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    table = TextTable("", ["a", "b"])
    table.add_row("x", "1")
    table.add_row("y", "20")
    table.show(["one", "two"])

    assert capsys.readouterr().out.splitlines() == ["a   b", "x   1", "  one", "y  20", "  two"]


def test_working_orders_fit_eighty_columns_and_show_whose_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    order = {
        "client_order_id": "MomentumReversal-GOOGL-20240102T153000-12-1", "strategy": "MomentumReversal",
        "symbol": "GOOGL", "side": "SELL", "type": "TRAILING_STOP", "purpose": "stop", "quantity": "12000",
        "leaves_quantity": "12000", "status": "PENDING_CANCEL", "limit_price": "1234.56", "stop_price": None,
    }  # fmt: skip
    orders = [order, {**order, "client_order_id": "short", "limit_price": None, "stop_price": "1.5"}]
    show_orders({"orders": orders, "orders_working": 2, "worked": [], "worked_count": 0})

    names, first, first_id, _, second_id = capsys.readouterr().out.splitlines()
    assert max(map(len, (names, first, first_id))) <= 80
    assert names.split() == ["strategy", "symbol", "side", "type", "leaves", "limit", "stop"]
    assert first.split() == ["MomentumReversal", "GOOGL", "SELL", "TRAILING_STOP", "12000", "1234.56"]
    assert first_id == "  MomentumReversal-GOOGL-20240102T153000-12-1  stop  PENDING_CANCEL"
    assert second_id == "  short  stop  PENDING_CANCEL"


def test_an_order_with_a_long_id_fits_a_terminal_of_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setattr(text_table, "console", Console(width=80, force_terminal=True, color_system=None))
    name = "IntradayMeanReversion-SIM24-20240102T205100-0-1"
    row = {
        "strategy": "IntradayMeanReversion", "symbol": "SIM24", "side": "SELL", "type": "MARKET",
        "leaves_quantity": "63", "limit_price": None, "stop_price": None, "client_order_id": name,
        "purpose": "flat_before_close", "status": "PARTIALLY_FILLED",
    }  # fmt: skip

    show_orders({"orders": [row], "orders_working": 1, "worked": [], "worked_count": 0})

    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [f"  {name}  flat_before_close", "      PARTIALLY_FILLED"]
    assert max(map(len, lines)) <= 80
