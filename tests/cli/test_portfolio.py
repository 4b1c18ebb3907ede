"""`tapeline portfolio` as a stranger reads it: eighty columns, whole numbers, sums that one can check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.running import run
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.times import DAY, from_iso
from tapeline.domain.words import OrderType, Purpose, Role, Side
from tapeline.ledger.facts import CashMoved, SessionClosed
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.store.sqlite_journal import SqliteJournal

T0 = from_iso("2024-01-30T15:00:00Z")


def fill(number: int, strategy: str, symbol: str, quantity: int, price: str, purpose: Purpose = Purpose.ENTRY,
         stop: str = "") -> list[OrderIntended | OrderFilled]:  # fmt: skip
    side, name, time = (Side.BUY if quantity > 0 else Side.SELL), f"{strategy}-{symbol}-{number}", T0 + number * 10**9
    amount = Decimal(abs(quantity))
    order = Order(name, strategy, symbol, side, OrderType.MARKET, amount, time, purpose=purpose, role=Role.ENTRY)
    children = [
        OrderIntended(
            Order(
                f"{name}-stop", strategy, symbol, side.opposite, OrderType.STOP, amount, time, stop_price=Decimal(stop),
                role=Role.STOP, purpose=Purpose.STOP, parent=name, group=name,
            )
        )
    ] if stop else []  # fmt: skip
    signal = f"{strategy}/{symbol}/enter_long/{time}" if purpose is Purpose.ENTRY else None
    execution = Execution(f"E{number}", name, strategy, symbol, side, amount, Decimal(price), Decimal(1), time)
    return [OrderIntended(order, signal), *children, OrderFilled(execution, Decimal(0))]


@pytest.fixture(scope="module")
def journal() -> Iterator[Path]:
    """Bought 100 at 20 with a stop at 19, sold at 22; 50 of another at 40, short 10 of a third; 500 went out."""
    facts = [
        CashMoved(T0, CashCause.DEPOSIT, Decimal(20_000)),
        *fill(1, "MovingAverageCross", "ABCD", 100, "20", stop="19"),
        *fill(2, "IntradayMeanReversion", "SHRT", -10, "90"),
        SessionClosed(T0 + DAY, {"ABCD": Decimal(23), "SHRT": Decimal(95)}),
        CashMoved(T0 + 2 * DAY, CashCause.WITHDRAWAL, Decimal(-500)),
        *fill(200_000, "MovingAverageCross", "ABCD", -100, "22", Purpose.EXIT_RULE),
        *fill(200_001, "MovingAverageCross", "WXYZ", 50, "40"),
        SessionClosed(T0 + 3 * DAY, {"WXYZ": Decimal("40.5"), "SHRT": Decimal(91)}),
    ]
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "journal.sqlite"
        with SqliteJournal.writing(path) as written:
            for fact in facts:
                written.append(fact)
            written.commit()
        yield path


def test_the_whole_on_one_page(journal: Path) -> None:
    """Made 198 of ABCD, 24 of WXYZ, -11 of SHRT; at the first close 299 and -51 stood, 248 in all, 37 more."""
    shown = run("portfolio", journal)

    assert shown.code == 0, shown.err
    assert max(map(len, shown.out.splitlines())) <= 80
    for line in (
        f"Account main of {journal.parent.name} at 2024-02-02T15:00:00Z",
        "  equity 19,711.00, cash 18,596.00",
        "  inflow 20,000.00, outflow 500.00",
        "  made 211.00: realized 200.00, unrealized 15.00,",
        "    commissions 4.00, income 0.00",
        "  long 2,025.00 (10.3 %), short 910.00 (4.6 %)",
        "  gross 2,935.00 (14.9 %), net 1,115.00 (5.7 %)",
        "  37.00 below its highest of 19,748.00: -0.18 % since 2024-01-31",
    ):
        assert line in shown.out.splitlines()
    assert re.search(r"^MovingAverageCross +1 of 1 +1\.98 +1\.98 +0 +0 +0 +1 +0$", shown.out, re.MULTILINE)
    assert re.search(r"^SHRT +-10 +90\.00 +91\.00 +-910\.00 +-10\.00 +– +1 +2024-01-30$", shown.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("exit", {"exit rule": "198.00", "open": "13.00"}),
        ("side", {"long": "222.00", "short": "-11.00"}),
        ("symbol", {"ABCD": "198.00", "WXYZ": "24.00", "SHRT": "-11.00"}),
        ("month", {"2024-01": "248.00", "2024-02": "-37.00"}),
        ("signal", {"MovingAverageCross enter long": "222.00", "IntradayMeanReversion enter long": "-11.00"}),
    ],
)
def test_where_it_came_from(journal: Path, by: str, rows: dict[str, str]) -> None:
    shown = run("portfolio", journal, "--by", by)

    table = shown.out[shown.out.index("What was made") :]
    for label, amount in {**rows, "all": "211.00"}.items():
        assert re.search(rf"^{label} +{re.escape(amount)}( |$)", table, re.MULTILINE), table


def test_as_json_the_amounts_are_exact_and_the_parts_add_up(journal: Path) -> None:
    body = json.loads(run("portfolio", journal, "--by", "strategy", "--json").out)
    (account,) = body["accounts"]

    parts = [Decimal(part["profit"]) for part in account["attribution"]["strategy"]]
    assert sum(parts) == Decimal(account["profit"]["net"]) == 211
    assert [lot["cost"] for row in account["holdings"] for lot in row["lots"]] == ["-900", "2000"]
    assert account["holdings"][0]["r_multiple"] is None
    assert account["beta"] is None


def test_lots_sectors_and_what_is_not_known_are_named(journal: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text("symbol,sector\nWXYZ,Energy\n", encoding="utf-8")

    shown = run("portfolio", journal, "--groups", groups, "--lots")

    assert max(len(line) for line in shown.out.splitlines() if str(groups) not in line) <= 80
    assert re.search(r"^Energy +2,025\.00 +0\.00 +2,025\.00 +2,025\.00 +10\.27$", shown.out, re.MULTILINE)
    assert re.search(r"^unknown +0\.00 +910\.00 +910\.00 +-910\.00 +-4\.62$", shown.out, re.MULTILINE)
    assert re.search(r"^WXYZ +MovingAverageCross +50 +2024-02-01 +2,000\.00 +40\.0000$", shown.out, re.MULTILINE)
    assert f"Sectors from {groups}." in shown.out


def test_a_journal_with_nothing_in_it_and_a_wrong_word_are_refused(journal: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    with SqliteJournal.writing(empty) as written:
        written.commit()

    refused = run("portfolio", empty)
    wrong = run("portfolio", journal, "--by", "strategies")

    assert (refused.code, wrong.code) == (2, 2)
    assert "there is no portfolio" in refused.sentence
    assert "Did you mean 'strategy'?" in wrong.sentence
