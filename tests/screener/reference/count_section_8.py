"""Count what section 8 of the rules publishes, on the files it was measured on. Minutes long, so not part of the suite.

    .venv/bin/python tests/screener/reference/count_section_8.py minute_us_2018.parquet source

Row by row: indicators once per symbol, then the same plain functions at every T1 close of every session. All published
numbers come out at once (2018: pass 15.1 %, handed over 8.8 %, trigger 628, with regime 202, with confirmation 12,
class A+ 0, class B 101, grade A+ 40, A 3,662, B 16,399, A+ or A and handed over 170; bars_5min_us_2025: 401,236 rows,
trigger 959, class A+ 0, grade A+ 78), if they are read so:

- rows, triggers, classes and grades are counted at every T1 close, grades also of symbols with fewer than 30 T2 bars;
- the shares of pass and hand-over are counted once per T2 bar, where a, b, c, d and v are all known;
- handed over is passed and score >= 60: the limit of 100 symbols is a run's, and was not applied.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from screener.reference.bars import MINUTE, build_symbol, frame_ends
from screener.reference.coarse import Coarse, hand_over
from screener.reference.files import read
from screener.reference.profiles import SOURCE, TAPELINE, Profile
from screener.reference.score import score
from screener.reference.screen import has_bar, judge
from screener.reference.watchlist import GRADES


def count(path: Path, profile: Profile) -> Counter[str]:
    """Return how often each answer was given over all symbols and decision times of a file."""
    sessions, symbols = read(path)
    times = [(now, session) for session in sessions for now in frame_ends(session, 15 * MINUTE)]
    t2_ends = {end for session in sessions for end in frame_ends(session, 60 * MINUTE)}
    counts: Counter[str] = Counter()
    for name, bars in symbols:
        symbol = build_symbol(name, bars, sessions, profile=profile)
        counts["dropped base bars"] += symbol.dropped
        latest = None
        for now, session in times:
            latest = now if now in t2_ends else latest
            if not has_bar(symbol, now, session):
                counts["no bar in this session"] += 1
                continue
            screened, row = judge(symbol, now, latest, profile)
            counts.update(_answers(screened, row, now == latest))
            early = row["grade"] is None
            readings = symbol.t1.at(now), symbol.t2.at(now), symbol.t3.at(now)
            grade = score(*readings, profile).grade if early else row["grade"]
            counts[f"grade {grade}"] += 1
            counts[f"grade {grade}, fewer than 30 T2 bars"] += early
    return counts


def _answers(screened: Coarse, row: dict, at_t2_close: bool) -> Iterator[str]:
    yield "rows"
    tree = row["tree"]
    yield f"class {tree['class']}"
    handed_over = hand_over({row["symbol"]: screened}) != []
    facts = {
        "stale": row["t2_stale"],
        "coarse pass": screened.passed,
        "handed over": handed_over,
        "A+ or A and handed over": handed_over and row["grade"] in GRADES,
        "watchlist, unlimited": row["grade"] in GRADES and tree["class"] != "rejected",
        "class A+, A or B and coarse pass": screened.passed and tree["class"] in ("A+", "A", "B"),
        "trigger": tree["trigger"],
        "trigger, regime": tree["trigger"] and tree["q1"],
        "trigger, regime, confirmation": tree["trigger"] and tree["q1"] and tree["q2"],
    }
    if at_t2_close and None not in (screened.a, screened.b, screened.c, screened.d, screened.v):
        facts |= {"T2 bars": True, "T2 bars, pass": screened.passed, "T2 bars, handed over": handed_over}
    yield from (label for label, holds in facts.items() if holds)


if __name__ == "__main__":
    found = count(Path(sys.argv[1]), {"source": SOURCE, "tapeline": TAPELINE}[sys.argv[2]])
    for label, number in sorted(found.items()):
        whole = found["T2 bars" if label.startswith("T2") else "rows"]
        print(f"{label:40s} {number:9,d} {100 * number / whole:7.3f} %")
