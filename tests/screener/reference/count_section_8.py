"""Count what section 8 of the rules publishes, on the files it was measured on. Minutes long, so not part of the suite.

    .venv/bin/python tests/screener/reference/count_section_8.py minute_us_2018.parquet source

Row by row: indicators once per symbol, then the same plain functions at every T1 close of every session.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from screener.reference.bars import MINUTE, build_symbol, frame_ends
from screener.reference.coarse import Coarse, hand_over
from screener.reference.files import read
from screener.reference.profiles import SOURCE, TAPELINE, Profile
from screener.reference.screen import has_bar, judge
from screener.reference.watchlist import GRADES


def count(path: Path, profile: Profile) -> Counter[str]:
    """Return how often each answer was given over all symbols and decision times of a file."""
    sessions, symbols = read(path)
    times = [(now, session) for session in sessions for now in frame_ends(session, 15 * MINUTE)]
    t2_ends = [end for session in sessions for end in frame_ends(session, 60 * MINUTE)]
    counts: Counter[str] = Counter()
    screened: dict[int, dict[str, Coarse]] = defaultdict(dict)
    liked = set()
    for name, bars in symbols:
        symbol = build_symbol(name, bars, sessions, profile=profile)
        counts["dropped base bars"] += symbol.dropped
        ended = 0
        for now, session in times:
            while ended < len(t2_ends) and t2_ends[ended] <= now:
                ended += 1
            if not has_bar(symbol, now, session):
                counts["no bar in this session"] += 1
                continue
            screened[now][name], row = judge(symbol, now, t2_ends[ended - 1] if ended else None, profile)
            counts.update(_answers(row))
            if row["grade"] in GRADES:
                liked.add((now, name))
    for now, candidates in screened.items():
        chosen = hand_over(candidates)
        counts["handed over"] += len(chosen)
        counts["A+ or A and handed over"] += sum((now, name) in liked for name in chosen)
    return counts


def _answers(row: dict) -> list[str]:
    answers, coarse = row["tree"], row["coarse"]
    found = ["rows", f"class {answers['class']}", f"grade {row['grade']}"]
    found += ["stale"] if row["t2_stale"] else []
    found += ["coarse pass"] if coarse["passed"] else []
    found += ["class B and coarse pass"] if coarse["passed"] and answers["class"] == "B" else []
    for name, held in (
        ("trigger", True),
        ("trigger, regime", answers["q1"]),
        ("trigger, regime, confirmation", answers["q2"]),
    ):
        if not (answers["trigger"] and held):
            break
        found.append(name)
    return found


if __name__ == "__main__":
    found = count(Path(sys.argv[1]), {"source": SOURCE, "tapeline": TAPELINE}[sys.argv[2]])
    for label, number in sorted(found.items()):
        print(f"{label:40s} {number:9,d} {100 * number / found['rows']:7.3f} %")
