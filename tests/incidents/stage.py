"""The stage of an incident: one emulator in this process, on made-up time, and what really happened there."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any, Protocol

import msgspec

from bot.binance.hosts import hosts_for
from bot.binance.signing import Credentials, signed_query, signer_for
from bot.domain.market import Market
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.faults import Rule
from bot.emulator.server import Emulator
from bot.proof.loop import LoopClock, VirtualLoop
from bot.proof.trace import Trace
from bot.proof.weather import Weather
from bot.proof.wires import Network

ME = "me"
KEY = Credentials("key of me", "secret of me")
SYMBOL = "BTCUSDT"
PATIENCE_S = 300.0
ORDERS = {Market.SPOT: "/api/v3/order", Market.FUTURES: "/fapi/v1/order"}


class Trader(Protocol):
    """Whoever trades on the stage: a naive client, or our bot."""

    booked: set[int]
    """Trades that it knows of, by id."""
    status: dict[str, str]
    """Where it believes its orders to stand, by client order id."""

    async def begin(self) -> None:
        """Start."""
        ...

    async def buy(self, quantity: Decimal, price: Decimal | None = None) -> None:
        """Carry out one decision to buy."""
        ...

    async def sell_all(self) -> None:
        """Carry out one decision to sell what was bought."""
        ...

    async def cancel_all(self) -> None:
        """Take back what is open."""
        ...

    async def end(self) -> None:
        """Stop."""
        ...


Scene = Callable[["Stage", Trader], Awaitable[str]]
"""Plays an incident with whoever trades; gives the harm that came of it, or nothing."""


class Stage:
    """One exchange, one account, one machine. `skew_s` is how far the machine's wall clock is ahead."""

    def __init__(
        self, loop: VirtualLoop, *faults: Rule, market: Market = Market.SPOT, skew_s: float = 0.0, **funds: int
    ) -> None:
        self.loop, self.market, self.skew_s = loop, market, skew_s
        owned = {asset: Decimal(amount) for asset, amount in (funds or {"USDT": 100_000}).items()}
        account = AccountConfig(KEY.key, KEY.secret, owned, name=ME)
        config = EmulatorConfig(
            Synthetic(5), (account,), (SYMBOL,), speed=24.0, ticks_per_candle=3, warmup=3,
            faults=tuple(msgspec.structs.replace(each) for each in faults),
            futures_port=0 if market is Market.FUTURES else None,
        )  # fmt: skip
        self.emulator = Emulator(config, lambda: int(loop.wall() * 1_000_000_000))
        self.site = self.emulator.sites["spot" if market is Market.SPOT else "um"]
        self.truth = self.emulator.world.truth
        self.hosts = hosts_for("emulator", market, emulator_url="http://emulator")
        self.network = Network(loop, self.site, Weather(), Random(1), Trace(loop.time))
        self.clock = LoopClock(loop, self.wall)
        self._http = self.network.wires.http(1 << 20)

    def wall(self) -> float:
        """Give s UTC as the machine believes."""
        return self.loop.wall() + self.skew_s

    async def ask(self, method: str, path: str, timeout_s: float = 10.0, **params: Any) -> tuple[int, Any]:
        """Send a signed request as plainly as can be, once; NoAnswer when none comes in time."""
        told = {"timestamp": int(self.wall() * 1000), "recvWindow": 5000} | params
        text = signed_query(told, signer_for(KEY))
        has_body = method == "POST"
        url = f"http://emulator{path}" + ("" if has_body else f"?{text}")
        headers = {"X-MBX-APIKEY": KEY.key}
        reply = await self._http.exchange(method, url, text.encode() if has_body else None, headers, timeout_s)
        try:
            return reply.status, msgspec.json.decode(reply.body)
        except msgspec.DecodeError:
            return reply.status, {}

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait on made-up time until something is so."""
        began = self.loop.time()
        while not is_so():
            assert self.loop.time() - began < PATIENCE_S, "it never came"
            await asyncio.sleep(0.05)

    @property
    def price(self) -> Decimal:
        """The last price."""
        return Decimal(str(self.emulator.venue.board(SYMBOL).last)).quantize(Decimal("0.01"))

    def orders(self) -> list[dict[str, Any]]:
        """Orders that the exchange took in."""
        return self.truth.read(kind="order", account=ME)

    def standing(self) -> dict[str, str]:
        """Where each order stands at the exchange, by client order id."""
        rows = [*self.orders(), *self.truth.read(kind="move", account=ME)]
        return {row["client_order_id"]: row.get("status", "NEW") for row in rows}

    def trades(self) -> set[int]:
        """Ids of our trades."""
        found = set()
        for row in self.truth.read(kind="trade"):
            for side in (row["taker"], row["maker"]):
                if side == ME:
                    found.add(row["trade_id"])
                elif isinstance(side, dict) and side["account"] == ME:  # (futures tell of each side apart)
                    found.add(side["trade_id"])
        return found

    def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Requests that arrived."""
        return [
            row for row in self.truth.read(kind="request", account=ME)
            if (not method or row["method"] == method) and (not path or row["path"] == path)
        ]  # fmt: skip

    # What harm looks like; each gives words, or nothing.

    def doubled(self, decisions: int = 1) -> str:
        """More orders than decisions."""
        there = len(self.orders())
        assert there, "no order came in: the scene shows nothing"
        return f"{there} orders of {decisions} decision(s)" if there > decisions else ""

    def lost(self, trader: Trader) -> str:
        """Trades that the trader does not know of."""
        assert self.trades(), "nothing was traded: the scene shows nothing"
        missing = self.trades() - trader.booked
        return f"{len(missing)} trade(s) not on record" if missing else ""

    def misjudged(self, trader: Trader) -> str:
        """An order of which the trader believes something else than the exchange."""
        assert self.standing(), "no order came in: the scene shows nothing"
        for name, real in self.standing().items():
            if (believed := trader.status.get(name, "nothing")) != real:
                return f"believed {believed}, is {real}"
        return ""


def play(scene: Scene, trader: Callable[[Stage], Trader], *faults: Rule, **how: Any) -> str:
    """Play a scene from its beginning with one trader; give the harm."""
    loop = VirtualLoop(1)
    stage = Stage(loop, *faults, **how)

    async def whole() -> str:
        stage.emulator.begin()
        one = trader(stage)
        await one.begin()
        harm = await scene(stage, one)
        await one.end()
        return harm

    try:
        harm = loop.run_until_complete(whole())
        assert not loop.broken, loop.broken
        return harm
    finally:
        loop.bury()
