"""`bot token …`: what a program shows instead of a login to read the figures, such as Prometheus at /prometheus."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, say, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer(no_args_is_help=True, help="Tokens with which a scraper reads /prometheus.")

LONGEST_NAME = 64


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A name of your choice, to know it by later.")], json: Json = False
) -> None:
    """Make a token. It is shown once, now; only its hash is kept."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Tokens  # noqa: PLC0415
    from bot.security.tokens import new_token, token_hash  # noqa: PLC0415

    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        fail(f"a token's name has 1 to {LONGEST_NAME} visible characters", ExitCode.USAGE)
    token = new_token()

    async def work(session: "AsyncSession") -> None:
        await Tokens(session).create(name, token_hash(token))
        await note(session, "token.added", name)

    with_session(Roof(), work)
    if json:
        as_json({"name": name, "token": token})
        return
    say(token)
    typer.echo(
        "This is shown once. Send it to /prometheus as: Authorization: Bearer TOKEN (in Prometheus: "
        "authorization, credentials_file).",
        err=True,
    )


@app.command("list")
def list_(json: Json = False) -> None:
    """List tokens by name; none is ever shown again."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Tokens  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[dict[str, object]]:
        return [
            {
                "name": token.name,
                "created": token.created_at.isoformat(timespec="seconds"),
                "used": token.used_at.isoformat(timespec="seconds") if token.used_at else None,
            }
            for token in await Tokens(session).list()
        ]

    found = with_session(Roof(), work)
    if json:
        as_json(found)
        return
    table(
        "Tokens",
        ["name", "made", "used last"],
        [(row["name"], row["created"], row["used"] or "never") for row in found],
        empty="no tokens: /prometheus wants a login; make one: bot token add NAME",
    )


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="The token's name.")]) -> None:
    """Take a token back; a running dashboard follows within seconds."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import note, with_session  # noqa: PLC0415
    from bot.db.repositories import Tokens  # noqa: PLC0415

    async def work(session: "AsyncSession") -> None:
        await Tokens(session).remove(name)
        await note(session, "token.removed", name)

    with_session(Roof(), work)
    say(f"token {name!r} removed")
