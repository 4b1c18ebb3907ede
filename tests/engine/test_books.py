"""The book after any run: holdings, positions and executions agree, also when orders arrive late."""

from __future__ import annotations

import numpy as np
import pytest

from engine.builders import SETTINGS, FreeBracket, FreeCross, Keep, Reversal, simulated_panel
from tapeline import Account, Costs, Market, RunSettings, Slippage
from tapeline.engine.assembly import assemble
from tapeline.engine.backtest import _Crew
from tapeline.simulation.records import FLAT

LATE = [
    RunSettings(
        account=Account(kind="margin", leverage=4.0, short_allowed=True),
        costs=Costs(slippage=Slippage("bps", bps=2.0)),
        market=Market(participation=participation, latency_s=latency_s),
    )
    for participation in (0.02, 0.2, 1.0)
    for latency_s in (0.0, 5.0, 59.0, 60.0, 200.0)
]


@pytest.mark.parametrize("settings", [*SETTINGS.values(), *LATE], ids=range(len(SETTINGS) + len(LATE)))
def test_holdings_positions_and_executions_agree_after_every_chunk(settings: RunSettings) -> None:
    panel = simulated_panel(symbols=4, seed=23)
    strategies = (Reversal(), FreeCross(), FreeBracket(), Keep())
    assembly = assemble(strategies, symbol_count=4, base_frame_ns=panel.frame_ns, settings=settings)
    (lane,) = _Crew([assembly], panel, [0], 4).lanes

    for first in range(0, len(panel), 50):
        last = min(first + 50, len(panel))
        assembly.program.advance(panel.rows(first, last))
        lane.run(first, last)

        tables, executions = lane.book.tables, lane.book.rows("executions")
        holdings = tables.holdings["quantity"]
        assert (holdings[tables.states == FLAT] == 0.0).all()
        np.testing.assert_allclose(holdings.sum(axis=0), tables.positions, atol=1e-9)
        np.testing.assert_allclose(lane.market.positions, tables.positions, atol=1e-9)
        for column in range(4):
            rows = executions[executions["symbol"] == column]
            assert (rows["side"] * rows["quantity"]).sum() == pytest.approx(tables.positions[column], abs=1e-9)
        assert tables.account[0]["busy"] == (tables.states != FLAT).sum()

    for trip in lane.book.rows("round_trips"):
        assert np.isfinite(trip["net_pnl"])
        assert trip["quantity"] > 0
