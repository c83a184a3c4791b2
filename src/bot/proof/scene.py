"""What a seed decides before anything moves: who trades what, where, for how long, and what will go wrong."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

import msgspec

from bot.binance.client import OrderPath
from bot.binance.signing import Credentials
from bot.db.base import Mode
from bot.domain.market import Market
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.faults import Rule
from bot.emulator.unverified import Unverified
from bot.proof.crowd import STRANGER
from bot.proof.faults import draw_faults
from bot.proof.journal import Strain
from bot.proof.restless import Restless
from bot.proof.watch import Caps
from bot.proof.weather import drawn
from bot.runtime.plan import AccountPlan, StrategyPlan

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
RICHES = ("USDT", "BTC", "ETH", "BNB", "SOL")
"""What a stranger has plenty of."""
FUNDS = {"USDT": Decimal(1_000_000), "BNB": Decimal(50)}
SITES = {Market.SPOT: "spot", Market.FUTURES: "um"}
"""What the emulator calls the markets."""


def key_of(account: str) -> Credentials:
    """Give the key of an account."""
    return Credentials(f"key of {account}", f"secret of {account}")


class Scene:
    """What a seed decides before anything moves.

    `wild` lets everybody else in: strangers who trade with our orders in parts, hands that cancel them, halts, a clock
    that is set, 429s, tight limits on risk, and two strategies a symbol. Two seeds of three are, unless it is said.
    """

    def __init__(self, seed: int, *, wild: bool | None = None) -> None:
        lots = Random(f"scene {seed}")  # noqa: S311 - a seed has to come again in the same way
        self.seed = seed
        self.symbols = SYMBOLS[: lots.choice((2, 3, 4))]
        self.path = lots.choice((OrderPath.REST, OrderPath.WS))
        self.weather = drawn(lots)
        self.strain = Strain(
            delay_s=lots.choice((0.001, 0.01)),
            slow=lots.choice((0.0, 0.02, 0.2)),
            slow_s=lots.choice((1.0, 8.0)),
            away_before=lots.choice((0.0, 0.01)),
            away_after=lots.choice((0.0, 0.01)),
        )
        self.faults = draw_faults(lots)
        self.accounts = tuple(f"account-{number}" for number in range(1, lots.choice((1, 1, 2)) + 1))
        self.markets = _markets(seed, self.accounts)
        """Where each account trades: one seed in three has one on futures."""
        fate = Random(f"fate {seed}")  # noqa: S311
        self.margin = {"USDT": Decimal(fate.choice((20_000, 500, 500)))}
        """What an account has on futures; with little of it a bad mark price liquidates."""
        self.runaways = fate.choice((0, 0, 1, 3))
        """How often a mark price runs away."""
        self.pauses = fate.choice((0, 0, 1, 2))
        """How often the process is held still past its lease."""
        self.tick_worth = fate.choice((None, Decimal(60), Decimal(150)))
        """How much of those who rest each step of the market fills, in quote: less than an order's, often."""
        self.pays_in_bnb = lots.random() < 0.3
        self.deaths = lots.choice((0, 1, 3, 6))
        self.is_gentle = lots.random() < 0.5
        """Whether the bot is told to end, rather than killed."""
        self.fickle = lots.choice((0.05, 0.2, 0.4))
        self.caps = Caps(
            *(Decimal(amount) for amount in lots.choice(((900, 1_500, 3_000), (2_000, 2_000, 4_000), (10**6,) * 3)))
        )
        self.spread_ticks = lots.choice((0, 5, 40))
        self.crowd_every_s = lots.choice((1.0, 3.0, 20.0))
        """Seconds between deeds of everybody else."""
        self.weight_per_minute = lots.choice((6_000, 1_200))
        self.strategies_a_symbol = lots.choice((1, 2))
        self.stop_loss = lots.choice((None, None, 0.0005, 0.003))
        """Where the stops on the exchange stand; None for a bot without any."""
        self.take_profit = Random(f"takes {seed}").choice((None, 0.0003, 0.001))  # noqa: S311 - as above
        """Where the take profits stand beside those stops, as one list with each; None for stops alone."""
        self.contracts = _contracts(seed)
        self.minutes = lots.uniform(3.0, 5.0)
        owner = Random(f"owner {seed}")  # noqa: S311
        self.hands_every_s = owner.choice((0.0, 8.0, 30.0))
        """Seconds between what the owner does by hand; 0 for one who does nothing."""
        self.switches = owner.choice((0, 0, 1, 2)) if Market.SPOT in self.markets.values() else 0
        """How often the kill switch is thrown."""
        self.is_wild = bool(seed % 3) if wild is None else wild
        if not self.is_wild:
            self._calm()
        self.faults = tuple(one for each in self.faults for one in _of_lists_too(each))
        if self.has_futures:
            self.faults = tuple(one for each in self.faults for one in _on_both_faces(each))

    def _calm(self) -> None:
        self.faults = tuple(each for each in self.faults if each.kind != "limit")
        self.caps = Caps(*(Decimal(10**6),) * 3)
        self.spread_ticks = 0
        self.weight_per_minute = 6_000
        self.strategies_a_symbol = 1
        self.pauses = 0
        self.hands_every_s, self.switches = 0.0, 0
        self.tick_worth = None

    @property
    def has_futures(self) -> bool:
        """Whether anybody trades futures."""
        return Market.FUTURES in self.markets.values()

    def funds(self, name: str) -> Mapping[str, Decimal]:
        """Give what an account begins with where it trades."""
        return self.margin if self.markets[name] is Market.FUTURES else FUNDS

    def emulator(self) -> EmulatorConfig:
        """Give what the exchange is started with."""
        return EmulatorConfig(
            Synthetic(self.seed),
            (
                AccountConfig(STRANGER.key, STRANGER.secret, dict.fromkeys(RICHES, Decimal(10**7)), name="stranger"),
                *(
                    AccountConfig(
                        key_of(name).key,
                        key_of(name).secret,
                        FUNDS,
                        name=name,
                        futures=self.margin,
                        pays_in_bnb=self.pays_in_bnb,
                    )
                    for name in self.accounts
                ),
            ),
            self.symbols,
            speed=24.0,
            ticks_per_candle=3,
            warmup=3,
            depth_levels=1,
            faults=self.faults,
            spread_ticks=self.spread_ticks,
            tick_worth=self.tick_worth,
            weight_per_minute=self.weight_per_minute,
            futures_port=0 if self.has_futures else None,
            settings=Unverified(countdown_cancels_algo_orders=self.contracts.countdown_takes_stops),
        )

    def plan(self, name: str) -> AccountPlan:
        """Give what the bot has to run on an account."""
        place, market = self.accounts.index(name), self.markets[name]
        is_spot = market is Market.SPOT
        stop_loss = self.stop_loss if is_spot else self.contracts.stop_loss
        take_profit = self.take_profit if is_spot else self.contracts.take_profit
        strategies = tuple(
            StrategyPlan(
                100 * place + 10 * turn + number,
                f"restless {symbol} {turn}",
                Restless,
                Restless.Config(
                    symbol=symbol,
                    market=market.value,
                    order_value=200.0,
                    seed=self.seed * 10 + 2 * place + turn,
                    capital=100_000.0,
                    fickle=self.fickle,
                    stop_loss=stop_loss,
                    take_profit=take_profit if stop_loss else None,
                    protect="exchange" if stop_loss else "watch",
                    max_exposure=float(self.caps.strategy),
                ),
            )
            for number, symbol in enumerate(self.symbols, 1)
            for turn in range(self.strategies_a_symbol)
        )
        return AccountPlan(place + 1, name, "emulator", Mode.REHEARSAL, strategies)


class Contracts(NamedTuple):
    """What a seed decides of futures alone."""

    stop_loss: float | None
    """Where the stops on the exchange stand; None for strategies without any."""
    take_profit: float | None
    """Where the take profits stand, each an order of its own; None for stops alone."""
    countdown_takes_stops: bool
    """Whether the exchange's dead-man switch cancels stops, too: Binance does not say."""


def _contracts(seed: int) -> Contracts:
    lots = Random(f"contracts {seed}")  # noqa: S311 - a seed has to come again in the same way
    stop_loss, take_profit = lots.choice((None, 0.0005, 0.0005, 0.003)), lots.choice((None, 0.0003, 0.001))
    return Contracts(stop_loss, take_profit, countdown_takes_stops=lots.random() < 0.5)


def _markets(seed: int, accounts: Sequence[str]) -> dict[str, Market]:
    """Draw who trades futures: with two accounts one of them, so that a bot has both markets."""
    lots = Random(f"markets {seed}")  # noqa: S311 - a seed has to come again in the same way
    found = dict.fromkeys(accounts, Market.SPOT)
    if lots.random() < 1 / 3:
        found[lots.choice(accounts)] = Market.FUTURES
    return found


_LIST_PATHS = {"/api/v3/order": "/api/v3/orderList/oco", "order.*": "orderList.place.*"}


def _of_lists_too(rule: Rule) -> list[Rule]:
    """Give a fault of single orders with its twin of order lists."""
    path = _LIST_PATHS.get(rule.path or "")
    return [rule] if path is None else [rule, msgspec.structs.replace(rule, path=path)]


_UM_PATHS = {"/api/v3/order": ("/fapi/v1/order", "/fapi/v1/algoOrder"), "order.*": ("algoOrder.*",)}
_UM_EVENTS = {"executionReport": ("ORDER_TRADE_UPDATE", "ALGO_UPDATE")}


def _on_both_faces(rule: Rule) -> list[Rule]:
    """Give a fault of spot with its twins of futures, where they go by other names."""
    paths, events = _UM_PATHS.get(rule.path, ()), _UM_EVENTS.get(rule.event, ())
    twins = [msgspec.structs.replace(rule, path=path) for path in paths]
    return [rule, *twins, *(msgspec.structs.replace(rule, event=event) for event in events)]
