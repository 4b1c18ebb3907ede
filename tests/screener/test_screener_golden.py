"""One whole session replayed gives the watchlists that the referee wrote down, in every refresh."""

from __future__ import annotations

import json

import pytest

from screener.golden import GOLDEN, a_market, kept_of
from tapeline.app.screen_settings import load_screener_settings
from tapeline.app.screening import screen_history


@pytest.mark.parametrize("profile", ["source", "tapeline"])
def test_a_replayed_session_gives_the_golden_watchlists(profile: str) -> None:
    expected = json.loads(GOLDEN.read_text())[profile]
    panel = a_market()
    assert panel.sessions is not None
    opens = int(panel.sessions.open_ns[-1])

    screenings = screen_history(panel, load_screener_settings(None, profile), first_ns=opens)

    assert [kept_of(one.as_dict(all_fine=True)) for one in screenings] == expected
    assert len(expected) == 26


def test_the_golden_session_has_something_to_say() -> None:
    golden = json.loads(GOLDEN.read_text())

    for refreshes in golden.values():
        assert sum(len(one["handed_over"]) for one in refreshes) > 20
    assert sum(len(one["watchlist"]) for one in golden["tapeline"]) > 5
    assert len({one["digest"] for one in golden["tapeline"]}) == 26
