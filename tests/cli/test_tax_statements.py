"""`tapeline tax import` and `reconcile`, as a stranger meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.statements.flex_sample import OTHERS, TRADES, flex_file

from cli.running import run

TAXABLE = re.sub(r"<CorporateAction [^>]*NEWQ[^>]*/>|<Transfers>.*?</Transfers>", "", OTHERS, flags=re.DOTALL)


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    return flex_file(tmp_path, TRADES + TAXABLE)


@pytest.fixture
def books(tmp_path: Path, statement: Path) -> Path:
    path = tmp_path / "books.sqlite"
    assert run("tax", "import", statement, "--journal", path).code == 0
    return path


def test_an_import_says_what_was_new_what_was_not_taken_and_what_to_do_next(statement: Path, tmp_path: Path) -> None:
    done = run("tax", "import", statement, "--journal", tmp_path / "books.sqlite")

    assert done.code == 0, done.err
    assert "Statement flex U7000001, 2025-01-01 to 2025-12-31; accounts U7000001." in done.out
    assert "7 executions, 1 correction, 1 bust, 6 entries of cash, 3 changes of holdings" in done.out
    assert "Trade in EUR was not taken" in done.out
    assert "Next: tapeline tax gains --journal" in done.out


def test_a_second_import_finds_nothing_new_and_the_gains_come_from_the_journal(statement: Path, books: Path) -> None:
    again = json.loads(run("tax", "import", statement, "--journal", books, "--json").out)
    gains = json.loads(run("tax", "gains", "--journal", books, "--json").out)

    assert (again["added"], again["known"], again["records"]) == ({}, 18, 18)
    assert [(row["proceeds"], row["adjustment"]) for row in gains["rows"]] == [("1498.96", "301.25")]


def test_a_difference_is_shown_accepted_and_gone(statement: Path, books: Path, tmp_path: Path) -> None:
    revised = flex_file(tmp_path, TRADES.replace('tradePrice="20.00"', 'tradePrice="20.01"') + TAXABLE, "revised.xml")

    shown = run("tax", "reconcile", revised, "--journal", books)
    found = json.loads(run("tax", "reconcile", revised, "--journal", books, "--json").out)
    (price,) = [one for one in found["differences"] if one["causes"] == ["different price"]]
    refused = run("tax", "reconcile", revised, "--journal", books, "--accept", price["key"])
    words = ("--accept", price["key"], "--reason", "letter of 3 May", "--who", "ann")
    booked = run("tax", "reconcile", revised, "--journal", books, *words)
    after = json.loads(run("tax", "reconcile", revised, "--journal", books, "--json").out)

    assert f"{price['key']}  BUY 100 QXR at 20: price 20 here, 20.01 there (0.01)." in shown.out
    assert "revised.xml line 7" in shown.out
    assert '"kind":"ExecutionCorrected"' in price["suggested"][0]
    assert (refused.code, refused.sentence) == (
        2,
        "tapeline: An entry that corrects the books needs a reason and a name. Give --reason and --who.",
    )
    assert f"Booked {price['key']}: ExecutionCorrected" in booked.out
    assert price["key"] not in [one["key"] for one in after["differences"]]
    assert run("journal", "verify", books).code == 0


def test_an_exact_statement_agrees(tmp_path: Path) -> None:
    table, books = tmp_path / "t.csv", tmp_path / "b.sqlite"
    table.write_text("id,time,side,symbol,quantity,price\nb1,2025-01-06T10:31:00-05:00,BUY,QXR,100,20\n")
    run("tax", "import", table, "--format", "csv", "--journal", books)

    done = run("tax", "reconcile", table, "--format", "csv", "--journal", books)

    assert "They agree: 1 execution, 0 entries of cash" in done.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{xml}", "--format", "flx"], "Unknown format 'flx' in --format. Did you mean 'flex'?"),
        (["missing.xml"], "Unknown file 'missing.xml'"),
        (["{xml}", "--zone", "Mars"], "Zone 'Mars' is not known"),
        (["{xml}", "--account", "U1=main"], "Unknown account 'U1' in the statement"),
        ([], "--format flex needs a file"),
        (["--format", "alpaca"], "Set APCA_API_KEY_ID and APCA_API_SECRET_KEY in the environment"),
        (["{xml}", "--format", "alpaca"], "is no readable JSON"),
        (["{xml}", "--format", "csv"], "Unknown column"),
    ],
)
def test_words_that_cannot_be_followed(
    statement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.delenv("APCA_API_KEY_ID", raising=False)
    done = run(
        "tax", "import", *[w.format(xml=statement) for w in words], "--journal", tmp_path / "b.sqlite"
    )  # fmt: skip

    assert done.code == 2
    assert sentence in done.sentence
    assert not (tmp_path / "b.sqlite").exists()


def test_a_reconciliation_needs_a_journal_that_is_there_and_takes_no_all(statement: Path, books: Path) -> None:
    assert "none.sqlite" in run("tax", "reconcile", statement, "--journal", "none.sqlite").sentence
    everything = run("tax", "reconcile", statement, "--journal", books, "--accept", "all", "--reason", "r")

    assert (everything.code, "one by one" in everything.sentence) == (2, True)
