"""`tapeline tax`: a stranger's table in, figures that add up out, one sentence for what cannot be done."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.bar_files import write_bars
from cli.running import run
from tapeline.cli.main import DEBUG
from tapeline.ledger.views import rebuild
from tapeline.store.sqlite_journal import SqliteJournal

TRADES = """id,time,account,side,symbol,quantity,price,commission,account_type
b1,2025-01-06T10:31:00-05:00,main,BUY,XYZ,100,20.00,1.00,
s1,2025-04-01,main,SELL,XYZ,100,15.00,1.00,
b2,2025-04-10,roth,BUY,XYZ,40,16.00,,ira
b3,2024-01-10,main,BUY,ABC,30,100,,
s3,2025-12-15,main,SELL,ABC,10,50,,
b4,2025-12-10,second,BUY,ABC,5,55,,
"""
TABLE = ("--trades", "trades.csv")
ESTIMATE = ("--short-rate", "0.35", "--long-rate", "0.15")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DEBUG, raising=False)
    (tmp_path / "trades.csv").write_text(TRADES)
    return tmp_path


def told(*arguments: str) -> str:
    outcome = run("tax", *arguments)
    assert outcome.code == 0, outcome.err
    return outcome.out


def tree(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(*arguments, "--json"))
    return found


def refused(*arguments: str) -> str:
    outcome = run("tax", *arguments)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    return outcome.sentence


HEAD = ["year", "as_of", "is_provisional", "account", "methods", "policies", "source", "flags", "disclaimer"]


def test_gains_show_rows_totals_and_what_may_still_change() -> None:
    shown = told("gains", *TABLE)

    lines = [line.rstrip() for line in shown.splitlines()]
    assert "2025-04-01  XYZ          100  2025-01-06      200.80  -301.20  short  W" in lines
    assert "2025-12-15  ABC           10  2024-01-10      250.00  -250.00  long   W~" in lines
    assert "short-term     1  1,499.00  2,001.00      200.80  -301.20" in lines
    assert "a purchase until 2026-01-14 can still disallow up to 250.00 of these losses." in shown
    assert "Net: short-term -301.20, long-term -250.00, together -551.20: all of it can be deducted" in shown
    assert shown.count("This is no tax advice") == 1


def test_gains_for_a_program_foot_and_keep_their_keys() -> None:
    found = tree("gains", *TABLE)

    assert list(found) == [*HEAD, "rows", "totals", "netting", "estimated_tax"]
    assert found["source"] == ["trades.csv"]
    for row in found["rows"]:
        assert Decimal(row["gain"]) == Decimal(row["proceeds"]) - Decimal(row["cost"]) + Decimal(row["adjustment"])
    assert found["rows"][0]["provisional"] is None
    assert found["rows"][1]["provisional"] == {"quantity": "5", "amount": "250.00", "until": "2026-01-14"}
    for total in found["totals"]:
        of_term = [Decimal(row["gain"]) for row in found["rows"] if row["term"] == total["term"]]
        assert sum(of_term) == Decimal(total["gain"])
    assert found["netting"]["net"] == "-551.20"
    assert list(found["rows"][0]) == [
        "account", "symbol", "open_id", "close_id", "kind", "quantity", "acquired", "holding_start", "sold", "proceeds",
        "cost", "code", "adjustment", "gain", "term", "tax_year", "provisional",
    ]  # fmt: skip


def test_what_was_carried_in_and_rates_make_an_estimate() -> None:
    found = tree("gains", *TABLE, "--carried", "100,5000", *ESTIMATE, "--state-rate", "0.05")

    # -401.20 and -5,250.00: 3,000 off other income at 40 %, 401.20 of it short-term; 2,651.20 long-term left
    assert found["netting"]["deducted"] == "3000"
    assert (found["netting"]["carryover_short"], found["netting"]["carryover_long"]) == ("0", "2651.20")
    assert found["estimated_tax"] == "-1200.00"
    assert tree("gains", *TABLE, "--carried", "100,5000", "--separate")["netting"]["carryover_long"] == "4151.20"


def test_a_later_day_without_purchases_makes_a_year_final() -> None:
    assert tree("gains", *TABLE, "--as-of", "2026-01-14")["rows"][1]["provisional"] is not None
    found = tree("gains", *TABLE, "--as-of", "2026-01-31")

    assert found["rows"][1]["provisional"] is None
    assert found["is_provisional"] is False


def test_an_earlier_day_shows_what_was_known_then() -> None:
    found = tree("gains", *TABLE, "--as-of", "2025-04-09")

    assert [(row["close_id"], row["adjustment"]) for row in found["rows"]] == [("s1", "0.00")]


def test_one_account_is_shown_and_all_are_computed() -> None:
    found = tree("gains", *TABLE, "--account", "main")

    assert {row["account"] for row in found["rows"]} == {"main"}
    assert found["rows"][0]["adjustment"] == "200.80"
    assert found["netting"] is None
    assert tree("gains", *TABLE, "--account", "second")["rows"] == []


def test_methods_are_set_for_all_or_by_account_and_policies_by_name() -> None:
    found = tree("gains", *TABLE, "--method", "LIFO", "--method", "main=hifo", "--policy", "prior_lot_counts=no")

    assert found["methods"] == {"main": "HIFO", "roth": "LIFO", "second": "LIFO"}
    assert found["policies"]["prior_lot_counts"] == "no"
    assert "policies: prior_lot_counts = no, else the defaults" in told(
        "gains", *TABLE, "--policy", "prior_lot_counts=no"
    )


def test_lots_show_basis_and_the_days_until_they_are_long_term() -> None:
    found = {lot["lot_id"]: lot for lot in tree("lots", *TABLE)["lots"]}

    # 250 of the loss on s3 went into b4, with the 705 days that b3 was held
    assert (found["b4"]["basis"], found["b4"]["holding_start"], found["b4"]["days_to_long_term"]) == (
        "525.00",
        "2024-01-05",
        0,
    )
    assert found["b2"]["long_term_from"] is None
    early = {lot["lot_id"]: lot for lot in tree("lots", *TABLE, "--as-of", "2025-01-08")["lots"]}
    assert (early["b1"]["long_term_from"], early["b1"]["days_to_long_term"]) == ("2026-01-07", 364)
    assert "* 2024-01-05" in told("lots", *TABLE)


def test_wash_sales_name_loss_replacement_rule_and_what_is_open() -> None:
    found = tree("wash", *TABLE)

    assert [(one["loss_id"], one["lot_id"], one["rule"], one["amount"]) for one in found["disallowed"]] == [
        ("s1", "b2", "Rev. Rul. 2008-5", "200.80"),
        ("s3", "b4", "IRC 1091(a), (d)", "250.00"),
    ]
    assert found["totals"] == {"disallowed": "450.80", "deferred": "250.00", "permanent": "200.80"}
    assert found["pending"][0]["until"] == "2026-01-14"
    assert "200.80 is lost for good" in told("wash", *TABLE)


def test_what_if_tells_a_sale_its_best_lots_and_its_wash_sales() -> None:
    found = tree("whatif", "SELL", "5", "ABC", *TABLE, "--account", "second", "--price", "60", *ESTIMATE)

    assert found["trade"] == {
        "side": "SELL", "quantity": "5", "symbol": "ABC", "price": "60", "price_of": None, "account": "second",
        "on": "2025-12-15",
    }  # fmt: skip
    assert [(row["open_id"], row["gain"], row["term"]) for row in found["rows"]] == [("b4", "-225.00", "long")]
    assert found["estimated_tax"] == "-33.75"
    assert found["best_lots"]["lots"] == []
    shown = told("whatif", "BUY", "5", "ABC", *TABLE, "--account", "main")
    assert "Wash sale: it replaces 5 shares sold at a loss on 2025-12-15 (s3 in main): 250.00 is disallowed" in shown


def test_what_if_asks_for_the_account_only_where_it_must() -> None:
    assert tree("whatif", "SELL", "1", "XYZ", *TABLE)["trade"]["account"] == "roth"
    assert "in which account? It could be main, second. Name one with --account." in refused(
        "whatif", "SELL", "1", "ABC", *TABLE
    )


def test_harvest_lists_losses_with_the_days_that_are_safe() -> None:
    found = tree("harvest", *TABLE, "--price", "ABC=40", *ESTIMATE)

    by_account = {one["account"]: one for one in found["harvests"]}
    assert by_account["main"]["loss"] == "1200.00"
    assert by_account["main"]["safe_to_buy"] == "2026-01-15"
    assert by_account["main"]["estimated_tax"] == "-180.00"
    assert "roth" not in by_account
    (Path("prices.csv")).write_text("symbol,price\nABC,40\n")
    assert tree("harvest", *TABLE, "--prices", "prices.csv", *ESTIMATE) == found


def test_overlapping_tables_are_taken_once() -> None:
    Path("again.csv").write_text(TRADES + "b5,2025-12-20,main,BUY,DEF,1,1,,\n")

    found = tree("lots", *TABLE, "--trades", "again.csv")

    assert [lot["lot_id"] for lot in found["lots"]].count("b3") == 1
    assert "b5" in {lot["lot_id"] for lot in found["lots"]}


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "more than held": (("gains", "--trades", "more.csv"), "import the missing purchase"),
    "no such file": (("gains", "--trades", "trade.csv"), "Did you mean 'trades.csv'?"),
    "unknown account": (("gains", *TABLE, "--account", "mian"), "Did you mean 'main'?"),
    "unknown method": (("gains", *TABLE, "--method", "FILO"), "Unknown method 'FILO' in --method."),
    "method of nobody": (("gains", *TABLE, "--method", "mian=LIFO"), "Unknown account 'mian' in --method."),
    "unknown policy": (("gains", *TABLE, "--policy", "cover_count=yes"), "Did you mean 'cover_counts'?"),
    "policy without answer": (("gains", *TABLE, "--policy", "cover_counts"), "must be yes or no, found ''."),
    "average basis of stock": (("gains", *TABLE, "--method", "AVERAGE"), "(average_cost_not_allowed)"),
    "no day": (("gains", *TABLE, "--as-of", "soon"), "--as-of 'soon' is no date."),
    "before everything": (("gains", *TABLE, "--as-of", "2020-01-01"), "lies before the first event, of 2024-01-10."),
    "half a pair of rates": (("gains", *TABLE, "--short-rate", "0.3"), "needs both --short-rate and --long-rate"),
    "a rate in percent": (("gains", *TABLE, "--short-rate", "35", "--long-rate", "15"), "0.35 is 35 %"),
    "carried in one piece": (("gains", *TABLE, "--carried", "100"), "give short-term and long-term losses"),
    "a sale of more": (("whatif", "SELL", "50", "XYZ", *TABLE), "(insufficient_lots)"),
    "unknown side": (("whatif", "HOLD", "50", "XYZ", *TABLE), "Unknown side 'HOLD'"),
    "nothing": (("whatif", "SELL", "0", "XYZ", *TABLE), "Quantity '0' is no number above zero."),
    "no price": (("whatif", "BUY", "5", "NEW", *TABLE, "--account", "main"), "Unknown symbol 'NEW'"),
    "harvest before": (("harvest", *TABLE, "--on", "2025-01-01"), "Give it as --as-of to look from there."),
    "price of nothing": (("harvest", *TABLE, "--price", "40"), "--price 40: of which symbol?"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_words_that_cannot_be_followed(case: str) -> None:
    Path("more.csv").write_text(TRADES + "s9,2025-12-16,main,SELL,ABC,21,50,,\n")
    arguments, sentence = REFUSED[case]

    assert sentence in refused(*arguments)


def test_without_a_table_the_newest_run_is_asked_for() -> None:
    assert "There is no run in" in refused("gains")


def test_the_journal_of_a_run_comes_to_the_ledgers_cash(folder: Path) -> None:
    write_bars(folder / "bars.parquet")
    done = run("backtest", "moving-average-cross", "--data", "bars.parquet", "--journal", "run.sqlite")
    assert done.code == 0, done.err

    rows = tree("gains", "--journal", "run.sqlite")["rows"]
    lots = tree("lots", "--journal", "run.sqlite")["lots"]

    with SqliteJournal.reading(Path("run.sqlite")) as journal:
        cash = rebuild(journal).cash["main"]
    realized = sum(Decimal(row["proceeds"]) - Decimal(row["cost"]) for row in rows)
    moved = sum(Decimal(lot["proceeds"]) if lot["is_short"] else -Decimal(lot["basis"]) for lot in lots)
    carried = sum(Decimal(row["adjustment"]) for row in rows)
    assert len(rows) > 5
    # what washed losses carried into basis was never paid; each figure is rounded to a cent
    assert abs(realized + moved + carried - (cash.traded - cash.commissions)) < Decimal("0.01") * 2 * len(rows)


def busy(rows: int) -> str:
    """Return a table of so many washed sales, each of a symbol of its own, with costs that do not divide."""
    lines = ["id,time,side,symbol,quantity,price,commission"]
    for number in range(rows):
        symbol = f"S{number % 7}"
        day = f"2025-{3 + number % 6:02}-{1 + number % 25:02}"
        lines += [
            f"b{number},{day}T10:00:00-04:00,BUY,{symbol},3,20,1",
            f"s{number},{day}T11:00:00-04:00,SELL,{symbol},2,19.99,0.01",
            f"c{number},{day}T12:00:00-04:00,BUY,{symbol},1,19.50,0.01",
        ]
    return "\n".join(lines)


def test_long_tables_show_their_end_unless_all_is_asked_for() -> None:
    Path("trades.csv").write_text(busy(60))

    short, whole = told("gains", *TABLE), told("gains", *TABLE, "--all")

    assert "The last 40 of " in short and "--all shows every one." in short
    assert whole.count("\n2025-") == len(tree("gains", *TABLE)["rows"]) > 40 == short.count("\n2025-")


def test_what_is_disallowed_is_the_same_total_everywhere() -> None:
    Path("trades.csv").write_text(busy(60))

    rows, washed = tree("gains", *TABLE), tree("wash", *TABLE)

    total = sum(Decimal(row["adjustment"]) for row in rows["rows"])
    assert total > 0
    assert Decimal(washed["totals"]["disallowed"]) == total
    assert sum(Decimal(one["adjustment"]) for one in rows["totals"]) == total
    # one disallowance after the other is rounded, so their sum may be some cents off: it is not the total
    assert abs(sum(Decimal(one["amount"]) for one in washed["disallowed"]) - total) < 1


def test_a_rule_that_may_matter_is_told_once_for_many_symbols() -> None:
    lines = ["id,time,side,symbol,quantity,price"]
    for symbol in ("AAA", "BBB"):
        lines.append(f"h{symbol},2025-01-06,BUY,{symbol},100,50")
        lines.append(f"b{symbol},2025-03-03,BUY,{symbol},100,40")
        lines.append(f"s{symbol},2025-03-10,SELL,{symbol},100,42")
        lines.append(f"t{symbol},2025-03-17,SELL,{symbol},100,38")
    Path("trades.csv").write_text("\n".join(lines))

    shown = told("gains", *TABLE, "--method", "LIFO")

    notes = [line for line in shown.splitlines() if line.startswith("Note: ")]
    assert len(notes) == 1
    assert notes[0].startswith("Note: AAA, BBB: shares bought in the window were sold before the loss")
    assert notes[0].endswith("(2 symbols, 2 times; sold_before)")


def test_a_short_sales_loss_is_told_with_its_year_and_what_would_disallow_it() -> None:
    Path("trades.csv").write_text(
        "id,time,side,symbol,quantity,price\n"
        "h1,2025-08-05,SHORT,DEF,10,70\n"
        "c1,2025-12-31,COVER,DEF,10,90\n"
        "b1,2026-01-02,BUY,DEF,10,90\n"
    )

    shown = told("gains", *TABLE, "--year", "2026")

    assert "A loss on a short sale belongs to the year of its delivery" in shown
    assert "another short sale until 2026-01-30 can still disallow up to 200.00" in shown
    assert "another short sale until 2026-01-30 disallows up to 200.00." in told("wash", *TABLE)


def test_an_options_own_symbol_tells_its_terms(folder: Path) -> None:
    (folder / "options.csv").write_text(
        "id,time,side,symbol,quantity,price\n"
        "b1,2025-01-06,BUY,XYZ251219C00020000,1,2\n"
        "e1,2025-12-19,EXERCISE,XYZ251219C00020000,1,\n"
    )

    (lot,) = tree("lots", "--trades", "options.csv")["lots"]

    # a hundred shares at the strike of 20, and the premium of 200
    assert (lot["symbol"], lot["quantity"], lot["basis"]) == ("XYZ", "100", "2200.00")


def test_an_index_option_known_by_its_symbol_is_refused_until_it_is_declared(folder: Path) -> None:
    rows = "id,time,side,symbol,quantity,price,type,multiplier\nb1,2025-01-06,BUY,SPXW250919C05000000,1,10,{}\n"
    (folder / "plain.csv").write_text(rows.format(","))
    (folder / "declared.csv").write_text(rows.format("section1256,100"))

    assert "section1256" in refused("lots", "--trades", "plain.csv")
    assert tree("lots", "--trades", "declared.csv")["lots"][0]["basis"] == "1000.00"
