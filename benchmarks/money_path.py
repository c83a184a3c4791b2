"""How long the money path takes where it must not take long: real bot, emulator and PostgreSQL, as processes.

Each figure stands beside its limit. Ends with 1 when one is missed.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bot.commands import chaos_mother
from bot.commands.chaos_scene import furnish
from bot.db import embedded
from bot.db.base import Mode, plain_dsn, search_path
from bot.proof.chaos_stage import SPEED, Stage
from bot.runtime.kill_switch import KillSwitch

OPEN = 50
EACH = 17
"""Orders that each of three strategies lets rest; the account's limit stops them at OPEN."""
ROWS = 100_000
PATIENCE_S = 90.0
LOOK_S = 0.01
FENCE_S = 20.0
"""recvWindow 5 s, the exchange's own limit 10 s, and 5 s for a late answer."""

STRATEGY = '''"""Does what a file asks for: "hold N" lets so many orders rest far away, "trade" buys and sells."""

from pathlib import Path

from pydantic import Field

from bot.domain.market import Candle
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig


class OnCall(Strategy):
    """Does as told."""

    name = "chaos_restless"

    class Config(StrategyConfig):
        """Where it reads what to do."""

        seed: int = Field(0)
        wish_file: str = Field()

    def on_tick(self, candle: Candle) -> None:
        wanted, _, count = Path(self.config.wish_file).read_text().partition(" ")
        if wanted == "hold":
            for _ in range(int(count) - len(self.orders)):
                self.buy("rests", price=candle.close * 0.97)
        elif wanted == "trade" and not self.orders:
            self.buy("trades") if self.position.is_flat else self.close("trades")
'''

# A history of that many rows, that changes nothing of what is there: orders that were filled, in one round trip, and
# money that came and went.
_HISTORY = """
WITH shaped AS (
    INSERT INTO orders (strategy_id, side, qty, price, demo, ts, account_id, client_order_id, market, symbol, type,
                        limit_price, purpose, reason, status, created_ms, filled, quote_filled)
    SELECT s.id, 'BUY', 1, 100, false, now(), s.account_id, 'old-' || n, 'spot', 'BTCUSDT', 'LIMIT', 100, 'entry', '',
           'FILLED', 1, 1, 100
    FROM generate_series(1, %(part)s) n, (SELECT min(id) id, min(account_id) account_id FROM strategies) s
    RETURNING id, strategy_id, account_id, client_order_id
), trip AS (
    INSERT INTO trades (order_id, pnl, ts_close, strategy_id, market, symbol, side, qty, entry_price, exit_price, gross,
                        fees, opened_ms)
    SELECT min(id), 0, now(), min(strategy_id), 'spot', 'BTCUSDT', 'BUY', 1, 100, 100, 0, 0, 1 FROM shaped RETURNING id
), filled AS (
    INSERT INTO fills (account_id, strategy_id, order_id, client_order_id, round_trip_id, market, symbol, trade_id,
                       side, price, quantity, fee, fee_asset, fee_in_quote, is_maker, time_ms)
    SELECT account_id, strategy_id, shaped.id, client_order_id, trip.id, 'spot', 'BTCUSDT', -shaped.id,
           'BUY', 100, 1, 0, 'USDT', 0, true, 1 FROM shaped, trip
), moved AS (
    INSERT INTO postings (account_id, ledger, asset, amount, time_ms, source)
    SELECT account_id, 'owner', 'USDT', CASE WHEN id %% 2 = 0 THEN 1 ELSE -1 END, 1, client_order_id FROM shaped
)
INSERT INTO facts (account_id, key, kind, body)
SELECT account_id, 'order:' || client_order_id || ':NEW:0', 'order', '{}'::jsonb FROM shaped
"""


class Figure(NamedTuple):
    """What was measured, in seconds, and what it may be."""

    name: str
    seconds: float
    limit_s: float


class MoneyPath:
    """Measures on one stage."""

    def __init__(self, stage: Stage, account_id: int) -> None:
        self._stage, self._account_id = stage, account_id

    async def measure(self) -> list[Figure]:
        """Take all measures, one after the other."""
        return [
            await self._ready_with_open_orders(),
            await self._kill_switch(),
            await self._database_back(3.0),
            await self._database_back(20.0),
            await self._doubt("drop_reply", "unknown and accepted: known by the stream", 2.0),
            await self._doubt("drop_request", "unknown and absent: VOID by proof", FENCE_S + 5.0),
            await self._ready_with_history(),
        ]

    async def _ready_with_open_orders(self) -> Figure:
        stage = self._stage
        await self._ask(f"UPDATE strategies SET config = config || '{{\"max_open_orders\": {EACH}}}'", {}, rows=False)
        stage.wish(f"hold {EACH}")
        await stage.start_bot()
        await stage.run_at(SPEED)
        await _until(lambda: self._count("SELECT count(*) FROM orders WHERE status = 'NEW'", OPEN))
        stage.wish("rest")
        await stage.run_at(0)
        await stage.start_bot(from_scratch=True)
        return Figure(f"READY after kill -9 with {OPEN} open orders", stage.starts_s[-1], 10.0)

    async def _kill_switch(self) -> Figure:
        """With the database killed: from the file until the exchange has heard that no order may rest."""
        stage = self._stage
        await stage.listen()
        cancelled = {row["client_order_id"] for row in stage.truth.read(kind="move") if row["status"] == "CANCELED"}
        os.kill(stage.server.pid, signal.SIGKILL)
        switch = KillSwitch(stage.folder / "var" / "run")
        began = time.monotonic()
        switch.engage("benchmark", "how quick is it?")

        async def all_gone() -> bool:
            await stage.listen()
            gone = {row["client_order_id"] for row in stage.truth.read(kind="move") if row["status"] == "CANCELED"}
            return len(gone - cancelled) >= OPEN

        await _until(all_gone)
        took = time.monotonic() - began
        stage.server = await asyncio.to_thread(embedded.ensure, stage.folder / "postgres")
        await stage.kill()
        switch.lift()
        await stage.start_bot()
        return Figure(f"kill switch: {OPEN} orders cancelled, database down", took, 1.0)

    async def _database_back(self, away_s: float) -> Figure:
        stage = self._stage
        stage.wish("trade")
        await stage.run_at(SPEED)
        await self._one_more_order()
        await stage.kill_database(away_s)
        began = time.monotonic()
        await self._one_more_order()
        took = time.monotonic() - began
        stage.wish("rest")
        return Figure(f"trading again after {away_s:.0f} s without the database", took, 5.0)

    async def _doubt(self, fault: str, name: str, limit_s: float) -> Figure:
        """Spoil one order; from its durable attempt until it is on record how it stands, by the database's clock."""
        stage = self._stage
        await stage.listen()
        before = stage.truth.last
        await stage.misbehave({"kind": fault, "method": "POST", "path": "/api/v3/order", "count": 1})
        stage.wish("trade")
        await stage.run_at(SPEED)
        hurt = ""

        async def is_hurt() -> bool:
            nonlocal hurt
            await stage.listen()
            faults = [row["n"] for row in stage.truth.read(kind="fault") if row["n"] > before]
            names = [row["client_order_id"] for row in self._placed() if faults and row["n"] > faults[0]]
            hurt = names[0] if names else ""
            return bool(hurt)

        await _until(is_hurt)
        stage.wish("rest")
        await stage.run_at(0)
        known = (
            "SELECT extract(epoch FROM min(f.written) - min(a.written)) FROM facts f, facts a"
            " WHERE f.key LIKE %(order)s AND f.body ->> 'status' <> 'UNKNOWN' AND a.key LIKE %(attempt)s"
        )
        values = {"order": f"order:{hurt}:%", "attempt": f"attempt:{hurt}:%"}
        took: list[Any] = [None]

        async def is_known() -> bool:
            took[0] = await self._ask(known, values)
            return took[0] is not None

        await _until(is_known)
        return Figure(name, float(took[0]), limit_s)

    async def _ready_with_history(self) -> Figure:
        stage = self._stage
        await stage.kill()
        await self._ask(_HISTORY, {"part": ROWS // 4}, rows=False)
        await self._ask("ANALYZE", {}, rows=False)
        await stage.start_bot(from_scratch=True)
        return Figure(f"READY after kill -9 with {ROWS:,} rows of journal more", stage.starts_s[-1], 60.0)

    def _placed(self) -> list[dict[str, Any]]:
        return [
            row for row in self._stage.truth.read(kind="request")
            if row["method"] == "POST" and row["path"] == "/api/v3/order"
        ]  # fmt: skip

    async def _one_more_order(self) -> None:
        await self._stage.listen()
        count = len(self._placed())

        async def one_more() -> bool:
            await self._stage.listen()
            return any(row["status"] == 200 for row in self._placed()[count:])

        await _until(one_more)

    async def _count(self, question: str, wanted: int) -> bool:
        return bool(await self._ask(question, {}) >= wanted)

    async def _ask(self, question: str, values: dict[str, Any], *, rows: bool = True) -> Any:
        async with await psycopg.AsyncConnection.connect(
            plain_dsn(self._stage.server.url), options=search_path(Mode.REHEARSAL), autocommit=True
        ) as connection:
            answer = await connection.execute(question.encode(), values or None)
            row = await answer.fetchone() if rows else None
            return row[0] if row else None


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(LOOK_S)


async def run(folder: Path) -> list[Figure]:
    """Measure on a stage in this folder."""
    stage = Stage(folder / "stage", 7, "rest", [chaos_mother.__name__], chaos_mother.WORDS)
    try:
        await stage.begin()
        (stage.folder / "strategies" / "chaos_restless.py").write_text(STRATEGY, encoding="utf-8")
        return await MoneyPath(stage, await furnish(stage)).measure()
    finally:
        await stage.end()


def main() -> int:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--json", action="store_true")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bot-money-path-") as folder:
        Path(folder).chmod(0o755)
        figures = asyncio.run(run(Path(folder)))
    if chosen.json:
        print(json.dumps([{**each._asdict(), "seconds": round(each.seconds, 3)} for each in figures]))
    else:
        for each in figures:
            print(f"{each.name:56} {each.seconds:8.3f} s, limit {each.limit_s:.0f} s")
    return int(any(each.seconds > each.limit_s for each in figures))


if __name__ == "__main__":
    sys.exit(main())
