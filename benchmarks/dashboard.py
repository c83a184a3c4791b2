"""The dashboard: answers a second on the summary, with 32 browsers that ask again and again.

Run it as `python benchmarks/dashboard.py [--clients 32] [--seconds 10] [--json]`. A private PostgreSQL is made for it
and removed; the server is a process of its own, as `bot dashboard` is. The load ends by itself after that time.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import aiohttp
import psycopg
import uvicorn
import uvloop

from bot.api.deps import Deps
from bot.api.main import create_app
from bot.db import embedded, migrate
from bot.db.base import create_async, plain_dsn, session_factory
from bot.security import tokens

PATH = "/api/v1/overview"
STRATEGIES = 50
SETTLE_S = 1.0


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=32)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--path", default=PATH)
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    token = tokens.new_token()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as url:
        fill(url, token)
        with served(url, Path(folder) / "cache.sqlite3") as address:
            result = uvloop.run(load(f"{address}{chosen.path}", token, chosen.clients, chosen.seconds))
    print(json.dumps({"path": chosen.path, "clients": chosen.clients, **result}, indent=None if chosen.json else 2))
    return 0


async def load(url: str, token: str, clients: int, seconds: float) -> dict[str, float]:
    """Let every client ask for the page again as soon as it has it, until the time is over."""
    took: list[float] = []
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector, cookies={"bot_session": token}) as session:

        async def browse(until: float, times: list[float]) -> None:
            while (began := time.perf_counter()) < until:
                async with session.get(url) as answer:
                    await answer.read()
                    if answer.status != HTTPStatus.OK:
                        raise SystemExit(f"the dashboard answered {answer.status}")
                times.append(time.perf_counter() - began)

        async def everybody(for_s: float, times: list[float]) -> None:
            until = time.perf_counter() + for_s
            await asyncio.gather(*(browse(until, times) for _ in range(clients)))

        await everybody(SETTLE_S, [])
        began = time.perf_counter()
        await everybody(seconds, took)
        passed = time.perf_counter() - began
    took.sort()
    return {
        "answers": len(took),
        "answers_a_second": round(len(took) / passed, 1),
        "median_ms": round(statistics.median(took) * 1000, 1),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 1),
    }


@contextlib.contextmanager
def database(folder: Path) -> Iterator[str]:
    """Have a private PostgreSQL with our tables."""
    try:
        url = embedded.ensure(folder / "postgres").url
        migrate.upgrade(url)
        yield url
    finally:
        embedded.erase(folder / "postgres")


def fill(url: str, token: str) -> None:
    """Put in strategies with marks, and somebody who is signed in."""
    now_ms = time.time_ns() // 1_000_000
    with psycopg.connect(plain_dsn(url)) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('one')")
        connection.execute(
            "INSERT INTO strategies (name, account_id, config, title, enabled) SELECT 'mean_reversion', a.id,"
            """ '{"symbol": "BTCUSDT", "candle": "1m"}', 's' || n, true FROM accounts a, generate_series(1, %s) n""",
            (STRATEGIES,),
        )
        connection.execute(
            "INSERT INTO equity SELECT s.id, %s - 60000 * n, 10000 + n, 0, 0, 0, 100"
            " FROM strategies s, generate_series(0, 300) n",
            (now_ms,),
        )
        connection.execute("INSERT INTO users (name, password_hash) VALUES ('ada', 'x')")
        connection.execute(
            "INSERT INTO sessions (token_hash, user_id, expires_at)"
            " SELECT %s, id, now() + interval '1 hour' FROM users",
            (tokens.token_hash(token),),
        )


@contextlib.contextmanager
def served(url: str, cache: Path) -> Iterator[str]:
    """Have the dashboard in a process of its own; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = multiprocessing.get_context("fork").Process(target=serve, args=(listening, url, cache), daemon=True)
        process.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.join()


def serve(listening: socket.socket, url: str, cache: Path) -> None:
    """Be the dashboard."""
    engine = create_async(url)
    app = create_app(Deps(sessions=session_factory(engine), sqlite_path=cache, close=engine.dispose))
    config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False, ws="none", loop="uvloop")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    raise SystemExit(main())
