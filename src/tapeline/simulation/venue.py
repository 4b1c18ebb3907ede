"""A simulated market for a run: every symbol of the run with the run's tick and step."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.instrument import Instrument
from tapeline.domain.money import exact
from tapeline.domain.panel import Sessions
from tapeline.simulation.building import new_market
from tapeline.simulation.market import Market
from tapeline.simulation.settings import RunSettings


def instruments_of(symbols: Sequence[str], settings: RunSettings) -> list[Instrument]:
    """Return the contract facts of the run's symbols."""
    tick_size, step = exact(settings.market.tick_size), exact(settings.market.quantity_step)
    whole = step == step.to_integral_value()
    return [
        Instrument(symbol, tick_size, lot_size=step) if whole else Instrument(symbol, tick_size, fraction=step)
        for symbol in symbols
    ]


def new_venue(
    symbols: Sequence[str],
    settings: RunSettings,
    sessions: Sessions | None,
    frame_ns: int,
    corporate_actions: Sequence[CorporateAction] = (),
) -> Market:
    """Return a market without orders for the run's symbols."""
    return new_market(
        settings,
        instruments_of(symbols, settings),
        frame_ns=frame_ns,
        sessions=sessions,
        corporate_actions=corporate_actions,
    )
