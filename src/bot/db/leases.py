"""The lease of an account in PostgreSQL: at most one process may send its orders, and each turn has its own epoch.

Only the database's clock decides whether a lease has ended: two hosts need not agree on the time.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from bot.db.base import Mode, first_line, masked, plain_dsn
from bot.domain.errors import BotError, Misconfigured, Unavailable

TTL_S = 15.0
"""How long a lease lasts without being renewed."""
PATIENCE_S = 3
"""How long the database may take for one call."""
FIRST_EPOCHS = 2**20

_FOUND = """
INSERT INTO public.leases (account_id, mode, epoch, first_epoch, holder, host, renewed_at, expires_at)
VALUES (%(account)s, %(mode)s, %(first)s, %(first)s, %(holder)s, %(host)s,
        clock_timestamp(), clock_timestamp() + %(ttl)s * interval '1 second')
ON CONFLICT (account_id, mode) DO NOTHING RETURNING epoch, first_epoch
"""
# A question that we gave up may be carried out at any time: it names the turn that it ends, and ends no later one.
_TAKE = """
UPDATE public.leases
SET epoch = epoch + 1, holder = %(holder)s, host = %(host)s,
    renewed_at = clock_timestamp(), expires_at = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE account_id = %(account)s AND mode = %(mode)s AND epoch = %(seen)s
  AND (holder IN ('', %(holder)s, %(dead)s) OR expires_at <= clock_timestamp())
RETURNING epoch, first_epoch
"""
_WHO = """
SELECT epoch, holder, greatest(0, extract(epoch FROM expires_at - clock_timestamp()))::float8
FROM public.leases WHERE account_id = %(account)s AND mode = %(mode)s
"""
_RENEW = """
UPDATE public.leases SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE account_id = %(account)s AND mode = %(mode)s AND holder = %(holder)s AND epoch = %(epoch)s RETURNING epoch
"""
_RELEASE = """
UPDATE public.leases SET holder = '', expires_at = clock_timestamp()
WHERE account_id = %(account)s AND mode = %(mode)s AND holder = %(holder)s AND epoch = %(epoch)s RETURNING epoch
"""


def new_holder() -> str:
    """Give a name that no other process has, by which others of this machine can see whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{_machine()}{secrets.token_hex(4)}"


def is_dead(holder: str) -> bool:
    """Say whether a holder was a process of this very machine and runs no more: its lease need not be waited for."""
    process, _, rest = holder.partition(":")[2].partition(":")
    machine = _machine()
    if not machine or not rest.startswith(machine) or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> str:
    """Name what process ids are counted on: this start of the system, and the container; "" where that is not told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}-"
    except OSError:
        return ""


class Term(NamedTuple):
    """A turn at an account. Every epoch of ours, in this database, lies between the two."""

    epoch: int
    first_epoch: int


class LeaseHeld(Unavailable):
    """Another process holds the lease; it may be had when that one lets go, or is silent for `left_s` more."""

    def __init__(self, holder: str, left_s: float) -> None:
        super().__init__(
            f"its orders are sent by another bot, {holder} (host, process), whose lease lasts {left_s:.1f} s more"
            " unless renewed; stop that bot, or wait"
        )
        self.holder = holder
        self.left_s = left_s


class LeaseLost(BotError):
    """We are no longer the sender of an account. The worker stops; it may begin again with a new epoch."""


class PostgresLease:
    """The lease of one account's money in one mode, over a connection of its own."""

    def __init__(self, url: str, account_id: int, mode: Mode, *, ttl_s: float = TTL_S) -> None:
        self.holder = new_holder()
        """Who we are: no two processes, nor two leases of one process, have the same name."""
        self.ttl_s = ttl_s
        self._url = url
        self._values = {
            "account": account_id, "mode": mode.value, "holder": self.holder, "host": socket.gethostname(),
            "ttl": ttl_s,
        }  # fmt: skip
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._turn = asyncio.Lock()

    async def acquire(self) -> Term:
        """Take the lease when it is free or has ended, with a new epoch; LeaseHeld names who has it otherwise."""
        # Two databases that hold the same exchange account are told apart by where their epochs begin.
        first = 1 + secrets.randbelow(FIRST_EPOCHS)
        while True:
            found = await self._ask(_WHO)
            if found is None:
                taken = await self._ask(_FOUND, {"first": first})
            else:
                epoch, holder, left_s = found
                dead = holder if is_dead(holder) else ""
                if left_s > 0 and holder not in {"", self.holder, dead}:
                    raise LeaseHeld(holder, left_s)
                taken = await self._ask(_TAKE, {"seen": epoch, "dead": dead})
            if taken is not None:
                return Term(*taken)
            # Somebody else had it, renewed it or let go of it between the two questions.

    async def renew(self, epoch: int) -> bool:
        """Let the lease last on; False when it is no longer ours."""
        return await self._ask(_RENEW, {"epoch": epoch}) is not None

    async def release(self, epoch: int) -> None:
        """Let the next one have it at once; harmless when it is no longer ours."""
        await self._ask(_RELEASE, {"epoch": epoch})

    async def close(self) -> None:
        """Let go of the connection; the lease stays until it ends or was released."""
        async with self._turn:
            await self._drop()

    async def _ask(self, statement: str, more: Mapping[str, object] | None = None) -> TupleRow | None:
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    connection = await self._connected()
                    cursor = await connection.execute(statement.encode(), {**self._values, **(more or {})})
                    return await cursor.fetchone()
            except BaseException as error:
                # What the server does with a question we no longer wait for is unknown: the next one goes elsewhere.
                await self._drop()
                if isinstance(error, TimeoutError | psycopg.OperationalError | psycopg.InterfaceError):
                    raise Unavailable(
                        f"the database at {masked(self._url)} does not answer ({first_line(error)}); is it running?"
                    ) from None
                if isinstance(error, psycopg.Error):
                    raise Misconfigured(
                        f"the database has no place for a lease ({first_line(error)}); is it up to date? bot doctor"
                    ) from error
                raise

    async def _connected(self) -> "psycopg.AsyncConnection[TupleRow]":
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                plain_dsn(self._url), autocommit=True, connect_timeout=PATIENCE_S,
                # An epoch that a power cut could take back would be given twice.
                options="-c search_path=public -c synchronous_commit=on",
                application_name=f"lease {self._values['mode']} {self._values['account']}",
            )  # fmt: skip
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
