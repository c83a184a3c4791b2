"""Turns the options of `bot emulator` into a configuration, and serves it until the end."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import structlog

from bot.domain.errors import Misconfigured
from bot.domain.money import number
from bot.emulator.accounts import read_accounts
from bot.emulator.config import AccountConfig, EmulatorConfig, Replay, Synthetic
from bot.emulator.faults import Rule, read_rules
from bot.emulator.server import Emulator
from bot.emulator.serving import fast_loop, serve

PARENT_CHECK_S = 0.5


def configure(
    *,
    port: int,
    customers: Sequence[tuple[str, str]],
    balances: Sequence[str],
    seed: int | None,
    files: Sequence[Path],
    symbols: str,
    speed: float,
    ticks: int,
    warmup: int,
    loop: bool,
    waits: bool,
    account_files: Sequence[Path] = (),
    control_port: int | None = None,
    exchange_info: Path | None = None,
    fault_file: Path | None = None,
    host: str = "127.0.0.1",
    one_clock: bool = False,
    um_port: int | None = None,
    um_exchange_info: Path | None = None,
    um_brackets: Path | None = None,
    insurance: Sequence[str] = (),
    spread_ticks: int = 0,
    sors: Sequence[str] = (),
) -> EmulatorConfig:
    """Give the configuration; Misconfigured says which option is wrong."""
    if files and seed is not None:
        raise Misconfigured("choose one market: --synthetic SEED or --replay FILE")
    for file in files:
        if not file.is_file():
            raise Misconfigured(
                f"{file}: there is no such file; give the path of a recording: candles, trades or depth, gzipped or not"
            )
    names = _names(symbols)
    if not files and not names:
        names = ("BTCUSDT", "ETHUSDT")
    owned = dict(_balance(each) for each in balances)
    return EmulatorConfig(
        source=Replay(tuple(files), loop) if files else Synthetic(1 if seed is None else seed),
        accounts=(
            *(AccountConfig(key, secret, owned) for key, secret in customers),
            *(account for file in account_files for account in read_accounts(file)),
        ),
        symbols=names,
        port=port,
        speed=speed,
        ticks_per_candle=ticks,
        warmup=warmup,
        waits=waits,
        control_port=control_port,
        exchange_info=exchange_info,
        faults=_faults(fault_file),
        host=host,
        one_clock=one_clock,
        futures_port=um_port,
        futures_exchange_info=um_exchange_info,
        futures_brackets=um_brackets,
        insurance_fund=dict(_balance(each, "--insurance-fund") for each in insurance) if insurance else None,
        spread_ticks=spread_ticks,
        sors=tuple(_names(group) for group in sors),
    )


def split_customer(text: str) -> tuple[str, str]:
    """Read KEY:SECRET; Misconfigured when one is missing."""
    key, _, secret = text.partition(":")
    if not key or not secret:
        raise Misconfigured("--customer has to be like KEY:SECRET")
    return key, secret


def serve_forever(config: EmulatorConfig, announce: Callable[[Emulator], None], parent: int) -> None:
    """Serve until SIGTERM or SIGINT, or until the process that started us is gone."""

    # Standard output belongs to the line that says we are ready.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("WARNING" if parent else "INFO"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

    async def work() -> None:
        serving = asyncio.create_task(serve(config, announce=announce))
        while parent and not serving.done():
            if os.getppid() != parent:
                serving.cancel()
                break
            await asyncio.wait({serving}, timeout=PARENT_CHECK_S)
        try:
            await serving
        except asyncio.CancelledError:
            if not parent:
                raise

    try:
        asyncio.run(work(), loop_factory=fast_loop)
    except BaseExceptionGroup as group:
        _, others = group.split(Misconfigured)
        if others is not None:
            raise
        raise group.exceptions[0] from None


def _faults(file: Path | None) -> tuple[Rule, ...]:
    if file is None:
        return ()
    try:
        return tuple(read_rules(file.read_bytes()))
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror}; give the path of a JSON file of faults") from error
    except msgspec.DecodeError as error:
        raise Misconfigured(f'{file}: {error}; each fault is like {{"kind": "drop_reply", "count": 1}}') from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().upper() for name in text.split(",") if name.strip())


def _balance(text: str, option: str = "--balance") -> tuple[str, Decimal]:
    asset, _, amount = text.partition("=")
    try:
        value = number(amount)
    except ValueError:
        value = Decimal(-1)
    if not asset.isalnum() or value < 0:
        raise Misconfigured(f"{option} {text!r} is not like USDT=100000")
    return asset.upper(), value
