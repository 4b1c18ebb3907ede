"""The benchmark table says plainly what was reached, missed, not measured, and whether results agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import compare


def a_line(**changes: object) -> dict[str, object]:
    return {"seconds": 1.0, "n_bars": 1000, "final_equity": 100.0, "n_trades": 3, **changes}


def a_goal(**changes: object) -> object:
    settings = {"must": 5, "mark": 10, "same": "equity", **changes}
    return compare.Goal("W1", compare.ours("W1"), (compare.Case("p.py", ("W1",), "p"),), **settings)


@pytest.mark.parametrize(
    ("seconds", "ratio", "verdict"),
    [(0.05, "20.0", "mark beaten"), (0.15, "6.7", "reached"), (0.5, "2.0", "MISSED")],
)
def test_a_ratio_is_set_against_what_must_be_reached_and_the_mark(seconds: float, ratio: str, verdict: str) -> None:
    goal = a_goal()

    cells = compare.row(goal, {goal.ours: [a_line(seconds=seconds)], goal.against[0]: [a_line()]})

    assert (cells[3], cells[6], cells[7]) == (ratio, verdict, "same")


def test_the_faster_of_two_peers_counts_even_where_it_ran_a_part_of_the_workload() -> None:
    slow, fast = compare.vectorbt("W1")
    goal = compare.Goal("W1", compare.ours("W1"), (slow, fast), 5, 10)
    results = {goal.ours: [a_line()], slow: [a_line(seconds=9.0)], fast: [a_line(seconds=0.2, n_bars=100)]}

    assert compare.row(goal, results)[3] == "2.0"


def test_other_results_than_the_peers_are_shown() -> None:
    goal = a_goal()

    cells = compare.row(goal, {goal.ours: [a_line(final_equity=100.001)], goal.against[0]: [a_line()]})

    assert cells[7] == "100.0010, 3 / 100.0000, 3"


def test_a_missing_peer_is_named_and_not_fatal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    goal = a_goal()
    monkeypatch.setenv("PEERS_ENVS", str(tmp_path))

    missing = compare.run(goal.against[0])
    cells = compare.row(goal, {goal.ours: [a_line()], goal.against[0]: [missing]})

    assert cells[2] == "no environment p"
    assert cells[6] == "not measured"


def test_a_figure_that_must_stay_low_is_missed_when_it_is_high() -> None:
    goal = compare.Goal("memory", compare.ours("W1"), (), 250, None, "peak_rss_mb", lower_is_better=True)

    assert compare.row(goal, {goal.ours: [a_line(peak_rss_mb=300.0)]})[6] == "MISSED"
    assert compare.row(goal, {goal.ours: [a_line(peak_rss_mb=200.0)]})[6] == "reached"


def test_the_last_json_line_of_a_case_is_its_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "bench_mine.py"
    script.write_text(f"print('noise'); print({json.dumps(a_line())!r})")
    monkeypatch.setattr(compare, "HERE", tmp_path)

    assert compare.run(compare.Case("bench_mine.py", ())) == a_line()
    script.write_text("raise SystemExit('no data')")
    assert compare.run(compare.Case("bench_mine.py", ())) == {"missing": "no data"}
