"""The others: strangers who trade in parts with our orders, a hand on our own account, a symbol halted, a clock set."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from random import Random

from bot.binance.signing import Credentials, Params, signed_query, signer_for
from bot.domain.market import Market
from bot.domain.money import exact, plain
from bot.domain.order import Side
from bot.emulator.rest import Request
from bot.emulator.server import Emulator
from bot.proof.trace import Trace

STRANGER = Credentials("key of a stranger", "secret of a stranger")
ADDRESS = "10.0.0.9"
_HOUR_S = 3600.0


class Crowd:
    """Everybody but the bot. `live` goes on until cancelled; `skew_s` is how wrong the bot's machine's clock is."""

    def __init__(
        self,
        emulator: Emulator,
        symbols: Sequence[str],
        owners: Mapping[Credentials, Market],
        lots: Random,
        trace: Trace,
    ) -> None:
        """`owners` are the bot's accounts, with where each trades."""
        self.skew_s = 0.0
        self._emulator, self._venue = emulator, emulator.venue
        self._symbols, self._owners = symbols, owners
        self._lots, self._trace = lots, trace
        self._halted = ""
        self._deeds: tuple[tuple[Callable[[str], Awaitable[None]], int], ...] = (
            (self._nibble, 20), (self._offer, 10), (self._cancel_by_hand, 2), (self._halt, 1), (self._set_clock, 1),
        )  # fmt: skip

    async def live(self, every_s: float) -> None:
        """Do something every few seconds."""
        deeds, weights = zip(*self._deeds, strict=True)
        while True:
            await asyncio.sleep(self._lots.expovariate(1 / every_s))
            deed: Callable[[str], Awaitable[None]] = self._lots.choices(deeds, weights)[0]
            await deed(self._lots.choice(self._symbols))

    def clear_up(self) -> None:
        """Let all symbols be traded."""
        if self._halted:
            self._venue.set_status(self._halted, "TRADING")
            self._halted = ""

    async def _nibble(self, symbol: str) -> None:
        """Take a part of the best order that stands in the book, at its price."""
        side = self._lots.choice((Side.BUY, Side.SELL))
        levels = self._venue.exchange.client_book(symbol, side, 1)
        if levels:
            price, standing = levels[0]
            part = standing * self._lots.choice((Decimal("0.3"), Decimal("0.6"), Decimal(1)))
            await self._order(symbol, side.opposite, part, price, "IOC")

    async def _offer(self, symbol: str) -> None:
        """Rest a small order next to the last price: who takes meets it first, and the market with what is left."""
        instrument = self._venue.instruments[symbol]
        quote = self._venue.quote(self._venue.board(symbol))
        side = self._lots.choice((Side.BUY, Side.SELL))
        tick = instrument.price.tick * self._lots.choice((0, 1, 2))
        price = exact(quote.bid) + tick if side is Side.BUY else exact(quote.ask) - tick
        if price > 0:
            worth = self._lots.choice((30, 70, 150))
            await self._order(symbol, side, Decimal(worth) / price, price, "GTC")

    async def _order(self, symbol: str, side: Side, quantity: Decimal, price: Decimal, in_force: str) -> None:
        fitted = self._venue.instruments[symbol].fit_quantity(quantity, is_market=False)
        if fitted is not None:
            wish: Params = {
                "symbol": symbol, "side": side.value, "type": "LIMIT", "timeInForce": in_force,
                "quantity": plain(fitted), "price": plain(price),
            }  # fmt: skip
            await self._ask("POST", "/api/v3/order", wish, STRANGER)

    async def _cancel_by_hand(self, symbol: str) -> None:
        """Somebody with our key takes back all orders on a symbol."""
        owner = self._lots.choice(tuple(self._owners))
        self._trace.add("hand", f"cancels all of {owner.key} on {symbol}")
        if self._owners[owner] is Market.SPOT:
            await self._ask("DELETE", "/api/v3/openOrders", {"symbol": symbol}, owner)
            return
        for kind in ("allOpenOrders", "algoOpenOrders"):
            await ask(self._emulator, "DELETE", f"/fapi/v1/{kind}", {"symbol": symbol}, owner, site="um")

    async def _halt(self, symbol: str) -> None:
        """A symbol is not traded for a while."""
        if self._halted:
            self.clear_up()
        else:
            self._halted = symbol
            self._trace.add("halt", symbol)
            self._venue.set_status(symbol, "HALT")

    async def _set_clock(self, _symbol: str) -> None:
        """The wall clock of the bot's machine is set, forth or back."""
        self.skew_s = self._lots.choice((0.0, -_HOUR_S, _HOUR_S, self._lots.uniform(-2.0, 2.0)))
        self._trace.add("clock", f"{self.skew_s:+.1f} s")

    async def _ask(self, method: str, path: str, params: Params, who: Credentials) -> None:
        await ask(self._emulator, method, path, params, who)


async def ask(
    emulator: Emulator, method: str, path: str, params: Params, who: Credentials, *, site: str = "spot"
) -> None:
    """Have somebody who is not the bot ask something of the exchange, on a line where nothing goes wrong."""
    stamped = {**params, "timestamp": emulator.world.clock.now_ms}
    text = signed_query(stamped, signer_for(who))
    query, body = (b"", text.encode()) if method == "POST" else (text.encode(), b"")
    await emulator.sites[site].answer(Request(method, path, query, body, {"X-MBX-APIKEY": who.key}, ADDRESS))
