"""Runs strategies through every mode on the same candles: as backtests, on paper, through the emulator's signed API.

The last two are the whole bot (hub, workers, journals in PostgreSQL). The market moves by hand, a whole candle at a
time, and waits until both accounts have decided on it and know what their orders came to: all see the same liquidity.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bot.backtest.run import Part, backtest
from bot.backtest.tally import Tally
from bot.bootstrap import Roof
from bot.commands.program import Program
from bot.db.base import Mode, unit_of_work
from bot.db.repositories import Accounts, Strategies
from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.instrument import Instrument
from bot.domain.messages import Outcome, PlaceOrder
from bot.domain.state import AccountState
from bot.emulator.config import AccountConfig, EmulatorConfig, Replay
from bot.emulator.server import Emulator
from bot.history.columns import Columns
from bot.reporting.journaled import read_record
from bot.reporting.run_record import Record, record_of
from bot.risk.rules import Limits
from bot.strategies.config import StrategyConfig

PATIENCE_S = 120.0
"""How long one candle may take in both accounts: a machine that does other things as well is no difference."""
READY_S = 60.0
WHOLE_BOT = (Mode.PAPER, Mode.REHEARSAL)


class Scene(NamedTuple):
    """What is played: strategies by title, on one series and one wallet. The first `history` candles only warm up.

    Every strategy has the same warm-up, no longer than `history`, and the same fee; what is bought is filled at the
    last price, since that is all the liquidity that every mode has.
    """

    parts: Mapping[str, Part]
    columns: Columns
    instruments: Mapping[str, Instrument]
    funds: Mapping[str, Decimal]
    history: int


class _All(Tally):
    """Keeps everything."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[Outcome] = []

    def place(self, command: PlaceOrder) -> None:
        """Keep an order that goes out."""
        self.outcomes.append(command)

    def take(self, outcome: Outcome) -> None:
        """Keep what came out."""
        super().take(outcome)
        self.outcomes.append(outcome)


def warmed_alike(parts: Mapping[str, Part], instruments: Mapping[str, Instrument]) -> tuple[dict[str, Part], int]:
    """Give the strategies with settings by which all need the same number of candles first, and that number."""
    from bot.engine.engine import Engine  # noqa: PLC0415

    needed = {
        title: Engine().add(1, part.strategy, part.config, instruments[part.config.symbol]).strategy.warm_up
        for title, part in parts.items()
    }
    most = max(needed.values())
    return {
        title: part._replace(
            config=part.config.model_copy(update={"warm_up": part.config.warm_up + most - needed[title]})
        )
        for title, part in parts.items()
    }, most


def played_back(scene: Scene, limits: Limits, mode: Literal["dense", "sparse"] = "dense") -> dict[str, Record]:
    """Play it as a backtest; sparsely those strategies alone that can be: who decides by columns."""
    chosen = {title: part for title, part in scene.parts.items() if mode == "dense" or _may_leap(part)}
    if not chosen:
        return {}
    parts, warm_up = warmed_alike(chosen, scene.instruments)
    # The newest candle of a history may still be forming as far as a running bot can tell: it comes again, as an event.
    columns = scene.columns.rows(scene.history - warm_up, len(scene.columns))
    tally = _All()
    backtest(list(parts.values()), [columns], scene.instruments, scene.funds, limits, mode=mode, tally=tally)
    first, last = _span(scene)
    return {
        title: record_of(
            tally.outcomes, number,
            Record(mode, mode, part.strategy.name, _settings(part.config), first, last),
        )
        for number, (title, part) in enumerate(parts.items(), 1)
    }  # fmt: skip


def _may_leap(part: Part) -> bool:
    needs_every_candle = part.config.max_drawdown is not None or part.config.protect == "exchange"
    return part.strategy.has_signals() and not needs_every_candle


def quiet_start(scene: Scene, limits: Limits) -> Scene:
    """Give the scene a history so long that nothing is ordered on its newest candle.

    A running bot cannot tell that candle from one that still forms, decides on it when the next one comes, and would
    trade at the price of then.
    """
    for history in range(scene.history, len(scene.columns)):
        start = Scene(scene.parts, scene.columns.rows(0, history), scene.instruments, scene.funds, history)
        if not any(record.orders for record in played_back(start, limits).values()):
            return scene._replace(history=history)
    raise Misconfigured("it orders at every candle, so there is none to begin after; give other settings")


@contextlib.asynccontextmanager
async def market(
    scene: Scene, folder: Path, key: str, secret: str, rules: Path | None = None
) -> AsyncIterator[Emulator]:
    """Run an emulator on the scene's candles: it moves by hand, with the fees that the strategies expect."""
    (fee,) = {Decimal(str(part.config.fee_pct)) for part in scene.parts.values()}
    config = EmulatorConfig(
        Replay((_written(scene.columns, folder),)), (AccountConfig(key, secret, scene.funds),),
        speed=0, ticks_per_candle=1, counts_clients=False, warmup=scene.history, maker_fee=fee, taker_fee=fee,
        orders_per_10s=1_000_000, orders_per_day=1_000_000_000, weight_per_minute=1_000_000,
        raw_requests_5m=10**9, exchange_info=rules,
    )  # fmt: skip
    async with Emulator(config) as running:
        yield running


async def played_by_the_bot(
    scene: Scene, roof: Roof, emulator: Emulator, key: str, secret: str, told: Callable[[int], None] = lambda _: None
) -> dict[Mode, dict[str, Record]]:
    """Play it with the whole bot, on paper and in rehearsal at once; `told` hears of each candle, counted from 1."""
    ids = await _furnish(scene, roof, key, secret)
    closes = _closes(scene.columns)[scene.history :]
    async with _running(roof) as bot:
        for count, close in enumerate(closes, 1):
            if not await emulator.step():
                raise Unavailable(f"the market ended {len(closes) - count + 1} candles early")
            await _until(partial(_is_done, bot, close), bot, f"both accounts have decided on the candle of {close}")
            told(count)
    first, last = _span(scene)
    found: dict[Mode, dict[str, Record]] = {}
    for mode in WHOLE_BOT:
        found[mode] = {}
        for strategy_id, title in ids[mode].items():
            part = scene.parts[title]
            record = Record(mode.value, mode.value, part.strategy.name, _settings(part.config), first, last)
            found[mode][title] = await read_record(roof.sessions, mode, strategy_id, record)
    return found


def _span(scene: Scene) -> tuple[int, int]:
    closes = _closes(scene.columns)
    return closes[scene.history - 1], closes[-1]


def _closes(columns: Columns) -> list[int]:
    from bot.backtest.tape import close_times  # noqa: PLC0415

    return [int(each) for each in close_times(columns)]


def _settings(config: StrategyConfig) -> dict[str, Any]:
    return config.model_dump(mode="json")


def _written(columns: Columns, folder: Path) -> Path:
    """Write candles as the emulator reads them."""
    path = folder / f"{columns.symbol}_{columns.interval}_parity.csv"
    names = ("open_time", "open", "high", "low", "close", "volume")
    rows = zip(*(getattr(columns, name).tolist() for name in names), strict=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(names) + "\n")
        file.writelines(",".join(map(str, row)) + "\n" for row in rows)
    return path


async def _furnish(scene: Scene, roof: Roof, key: str, secret: str) -> dict[Mode, dict[int, str]]:
    """Give one account on paper and one with a key the same strategies: titles by strategy id."""
    parts, _ = warmed_alike(scene.parts, scene.instruments)
    run = secrets.token_hex(3)
    box = await asyncio.to_thread(lambda: roof.box)
    ids: dict[Mode, dict[int, str]] = {}
    async with unit_of_work(roof.sessions) as session:
        for mode in WHOLE_BOT:
            name = f"{mode.value}-{run}"
            sealed = {
                f"{field}_enc": box.seal(value, account=name, field=field, environment="emulator")
                for field, value in (("api_key", key), ("api_secret", secret))
            }
            funds = {asset: str(amount) for asset, amount in scene.funds.items()}
            account = await Accounts(session).create(name, environment="emulator", paper_funds=funds, **sealed)
            ids[mode] = {}
            for title, part in parts.items():
                config = _settings(part.config) | {"demo_mode": mode is Mode.PAPER}
                row = await Strategies(session).create(
                    account.id, part.strategy.name, config, title=title, enabled=True
                )
                ids[mode][row.id] = title
    return ids


@contextlib.asynccontextmanager
async def _running(roof: Roof) -> AsyncIterator[Program]:
    """Run what `bot start` runs but for the dashboard, from the first candle to a clean stop."""
    bot = Program(roof, with_dashboard=False, with_aggregator=False)
    task = asyncio.create_task(bot.run())
    try:
        await _until(lambda: task.done() or _is_ready(bot), bot, "both accounts are ready", READY_S)
        yield bot
    finally:
        bot.stop.set()
        await task


def _is_ready(bot: Program) -> bool:
    workers = bot.orchestrator.workers.values()
    return len(workers) == len(WHOLE_BOT) and all(
        each.runner is not None and each.condition.state is AccountState.READY for each in workers
    )


def _is_done(bot: Program, close: int) -> bool:
    """Say whether every account has decided on the candle that closed then, and knows what its orders came to."""
    for worker in bot.orchestrator.workers.values():
        runner = worker.runner
        if runner is None or runner.last_candle_ms != close or runner.inbox.waiting or not runner.is_settled:
            return False
    return True


async def _until(condition: Callable[[], object], bot: Program, what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for a condition, with patience that ends."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 (what is waited for are plain figures of a running bot)
                await asyncio.sleep(0.0005)
    except TimeoutError:
        told: Sequence[Mapping[str, Any]] = bot.describe()["accounts"]
        states = "; ".join(f"{each['account']}: {each['condition']} {each['trouble']}".strip() for each in told)
        raise Unavailable(f"it never came about that {what} ({states})") from None
