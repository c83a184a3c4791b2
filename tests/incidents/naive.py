"""Naive clients: small, honest ones, each with one habit that cost somebody money. They know nothing of ours."""

import asyncio
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from tests.incidents.stage import KEY, ORDERS, SYMBOL, Stage

from bot.binance.signing import signed_query, signer_for
from bot.binance.wires import Line, NoAnswer

TRIES = 5


class Naive:
    """Sends an order, books what the reply tells, and keeps it all in memory."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.booked: set[int] = set()
        self.status: dict[str, str] = {}
        self.bought = Decimal(0)
        """What it believes to hold."""
        self._number = 0
        self._path = ORDERS[stage.market]

    async def begin(self) -> None:
        """Nothing to do."""

    async def end(self) -> None:
        """Nothing to do."""

    async def buy(self, quantity: Decimal, price: Decimal | None = None) -> None:
        """Buy, at the market or at a limit."""
        await self.order("BUY", quantity, price)

    async def sell_all(self) -> None:
        """Sell what it believes to hold."""
        await self.order("SELL", self.bought)

    async def cancel_all(self) -> None:
        """Cancel each open order."""
        for name in [name for name, status in self.status.items() if status in {"OPEN", "NEW"}]:
            await self.stage.ask("DELETE", self._path, symbol=SYMBOL, origClientOrderId=name)
            self.status[name] = "CANCELED"

    async def order(self, side: str, quantity: Decimal, price: Decimal | None = None) -> None:
        """Send one order."""
        self._number += 1
        name = f"naive-{self._number}"
        wish: dict[str, Any] = {"symbol": SYMBOL, "side": side, "type": "MARKET", "quantity": f"{quantity:f}"}
        if price is not None:
            wish |= {"type": "LIMIT", "price": f"{price:f}", "timeInForce": "GTC"}
        self.status[name] = "OPEN"
        await self.send(name, wish)

    async def send(self, name: str, wish: dict[str, Any]) -> None:
        """Send once, and hand over to the habit when that goes wrong."""
        try:
            status, body = await self.stage.ask("POST", self._path, newClientOrderId=name, **wish)
        except NoAnswer:
            await self.unanswered(name, wish)
            return
        if status == 200:
            self.take(name, body)
        else:
            await self.refused(name, wish, status, body)

    def take(self, name: str, body: Any) -> None:
        """Believe a reply."""
        self.status[name] = body["status"]
        for fill in body.get("fills", ()):
            self.booked.add(fill["tradeId"])
            self.bought += Decimal(fill["qty"]) if body["side"] == "BUY" else -Decimal(fill["qty"])

    async def unanswered(self, name: str, wish: dict[str, Any]) -> None:
        """Shrug."""

    async def refused(self, name: str, wish: dict[str, Any], status: int, body: Any) -> None:
        """Note it."""
        self.status[name] = "REJECTED"


class SendsAgain(Naive):
    """Whatever goes wrong, it tries the same request again, under the same id, for that is idempotent (it is not)."""

    async def unanswered(self, name: str, wish: dict[str, Any]) -> None:
        """Again."""
        await self._again(name, wish)

    async def refused(self, name: str, wish: dict[str, Any], status: int, body: Any) -> None:
        """Again."""
        await self._again(name, wish)

    async def _again(self, name: str, wish: dict[str, Any]) -> None:
        await asyncio.sleep(1.0)
        status, body = await self.stage.ask("POST", self._path, newClientOrderId=name, **wish)
        if status == 200:
            self.take(name, body)


class OrdersAnew(Naive):
    """A time-out means that nothing happened, so it orders anew, until an order is taken or patience ends."""

    async def unanswered(self, name: str, wish: dict[str, Any]) -> None:
        """Order anew."""
        self._number += 1
        if self._number <= TRIES:
            await self.send(f"naive-{self._number}", wish)

    async def refused(self, name: str, wish: dict[str, Any], status: int, body: Any) -> None:
        """Order anew: money may come."""
        await self.unanswered(name, wish)


class CallsItFailed(Naive):
    """No answer: the order failed."""

    async def unanswered(self, name: str, wish: dict[str, Any]) -> None:
        """Forget it."""
        self.status[name] = "FAILED"


class GivesUpAsking(Naive):
    """No answer: it asks five times, counts whatever comes, and then calls the order rejected."""

    async def unanswered(self, name: str, wish: dict[str, Any]) -> None:
        """Ask for a while."""
        for _ in range(TRIES):
            await asyncio.sleep(2.0)
            status, body = await self.stage.ask("GET", self._path, symbol=SYMBOL, origClientOrderId=name)
            if status == 200:
                self.take(name, body)
                return
        self.status[name] = "REJECTED"


class Impatient(Naive):
    """It was told to slow down, and asks on: each refusal is answered by the next try."""

    async def refused(self, name: str, wish: dict[str, Any], status: int, body: Any) -> None:
        """Try on."""
        for _ in range(20):
            status, body = await self.stage.ask("POST", self._path, newClientOrderId=name, **wish)
            if status == 200:
                self.take(name, body)
                return


class SellsWhatItSees(Naive):
    """What lies on the account is what there is to sell."""

    async def sell_all(self) -> None:
        """Sell the balance."""
        _, account = await self.stage.ask("GET", "/api/v3/account")
        free = next(Decimal(each["free"]) for each in account["balances"] if each["asset"] == "BTC")
        await self.order("SELL", free.quantize(Decimal("0.00001")))


class RoundsUp(Naive):
    """Sells what it ordered, to the nearest step: fees are somebody else's matter."""

    async def sell_all(self) -> None:
        """Sell, and try again when that is refused."""
        for _ in range(TRIES):
            await self.order("SELL", self.bought.quantize(Decimal("0.00001"), ROUND_HALF_UP))
            if self.status[f"naive-{self._number}"] == "FILLED":
                return


class Listens(Naive):
    """Believes the user stream alone: it is connected, so it would have heard."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._line: Line | None = None

    async def begin(self) -> None:
        """Subscribe."""
        self._line = await self.stage.network.wires.dial("ws://emulator/ws-api/v3", self._hear)
        told = {"timestamp": int(self.stage.wall() * 1000), "apiKey": KEY.key}
        signature = signed_query(dict(sorted(told.items())), signer_for(KEY)).rpartition("=")[2]
        asked = {"id": 1, "method": "userDataStream.subscribe.signature", "params": told | {"signature": signature}}
        self._line.send(msgspec.json.encode(asked))
        await asyncio.sleep(1.0)

    async def end(self) -> None:
        """Hang up."""
        if self._line is not None:
            await self._line.close()

    def _hear(self, text: bytes) -> None:
        event = msgspec.json.decode(text).get("event", {})
        if event.get("e") == "executionReport":
            self.hear(event)

    def hear(self, event: dict[str, Any]) -> None:
        """Book what is told."""
        self.status[event["c"]] = event["X"]
        if event["x"] == "TRADE":
            self.booked.add(event["t"])


class ListensByKey(Listens):
    """Futures: a listen key names the stream; when it ends, a new one is opened, and that is that."""

    async def begin(self) -> None:
        """Ask for a key and listen."""
        _, body = await self.stage.ask("POST", "/fapi/v1/listenKey")
        url = f"ws://emulator/private/ws/{body['listenKey']}"
        self._line = await self.stage.network.wires.dial(url, self._hear)

    def _hear(self, text: bytes) -> None:
        event = msgspec.json.decode(text)
        if event.get("e") == "listenKeyExpired":
            self.renewal = asyncio.get_running_loop().create_task(self._renew())
        if event.get("e") == "ORDER_TRADE_UPDATE":
            self.hear(event["o"])

    async def _renew(self) -> None:
        await asyncio.sleep(3.0)
        await self.begin()


class Careless(Naive):
    """Wants one-way mode, and goes on whether it got it or not."""

    async def begin(self) -> None:
        """Ask for it."""
        await self.stage.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")


class Repeats(Naive):
    """Knight's way: a decision stays open until its end is heard, and while it is open, children are sent."""

    async def buy(self, quantity: Decimal, price: Decimal | None = None) -> None:
        """Send, and send."""
        for _ in range(300):
            await super().buy(quantity, price)
