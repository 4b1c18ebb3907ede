"""What each kind of fault does to the world while an episode of it lasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tapeline.domain.times import MINUTE, SECOND
from tapeline.domain.words import Side
from tapeline.drill.faults import Fault
from tapeline.drill.link import Road
from tapeline.drill.scenario import Episode, Scenario
from tapeline.drill.venue import BY_BROKER, BY_HAND
from tapeline.drill.venue_account import VenueExecution
from tapeline.drill.virtual_time import Chance

if TYPE_CHECKING:
    from tapeline.drill.world import World

SKEW_S = (-3, 3)
SET_BACK_S = (5, 600)
SET_AHEAD_S = (70, 200)
SET_AHEAD_MAX_S = 1_800
"""How far a clock errs; each step ahead is longer than the horizon."""
_AHEAD_WITHIN_S = 30
"""A clock is set ahead so soon after a message has left, while it may still be on its way."""
AMEND_WITHIN_NS = 10 * MINUTE
"""How old an execution may be when the venue corrects it or takes it back."""
_BY_HAND_MAX = 200


class Episodes:
    """Begins and ends episodes, and lets the venue act by itself while some of them last."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._ahead_ns = 0
        self._lasting: dict[int, tuple[Episode, Callable[[], None]]] = {}
        self._beginners: dict[Fault, Callable[[Episode, Chance], Callable[[], None]]] = {
            Fault.DISCONNECT: self._disconnect,
            Fault.CONNECT_REFUSED: self._refuse,
            Fault.VENUE_RESTART: self._restart_venue,
            Fault.STALL: self._stall,
            Fault.SWIZZLE: self._swizzle,
            Fault.FEED_STALL: self._feed_stall,
            Fault.SYMBOL_HALTED: self._halt,
            Fault.PROCESS_STALL: self._process_stall,
            Fault.CLOCK_SKEWED: self._skew,
            Fault.CLOCK_SET_BACK: self._set_back,
            Fault.CLOCK_SET_AHEAD: self._set_ahead,
        }

    def plan(self, scenario: Scenario, begin_ns: int) -> None:
        """Let every episode begin and end at its time."""
        for episode in scenario.episodes:
            self.world.time.at(begin_ns + episode.start_ns, self._begin, episode)
            self.world.time.at(begin_ns + episode.end_ns, self._end, episode)

    def calm(self) -> None:
        """End what still lasts."""
        for episode, _ in tuple(self._lasting.values()):
            self._end(episode)
        self.world.link.restore()

    def _begin(self, episode: Episode) -> None:
        weather = self.world.weather
        begin = self._beginners.get(episode.fault)
        if begin is None:
            weather.begin(episode.fault, episode.rate)
            self._lasting[episode.number] = episode, lambda: weather.end(episode.fault, episode.rate)
            return
        weather.tally.injected[episode.fault] += 1
        self._lasting[episode.number] = episode, begin(episode, weather.chance(episode.fault))

    def _end(self, episode: Episode) -> None:
        lasting = self._lasting.pop(episode.number, None)
        if lasting is not None:
            lasting[1]()

    # Kinds that simply last -------------------------------------------------------------------------------------

    def _disconnect(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        self.world.link.lose(episode.fault)
        return self.world.link.restore

    def _refuse(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        self.world.link.refuse(episode.fault)
        return self.world.link.accept

    def _restart_venue(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        self.world.link.lose(episode.fault)
        self.world.venue.restart(chance.whole(1, 30))
        return self.world.link.restore

    def _stall(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        link = self.world.link
        roads = (Road.STREAM, Road.ANSWERS) if chance.hits(0.5) else (Road.STREAM,)
        for road in roads:
            link.block(road, episode.fault)

        def end() -> None:
            for road in roads:
                link.unblock(road)

        return end

    def _swizzle(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        """Roads fail one by one in a random order and come back in another."""
        link, time = self.world.link, self.world.time
        third = episode.length_ns // 6
        for going, turn in ((True, 0), (False, 3)):
            roads = sorted(Road, key=lambda _: chance.share())
            for place, road in enumerate(roads):
                act = link.block if going else link.unblock
                time.after((turn + place) * third, act, road, episode.fault)
        return lambda: None

    def _feed_stall(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        feed = self.world.feed
        feed.is_mute = True

        def end() -> None:
            feed.is_mute = False

        return end

    def _halt(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        quote = chance.one_of(list(self.world.market.quotes.values()))
        quote.halted = True

        def end() -> None:
            quote.halted = False

        return end

    def _process_stall(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        self.world.stall(self.world.time.now_ns + episode.length_ns)
        return lambda: None

    def _skew(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        return self._shift(chance.whole(*SKEW_S) * SECOND, 0)

    def _set_back(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        return self._shift(-chance.whole(*SET_BACK_S) * SECOND, 2)

    def _set_ahead(self, episode: Episode, chance: Chance) -> Callable[[], None]:
        weather = self.world.weather
        weather.begin(episode.fault, episode.rate)

        def end() -> None:
            weather.end(episode.fault, episode.rate)
            self.world.clocks.offset_ns -= self._ahead_ns
            self._ahead_ns = 0

        return end

    def message_left(self) -> None:
        """Let the clock be set ahead while a message may still be on its way."""
        fault, world = Fault.CLOCK_SET_AHEAD, self.world
        if self._ahead_ns < SET_AHEAD_MAX_S * SECOND and world.weather.strikes(fault):
            chance = world.weather.chance(fault)
            world.time.after(chance.whole(1, _AHEAD_WITHIN_S) * SECOND, self._step_ahead, chance.whole(*SET_AHEAD_S))

    def _step_ahead(self, by_s: int) -> None:
        if any(episode.fault is Fault.CLOCK_SET_AHEAD for episode, _ in self._lasting.values()):
            self._ahead_ns += by_s * SECOND
            self.world.set_ahead(by_s * SECOND)

    def _shift(self, offset_ns: int, slew: int) -> Callable[[], None]:
        clock, time = self.world.clocks, self.world.time
        clock.offset_ns += offset_ns

        def end() -> None:
            # a time service lets a clock that is behind run faster until it is right, it does not jump
            if not slew:
                clock.offset_ns -= offset_ns
                return
            for second in range(1, -offset_ns // SECOND + 1):
                time.after(second * slew * SECOND, advance)

        def advance() -> None:
            clock.offset_ns += SECOND

        return end

    # What the venue does by itself ------------------------------------------------------------------------------

    def venue_acts(self) -> None:
        """Let the venue do what the weather allows at this step."""
        for fault, act in (
            (Fault.ORDER_REISSUED, self._reissue),
            (Fault.EXECUTION_CORRECTED, self._correct),
            (Fault.EXECUTION_BUSTED, self._bust),
            (Fault.ORDER_BY_HAND, self._by_hand),
            (Fault.LIQUIDATED, self._liquidate),
        ):
            if self.world.weather.strikes(fault) and act(self.world.weather.chance(fault)):
                self.world.weather.changed(fault)

    def _reissue(self, chance: Chance) -> bool:
        working = list(self.world.venue.working())
        if working:
            self.world.venue.reissue(chance.one_of(working))
        return bool(working)

    def _correct(self, chance: Chance) -> bool:
        recent = self._recent()
        if recent:
            execution = chance.one_of(recent)
            move = chance.whole(1, 100)
            self.world.venue.correct(execution, execution.price + (move if chance.hits(0.5) else -move))
        return bool(recent)

    def _bust(self, chance: Chance) -> bool:
        recent = [e for e in self._recent() if self.world.venue.can_bust(e)]
        if recent:
            self.world.venue.bust(chance.one_of(recent))
        return bool(recent)

    def _recent(self) -> list[VenueExecution]:
        return self.world.venue.account.recent(self.world.time.now_ns - AMEND_WITHIN_NS)

    def _by_hand(self, chance: Chance) -> bool:
        symbol = chance.one_of(tuple(self.world.market.quotes))
        last = self.world.market.quotes[symbol].last
        side = Side.BUY if chance.hits(0.5) else Side.SELL
        limit = None if chance.hits(0.3) else last - int(side) * chance.whole(0, 40)
        self.world.venue.order_by(BY_HAND, symbol, side, chance.whole(1, _BY_HAND_MAX), limit)
        return True

    def _liquidate(self, chance: Chance) -> bool:
        held = [(symbol, count) for symbol, count in self.world.venue.account.shares.items() if count]
        if held:
            symbol, count = chance.one_of(held)
            side = Side.SELL if count > 0 else Side.BUY
            self.world.venue.order_by(BY_BROKER, symbol, side, chance.whole(1, abs(count)), None)
        return bool(held)
