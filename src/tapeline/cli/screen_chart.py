"""Write the chart of a symbol."""

from __future__ import annotations

from pathlib import Path

from tapeline.app.screen_data import moment_of
from tapeline.app.screening import rows_until
from tapeline.cli.console import SIMULATED, show_text
from tapeline.cli.screening import ScreenChoice
from tapeline.domain.errors import InputError
from tapeline.domain.times import to_iso
from tapeline.report.screen_chart import chart_html
from tapeline.store.whole_file import check_page_place, write_whole


def write_chart(choice: ScreenChoice, symbol: str, output: Path | None) -> None:
    """Write the page of a symbol at a moment."""
    settings, panel = choice.settings(), choice.read()
    past = rows_until(panel, moment_of(choice.at, panel))
    if not len(past):
        raise InputError(f"No bar had ended by {choice.at}; they begin at {to_iso(int(panel.start_ns[0]))}. Ask later.")
    page = output or Path(f"{symbol}.html")
    check_page_place(page)
    write_whole(page, chart_html(past, symbol, settings.screen))
    show_text(f"The chart of {symbol}: {page}")
    if choice.data.is_simulated:
        show_text(SIMULATED)
