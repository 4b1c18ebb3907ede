"""A live run for eyes: its state, its positions, its orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapeline.cli.console import show_text
from tapeline.cli.text_table import TextTable
from tapeline.report.amounts import plural

STYLES = {"ACTIVE": "green", "REDUCING": "yellow", "HALTED": "bold red"}

ACCEPTED_SHOWN = 5

_HEADINGS = {"average_price": "average", "remedy": "what was done"}  # so that a row fits eighty columns
_POSITIONS = ("strategy", "symbol", "quantity", "average_price", "mark", "unrealized", "realized")
_ORDERS = ("strategy", "symbol", "side", "type", "leaves_quantity", "limit_price", "stop_price")
_NAMES = ("strategy", "symbol", "side", "type", "leaves", "limit", "stop")
_WORKED = (
    "strategy", "symbol", "side", "quantity", "filled_quantity", "working_quantity", "unsent_quantity",
)  # fmt: skip
_FINDINGS = ("finding", "name", "ours", "theirs", "remedy", "text")
_DONE = {
    "BOOK": "booked",
    "ADOPT": "adopted",
    "ASK": "asked for by name",
    "LOCK": "symbol locked",
    "UNLOCK": "lock taken off",
    "REPORT": "reported only",
    "BUST": "taken out",
    "CORRECT": "corrected",
}
_LEFT = {"finding", "name", "remedy", "text", "strategy", "symbol"}


def status_view(status: Mapping[str, Any], run: str = "") -> RenderableType:
    """Return the state of a run as lines and a table of positions.

    run : what it is called
    """
    lines = Text()
    lines.append("  ".join(filter(None, (run, status["time"]))) + "  ")
    lines.append(status["state"], style=STYLES.get(status["state"], ""))
    lines.append(f"  equity {_money(status['equity'])}  cash {_money(status['cash'])}\n")
    long, short = float(status["long_exposure"]), float(status["short_exposure"])
    lines.append(f"long {long:,.2f}  short {short:,.2f}  gross {long + short:,.2f}  net {long - short:,.2f}\n")
    high = status["high_water"]
    if float(high["below"]):
        share = "" if high["depth"] is None else f" ({-high['depth'] * 100:.2f} %)"
        lines.append(f"{_money(high['below'])}{share} below the highest equity, since {high['since']}\n")
    lines.append(
        f"{', '.join(status['strategies'])} on {plural(status['symbols'], 'symbol')}:"
        f" {plural(status['slices'], 'slice')}, {plural(status['orders_working'], 'order')} working,"
        f" {plural(status['round_trips'], 'round trip')}, {plural(status['denied'], 'denial')},"
        f" {plural(status['facts'], 'fact')}\n"
    )
    for sentence in remarks_of(status):
        lines.append(f"{sentence}\n", style="yellow")
    tables = [findings_table(status["findings"])] if status["findings"] else []
    tables += [positions_table(status["positions"])] if status["positions"] else []
    return Group(lines, *tables)


def remarks_of(status: Mapping[str, Any]) -> list[str]:
    """Return what a person should know of a run besides its figures."""
    found = ["The run has ended."] if status["has_ended"] else []
    if (lowered := status["lowered"]) is not None:
        found.append(f"{status['state']} since {lowered['since']}, by {lowered['who']}: {lowered['text']}")
    if status["is_flattening"]:
        found.append("Everything is being closed.")
    if status["gap"] is not None:
        found.append(f"A gap is open since {status['gap']['since']} ({status['gap']['cause']}): nothing new is risked.")
    if status["locks"]:
        found.append(f"Locked, because the broker's position is not explained: {', '.join(status['locks'])}.")
    found += accepted_remarks(status["accepted"])
    found += [f"Override: {text}" for text in status["overrides"]]
    if status["reconciled"] is not None:
        what = "these things differed" if status["findings"] else "nothing differs"
        left = f"; left open: {'; '.join(status['unresolved'])}" if status["unresolved"] else ""
        found.append(f"Compared with the broker's books at {status['reconciled']}: {what}{left}.")
    return found


def accepted_remarks(sentences: Sequence[str]) -> list[str]:
    """Return the newest differences that a person accepted, and how many came before."""
    more = len(sentences) - ACCEPTED_SHOWN
    return [*([f"{more} differences were accepted before these."] if more > 0 else []), *sentences[-ACCEPTED_SHOWN:]]


def positions_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return positions as a table."""
    return _table(rows, _POSITIONS)


def findings_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return what the last comparison found, and what was done about it, as a table."""
    shown = [
        {**row, "finding": row["finding"].replace("_", " ").lower(), "remedy": _DONE[row["remedy"]]} for row in rows
    ]
    return _table(shown, _FINDINGS)


def show_orders(status: Mapping[str, Any]) -> None:
    """Print working orders, and what is worked in parts; two lines each: an id needs most of a line for itself."""
    table, rows = TextTable("", [*_NAMES]), status["orders"]
    for row in rows:
        table.add_row(*["" if row[name] is None else str(row[name]) for name in _ORDERS])
    if rows:
        table.show([f"{row['client_order_id']}  {row['purpose']}  {row['status']}" for row in rows])
    _show_rest(len(rows), status["orders_working"], "orders that work")
    worked = status["worked"]
    table = TextTable("Worked in parts", ["strategy", "symbol", "side", "wanted", "done", "working", "not sent yet"])
    for row in worked:
        table.add_row(*[str(row[name]) for name in _WORKED])
    if worked:
        table.show([f"{row['client_order_id']}  {row['purpose']}  {row['algorithm']}" for row in worked])
    _show_rest(len(worked), status["worked_count"], "orders that are worked in parts")


def _show_rest(shown: int, count: int, what: str) -> None:
    if shown < count:
        show_text(f"These are the {shown:,} oldest of {count:,} {what}.")


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        heading = _HEADINGS.get(name, name.replace("_", " "))
        table.add_column(heading, justify="left" if name in _LEFT else "right", overflow="fold")
    for row in rows:
        table.add_row(*["" if row[name] is None else str(row[name]) for name in columns])
    return table


def _money(text: str) -> str:
    return f"{float(text):,.2f}"
