"""Settings from a file: every setting arrives, what is left out keeps its default, and facts come back the same."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tapeline import (
    Account,
    Costs,
    Limits,
    Market,
    PercentCommission,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
    usual_limits,
)
from tapeline.app.settings_file import load_gate, load_live, load_settings, settings_from
from tapeline.domain.errors import ConfigurationError, InputError, UnknownNameError
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.monitors import MonitorSettings

WHOLE = """
compare = "exact"
trade_from = 2018-03-01

[account]
cash = 250000
kind = "margin"
leverage = 2
short_allowed = true

[costs]
borrow_rate = 0.03
interest_rate = 0.06
slippage = { model = "bps", bps = 1.5 }
commission = [
    { model = "per_share", rate = 0.005, minimum = 1 },
    { model = "percent", rate = 0.0001 },
    { model = "sale_fees", first_date = "2018-01-01", per_notional = 27.8e-6, per_share = 166e-6, per_share_cap = 8.3 },
]

[market]
tick_size = 0.05
quantity_step = 0.001
participation = 0.1
limit_fill = "touch"
inside_first = "limit"
commission_rounding = "none"
latency_s = 0.5

[limits]
position = 0.1
gross = 1.5
net = 1
risk_per_trade = 0.005
positions = 20
short = 0.5
losses_in_row = 3

[limits.SwingTrend]
gross = 0.4
"""


def test_every_setting_of_a_file_arrives(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(WHOLE)

    settings = load_settings(path)

    assert settings == RunSettings(
        account=Account(250_000.0, "margin", 2.0, True),
        costs=Costs(
            commission=(
                PerShareCommission(0.005, minimum=1.0, maximum_pct=math.inf),
                PercentCommission(0.0001),
                SaleFees("2018-01-01", 0.0000278, 0.000166, 8.3),
            ),
            slippage=Slippage("bps", bps=1.5),
            borrow_rate=0.03,
            interest_rate=0.06,
        ),
        market=Market(0.05, 0.001, 0.1, "touch", "limit", "none", 0.5),
        limits=Limits(0.1, 1.5, 1.0, 0.005, 20, short=0.5, losses_in_row=3),
        strategy_limits={"SwingTrend": Limits(gross=0.4)},
        compare="exact",
        trade_from="2018-03-01",
    )


def test_what_a_file_leaves_out_keeps_its_default() -> None:
    settings = settings_from({"market": {"participation": 0.1}}, "run.toml")

    assert settings == RunSettings(market=Market(participation=0.1))
    assert load_settings(None) == RunSettings()


def test_cash_of_the_command_line_goes_before_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[account]\nkind = "margin"\nleverage = 2\ncash = 5')

    assert load_settings(path, 1_000.0).account == Account(1_000.0, "margin", 2.0)
    assert load_settings(None, 1_000.0).account == Account(1_000.0)


def test_the_gate_has_a_table_and_its_strategies_have_tables_inside(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        '[gate]\ncollar = 0.03\nsettled_cash = true\nshortable = ["ABCD"]\n\n[gate.SwingTrend]\nstale_s = 60\n'
    )
    gate = load_gate(path)

    assert gate.settings == GateSettings(collar=0.03, settled_cash=True)
    assert gate.of_strategies == {"SwingTrend": GateSettings(collar=0.03, settled_cash=True, stale_s=60.0)}
    assert gate.shortable == ["ABCD"]
    assert load_settings(path) == RunSettings()
    assert load_gate(None).settings == GateSettings()


def test_watches_and_order_keeper_have_tables(tmp_path: Path) -> None:
    """What the order keeper's table leaves out stays open: a paper run takes its time-outs from its bars."""
    path = tmp_path / "run.toml"
    path.write_text(
        "[watches]\ndrawdown = 0.02\nbroker_errors_per_minute = 4\n\n"
        "[order_keeper]\nrounds_max = 3\ncash_tolerance = 0.1\ncancels_revived = false\n"
    )
    live = load_live(path)

    assert live.monitors == MonitorSettings(drawdown=0.02, broker_errors_per_minute=4)
    assert live.keeper == {"rounds_max": 3, "cash_tolerance": Decimal("0.1"), "cancels_revived": False}
    assert load_settings(path) == RunSettings()
    assert (load_live(None).monitors, load_live(None).keeper) == (MonitorSettings(), {})


REFUSED = {
    "watches that are no table": ({"watches": 5}, ConfigurationError, "watches must be a table of settings, found 5"),
    "a watch that there is not": ({"watches": {"drawdwn": 1}}, UnknownNameError, "Did you mean 'drawdown'"),
    "a watch of nothing": ({"watches": {"turn_s": 0}}, ConfigurationError, "turn_s must be above zero"),
    "no time to wait": (
        {"order_keeper": {"request_timeout_s": 0}},
        ConfigurationError,
        "request_timeout_s must be a number of seconds above zero",
    ),
    "a part of a round": ({"order_keeper": {"rounds_max": 2.5}}, ConfigurationError, "must be a whole number"),
    "a slip in the order keeper": ({"order_keeper": {"horizon": 9}}, UnknownNameError, "Did you mean 'horizon_s'"),
    "comparisons with a hole between": (
        {"order_keeper": {"compare_every_s": 1000}},
        ConfigurationError,
        "overlap_s of 900 must be above its compare_every_s of 1000",
    ),
    "a venue that is declared perfect": (
        {"order_keeper": {"is_perfect": True}},
        ConfigurationError,
        "is_perfect is no setting",
    ),
    "a gate that is no table": ({"gate": 5}, ConfigurationError, "gate must be a table of settings, found 5"),
    "a bound of the gate of nothing": ({"gate": {"collar": 0}}, ConfigurationError, "gate: collar must be above zero"),
    "a bound that the gate does not have": ({"gate": {"colar": 1}}, UnknownNameError, "Did you mean 'collar'"),
    "a slip in a strategy's gate": ({"gate": {"Dip": {"repeat": 1}}}, UnknownNameError, "gate.Dip"),
    "one symbol for a list": (
        {"gate": {"shortable": "ABCD"}},
        ConfigurationError,
        "shortable must be a list of symbols",
    ),
    "leverage of a cash account": ({"account": {"leverage": 2}}, ConfigurationError, "A cash account has no leverage"),
    "a text for a list": ({"costs": {"commission": "none"}}, ConfigurationError, "must be a list of tables"),
    "a commission without a model": ({"costs": {"commission": [{"rate": 1}]}}, ConfigurationError, "with a model"),
    "a slippage that is none": ({"costs": {"slippage": {"model": "bp"}}}, UnknownNameError, "Did you mean 'bps'"),
    "a limit of nothing": ({"limits": {"gross": 0}}, ConfigurationError, "gross must be above zero, found 0.0"),
    "more than all of the volume": (
        {"market": {"participation": 1.5}},
        ConfigurationError,
        "participation must lie above 0 and up to 1, found 1.5",
    ),
    "a date that is none": ({"trade_from": "soon"}, InputError, "run.toml"),
    "another way to compare": ({"compare": "exactly"}, UnknownNameError, "Did you mean 'exact'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_contradict_themselves_are_refused_with_their_place(case: str) -> None:
    values, kind, sentence = REFUSED[case]

    with pytest.raises(kind, match=sentence) as caught:
        settings_from(values, "run.toml")

    assert "run.toml" in str(caught.value)


def test_limits_of_a_file_stand_in_place_of_single_usual_ones(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    usual_of_day = partial(usual_limits, overnight=False)
    for text, limits in (
        ("", usual_limits(overnight=False)),
        ("[limits]\ngross = 0.3\n", usual_limits(overnight=False, gross=0.3)),
        ("[limits.First]\ngross = 0.3\n", usual_limits(overnight=False)),
        ("[limits]\npause_minutes = 20\n", usual_limits(overnight=False, pause_minutes=20.0)),
    ):
        path.write_text(text)
        assert load_settings(path, limits_of=usual_of_day).limits == limits, text
    path.write_text("[limits]\ngross = 0.3\n")
    assert load_settings(path).limits == Limits(gross=0.3)
