"""The owner's own hands: money comes and goes, orders are placed and taken back beside the bot's, the switch is thrown.

What hands did is no secret: orders by hand bear ids of their own, and the truth book names each deposit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from random import Random

from bot.binance.signing import Params
from bot.domain.market import Market
from bot.domain.money import exact, plain
from bot.domain.order import OrderType, Side
from bot.emulator.server import Emulator
from bot.proof.crowd import ask
from bot.proof.scene import SITES, Scene, key_of
from bot.proof.trace import Trace
from bot.runtime.kill_switch import KillNote
from bot.simulation.futures.requests import NewOrder
from bot.simulation.orders import Refused

MARK = "web_"
"""How the ids of orders by hand begin."""
AMOUNTS = {"USDT": ("5", "731.25"), "BNB": ("0.05", "1.5"), "BTC": ("0.0004", "0.002"), "ETH": ("0.01", "0.05")}
"""What is brought and fetched at a time; on futures USDT alone."""


class Hands:
    """A person who owns the accounts. `live` goes on until cancelled; `switch` throws the kill switch or lifts it."""

    def __init__(
        self,
        emulator: Emulator,
        scene: Scene,
        lots: Random,
        trace: Trace,
        switch: Callable[[KillNote | None], Awaitable[None]],
    ) -> None:
        self._emulator, self._scene = emulator, scene
        self._lots, self._trace, self._switch = lots, trace, switch
        self.moved: list[tuple[str, str, Decimal]] = []
        """What money came and went: account, asset, amount."""
        self._orders: list[tuple[str, str, str]] = []
        """Account, symbol and id of each that was placed."""

    async def live(self) -> None:
        """Do something now and then."""
        scene = self._scene
        async with asyncio.TaskGroup() as tasks:
            if scene.hands_every_s:
                tasks.create_task(self._busy(scene.hands_every_s))
            if scene.switches:
                tasks.create_task(self._stop_and_go(scene.switches))

    async def _busy(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(self._lots.expovariate(1 / every_s))
            name = self._lots.choice(self._scene.accounts)
            is_spot = self._scene.markets[name] is Market.SPOT
            if not is_spot and self._lots.random() < 0.4:
                self._in_and_out(name)
            elif not is_spot or self._lots.random() < 0.3:
                self._move_money(name)
            elif self._orders and self._lots.random() < 0.3:
                await self._take_back()
            else:
                await self._order(name)

    async def _stop_and_go(self, times: int) -> None:
        """Throw the switch and lift it so often; the last one may be left as it is."""
        length_s = 60.0 * self._scene.minutes / (times + 1)
        for number in range(times):
            await asyncio.sleep(self._lots.uniform(0.2, 1.0) * length_s)
            flatten = self._lots.random() < 0.3
            note = KillNote("a person", "enough", flatten=flatten, id=str(number))
            self._trace.add("hand", f"throws the kill switch{', flatten' if flatten else ''}")
            await self._switch(note)
            await asyncio.sleep(self._lots.uniform(1.0, 40.0))
            if number < times - 1 or self._lots.random() < 0.7:
                self._trace.add("hand", "lifts the kill switch")
                await self._switch(None)

    def _move_money(self, name: str) -> None:
        """Bring money, or fetch some; what is not there stays."""
        market = self._scene.markets[name]
        asset = "USDT" if market is Market.FUTURES else self._lots.choice(tuple(AMOUNTS))
        amount = Decimal(self._lots.choice(AMOUNTS[asset]))
        if self._lots.random() < 0.5:
            amount = amount.copy_negate()
        face = self._emulator.futures if market is Market.FUTURES else self._emulator.venue
        assert face is not None
        try:
            face.deposit(name, asset, amount, locks=False)
        except Refused:
            return
        self.moved.append((name, asset, amount))
        self._trace.add("hand", f"{name} {asset} {plain(amount)} at {SITES[market]}")

    def _in_and_out(self, name: str) -> None:
        """Trade a contract that the bot may hold, both ways at once: what it holds stays, and the money moves."""
        venue = self._emulator.futures
        assert venue is not None
        symbol = self._lots.choice(self._scene.symbols)
        side = self._lots.choice(tuple(Side))
        price = venue.exchange.last_price(symbol)
        quantity = price and venue.contracts[symbol].rules.fit_quantity(Decimal(150) / price, is_market=True)
        if not quantity:
            return
        with venue.desk.settling() as now_ms, suppress(Refused):
            for each in (side, side.opposite):
                order = f"{MARK}{len(self._orders)}"
                self._orders.append((name, symbol, order))
                self._trace.add("hand", f"{name} MARKET {each} {plain(quantity)} {symbol}", order)
                venue.exchange.place(
                    name,
                    NewOrder(
                        symbol=symbol, side=each, type=OrderType.MARKET, client_order_id=order, quantity=quantity
                    ),
                    now_ms=now_ms,
                )  # fmt: skip

    async def _order(self, name: str) -> None:
        """Trade beside the bot, at the market or near it."""
        venue = self._emulator.venue
        symbol = self._lots.choice(self._scene.symbols)
        side = self._lots.choice((Side.BUY, Side.BUY, Side.SELL))
        quote = venue.quote(venue.board(symbol))
        price = exact(quote.bid if side is Side.BUY else quote.ask)
        is_market = self._lots.random() < 0.4
        quantity = venue.instruments[symbol].fit_quantity(
            Decimal(self._lots.choice((20, 45, 120))) / price, is_market=is_market
        )
        if quantity is None:
            return
        wish: dict[str, str] = {
            "symbol": symbol, "side": side.value, "quantity": plain(quantity), "type": "MARKET",
            "newClientOrderId": f"{MARK}{len(self._orders)}",
        }  # fmt: skip
        if not is_market:
            wish |= {"type": "LIMIT", "timeInForce": "GTC", "price": plain(price)}
        self._orders.append((name, symbol, wish["newClientOrderId"]))
        self._trace.add("hand", f"{name} {wish['type']} {side} {wish['quantity']} {symbol}", wish["newClientOrderId"])
        await self._ask("POST", wish, name)

    async def _take_back(self) -> None:
        name, symbol, order = self._lots.choice(self._orders)
        self._trace.add("hand", f"{name} takes back", order)
        await self._ask("DELETE", {"symbol": symbol, "origClientOrderId": order}, name)

    async def _ask(self, method: str, wish: Mapping[str, str], name: str) -> None:
        wishes: Params = dict(wish)
        await ask(self._emulator, method, "/api/v3/order", wishes, key_of(name))
