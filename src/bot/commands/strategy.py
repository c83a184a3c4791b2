"""`bot strategy …`: what trades, on which account, with which settings."""

import json as jsonlib
import keyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, given, pairs, say, table, warn

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.db.models import Strategy as Row

app = typer.Typer(no_args_is_help=True, help="Strategies: what trades, where, and with which settings.")

Which = Annotated[str, typer.Argument(help="Its id, its title, or account/title.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The strategy's class name; see: bot strategy list --available.")],
    account: Annotated[str, typer.Option(help="The account's name.")],
    symbol: Annotated[str, typer.Option(help="Trading pair, such as BTCUSDT.")] = "",
    candle: Annotated[str, typer.Option(help="Candle interval, such as 1m.")] = "",
    title: Annotated[str, typer.Option(help="A label of your choice, unique within the account.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting, like window=30; repeatable.")] = None,
    config: Annotated[str, typer.Option(help="Settings as JSON, or the path of a JSON file.")] = "",
    enable: Annotated[bool, typer.Option("--enable", help="Let it trade at once.")] = False,
) -> None:
    """Add a strategy to an account. A new one is paper and disabled."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts, Strategies  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    raw = _settings(config, set_ or [])
    raw |= {key: value for key, value in (("symbol", symbol), ("candle", candle)) if value}
    roof = Roof()
    parsed = parse_config(roof.catalogue.find(name).Config, raw)

    async def work(session: "AsyncSession") -> "Row":
        owner = await Accounts(session).by_name(account)
        row = await Strategies(session).create(
            owner.id, name, parsed.model_dump(mode="json"), title=title or None, market=parsed.market, enabled=enable
        )
        await note(session, "strategy.added", f"{account}/{row.title}", {"name": name, "enabled": enable})
        return row

    row = with_session(roof, work)
    if not parsed.demo_mode:
        warn("demo_mode is false: on production it still needs: bot account approve-live " + account)
    state = "enabled" if enable else f"disabled; start it: bot strategy enable {row.id}"
    say(f"strategy {row.title!r} added (id {row.id}, {state})")


@app.command("list")
def list_(
    available: Annotated[bool, typer.Option("--available", help="Show the classes that can be added.")] = False,
    json: Json = False,
) -> None:
    """List the strategies of all accounts, or the classes to choose from."""
    from bot.bootstrap import Roof  # noqa: PLC0415

    roof = Roof()
    if available:
        _list_classes(roof, json=json)
        return
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts, Strategies  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[dict[str, Any]]:
        names = {account.id: account.name for account in await Accounts(session).list()}
        return [_described(row, names[row.account_id]) for row in await Strategies(session).list()]

    found = with_session(roof, work)
    if json:
        as_json(found)
        return
    table(
        "Strategies",
        ["#id", "title", "class", "account", "symbol", "candle", "money", "state"],
        [
            (
                row["id"],
                row["title"],
                row["name"],
                row["account"],
                row["config"].get("symbol"),
                row["config"].get("candle"),
                "paper" if row["config"].get("demo_mode", True) else "sent to the exchange",
                row["state"],
            )
            for row in found
        ],
        empty="no strategies yet; see: bot strategy list --available",
    )


@app.command("show")
def show(which: Which, json: Json = False) -> None:
    """Show one strategy with all its settings."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts, Strategies  # noqa: PLC0415

    async def work(session: "AsyncSession") -> dict[str, Any]:
        row = await Strategies(session).find(which)
        return _described(row, (await Accounts(session).get(row.account_id)).name)

    found = with_session(Roof(), work)
    if json:
        as_json(found)
        return
    config = found.pop("config")
    pairs(found | {f"  {name}": value for name, value in config.items() if value is not None})


@app.command("enable")
def enable(which: Which) -> None:
    """Let a strategy trade; one that was stopped starts anew."""
    _switch(which, is_on=True)


@app.command("disable")
def disable(which: Which) -> None:
    """Take a strategy out of new risk. Exits of an open position stay watched."""
    _switch(which, is_on=False)


@app.command("remove")
def remove(which: Which) -> None:
    """Remove a strategy that never ran."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Strategies  # noqa: PLC0415

    async def work(session: "AsyncSession") -> str:
        strategies = Strategies(session)
        row = await strategies.find(which)
        await strategies.remove(row.id)
        await note(session, "strategy.removed", row.title)
        return row.title

    say(f"strategy {with_session(Roof(), work)!r} removed")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the new strategy: letters, digits and _.")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; else the strategies folder.")] = None,
    columns: Annotated[bool, typer.Option("--columns", help="One that decides by signal columns.")] = False,
) -> None:
    """Write a working example of a strategy with its test, ready to be changed."""
    from bot.commands.template import write  # noqa: PLC0415
    from bot.strategies.registry import TAKEN, discover  # noqa: PLC0415

    if not name.isidentifier() or not name.islower() or keyword.iskeyword(name):
        fail(f"{name!r} is not a name like my_idea: lower case letters, digits and _", ExitCode.USAGE)
    if name in TAKEN:
        fail(f"{name!r} is a word of `bot backtest`; choose another", ExitCode.USAGE)
    if name in discover().found:
        fail(f"{name!r} is the name of a built-in strategy; choose another", ExitCode.USAGE)
    if folder is None:
        from bot.config import load  # noqa: PLC0415

        folder = load().STRATEGIES_DIR
    for path in write(name, folder, columns=columns):
        say(f"wrote {path}")
    say(f"check it: bot strategy check {name}")
    say(f"add it to an account: bot strategy add {name} --account NAME --symbol BTCUSDT")


def _switch(which: str, *, is_on: bool) -> None:
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Strategies  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    roof = Roof()

    async def work(session: "AsyncSession") -> str:
        strategies = Strategies(session)
        row = await strategies.find(which)
        if is_on:
            parse_config(roof.catalogue.find(row.name).Config, row.config)  # a broken one is refused here and now
            await strategies.enable(row.id)
        else:
            await strategies.disable(row.id)
        await note(session, "strategy.enabled" if is_on else "strategy.disabled", row.title)
        return row.title

    say(f"strategy {with_session(roof, work)!r} {'enabled' if is_on else 'disabled'}")


def _described(row: "Row", account: str) -> dict[str, Any]:
    state = f"stopped: {row.stopped_reason}" if row.stopped_reason else "enabled" if row.enabled else "disabled"
    return {
        "id": row.id,
        "title": row.title,
        "name": row.name,
        "account": account,
        "market": row.market,
        "enabled": row.enabled,
        "state": state,
        "config": row.config,
    }


def _list_classes(roof: Any, *, json: bool) -> None:
    catalogue = roof.catalogue
    found = [
        {
            "name": name,
            "origin": each.origin,
            "about": (each.strategy.__doc__ or "").split("\n")[0],
            "settings": {
                key: {"about": field.description, "default": None if field.is_required() else field.default}
                for key, field in each.strategy.Config.model_fields.items()
            },
        }
        for name, each in sorted(catalogue.found.items())
    ]
    if json:
        as_json({"strategies": found, "problems": catalogue.problems})
        return
    table(
        "Strategies to choose from",
        ["name", "origin", "about"],
        [(each["name"], each["origin"], each["about"]) for each in found],
        empty="none",
    )
    for problem in catalogue.problems:
        warn(problem)


def _settings(config: str, changes: list[str]) -> dict[str, Any]:
    raw: Any = {}
    if config:
        try:
            raw = jsonlib.loads(config if config.lstrip().startswith("{") else Path(config).read_text("utf-8"))
        except OSError as error:
            fail(
                f"cannot read {config}: {error.strerror}; give a JSON object of settings, or the path of one",
                ExitCode.CONFIG,
            )
        except ValueError as error:
            fail(f'--config is not JSON ({error}); write it like {{"window": 30}}', ExitCode.CONFIG)
        if not isinstance(raw, dict):
            fail("--config has to be a JSON object of settings", ExitCode.CONFIG)
    raw |= given("--set", changes)
    return dict(raw)
