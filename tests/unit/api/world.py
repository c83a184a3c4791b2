"""A small world in a database: two accounts, five strategies, and a history whose figures are known by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from json import dumps

import psycopg

from bot.db.base import plain_dsn
from bot.security import tokens

NOW_MS = 1_750_000_000_000
MINUTE_MS = 60_000
PAPER = {"symbol": "BTCUSDT", "candle": "1m", "demo_mode": True}
REAL = {"symbol": "ETHUSDT", "candle": "5m", "demo_mode": False}


@dataclass
class World:
    """Writes rows the way the journal does."""

    connection: psycopg.Connection[tuple[object, ...]]
    orders: int = 0
    ids: dict[str, int] = field(default_factory=dict)

    def account(self, name: str, environment: str = "testnet", approval: str | None = None) -> int:
        return self._id(
            "INSERT INTO accounts (name, environment, testnet, live_approval_enc) VALUES (%s, %s, %s, %s)",
            (name, environment, environment != "production", approval),
        )

    def strategy(
        self, account_id: int, title: str, config: dict[str, object], *, enabled: bool = True, stopped: str = ""
    ) -> int:
        return self._id(
            "INSERT INTO strategies (name, account_id, config, enabled, title, stopped_reason)"
            " VALUES ('mean_reversion', %s, %s, %s, %s, %s)",
            (account_id, dumps(config), enabled, title, stopped),
        )

    def order(self, strategy_id: int, side: str, qty: str, price: str, *, schema: str = "public", at_ms: int = NOW_MS,
              status: str = "FILLED") -> int:  # fmt: skip
        self.orders += 1
        return self._id(
            f"INSERT INTO {schema}.orders (strategy_id, side, qty, price, fee, ts, account_id, client_order_id,"
            " market, symbol, type, purpose, reason, status, filled, quote_filled, created_ms)"
            " SELECT id, %s, %s, %s, 0.1, to_timestamp(%s / 1000.0), account_id, %s, 'spot', 'BTCUSDT', 'MARKET',"
            " %s, 'below mean', %s, %s, 0, %s FROM strategies WHERE id = %s",
            (side, qty, price, at_ms, f"order-{schema}-{self.orders}", "entry" if side == "BUY" else "exit", status,
             qty if status == "FILLED" else "0", at_ms, strategy_id),
        )  # fmt: skip

    def fill(self, strategy_id: int, order_id: int, trip: int | None, *, schema: str = "public") -> int:
        return self._id(
            f"INSERT INTO {schema}.fills (account_id, strategy_id, order_id, client_order_id, round_trip_id, market,"
            " symbol, trade_id, side, price, quantity, fee, fee_asset, fee_in_quote, is_maker, time_ms)"
            " SELECT account_id, strategy_id, id, client_order_id, %s, market, symbol, id, side, price, qty, 0.1,"
            f" 'USDT', 0.1, false, created_ms FROM {schema}.orders WHERE id = %s AND strategy_id = %s",
            (trip, order_id, strategy_id),
        )

    def trade(self, strategy_id: int, pnl: str, fees: str = "1", *, schema: str = "public", at_ms: int = NOW_MS) -> int:
        order_id = self.order(strategy_id, "SELL", "0.5", "100", schema=schema, at_ms=at_ms)
        gross = Decimal(pnl) + Decimal(fees)
        trip = self._id(
            f"INSERT INTO {schema}.trades (order_id, pnl, ts_close, strategy_id, market, symbol, side, qty,"
            " entry_price, exit_price, gross, fees, opened_ms, reason)"
            " VALUES (%s, %s, to_timestamp(%s / 1000.0), %s, 'spot', 'BTCUSDT', 'BUY', 0.5, 90, 100, %s, %s, %s,"
            " 'back at mean')",
            (order_id, pnl, at_ms, strategy_id, gross, fees, at_ms - MINUTE_MS),
        )
        self.fill(strategy_id, order_id, trip, schema=schema)
        return trip

    def open_position(self, strategy_id: int, *, schema: str = "public") -> int:
        order_id = self.order(strategy_id, "BUY", "0.5", "100", schema=schema)
        return self.fill(strategy_id, order_id, None, schema=schema)

    def decision(self, strategy_id: int, verdict: str = "approved", *, rule: str = "", at_ms: int = NOW_MS) -> int:
        return self._id(
            "INSERT INTO decisions (strategy_id, time_ms, symbol, side, verdict, reason, rule, seen)"
            " VALUES (%s, %s, 'BTCUSDT', 'BUY', %s, 'below mean', %s, '{\"mean\": 101.5, \"close\": 100.25}')",
            (strategy_id, at_ms, verdict, rule),
        )

    def mark(self, strategy_id: int, equity: float, at_ms: int, *, schema: str = "public") -> None:
        self.connection.execute(
            f"INSERT INTO {schema}.equity VALUES (%s, %s, %s, 0, 0, 0.5, 100)", (strategy_id, at_ms, equity)
        )

    def drawdown(self, strategy_id: int, fraction: float, *, schema: str = "public") -> None:
        self.connection.execute(
            f"INSERT INTO {schema}.risk_state (strategy_id, max_drawdown) VALUES (%s, %s)", (strategy_id, fraction)
        )

    def sign_in(self, name: str, token: str) -> None:
        person = self._id("INSERT INTO users (name, password_hash) VALUES (%s, 'x')", (name,))
        self._id(
            "INSERT INTO sessions (token_hash, user_id, created_at, seen_at, expires_at) VALUES"
            " (%s, %s, to_timestamp(%s), to_timestamp(%s), to_timestamp(%s))",
            (tokens.token_hash(token), person, NOW_MS / 1000, NOW_MS / 1000, NOW_MS / 1000 + 3_600),
        )

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        return self.connection.execute(statement).fetchall()

    def _id(self, statement: str, values: tuple[object, ...]) -> int:
        row = self.connection.execute(statement + " RETURNING id", values).fetchone()
        assert row is not None
        return int(str(row[0]))


@contextmanager
def world_of(url: str) -> Iterator[World]:
    """Open a world on an empty migrated database; every row counts at once."""
    with psycopg.connect(plain_dsn(url), autocommit=True) as connection:
        yield World(connection)


def populate(world: World) -> dict[str, int]:
    """Give strategies by title: `mean` and `idle` on paper, `off` disabled, `live` and `test` with real orders."""
    home, bank = world.account("home"), world.account("bank", "production", approval="sealed")
    ids = {
        "mean": world.strategy(home, "mean", PAPER),
        "idle": world.strategy(home, "idle", PAPER | {"symbol": "BNBUSDT"}),
        "off": world.strategy(home, "off", PAPER, enabled=False),
        "test": world.strategy(home, "test", REAL, stopped="drawdown of 21 %"),
        "live": world.strategy(bank, "live", REAL),
    }
    for pnl, days_ago in (("10.25", 1), ("-4", 0), ("3.5", 0), ("-0.5", 0)):
        world.trade(ids["mean"], pnl, at_ms=NOW_MS - days_ago * 86_400_000 - MINUTE_MS)
    world.open_position(ids["mean"])
    world.trade(ids["live"], "100", schema="live")
    for minutes_ago, equity in enumerate([10_009.25, 10_013.0, 9_900.5, 10_100.0, 10_000.0]):
        world.mark(ids["mean"], equity, NOW_MS - minutes_ago * MINUTE_MS)
    world.mark(ids["live"], 5_100.0, NOW_MS - 2 * MINUTE_MS, schema="live")
    world.drawdown(ids["mean"], 0.019752475)
    world.decision(ids["mean"], at_ms=NOW_MS - 1)
    world.decision(ids["mean"], "denied", rule="max_open_orders")
    world.ids = ids
    return ids
