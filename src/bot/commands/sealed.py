"""Accounts with their sealed keys, from the database or from the copy that is kept for the day it is away."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import Unavailable
from bot.security.sealed_copy import SealedAccount, refresh

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_SENDING = """
SELECT a.name, a.environment, a.api_key_enc, a.api_secret_enc, array_agg(DISTINCT s.market) AS markets
FROM public.accounts a JOIN public.strategies s ON s.account_id = a.id
WHERE a.api_key_enc IS NOT NULL AND a.api_secret_enc IS NOT NULL
GROUP BY a.id ORDER BY a.name
"""


def copy_path(var: Path) -> Path:
    """Where the copy lies."""
    return var / "keys" / "accounts.json"


async def keep_copy(var: Path, session: "AsyncSession") -> None:
    """Bring the copy in step with the database. Misconfigured when it cannot be written."""
    from sqlalchemy import text  # noqa: PLC0415

    rows = (await session.execute(text(_SENDING))).all()
    await asyncio.to_thread(refresh, copy_path(var), [_account(*row) for row in rows])


def from_database(url: str, patience_s: int) -> tuple[list[SealedAccount], set[str]]:
    """Give the accounts that may have orders on an exchange, and the names of all. Unavailable without an answer."""
    import psycopg  # noqa: PLC0415

    limits = f"-c statement_timeout={patience_s}s"
    try:
        with psycopg.connect(
            url, connect_timeout=patience_s, options=limits, tcp_user_timeout=patience_s * 1000
        ) as connection:
            sending = [_account(*row) for row in connection.execute(_SENDING).fetchall()]
            names = {str(name) for (name,) in connection.execute("SELECT name FROM public.accounts").fetchall()}
    except psycopg.Error as error:
        raise Unavailable(f"the database does not answer ({type(error).__name__})") from None
    return sending, names


def _account(name: str, environment: str, key: str, secret: str, markets: list[str]) -> SealedAccount:
    return SealedAccount(name, environment, key, secret, tuple(sorted(markets)))
