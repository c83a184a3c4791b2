"""What an emulator is started with: its accounts, its market, its pace and its limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.emulator.faults import Rule
from bot.emulator.keys import PERMISSIONS, USUAL, Permission
from bot.emulator.unverified import Unverified

SYNTHETIC_START_MS = 1_704_067_200_000
"""Monday 2024-01-01 UTC: the past, so that no candle is ever younger than the wall clock of a client."""

_SYMBOL = re.compile(r"[\w.-]{1,20}")
"""Names may be of any script: there are symbols in Chinese."""


@dataclass(frozen=True, slots=True)
class KeyConfig:
    """One API key: an HMAC `secret`, or the `public_key` (PEM or its base64) of an RSA or Ed25519 pair."""

    key: str
    secret: str = field(default="", repr=False)
    public_key: str = ""
    permissions: frozenset[Permission] = USUAL
    addresses: tuple[str, ...] = ()
    """Addresses or networks it may be used from; empty for any."""


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One customer: a first key, what the account owns at the start by asset, and more keys if it has them.

    `futures` is what it owns on USD-M; None for the same as on spot. Fees left out are those of the exchange.
    """

    key: str
    secret: str = field(repr=False)
    balances: Mapping[str, Decimal]
    keys: tuple[KeyConfig, ...] = ()
    name: str = ""
    futures: Mapping[str, Decimal] | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    pays_in_bnb: bool = False
    trade_group: int = -1
    groups: tuple[str, ...] = ("SPOT", "MARGIN", "TRD_GRP_002")
    """What the account may trade, matched with the permissionSets of symbols."""

    @property
    def all_keys(self) -> tuple[KeyConfig, ...]:
        """Give every key, the plain pair first."""
        return (*((KeyConfig(self.key, self.secret),) if self.key else ()), *self.keys)


@dataclass(frozen=True, slots=True)
class Replay:
    """A market of real candles from files (see `replay`). `loop` starts over at the end, with times moved on."""

    files: tuple[Path, ...]
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A made-up market, the same for the same seed."""

    seed: int
    interval: str = "1m"
    start_ms: int = SYNTHETIC_START_MS


@dataclass(frozen=True, slots=True)
class EmulatorConfig:
    """Everything an emulator needs to know.

    Port 0 takes a free one. `speed` is market time over real time (60: a minute candle each second); 0 stands still
    until `Emulator.step`. The first `warmup` candles are history. `waits` holds the market still until somebody
    subscribes to a stream, so that a client sees every candle.
    """

    source: Replay | Synthetic
    accounts: tuple[AccountConfig, ...] = ()
    symbols: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    speed: float = 60.0
    ticks_per_candle: int = 4
    warmup: int = 300
    waits: bool = False
    instruments: Mapping[str, Instrument] | None = None
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    weight_per_minute: int = 6_000
    orders_per_10s: int = 100
    orders_per_day: int = 200_000
    ping_every_s: float = 20.0
    longest_connection_s: float = 86_400.0
    raw_requests_5m: int = 300_000
    connections_5m: int = 300
    control_port: int | None = None
    """Where the truth book, the faults and the clock are reached; None for nowhere."""
    exchange_info: Path | None = None
    """A saved exchangeInfo whose rules stand in for the bundled ones."""
    futures_port: int | None = None
    """Where USD-M futures are served; None for nowhere."""
    futures_exchange_info: Path | None = None
    """A saved USD-M exchangeInfo whose rules stand in for the bundled ones."""
    futures_brackets: Path | None = None
    """Saved leverage brackets, by symbol or as the endpoint gives them."""
    insurance_fund: Mapping[str, Decimal] | None = None
    """What the USD-M insurance fund has, by asset; None: no end of it, and nobody is ever deleveraged."""
    faults: tuple[Rule, ...] = ()
    counts_clients: bool = True
    """False to keep candles as their source says them, whatever clients trade: for runs that are compared."""
    spread_ticks: int = 0
    """How many ticks a buyer pays above the last price, and the ask shows above the bid; 0 trades between the two."""
    tick_worth: Decimal | None = None
    """Spot: how much quote each step of the market brings to those who rest; None: no end of it, they fill whole."""
    depth_levels: int = 20
    one_clock: bool = False
    """Server time is market time: for a market that is moved by hand."""
    keep_finished: int = 50_000
    """Ended orders that can still be asked for."""
    sors: tuple[tuple[str, ...], ...] = ()
    """Groups of spot symbols among which orders may be routed: one base asset, quotes that are worth the same."""
    settings: Unverified = field(default_factory=Unverified)

    def __post_init__(self) -> None:
        """Refuse what cannot work, with one line that says why."""
        if not 0 <= self.speed < float("inf"):
            raise Misconfigured(f"emulator speed {self.speed} is not a finite number from 0 on; try 60")
        if self.ticks_per_candle < 1:
            raise Misconfigured(f"{self.ticks_per_candle} ticks per candle: give 1 or more")
        if self.warmup < 0:
            raise Misconfigured(f"warm-up of {self.warmup} candles: give 0 or more")
        if strange := [symbol for symbol in self.symbols if not _SYMBOL.fullmatch(symbol)]:
            raise Misconfigured(f"{strange[0]!r} is no name of a symbol; use names like BTCUSDT, with commas between")
        self._check_accounts()

    def _check_accounts(self) -> None:
        keys = [key.key for account in self.accounts for key in account.all_keys]
        if len(set(keys)) < len(keys):
            raise Misconfigured("two emulator accounts share one key; give each its own")
        for account in self.accounts:
            if not account.all_keys or any(
                not one.key or not (one.secret or one.public_key) for one in account.all_keys
            ):
                raise Misconfigured("an emulator account needs a key and a secret; one of them is empty")
            for key in account.all_keys:
                if unknown := sorted(key.permissions - PERMISSIONS):
                    raise Misconfigured(
                        f"permission {unknown[0]!r} does not exist; use {', '.join(sorted(PERMISSIONS))}"
                    )
            for asset, amount in [*account.balances.items(), *(account.futures or {}).items()]:
                if not amount.is_finite() or amount < 0:
                    raise Misconfigured(f"balance {asset}={amount} is not an amount from 0 on")
