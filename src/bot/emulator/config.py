"""What an emulator is started with: its accounts, its market, its pace and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument

SYNTHETIC_START_MS = 1_704_067_200_000
"""Monday 2024-01-01 UTC: the past, so that no candle is ever younger than the wall clock of a client."""


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One customer: an HMAC key pair and what the account owns at the start, by asset."""

    key: str
    secret: str = field(repr=False)
    balances: Mapping[str, Decimal]


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

    def __post_init__(self) -> None:
        """Refuse what cannot work, with one line that says why."""
        if not 0 <= self.speed < float("inf"):
            raise Misconfigured(f"emulator speed {self.speed} is not a finite number from 0 on; try 60")
        if self.ticks_per_candle < 1:
            raise Misconfigured(f"{self.ticks_per_candle} ticks per candle: give 1 or more")
        if self.warmup < 0:
            raise Misconfigured(f"warm-up of {self.warmup} candles: give 0 or more")
        keys = [account.key for account in self.accounts]
        if len(set(keys)) < len(keys):
            raise Misconfigured("two emulator accounts share one key; give each its own")
        for account in self.accounts:
            if not account.key or not account.secret:
                raise Misconfigured("an emulator account needs a key and a secret; one of them is empty")
            for asset, amount in account.balances.items():
                if not amount.is_finite() or amount < 0:
                    raise Misconfigured(f"balance {asset}={amount} is not an amount from 0 on")
