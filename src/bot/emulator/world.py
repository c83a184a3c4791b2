"""The world that all faces share: one market, one clock, one truth, one set of faults and customers."""

import time
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.emulator.accounts import customers_of
from bot.emulator.clock import Clock
from bot.emulator.config import EmulatorConfig
from bot.emulator.faults import FaultBook
from bot.emulator.gateway import Gate
from bot.emulator.limits import Bounds, WeightBank
from bot.emulator.player import Player
from bot.emulator.sources import open_source
from bot.emulator.spot import rules
from bot.emulator.truth import TruthBook


class World:
    """What is there once, however many faces show it."""

    def __init__(self, config: EmulatorConfig, real_ns: Callable[[], int] = time.time_ns) -> None:
        self.permission_sets: dict[str, list[list[str]]] = {}
        saved: rules.Sors = ()
        if config.exchange_info is not None:
            loaded, self.permission_sets, saved = rules.load(config.exchange_info)
            config = replace(config, instruments=loaded | dict(config.instruments or {}))
        self.config = config
        self.source = open_source(config)
        _check_sors(config.sors, self.source.instruments)
        self.sors = config.sors or _playable(saved, self.source.instruments)
        """Groups of symbols among which orders are routed on spot."""
        self.player = Player(self.source, ticks=config.ticks_per_candle)
        self.clock = Clock(real_ns)
        if config.one_clock:
            self.clock.follow(lambda: self.player.now_ms)
        self.truth = TruthBook(self.clock)
        self.faults = FaultBook(self.truth)
        for rule in config.faults:
            self.faults.add(rule)
        self.customers = customers_of(config.accounts, self.clock.now_ms)

    def gate(self, name: str, bounds: Bounds) -> Gate:
        """Make the gate of a face: its own limits, everything else shared."""
        bank = WeightBank(bounds, self.config.settings)
        settings = self.config.settings
        return Gate(
            name, self.clock, bank, self.customers, settings, self.truth, self.faults,
            takes_ed25519_on_rest=name == "spot" or settings.ed25519_on_futures_rest,
        )  # fmt: skip


def _check_sors(sors: rules.Sors, instruments: Mapping[str, Instrument]) -> None:
    for group in sors:
        if unknown := [symbol for symbol in group if symbol not in instruments]:
            raise Misconfigured(f"orders cannot be routed to {unknown[0]}: it is not among the symbols; add it to them")
        if len(group) < 2 or len({instruments[symbol].base for symbol in group}) > 1:
            raise Misconfigured(
                f"orders cannot be routed among {','.join(group)}: give two or more symbols of one base asset"
            )


def _playable(sors: rules.Sors, symbols: Container[str]) -> rules.Sors:
    """Give what is left of routing groups among the symbols that are played."""
    groups = (tuple(symbol for symbol in group if symbol in symbols) for group in sors)
    return tuple(group for group in groups if len(group) > 1)
