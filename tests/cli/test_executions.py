"""`--execution` of a run, and `tapeline executions` of its journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.running import run

RUN = ("backtest", "intraday-mean-reversion", "--to", "2024-01-02", "--symbols", "SIM01,SIM02,SIM03,SIM04,SIM06")


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("executions") / "worked.sqlite"
    done = run(
        *RUN, "--execution", "twap:minutes=20,every_minutes=4", "--execution-exit", "adaptive", "--journal", path
    )
    assert done.code == 0, done.err
    return path


@pytest.mark.parametrize("by", ["algorithm", "strategy", "symbol"])
def test_costs_are_shown_by_group_within_eighty_columns(worked: Path, by: str) -> None:
    shown = run("executions", "--journal", worked, "--by", by, "--each")

    assert shown.code == 0, shown.err
    assert max(len(line) for line in shown.out.splitlines()) <= 80
    assert {"delay", "spread", "impact", "opportunity", "sum"} <= set(shown.out.split())
    names = {"algorithm": "adaptive", "strategy": "IntradayMeanReversion", "symbol": "SIM01"}
    assert names[by] in shown.out


def test_the_json_has_every_order_with_its_parts_and_sums(worked: Path) -> None:
    told = json.loads(run("executions", "--journal", worked, "--json").out)

    assert told["groups"].keys() == {"adaptive", "twap"}
    assert sum(group["count"] for group in told["groups"].values()) == len(told["orders"])
    for order in told["orders"]:
        cost = order["shortfall"]
        parts = sum(float(cost[name]) for name in ("delay", "spread", "impact", "opportunity"))
        assert float(cost["total"]) == pytest.approx(parts, abs=1e-9)
        assert order["client_order_id"].endswith("-0")
        assert [int(part.rsplit("-", 1)[1]) for part in order["parts"]] == [*range(1, len(order["parts"]) + 1)]


def test_a_run_without_algorithms_says_how_to_choose_one(tmp_path: Path) -> None:
    run(*RUN, "--journal", tmp_path / "plain.sqlite")

    shown = run("executions", "--journal", tmp_path / "plain.sqlite")

    assert shown.code == 0
    assert "Choose one with --execution" in shown.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*RUN, "--execution", "twop"), "Did you mean 'twap'"),
        ((*RUN, "--execution-exit", "twap:minutes=x"), "must be a number"),
        (("paper", *RUN[1:], "--execution", "limit:ofset_bps=3"), "Did you mean 'offset_bps'"),
    ],
)
def test_what_is_no_algorithm_is_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    refused = run(*arguments)

    assert refused.code == 2
    assert words in refused.err


def test_a_wrong_grouping_is_one_sentence(worked: Path) -> None:
    refused = run("executions", "--journal", worked, "--by", "symbols")

    assert refused.code == 2
    assert "Did you mean 'symbol'" in refused.err
