"""`tapeline tax forms` and `tapeline why 8949:ROW` as a stranger with a table uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.running import run

TRADES = """\
id,time,account,side,symbol,quantity,price,type
b1,2025-01-06,main,BUY,XYZ,100,20,
s1,2025-03-10,main,SELL,XYZ,100,15,
b2,2025-03-20,other,BUY,XYZ,30,16,
s2,2025-11-20,other,SELL,XYZ,30,19,
c1,2025-02-01,main,BUY,BTC,0.5,60000,crypto
c2,2025-06-01,main,SELL,BTC,0.25,90000,crypto
"""


@pytest.fixture
def trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trades.csv").write_text(TRADES, encoding="utf-8")
    return Path("trades.csv")


def test_the_summary_has_lines_files_notes_and_the_disclaimer(trades: Path) -> None:
    done = run("tax", "forms", "--trades", trades, "--out", "F")

    assert done.code == 0, done.err
    assert "Form 8949: 3 rows on 2 pages." in done.out
    # XYZ 1,500 - 2,000 + 150 and 570 - (480 + 150)
    assert "1b    Short-term, Form 8949 boxes A and G   2,070.00   2,630.00    150.00   -410.00" in done.out
    assert "Provisional: a purchase until January 30, 2026 may still disallow a loss of 2025." in done.out
    assert "F/tax-forms-2025.pdf" in done.out
    assert "1 row cannot be told in TXF and must be entered by hand: see not-in-txf.csv." in done.out
    assert "This is no tax advice" in done.out
    assert (Path("F") / "not-in-txf.csv").read_text().splitlines()[1:] == [
        "3,H,0.25 BTC,the format has no record for box H"
    ]


def test_json_has_every_row_line_and_note(trades: Path) -> None:
    done = run("tax", "forms", "--trades", trades, "--json", "--exception-1", "--no-1099", "other")

    tree = json.loads(done.out)
    assert [(row["box"], row["b_acquired"], row["h_gain"]) for row in tree["form_8949"]] == [
        ("A", "2025-01-06", "-350.00"),
        ("C", "2025-03-20", "-60.00"),
        ("H", "2025-02-01", "7500.00"),
    ]
    assert {row["line"] for row in tree["schedule_d"] if row["way"].endswith("(chosen)")} >= {"1b", "2", "3", "7", "16"}
    assert tree["files"] == [] and tree["is_provisional"] is True
    assert tree["wash_sales"][0]["rule"] == "IRC 1091(a), (d)"


def test_a_row_is_followed_to_its_lot_its_sale_and_the_wash_sale_in_its_basis(trades: Path) -> None:
    done = run("why", "8949:2", "--trades", trades, "--year", "2025")

    assert done.code == 0, done.err
    lines = [line.lstrip("│├└─ ") for line in done.out.splitlines()]
    assert lines[0] == "Form 8949 of 2025, row 2: Part I, box A, copy 1 of 2; Schedule D line 1b"
    assert "(a) 30 sh XYZ  (b) 03/20/2025  (c) 11/20/2025:  (d) 570.00 - (e) 630.00 = (h) (60.00)" in lines
    assert any(line.startswith("In its basis: a loss disallowed at sale s1 in account main: 150.00") for line in lines)
    assert "Execution s2: SELL 30 XYZ at 19, costs 0, on 2025-11-20" in lines


def test_the_trace_as_json_nests_the_same(trades: Path) -> None:
    tree = json.loads(run("why", "8949:1", "--trades", trades, "--json").out)

    (gain,) = tree["gains"]
    assert (tree["row"]["f"], tree["row"]["g"], gain["opened"]["id"], gain["closed"]["id"]) == (
        "W",
        "150.00",
        "b1",
        "s1",
    )
    assert [step["replacement_lot"] for step in gain["wash_sales"]] == ["b2"]
    assert gain["opened"]["why"] is None


def test_a_row_that_is_none_is_refused_in_a_sentence(trades: Path) -> None:
    done = run("why", "8949:12", "--trades", trades)

    assert (done.code, done.sentence) == (2, "tapeline: Unknown row '12' in Form 8949 of 2025. Known: 1 to 3.")


def test_the_writers_libraries_are_imported_only_for_their_files(trades: Path) -> None:
    code = (
        "import sys; sys.argv = ['tapeline', 'tax', 'forms', '--trades', 'trades.csv', '--out', 'F', '--csv']\n"
        "from tapeline.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        "print([name for name in ('fpdf', 'xlsxwriter', 'numba') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
