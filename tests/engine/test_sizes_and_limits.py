"""How much is bought, what cuts or refuses it, and who goes first.

The account begins with 10,000; every price is 100 unless a table says otherwise, so a share is one per cent.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bar_tables import bars_of
from engine.acts import MARGIN, SMALL, Told, ToldBothWays, bar, denials, fills, journaled, run, settings_with
from tapeline import (
    Costs,
    Limits,
    Market,
    Panel,
    PercentCommission,
    RuleStrategy,
    RunSettings,
    Slippage,
    distance,
    fixed_quantity,
    percent_of_equity,
    risk_per_stop,
    volatility_target,
)
from tapeline.domain.errors import ConfigurationError
from tapeline.engine.assembly import AnyStrategy
from tapeline.strategies.rules import Size

ONE = bars_of("""
          A
    14:31 100 111
    14:32 100
""")

TWO = bars_of("""
          A       | B
    14:31 100 111 | 100 111
    14:32 100     | 100
""")

LATER = bars_of("""
          A       | B
    14:31 100 111 | 100
    14:32 100     | 100
    14:33 100     | 100 111
    14:34 100     | 100
""")


def told(size: Size, **declared: object) -> RuleStrategy:
    """Return the strategy that buys when told, of a size."""
    found: RuleStrategy = type("Told", (Told,), {"size": size, **declared})()
    return found


def bought(strategy: AnyStrategy, panel: Panel = ONE, settings: RunSettings = SMALL) -> list[float]:
    """Return the quantities bought, in order."""
    quantities: list[float] = run(strategy, panel, settings).executions["quantity"].tolist()
    return quantities


SIZES = {
    "fixed": (told(fixed_quantity(30)), 30),
    "fixed by a formula: 111 - 100": (told(fixed_quantity(bar.volume - 100)), 11),
    "fixed, cut to whole shares": (told(fixed_quantity(30.9)), 30),
    "half of equity: 5,000 / 100": (told(percent_of_equity(50)), 50),
    "1 % at risk, 2 to the stop: 100 / 2": (told(risk_per_stop(1), stop=distance(2)), 50),
    "1 % at risk, 3 to the stop: 100 / 3 = 33.3": (told(risk_per_stop(1), stop=distance(3)), 33),
    "1 % at risk, a trail of 4: 100 / 4": (told(risk_per_stop(1), trail=bar.close * 0.04), 25),
    "2 % of volatility at 25 % a year: 200 / (100 x 0.25)": (told(volatility_target(2, bar.close / 400)), 8),
}


@pytest.mark.parametrize("case", SIZES)
def test_sizes(case: str) -> None:
    strategy, quantity = SIZES[case]

    assert bought(strategy) == [quantity]


def test_a_percentage_keeps_back_commission_and_slippage() -> None:
    """All of 10,000 at 100 x (1 + 0.001 + 0.002) is 99.70 shares, so 99."""
    costs = Costs(commission=(PercentCommission(0.001),), slippage=Slippage("bps", bps=20))

    result = run(told(percent_of_equity(100)), ONE, settings_with(costs=costs))

    assert fills(result) == ["14:32 open BUY 99 A 100.20 entry"]
    # 99 x 100.20 = 9,919.80, of which a thousandth is 9.9198, on the cent 9.92
    assert result.cash == pytest.approx(10_000 - 9_919.80 - 9.92, abs=1e-9)


def test_quantities_are_cut_to_the_instruments_step() -> None:
    """A tenth of 10,000 at 100 with steps of 0.25 is 10; 12.6 % is 12.6, cut to 12.50."""
    settings = settings_with(market=Market(quantity_step=0.25))

    assert bought(told(percent_of_equity(12.6)), settings=settings) == [12.5]


NOT_BOUGHT = {
    "a size that is unknown": told(fixed_quantity(bar.close.lag(1))),
    "a size of nothing": told(fixed_quantity(0)),
    "a negative size": told(fixed_quantity(-5)),
    "less than one share": told(percent_of_equity(0.5)),
    "an unknown volatility": told(volatility_target(2, bar.close.lag(1))),
    "no volatility": told(volatility_target(2, bar.close * 0)),
}


@pytest.mark.parametrize("case", NOT_BOUGHT)
def test_less_than_a_share_is_denied(case: str, tmp_path: Path) -> None:
    panel = bars_of("A\n14:31 100 111\n14:32 100\n14:33 100")

    assert bought(NOT_BOUGHT[case], panel) == []
    assert denials(NOT_BOUGHT[case], panel, tmp_path) == ["14:31 A below_one_step"]


def test_sizing_by_risk_needs_a_stop() -> None:
    with pytest.raises(ConfigurationError, match="sizes by risk per stop but has neither stop nor trail"):
        told(risk_per_stop(1))


def margin(**limits: float) -> RunSettings:
    return replace(MARGIN, limits=Limits(**limits))  # type: ignore[arg-type]


def cash(**limits: float) -> RunSettings:
    return replace(SMALL, limits=Limits(**limits))  # type: ignore[arg-type]


SIXTY = told(fixed_quantity(60))
SIXTY_AT_RISK = told(fixed_quantity(60), stop=distance(4))

CUT = {
    # 0.25 x 10,000 / 100
    "position": (SIXTY, ONE, cash(position=0.25), [25]),
    # A holds 6,000 of the 10,000 that may be held
    "gross": (SIXTY, LATER, margin(gross=1.0), [60, 40]),
    "net": (SIXTY, LATER, margin(net=0.8), [60, 20]),
    # 0.01 x 10,000 / 4
    "risk_per_trade": (SIXTY_AT_RISK, ONE, cash(risk_per_trade=0.01), [25]),
    # 10,000 - 6,000 buys 40
    "cash": (SIXTY, LATER, SMALL, [60, 40]),
}
CUT_AT_ONCE = {
    "gross": (SIXTY, TWO, margin(gross=1.0), [60, 40]),
    "net": (SIXTY, TWO, margin(net=0.8), [60, 20]),
    "cash": (SIXTY, TWO, SMALL, [60, 40]),
}


@pytest.mark.parametrize("limit", CUT)
def test_a_limit_cuts_an_entry_and_is_named(limit: str, tmp_path: Path) -> None:
    strategy, panel, settings, quantities = CUT[limit]

    assert bought(strategy, panel, settings) == quantities
    intended, denied = journaled(strategy, panel, tmp_path, settings)
    last = [fact.sizing for fact in intended if fact.sizing is not None][-1]
    assert (last["limit"], last["wanted"], last["quantity"]) == (limit, 60.0, quantities[-1])
    assert denied == []


@pytest.mark.parametrize("limit", CUT_AT_ONCE)
def test_an_entry_that_still_works_counts_as_filled(limit: str) -> None:
    """Both want in at one moment; the first one's order is not filled yet and takes its room all the same."""
    strategy, panel, settings, quantities = CUT_AT_ONCE[limit]

    # what was ordered, not what was filled: the market would cut what the cash does not pay
    assert run(strategy, panel, settings).orders["quantity"].tolist() == quantities


REFUSED = {
    "position": (SIXTY, ONE, cash(position=0.005), "14:31 A position"),
    "gross": (SIXTY, LATER, margin(gross=0.605), "14:33 B gross"),
    "net": (SIXTY, LATER, margin(net=0.605), "14:33 B net"),
    "risk_per_trade": (SIXTY_AT_RISK, ONE, cash(risk_per_trade=0.0003), "14:31 A risk_per_trade"),
    "cash": (told(fixed_quantity(100)), LATER, SMALL, "14:33 B cash"),
}


@pytest.mark.parametrize("limit", REFUSED)
def test_a_limit_that_leaves_less_than_a_share_denies_by_its_name(limit: str, tmp_path: Path) -> None:
    strategy, panel, settings, line = REFUSED[limit]

    assert denials(strategy, panel, tmp_path, settings) == [line]


def test_a_denial_says_what_was_wanted_and_why_not(tmp_path: Path) -> None:
    _, (denied,) = journaled(SIXTY, LATER, tmp_path, margin(gross=0.605))

    assert denied.reason == (
        "Wanted 60.0000 at 100.0000 with equity 10,000.00; gross exposure is 60.00% of equity, 60.50% is the most,"
        " and less than one step is left."
    )
    assert denied.wanted_quantity == 60


def test_a_short_uses_the_room_that_a_long_leaves_in_net_and_none_in_gross() -> None:
    """Long 60 in A, all that net allows; a short of 60 in B brings it to nothing. Gross 1.0 leaves it 40."""
    panel = bars_of("""
              A       | B
        14:31 100 111 | 100
        14:32 100     | 100
        14:33 100     | 100 333
        14:34 100     | 100
    """)
    strategy = type("Sixty", (ToldBothWays,), {"size": fixed_quantity(60)})()

    assert bought(strategy, panel, margin(net=0.6)) == [60, 60]
    assert bought(strategy, panel, margin(gross=1.0)) == [60, 40]


def test_a_long_that_still_works_makes_no_room_for_a_short_in_net() -> None:
    """A purchase of 60 and a short of 90 are decided together: the purchase may never fill, so 60 are sold."""
    panel = bars_of("""
              A       | B
        14:31 100 111 | 100 333
        14:32 100     | 100
    """)
    strategy = type("Sixty", (ToldBothWays,), {"size": fixed_quantity(90)})()

    assert bought(strategy, panel, margin(net=0.6)) == [60, 60]


NO_STOP = {
    "all of it is at risk: 2 % of 10,000 is 2 shares": ({"risk_per_trade": 0.02}, {}, [2, 2]),
    "a tenth of it is at risk": ({"risk_per_trade": 0.02, "assumed_stop": 0.1}, {}, [20, 20]),
    "open risk, the first entry counted while it works": ({"open_risk": 0.03, "assumed_stop": 0.1}, {}, [20, 10]),
    "the strategy's own assumption": ({"risk_per_trade": 0.02, "assumed_stop": 0.1}, {"assumed_stop": 0.2}, [10, 10]),
}


@pytest.mark.parametrize("case", NO_STOP)
def test_what_has_no_stop_risks_its_whole_value_or_an_assumed_part(case: str) -> None:
    limits, own, quantities = NO_STOP[case]
    strategy = told(fixed_quantity(20), limits=Limits(**own))

    assert bought(strategy, TWO, settings_with(limits=Limits(**limits))) == quantities


def test_a_holding_without_a_stop_goes_on_counting_as_open_risk() -> None:
    """20 of A are held by the time of B: a tenth of 2,000 of the 300 that may be at risk, so 10 of B."""
    settings = settings_with(limits=Limits(open_risk=0.03, assumed_stop=0.1))

    assert bought(told(fixed_quantity(20)), LATER, settings) == [20, 10]


def test_limits_follow_equity() -> None:
    """A is cut to half of 10,000, which is 50 shares, and gains 500 before B is told: half of 10,500 is 52 shares."""
    panel = bars_of("""
              A       | B
        14:31 100 111 | 100
        14:32 100     | 100
        14:33 110     | 100 111
        14:34 110     | 100
    """)

    assert bought(SIXTY, panel, margin(position=0.5)) == [50, 52]


FOUR = bars_of("""
          A       | B       | C       | D
    14:31 10      | 40      | -       | 30
    14:32 10 111  | 40 111  | 20 111  | 30 111
    14:33 10      | 40      | 20      | 30
""")


def names(strategy: AnyStrategy, panel: Panel = FOUR, settings: RunSettings = SMALL) -> list[str]:
    """Return the symbols bought, in order."""
    return [panel.symbols[column] for column in run(strategy, panel, settings).executions["symbol"]]


RANKS = {
    "highest first": (bar.close * 1, 2, ["B", "D"]),
    "lowest first by the minus": (-bar.close, 2, ["A", "C"]),
    "ties by column": (bar.close * 0, 3, ["A", "B", "C"]),
    # C has no earlier bar, so its rank is unknown
    "unknown last": (bar.close.lag(1), 4, ["A", "B", "C", "D"]),
    "unknown is the one left out": (-bar.close.lag(1), 3, ["A", "D", "B"]),
    "no rank at all": (None, 2, ["A", "B"]),
}


@pytest.mark.parametrize("case", RANKS)
def test_the_highest_rank_takes_the_slots(case: str) -> None:
    """Orders go out in the order of rank, where there are more wishes than slots."""
    rank, slots, chosen = RANKS[case]

    assert names(told(fixed_quantity(10), rank=rank, positions_max=slots)) == chosen
    assert names(told(fixed_quantity(10), rank=rank), settings=cash(positions=slots)) == chosen


def test_a_holding_takes_a_slot_until_it_is_sold() -> None:
    panel = bars_of("""
              A       | B
        14:31 100 111 | 100
        14:32 100     | 100 111
        14:33 100 222 | 100 111
        14:34 100     | 100 111
        14:35 100     | 100
    """)

    # B is refused while A is held or on its way out, and bought after the sale of 14:34
    assert fills(run(told(fixed_quantity(10), positions_max=1), panel)) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:34 open SELL 10 A 100.00 exit_rule",
        "14:35 open BUY 10 B 100.00 entry",
    ]


def test_slots_of_the_account_are_shared_and_those_of_a_strategy_are_its_own() -> None:
    first, second = told(fixed_quantity(10), positions_max=1), told(fixed_quantity(20), positions_max=1)

    own = run([first, second], TWO)
    shared = run([first, second], TWO, cash(positions=1))

    assert fills(own) == ["14:32 open BUY 10 A 100.00 entry", "14:32 open BUY 20 A 100.00 entry"]
    assert fills(shared) == ["14:32 open BUY 10 A 100.00 entry"]


def test_the_account_never_pays_more_than_it_has() -> None:
    """Sized for 10,000 at 100, filled at 101: 99 cost 9,999, and the hundredth is canceled."""
    panel = bars_of("A\n14:31 100 111\n14:32 101")

    result = run(told(fixed_quantity(100)), panel)

    assert fills(result) == ["14:32 open BUY 99 A 101.00 entry"]
    assert result.cash == 1.0
