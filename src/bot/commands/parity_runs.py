"""The runs that `bot parity` compares: played here and now in every mode, read from a journal, or from a file."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.commands.output import ExitCode, fail

if TYPE_CHECKING:
    from bot.backtest.run import Part
    from bot.bootstrap import Roof
    from bot.commands.parity_modes import Scene
    from bot.db.base import Mode
    from bot.domain.instrument import Instrument
    from bot.history.columns import Columns
    from bot.reporting.run_record import Record
    from bot.strategies.config import StrategyConfig

MODES = ("dense", "sparse", "paper", "rehearsal")
JOURNALED = ("paper", "rehearsal", "live")
SPARE = 10
"""Candles of history beyond what the strategy asks for."""


class Journal(NamedTuple):
    """One strategy's place in a journal, what it did there, and what it had to spend."""

    record: "Record"
    part: "Part"
    funds: Mapping[str, Decimal]


def scene_of(
    part: "Part",
    columns: "Columns",
    instruments: "Mapping[str, Instrument]",
    funds: Mapping[str, Decimal],
    history: int | None = None,
) -> "Scene":
    """Set the scene: the candles before row `history` only warm up (as few as will do, unless told otherwise)."""
    from bot.commands.parity_modes import Scene, warmed_alike  # noqa: PLC0415
    from bot.domain.market import Market  # noqa: PLC0415

    if part.config.market_of is not Market.SPOT:
        fail("modes are compared on spot alone; futures run in backtests and in rehearsal", ExitCode.CONFIG)
    if part.config.symbol not in instruments:
        fail(f"no rules are known for {part.config.symbol}; give those of the exchange with --rules", ExitCode.CONFIG)
    _, warm_up = warmed_alike({"": part}, instruments)
    first = warm_up + SPARE if history is None else history
    if first < warm_up or first >= len(columns):
        have = min(first, len(columns))
        fail(f"{have} candles come before the first decision, and it needs {warm_up}; give more", ExitCode.CONFIG)
    return Scene({part.strategy.name: part}, columns, instruments, funds, first)


def in_modes(scene: "Scene", modes: Sequence[str], rules: Path | None, *, quiet: bool) -> "list[Record]":
    """Play the scene in these modes, in their order. What the whole bot leaves behind is removed."""
    from bot.commands.parity_modes import played_back, quiet_start  # noqa: PLC0415
    from bot.risk.rules import Limits  # noqa: PLC0415

    (title,) = scene.parts
    scene = quiet_start(scene, Limits())
    found: dict[str, Record] = {}
    if "dense" in modes:
        found["dense"] = played_back(scene, Limits(), "dense")[title]
    if "sparse" in modes and (sparse := played_back(scene, Limits(), "sparse")):
        found["sparse"] = sparse[title]
    if {"paper", "rehearsal"} & set(modes):
        played = _by_the_bot(scene, rules, quiet=quiet)
        found |= {mode.value: records[title] for mode, records in played.items()}
    return [found[mode] for mode in modes if mode in found]


def journaled(words: str) -> Journal:
    """Read what `paper:main/dips` names out of the journal of the configured database."""
    from bot.bootstrap import Roof  # noqa: PLC0415

    mode, _, strategy = words.partition(":")
    return asyncio.run(_read(Roof(), mode, strategy))


def is_journaled(words: str) -> bool:
    """Say whether these words name a place in a journal."""
    return words.partition(":")[0] in JOURNALED and ":" in words


def saved(path: Path) -> "Record":
    """Read a run that `--save` wrote."""
    import msgspec  # noqa: PLC0415

    from bot.reporting.run_record import Record  # noqa: PLC0415

    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}; give a run that --save wrote", ExitCode.CONFIG)
    except msgspec.MsgspecError as error:
        fail(f"{path} is no run that --save wrote ({error})", ExitCode.CONFIG)


def save(records: "Sequence[Record]", folder: Path) -> list[Path]:
    """Write each run to a file of its own."""
    import msgspec  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{record.strategy}-{record.mode}.json" for record in records]
    for path, record in zip(paths, records, strict=True):
        path.write_bytes(msgspec.json.encode(record))
    return paths


def _by_the_bot(scene: "Scene", rules: Path | None, *, quiet: bool) -> "dict[Mode, dict[str, Record]]":
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands import heartbeat  # noqa: PLC0415
    from bot.commands.parity_modes import market, played_by_the_bot  # noqa: PLC0415
    from bot.commands.program import run_in_loop  # noqa: PLC0415
    from bot.config import home, load  # noqa: PLC0415

    var = (home() / "var" / "parity").absolute()
    settings = _environment(var, load().STRATEGIES_DIR)
    key, secret = "parity", "parity-secret"

    async def work() -> "dict[Mode, dict[str, Record]]":
        async with market(scene, var, key, secret, rules) as emulator:
            # The person's own .env is for their own bot: what is played here neither reads nor touches it.
            roof = Roof(load(env_file=var / "no.env", environ=settings | {"EMULATOR_URL": emulator.spot_url}))
            try:
                with _progress(len(scene.columns) - scene.history, quiet=quiet) as told:
                    return await played_by_the_bot(scene, roof, emulator, key, secret, told)
            finally:
                await roof.close()

    var.mkdir(parents=True, exist_ok=True)
    try:
        with heartbeat.only_one(var, "wait for its end, or end it with Ctrl-C where it runs"):
            _clear(var)
            logs = Roof(load(env_file=var / "no.env", environ=settings)).start_logs("parity", console=False)
            try:
                return run_in_loop(work)
            finally:
                logs.stop()
    finally:
        if not heartbeat.is_running(var):
            _clear(var)
            shutil.rmtree(var, ignore_errors=True)


def _environment(var: Path, strategies: Path) -> dict[str, str]:
    return {
        "VAR_DIR": str(var),
        "LOG_DIR": str(var / "logs"),
        "STRATEGIES_DIR": str(strategies.absolute()),
        "MARKET_DATA_ENVIRONMENT": "emulator",
        # Limits of an account look at the clock, and candles here pass in no time: a backtest has none either.
        "RISK_MAX_ORDER_VALUE": "1000000000",
        "RISK_MAX_DRAWDOWN": "1",
        "STRATEGY_MAX_DRAWDOWN": "1",
    }


def _clear(var: Path) -> None:
    from bot.db import embedded  # noqa: PLC0415

    if (var / "postgres").exists():
        embedded.erase(var / "postgres")


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal alone."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    shown = (TextColumn("paper and rehearsal"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.update(task, completed=count)


async def _read(roof: "Roof", mode_name: str, strategy: str) -> Journal:
    from bot.backtest.run import Part  # noqa: PLC0415
    from bot.db.base import Mode, unit_of_work  # noqa: PLC0415
    from bot.db.repositories import Accounts, Strategies  # noqa: PLC0415
    from bot.domain.money import number  # noqa: PLC0415
    from bot.reporting.journaled import read_record, seen_span  # noqa: PLC0415
    from bot.reporting.run_record import Record  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    mode = Mode(mode_name)
    try:
        async with unit_of_work(roof.sessions) as session:
            row = await Strategies(session).find(strategy)
            account = await Accounts(session).get(row.account_id)
            found = roof.strategy(row.name)
            config: StrategyConfig = parse_config(found.Config, row.config)
            label, strategy_id = f"{mode.value}:{account.name}/{row.title}", row.id
            funds = {asset: number(str(amount)) for asset, amount in account.paper_funds.items()}
        span, gaps = await seen_span(roof.sessions, mode, strategy_id, config.candle)
        if span is None:
            fail(f"{label} never decided anything; is it another money? ({', '.join(JOURNALED)})", ExitCode.CONFIG)
        settings: dict[str, Any] = config.model_dump(mode="json")
        blank = Record(label, mode.value, row.name, settings, *span, gaps=gaps)
        record = await read_record(roof.sessions, mode, strategy_id, blank)
    finally:
        await roof.close()
    return Journal(record, Part(found, config), funds)
