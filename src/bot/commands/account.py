"""`bot account …`: Binance accounts and their sealed keys."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, say, table, warn

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer(no_args_is_help=True, help="Binance accounts and their sealed keys.")

Name = Annotated[str, typer.Option(help="A name of your choice.")]
LONGEST_NAME = 64
ENVIRONMENTS = ("production", "testnet", "demo", "emulator")


@app.command("add")
def add(
    name: Name,
    environment: Annotated[str, typer.Option(help=f"Where the key is valid: {', '.join(ENVIRONMENTS)}.")] = "",
    testnet: Annotated[str, typer.Option(help="true or false: short for --environment testnet or production.")] = "",
    paper: Annotated[bool, typer.Option("--paper", help="No key: paper trading only.")] = False,
    api_key: Annotated[str, typer.Option(help="The key; better left out, then it is asked for.")] = "",
    api_secret: Annotated[str, typer.Option(help="The secret; better left out, then it is asked for.")] = "",
    secrets_file: Annotated[
        Path | None, typer.Option(help="File with two lines, key and secret; - reads them from standard input.")
    ] = None,
    paper_funds: Annotated[list[str] | None, typer.Option(help="Paper money, like USDT=10000; repeatable.")] = None,
) -> None:
    """Add an account. Its key and secret are asked for, sealed, and never shown again."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import PAPER_FUNDS, Accounts  # noqa: PLC0415

    _check_name(name)
    chosen = _environment(environment, testnet, paper=paper)
    if api_secret:
        warn("a secret on the command line shows in process lists and shell history; leave it out to be asked for it")
    key, secret = ("", "") if paper else _secrets(api_key, api_secret, secrets_file)
    roof = Roof()
    sealed = {
        field: roof.box.seal(value, account=name, field=field, environment=chosen) if value else None
        for field, value in (("api_key", key), ("api_secret", secret))
    }
    funds = _funds(paper_funds) if paper_funds else PAPER_FUNDS

    async def work(session: "AsyncSession") -> int:
        account = await Accounts(session).create(
            name,
            environment=chosen,  # type: ignore[arg-type]
            api_key_enc=sealed["api_key"],
            api_secret_enc=sealed["api_secret"],
            paper_funds=funds,
        )
        await note(session, "account.added", name, {"environment": chosen, "has_key": bool(key)})
        return account.id

    account_id = with_session(roof, work)
    say(f"account {name!r} added (id {account_id}, {chosen}, {'with a sealed key' if key else 'paper only'})")


@app.command("list")
def list_(json: Json = False) -> None:
    """List accounts. Keys are never shown."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[dict[str, object]]:
        return [
            {
                "id": account.id,
                "name": account.name,
                "environment": account.environment,
                "testnet": account.testnet,
                "has_key": bool(account.api_key_enc),
                "live_approved": bool(account.live_approval_enc),
                "paper_funds": account.paper_funds,
            }
            for account in await Accounts(session).list()
        ]

    found = with_session(Roof(), work)
    if json:
        as_json(found)
        return
    table(
        "Accounts",
        ["#id", "name", "environment", "key", "live", "paper funds"],
        [
            (
                row["id"],
                row["name"],
                row["environment"],
                "sealed" if row["has_key"] else "none",
                "approved" if row["live_approved"] else "no",
                " ".join(f"{asset}={amount}" for asset, amount in row["paper_funds"].items()),  # type: ignore[attr-defined]
            )
            for row in found
        ],
        empty="no accounts yet; add one: bot account add --name NAME --paper",
    )


@app.command("rekey")
def rekey(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    secrets_file: Annotated[
        Path | None, typer.Option(help="File with two lines, key and secret; - reads them from standard input.")
    ] = None,
) -> None:
    """Give an account another key of the same Binance account. A running bot takes it up within seconds."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts  # noqa: PLC0415

    key, secret = _secrets("", "", secrets_file)
    roof = Roof()

    async def work(session: "AsyncSession") -> None:
        accounts = Accounts(session)
        account = await accounts.by_name(name)
        sealed = {
            field: roof.box.seal(value, account=name, field=field, environment=account.environment)
            for field, value in (("api_key", key), ("api_secret", secret))
        }
        await accounts.rekey(account.id, api_key_enc=sealed["api_key"], api_secret_enc=sealed["api_secret"])
        await note(session, "account.rekeyed", name, {"environment": account.environment})

    with_session(roof, work)
    say(f"account {name!r} has another sealed key; revoke the former one at Binance once `bot status` shows it at work")


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="The account's name.")]) -> None:
    """Remove an account that never traded."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts  # noqa: PLC0415

    async def work(session: "AsyncSession") -> None:
        accounts = Accounts(session)
        await accounts.remove((await accounts.by_name(name)).id)
        await note(session, "account.removed", name)

    with_session(Roof(), work)
    say(f"account {name!r} removed")


@app.command("approve-live")
def approve_live(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the approval back.")] = False,
) -> None:
    """Let strategies with demo_mode false trade real money on an account. Asks for a typed phrase."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.plans import LIVE_APPROVAL  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Accounts  # noqa: PLC0415

    roof = Roof()
    if not revoke:
        typed = typer.prompt(f"Strategies of {name!r} with demo_mode false will use real money. Type: {LIVE_APPROVAL}")
        if typed.strip() != LIVE_APPROVAL:
            fail("the phrase was not typed; nothing was changed", ExitCode.USAGE)

    async def work(session: "AsyncSession") -> None:
        accounts = Accounts(session)
        account = await accounts.by_name(name)
        sealed = roof.box.seal(LIVE_APPROVAL, account=name, field="live_approval", environment=account.environment)
        await accounts.approve_live(account.id, None if revoke else sealed)
        await note(session, "account.live_revoked" if revoke else "account.live_approved", name)

    with_session(roof, work)
    say(f"account {name!r}: live trading {'revoked' if revoke else 'approved'}")


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or "/" in name or len(name) > LONGEST_NAME:
        fail(
            f"{name[:LONGEST_NAME]!r} cannot be a name: use 1 to {LONGEST_NAME} visible characters without /",
            ExitCode.USAGE,
        )


def _environment(environment: str, testnet: str, *, paper: bool) -> str:
    if testnet:
        truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(testnet.lower())
        if truth is None:
            fail(f"--testnet {testnet!r} is neither true nor false; write one of them", ExitCode.USAGE)
        meant = "testnet" if truth else "production"
        if environment and environment != meant:
            fail(f"--environment {environment} and --testnet {testnet} contradict each other", ExitCode.USAGE)
        return meant
    chosen = environment or ("testnet" if paper else "")
    if not chosen:
        fail(f"say where the key is valid: --environment {'|'.join(ENVIRONMENTS)}", ExitCode.USAGE)
    if chosen not in ENVIRONMENTS:
        fail(f"unknown environment {chosen!r}; use one of {', '.join(ENVIRONMENTS)}", ExitCode.USAGE)
    return chosen


def _secrets(api_key: str, api_secret: str, file: Path | None) -> tuple[str, str]:
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        except OSError as error:
            fail(f"cannot read {file}: {error.strerror}; give a file with two lines, key and secret", ExitCode.CONFIG)
        key, _, secret = text.strip().partition("\n")
        if not key.strip() or not secret.strip():
            source = "standard input" if str(file) == "-" else file
            fail(f"{source} has to hold two lines: the key, then the secret", ExitCode.CONFIG)
        return key.strip(), secret.strip()
    if not (api_key and api_secret) and not sys.stdin.isatty():
        fail("key or secret is missing: use --secrets-file FILE (or - for standard input), or --paper", ExitCode.USAGE)
    key = api_key or typer.prompt("API key", hide_input=True)
    secret = api_secret or typer.prompt("API secret", hide_input=True)
    return key.strip(), secret.strip()


def _funds(given: list[str]) -> dict[str, str]:
    from bot.domain.money import number, plain  # noqa: PLC0415

    funds = {}
    for each in given:
        asset, _, amount = each.partition("=")
        try:
            value = number(amount)
        except ValueError:
            fail(f"--paper-funds {each!r} is not like USDT=10000", ExitCode.USAGE)
        if not asset.isalnum() or value <= 0:
            fail(f"--paper-funds {each!r} is not like USDT=10000", ExitCode.USAGE)
        funds[asset.upper()] = plain(value)
    return funds
