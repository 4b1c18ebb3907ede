"""What a paper run shows when it has ended."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.on_paper import MARGIN, PANEL, Eager, told
from tapeline.app.data_choice import DataChoice
from tapeline.app.paper import trade_on_paper
from tapeline.cli.paper import show_end
from tapeline.domain.words import Purpose


def test_what_a_flatten_sent_is_said_beside_the_orders_of_the_strategies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = told(tmp_path, (100, "flatten", "enough", {}))
    engine = trade_on_paper([Eager()], PANEL, tmp_path / "journal", MARGIN, speed=math.inf, on_turn=person)
    orders = [state.order for state in engine.loop.views.orders.states.values()]
    flattened = sum(order.purpose is Purpose.FLATTEN for order in orders)
    assert flattened

    show_end(engine, DataChoice(None), MARGIN)

    shown = " ".join(capsys.readouterr().out.split())
    assert f"Beside these orders a flatten sent {flattened}; what they came to is in every other figure." in shown
    assert f"orders {len(orders) - flattened}" in shown
