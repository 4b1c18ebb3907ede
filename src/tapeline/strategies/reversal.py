"""The multi-timeframe momentum reversal: the setups of the screener, entered, sized, managed and left.

    data = with_regime(panel, ScreenerSettings())
    result = backtest(MomentumReversal(), data)

The rules are the screener's own formulas, so that a screen and a backtest cannot disagree; every number is in the
section `strategy` of its settings. What the regime allows comes beside the bars, as the series of REGIME_SERIES, each
row as of its end. The strategy decides at the closes of its trigger frame. What it thought goes with its signals into
the journal, and in `log`; `reversal_journal` makes one row per trade of it.

How gaps of the rules are settled:
* Gains in R are those of closes, from the price of the fill to the stop of the entry.
* Class A halves the size; a trade that is entered again keeps the class of the one before.
* Open risk is what all stops together would lose of the prices paid; a stop at or above the entry risks nothing.
* A bar of the confirmation frame counts for a trade if it ended after the decision to enter.
* The second target is looked for once a part was sold. A runner keeps the stop and has no target.
* An entry that has not filled at the next close of the trigger frame is called back.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from tapeline.domain.errors import ConfigurationError
from tapeline.domain.times import MINUTE
from tapeline.formula.node import Node
from tapeline.formula.series import series
from tapeline.screener.regime import RegimeSettings
from tapeline.screener.sabr20 import GRADES, STATES
from tapeline.screener.screen import Rules
from tapeline.screener.settings import Frames, ScreenSettings
from tapeline.screener.strategy_settings import Entry, TradeType, Variant
from tapeline.screener.tree import CLASSES
from tapeline.simulation.limit_settings import Limits
from tapeline.strategies import reversal_size
from tapeline.strategies.base import Strategy
from tapeline.strategies.reversal_formulas import management_formulas
from tapeline.strategies.reversal_memory import Chance, Decision, Memory, Notes, Trade
from tapeline.strategies.reversal_size import Size, reaches, size_of_entry
from tapeline.strategies.view import SIZE, SliceView

REGIME_SIZE, REGIME_POSITIONS, REGIME_FAVOURABILITY = "regime_size", "regime_positions", "regime_favourability"
IN_UNIVERSE = "in_universe"
REGIME_SERIES = (REGIME_SIZE, REGIME_POSITIONS, REGIME_FAVOURABILITY)


class MomentumReversal(Strategy):
    """Buy a sell-off that turns while slower frames agree; half off at two R, the rest follows its higher lows.

    settings : of the screen, with the section `strategy`; regime : of the market's regime
    The data needs the series of REGIME_SERIES, which `tapeline.app.screening.with_regime` makes, and with the setting
    `only_universe` that of `tapeline.app.screen_data.with_universe`.
    """

    def __init__(
        self,
        settings: ScreenSettings | None = None,
        regime: RegimeSettings | None = None,
        *,
        frame: str | None = None,
        **parameters: float,
    ) -> None:
        if frame is not None:
            raise ConfigurationError(
                f"Strategy {type(self).__name__} cannot decide on {frame}: its frames are in the settings' section"
                " `frames`. Change them there."
            )
        super().__init__(frame=None, **parameters)
        chosen = self.screen = settings or ScreenSettings()
        self.numbers = chosen.strategy
        frames = chosen.frames
        if self.numbers.trade_type == TradeType.POSITION:
            chosen = replace(chosen, frames=Frames(frames.confirmation, frames.regime, frames.regime))
        self.frame = chosen.frames.trigger
        self.limits = Limits(risk_per_trade=self.numbers.risk_per_trade_max)  # type: ignore[misc]  # its own, by its settings
        self.settings, self.regime = chosen, regime or RegimeSettings()
        if self.numbers.trade_type == TradeType.SCALP:
            self.flat_before_close_minutes = self.numbers.flat_minutes  # type: ignore[misc]
        self.log: list[Decision] = []
        self._memory = Memory()

    def formulas(self) -> dict[str, Node]:
        """Return the screener's formulas and those of management, by name."""
        rules = Rules(self.settings, self.regime)
        groups = ("tree", "score") if self.settings.switches.fine_on_all else ("tree", "score", "coarse")
        found = {name: node for name, node in rules.formulas.items() if name.partition(".")[0] in groups}
        for name in (*REGIME_SERIES, *([IN_UNIVERSE] if self.numbers.only_universe else [])):
            found[name] = series(name).latest()
        return found | management_formulas(rules, self.numbers) | {SIZE: self.size.value}

    def _code(self) -> str:
        modules = "".join(inspect.getsource(sys.modules[name]) for name in (__name__, reversal_size.__name__))
        return modules + super()._code()

    def _more_declared(self) -> tuple[object, ...]:
        digest = hashlib.sha256(repr((self.settings, self.regime.only_a_plus_below)).encode()).hexdigest()
        return (digest,)

    def on_start(self, symbols: tuple[str, ...]) -> None:
        """Forget an earlier run."""
        self.log, self._memory = [], Memory()

    def on_slice(self, now: SliceView) -> None:
        """Manage what is held, then enter setups, best score first, then symbols again that paid before."""
        for column in sorted(self._memory.trades):
            self._manage(now, column)
        if not now.may_enter:
            return
        for column in self._setups(now):
            self._enter(now, column, CLASSES[int(now.tree.setup_class[column])], again=False)
        for column in sorted(self._memory.chances, key=lambda column: self._place(now, column)):
            chance = self._memory.chances[column]
            if now.bars[column] - chance.bars > self.numbers.again_bars:
                del self._memory.chances[column]
            elif (
                now.again[column] == 1.0
                and now.has_bar[column]
                and self._may_trade(now)[column]
                and now.is_flat(column)
                and self._memory.again.get(column) != now.session
            ):
                self._enter(now, column, chance.setup_class, again=True)

    def _setups(self, now: SliceView) -> list[int]:
        """Return the flat symbols with a setup of a class that is traded, best score first."""
        allowed = {"A+"}
        allowed |= {"A"} if self.settings.switches.entries_of_class_a else set()
        allowed |= {"B"} if self.numbers.enter_class_b else set()
        variant = {Variant.AGGRESSIVE: "aggressive", Variant.CONSERVATIVE: "conservative"}.get(
            Variant(self.numbers.variant)
        )
        wanted = now.has_bar & self._may_trade(now) & (now.tree.setup_class > 0)
        for number, name in enumerate(CLASSES):
            if name not in allowed:
                wanted &= now.tree.setup_class != number
        if variant is not None:
            wanted &= getattr(now.tree, variant) == 1.0
        if not self.settings.switches.fine_on_all and wanted.any():
            wanted &= self._handed_over(now)
        found = [int(column) for column in wanted.nonzero()[0] if now.is_flat(int(column))]
        return sorted(found, key=lambda column: self._place(now, column))

    def _may_trade(self, now: SliceView) -> Any:
        """Return which symbols the day's universe lets in, bool [N]."""
        return now.in_universe == 1.0 if self.numbers.only_universe else np.ones(len(now.symbols), dtype=bool)

    def _handed_over(self, now: SliceView) -> Any:
        numbers, score = self.settings.coarse, now.coarse.score
        handed = now.has_bar & (now.coarse.passed == 1.0) & (score >= numbers.handed_over_score)
        best = sorted(handed.nonzero()[0], key=lambda column: (-score[column], now.symbols[column]))
        handed[best[numbers.handed_over_max :]] = False
        return handed

    def _place(self, now: SliceView, column: int) -> tuple[float, str]:
        total = now.score.total[column]
        return (math.inf if math.isnan(total) else -total), now.symbols[column]

    def _enter(self, now: SliceView, column: int, setup_class: str, *, again: bool) -> None:
        numbers = self.numbers
        price, stop, target = (float(values[column]) for values in (now.close, now.stop, now.score.target))
        notes = self._setup_notes(now, column, setup_class, again=again)
        refusal = self._refusal(now, column, again=again)
        size = Size(0.0, 0.0, refusal=refusal)
        if not refusal:
            size = size_of_entry(
                numbers,
                equity=now.equity,
                price=price,
                stop=stop,
                target=target,
                step=float(now.quantity_step[column]),
                factors=self._factors(now, column, setup_class),
                open_risk=self._open_risk(now),
            )
        notes |= {f"cut by {rule}": left for rule, left in size.cuts.items()}
        if size.refusal:
            notes["refused by"] = size.refusal
            now.tell(column, notes)
            now.refuse(column, size.wanted)
            self._note(now, column, "refuse", notes)
            return
        now.tell(column, notes)
        limit = price if numbers.entry == Entry.LIMIT else None
        now.enter(column, quantity=size.quantity, stop=stop, target=target, limit=limit)
        if now.is_flat(column):
            self._note(now, column, "refuse", notes | {"refused by": "account"})
            return
        self._note(now, column, "enter", notes)
        self._memory.trades[column] = Trade(
            now.time_ns,
            setup_class,
            float(now.managed_bars[column]),
            float(now.confirmations[column]),
            float(now.managed_bars[column]),
        )
        self._memory.chances.pop(column, None)
        if again:
            self._memory.again[column] = now.session

    def _setup_notes(self, now: SliceView, column: int, setup_class: str, *, again: bool) -> Notes:
        notes: Notes = {
            "trade type": str(self.numbers.trade_type),
            "class": setup_class,
            "grade": _word(GRADES, now.score.grade[column]),
            "state": _word(STATES, now.score.state[column]),
            "score": float(now.score.total[column]),
            "aggressive": bool(now.tree.aggressive[column] == 1.0),
            "conservative": bool(now.tree.conservative[column] == 1.0),
            "again": again,
            "regime": float(getattr(now, REGIME_FAVOURABILITY)[column]),
        }
        return {name: value for name, value in notes.items() if value == value}

    def _refusal(self, now: SliceView, column: int, *, again: bool) -> str:
        """Return the rule that keeps an entry out whatever its size, empty for none."""
        favourability = float(getattr(now, REGIME_FAVOURABILITY)[column])
        positions = float(getattr(now, REGIME_POSITIONS)[column])
        if math.isnan(favourability) or math.isnan(positions):
            return "regime unknown"
        lowest = GRADES.index(self.numbers.grade_min)
        if favourability < self.regime.only_a_plus_below:
            lowest = GRADES.index("A+")
        if not again and not now.score.grade[column] >= lowest:
            return "grade"
        if len(self._memory.trades) >= min(positions, self.numbers.positions_max):
            return "positions"
        return ""

    def _factors(self, now: SliceView, column: int, setup_class: str) -> dict[str, float]:
        numbers = self.numbers
        volatile = now.is_volatile[column]
        found = {
            "regime": float(getattr(now, REGIME_SIZE)[column]),
            "volatility": math.nan if math.isnan(volatile) else numbers.volatile_factor if volatile else 1.0,
        }
        if setup_class == "A":
            found["class A"] = numbers.class_a_factor
        if numbers.variant == Variant.AGGRESSIVE:
            found["aggressive"] = numbers.aggressive_factor
        return found

    def _open_risk(self, now: SliceView) -> float:
        """Return what all stops together would lose of the prices paid, entries on their way counted as filled."""
        total = 0.0
        for column in self._memory.trades:
            held = now.holding(column)
            if held["quantity"] > 0.0:
                total += held["quantity"] * max(held["entry_price"] - held["stop_price"], 0.0)
            if held["pending_notional"] > 0.0:
                price = float(now.last_price[column])
                total += held["pending_notional"] / price * max(price - held["stop_price"], 0.0)
        return total

    def _manage(self, now: SliceView, column: int) -> None:
        trade = self._memory.trades[column]
        if now.is_flat(column):
            self._close(now, column, trade)
            return
        if not now.can_change(column):
            if not trade.is_leaving:
                self._end_otherwise(now, column, trade)
            return
        if not now.has_bar[column]:
            return
        held = now.holding(column)
        price, entry, risk = float(now.close[column]), held["entry_price"], held["risk"]
        gain_r = (price - entry) / risk if risk > 0.0 else math.nan
        trade.best_r = max(trade.best_r, gain_r)
        reason = self._exit_reason(now, column, trade, held)
        trade.bars_seen = float(now.managed_bars[column])
        if reason:
            self._leave(now, column, reason)
        elif not trade.scaled and reaches(gain_r, self.numbers.scale_r):
            self._take_part(now, column, trade, held)
        elif not trade.scaled and not trade.moved and reaches(gain_r, self.numbers.break_even_r):
            trade.moved = True
            self._move_stop(now, column, entry, "break even")
        elif trade.scaled:
            self._follow(now, column, trade, held)

    def _end_otherwise(self, now: SliceView, column: int, trade: Trade) -> None:
        """Call back an entry that has not filled; write down that the session's end closes a holding."""
        if now.holding(column)["quantity"] == 0.0:
            self._leave(now, column, "not filled")
        elif not now.may_enter:
            trade.is_leaving = True
            self._note(now, column, "exit", {"reason": "flat before close"})

    def _exit_reason(self, now: SliceView, column: int, trade: Trade, held: dict[str, float]) -> str:
        """Return the rule by which a holding is to be closed now, empty for none."""
        numbers = self.numbers
        fell = self._read_confirmation(now, column, trade)
        if now.managed_bars[column] > trade.bars_seen and now.oscillator_exit[column] == 1.0:
            return "oscillator"
        if fell:
            return fell
        bars = float(now.managed_bars[column]) - trade.bars
        if bars >= numbers.progress_bars and not reaches(trade.best_r, numbers.progress_r):
            return "no progress"
        if numbers.trade_type == TradeType.SWING and now.session >= 0:
            sessions = now.session - held["entry_session"] + 1
            is_late = (now.session_close_ns - now.time_ns) / MINUTE <= numbers.flat_minutes
            if sessions > numbers.swing_sessions or (sessions == numbers.swing_sessions and is_late):
                return "sessions"
        return ""

    def _read_confirmation(self, now: SliceView, column: int, trade: Trade) -> str:
        """Take in a bar of the confirmation frame that ended now; return the exit that it causes."""
        count = float(now.confirmations[column])
        if not count > trade.confirmations:
            return ""
        trade.confirmations = count
        trade.tested_upper |= bool(now.near_upper[column] == 1.0)
        trade.passed_upper |= bool(now.above_upper[column] == 1.0)
        if trade.is_runner and now.runner_ends[column] == 1.0:
            return "runner"
        if trade.tested_upper and not trade.passed_upper and now.under_middle[column] == 1.0:
            return "upper band failed"
        return ""

    def _take_part(self, now: SliceView, column: int, trade: Trade, held: dict[str, float]) -> None:
        numbers = self.numbers
        trade.scaled = trade.moved = True
        stop = held["entry_price"] + numbers.scale_stop_r * held["risk"]
        self._note(now, column, "scale_out", {"reason": "first target", "stop": stop})
        now.tell(column, {"scale out": "first target"})
        now.scale_out(column, numbers.scale_fraction, stop=stop)
        if now.can_change(column):  # too little is held to sell a part
            now.set_stop(column, stop)

    def _follow(self, now: SliceView, column: int, trade: Trade, held: dict[str, float]) -> None:
        """Manage what is left after a part was sold."""
        if not trade.is_runner and now.second_target[column] == 1.0:
            self._second_target(now, column, trade, held)
            return
        low = float(now.higher_low[column])
        stop = low - self.numbers.trail_ticks * float(now.tick[column])
        if stop > held["stop_price"]:
            self._move_stop(now, column, stop, "higher low")

    def _second_target(self, now: SliceView, column: int, trade: Trade, held: dict[str, float]) -> None:
        runner = self.numbers.runner_share * held["entered_quantity"]
        step = float(now.quantity_step[column])
        if math.floor(runner / step * (1.0 + reversal_size.TOLERANCE)) == 0:
            self._leave(now, column, "second target")
            return
        trade.is_runner = True
        runner = math.floor(runner / step * (1.0 + reversal_size.TOLERANCE)) * step
        fraction = 1.0 - runner / held["quantity"]
        self._note(now, column, "scale_out", {"reason": "second target", "runner": runner})
        now.tell(column, {"scale out": "second target"})
        now.scale_out(column, fraction, keep_target=False)

    def _close(self, now: SliceView, column: int, trade: Trade) -> None:
        """Forget a trade that has ended; one that paid may be entered again."""
        del self._memory.trades[column]
        trip = now.last_round_trip(column)
        if trip is not None and trip["entry_ns"] > trade.decided_ns and trip["net_pnl"] > 0.0:
            self._memory.chances[column] = Chance(float(now.bars[column]), trade.setup_class)

    def _leave(self, now: SliceView, column: int, reason: str) -> None:
        self._memory.trades[column].is_leaving = True
        self._note(now, column, "exit", {"reason": reason})
        now.tell(column, {"exit": reason})
        now.exit(column)

    def _move_stop(self, now: SliceView, column: int, stop: float, reason: str) -> None:
        self._note(now, column, "move_stop", {"reason": reason, "stop": stop})
        now.tell(column, {"stop": reason})
        now.set_stop(column, stop)

    def _note(self, now: SliceView, column: int, act: str, notes: Notes) -> None:
        self.log.append(Decision(now.time_ns, now.symbols[column], act, float(now.last_price[column]), dict(notes)))


def _word(words: tuple[str, ...], number: float) -> str:
    return "" if math.isnan(number) else words[int(number)]
