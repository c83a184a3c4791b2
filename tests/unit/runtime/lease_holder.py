"""Another host, as far as the database can tell: holds a lease and answers each line with its objection."""

import asyncio
import os
import sys

import structlog

from bot.db import leases
from bot.db.base import Mode
from bot.db.leases import PostgresLease
from bot.runtime.lease import Keeper


async def hold(url: str, ttl_s: float) -> None:
    keeper = Keeper("mine/live", PostgresLease(url, 1, Mode.LIVE, ttl_s=ttl_s))
    await keeper.take()
    print(keeper.epoch, flush=True)
    renewing = asyncio.create_task(keeper.keep())
    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(0, lambda: asked.put_nowait(os.read(0, 100)))
    while await asked.get():
        print(keeper.objection() or "none", flush=True)
    renewing.cancel()


if sys.argv[3] == "elsewhere":
    leases._machine = lambda: "another-"
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
leases.PATIENCE_S = 60  # a loaded machine may take its time
asyncio.run(hold(sys.argv[1], float(sys.argv[2])))
