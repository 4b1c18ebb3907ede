"""Tables as lines of text."""

from __future__ import annotations

import pytest

from tapeline.cli import text_table
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
