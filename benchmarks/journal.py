"""What a durable intent costs: decision, order and attempt in one transaction, beside a bare commit of one row.

All on one private server with fsync on, in turns, so that a busy disk bears on all alike. Ends with 1 above twice the
bare commit.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import psycopg

from bot.db import embedded, migrate
from bot.db.base import Mode, create_async, plain_dsn, search_path, session_factory
from bot.db.journal import PostgresJournal
from bot.db.leases import PostgresLease
from bot.db.models import Order as OrderRow
from bot.db.statements import moment
from bot.domain.messages import Attempt, Decision, Outcome, PlaceOrder, Tick, Verdict
from bot.domain.money import Price, Quantity
from bot.domain.order import Order, OrderType, Side, TimeInForce

TARGET = 2.0
NOW = 1_750_000_000_000
D = Decimal


def intent(number: int) -> list[Outcome]:
    """Give what comes out of a candle that makes an order."""
    order = Order(
        f"b-1-bench-{number}", 1, "BTCUSDT", Side.BUY, OrderType.LIMIT, Quantity(D("0.00123")), NOW + number,
        Price(D("64123.45")), TimeInForce.GTC, reason="close 64123.45 is 1.2 % below mean",
    )  # fmt: skip
    seen = {"close": 64123.45, "mean": 64900.12, "deviation": -0.012}
    return [
        Decision(1, NOW + number, "BTCUSDT", Side.BUY, Verdict.APPROVED, order.reason, "", order.client_order_id, seen),
        PlaceOrder(order, D("78.87")),
        Attempt(order.client_order_id, NOW + number, 5_000, 7, "0123456789abcdef"),
    ]


async def measure(url: str, rounds: int, of: int) -> dict[str, float]:
    """Give the median of each kind of commit, in ms: `rounds` turns of `of` commits each."""
    with psycopg.connect(plain_dsn(url), autocommit=True) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('bench')")
        connection.execute("INSERT INTO strategies (name, account_id, config, title) VALUES ('x', 1, '{}', 'x')")
        connection.execute("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, words text)")
    bare = await psycopg.AsyncConnection.connect(
        plain_dsn(url), autocommit=True, options=search_path(Mode.REHEARSAL), prepare_threshold=0
    )
    lease = PostgresLease(url, 1, Mode.REHEARSAL)
    journal = PostgresJournal(url, 1, Mode.REHEARSAL, (await lease.acquire()).epoch)
    await lease.close()
    engine = create_async(url, Mode.REHEARSAL)
    sessions = session_factory(engine)

    async def one_row(number: int) -> None:
        await bare.execute("INSERT INTO public.bare (words) VALUES (%s)", [f"b-1-bench-{number}"])

    async def our_intent(number: int) -> None:
        await journal.record(Tick(NOW), intent(number))

    async def by_orm(number: int) -> None:
        async with sessions.begin() as session:
            session.add(
                OrderRow(
                    strategy_id=1, side="BUY", qty=D("0.00123"), price=D("64123.45"), demo=False, account_id=1,
                    client_order_id=f"b-1-orm-{number}", market="spot", symbol="BTCUSDT", type="LIMIT",
                    time_in_force="GTC", limit_price=D("64123.45"), purpose="entry", reason="x", status="SENT",
                    created_ms=NOW + number, ts=moment(NOW),
                )
            )  # fmt: skip

    kinds: dict[str, Callable[[int], Awaitable[None]]] = {"bare": one_row, "intent": our_intent, "orm": by_orm}
    took: dict[str, list[float]] = {name: [] for name in kinds}
    number = 0
    for turn in range(rounds + 1):
        for name, commit in kinds.items():
            for _ in range(of):
                number += 1
                began = time.perf_counter()
                await commit(number)
                if turn:  # the first turn warms up
                    took[name].append(time.perf_counter() - began)
    await journal.close()
    await bare.close()
    await engine.dispose()
    return {name: round(1000 * statistics.median(values), 3) for name, values in took.items()}


def main() -> int:
    """Measure on a server of its own."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--commits", type=int, default=100, help="of each kind a round")
    words.add_argument("--json", action="store_true")
    chosen = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bot-journal-"))
    folder.chmod(0o755)
    try:
        server = embedded.ensure(folder / "postgres")
        migrate.upgrade(server.url)
        figures = asyncio.run(measure(server.url, chosen.rounds, chosen.commits))
    finally:
        embedded.erase(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    ratio = figures["intent"] / figures["bare"]
    if chosen.json:
        print(json.dumps({**{f"{name}_ms": value for name, value in figures.items()}, "ratio": round(ratio, 2)}))
    else:
        print(f"bare commit of one row       {figures['bare']:.3f} ms")
        print(f"durable intent               {figures['intent']:.3f} ms = {ratio:.2f} bare commits, target {TARGET}")
        print(f"one order row by the ORM     {figures['orm']:.3f} ms = {figures['orm'] / figures['bare']:.2f}")
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
