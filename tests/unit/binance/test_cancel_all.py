"""Cancelling everything, on both markets of an exchange that was written apart."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from tests.fakes.clock import FakeClock

from bot.binance import futures, spot
from bot.binance import wire_new_futures as new_futures
from bot.binance import wire_new_spot as new_spot
from bot.binance import wire_requests as ask
from bot.binance.cancel_all import ROUNDS, cancel_all
from bot.binance.client import Client, build_futures, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.hosts import hosts_for
from bot.binance.signing import Credentials
from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.market import Market
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator
from bot.ports import Swept

D = Decimal
KEY = Credentials("key", "secret")


@pytest.fixture(params=list(Market))
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    accounts = (AccountConfig("key", "secret", {"USDT": D(100_000), "BTC": D(1)}),)
    async with Emulator(EmulatorConfig(Synthetic(7), accounts, speed=0, warmup=50, futures_port=0)) as emulator:
        market: Market = request.param
        url = emulator.spot_url if market is Market.SPOT else emulator.um_url
        hosts = hosts_for("emulator", market, emulator_url=str(url))
        public = build_public(hosts)
        clock = ExchangeClock(public.time_ms)
        await clock.sync()
        build = build_spot if market is Market.SPOT else build_futures
        signed = build(KEY, hosts, clock)
        yield signed
        await signed.close()
        await public.close()


async def rest_orders(client: Client, count: int) -> None:
    """Let some orders rest far below the market; in futures, one of them waits for a price."""
    for number in range(count):
        if client.hosts.market is Market.SPOT:
            symbol = ("BTCUSDT", "ETHUSDT")[number % 2]
            price = (await client.call(spot.TICKER_PRICE, ask.OfSymbols(symbol=symbol))).price  # type: ignore[union-attr]
            spot_order = new_spot.NewSpotOrder(
                symbol=symbol, side="BUY", type="LIMIT", timeInForce="GTC", quantity=D("0.1"),
                price=(price * D("0.9")).quantize(D("0.01")),
            )  # fmt: skip
            await client.call(spot.PLACE_ORDER, spot_order)
            continue
        last = await client.call(futures.TICKER_PRICE, ask.OfAnySymbol(symbol="BTCUSDT"))
        price = (last.price * D("0.9")).quantize(D("0.1"))  # type: ignore[union-attr]
        if number == 0:
            algo = new_futures.NewAlgoOrder(
                symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity=D("0.01"), triggerPrice=price
            )
            await client.call(futures.PLACE_ALGO, algo)
        else:
            order = new_futures.NewFuturesOrder(
                symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity=D("0.01"), price=price
            )
            await client.call(futures.PLACE_ORDER, order)


async def test_every_open_order_is_cancelled_whatever_its_symbol_and_kind(client: Client) -> None:
    await rest_orders(client, 5)
    assert await cancel_all(client, FakeClock()) == Swept(gone=5, left=0)
    assert await cancel_all(client, FakeClock()) == Swept(gone=0, left=0)


async def test_orders_that_are_still_there_are_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await rest_orders(client, 2)
    call, refused = client.call, []

    async def deaf(endpoint: object, request: object) -> object:
        if getattr(endpoint, "method", "") == "DELETE":
            refused.append(endpoint)
            raise Unavailable("too many requests")
        return await call(endpoint, request)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "call", deaf)
    clock = FakeClock()
    began = clock.monotonic()
    assert await cancel_all(client, clock) == Swept(gone=0, left=2)
    assert len(refused) == 2 * ROUNDS
    assert clock.monotonic() > began


async def test_a_key_that_is_refused_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise Misconfigured("Binance refuses this key")

    monkeypatch.setattr(client, "call", refuse)
    with pytest.raises(Misconfigured, match="refuses this key"):
        await cancel_all(client, FakeClock())


class Guarded:
    """An account with stops of ours, one of them with its pair, among orders of which some look alike."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.price = D(0)

    async def rest(self) -> None:
        client, futures_market = self.client, self.client.hosts.market is Market.FUTURES
        await rest_orders(client, 2)
        if futures_market:
            told = await client.call(futures.TICKER_PRICE, ask.OfAnySymbol(symbol="BTCUSDT"))
            self.price = told.price.quantize(D("0.1"))  # type: ignore[union-attr]
            opening = new_futures.NewFuturesOrder(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=D("0.1"))
            await client.call(futures.PLACE_ORDER, opening)
            for name, is_closing in (("b-1-1", True), ("by-hand", True), ("b-1-2", False)):
                await self._algo(name, is_closing)
            return
        told_ = await client.call(spot.TICKER_PRICE, ask.OfSymbols(symbol="BTCUSDT"))
        self.price = told_.price.quantize(D("0.01"))  # type: ignore[union-attr]
        for name, side, kind in (
            ("b-1-1", "SELL", "STOP_LOSS"), ("by-hand", "SELL", "STOP_LOSS"), ("b-1-2", "BUY", "STOP_LOSS"),
            ("b-1-3", "SELL", "LIMIT"),
        ):  # fmt: skip
            await self._spot(name, side, kind)
        await self._pair("b-2-1", "b-2-2")
        await self._pair("by-hand-1", "by-hand-2")

    async def names(self) -> set[str]:
        everything = ask.OfAnySymbol()
        if self.client.hosts.market is Market.SPOT:
            return {each.clientOrderId for each in await self.client.call(spot.OPEN_ORDERS, everything)}
        orders = await self.client.call(futures.OPEN_ORDERS, everything)
        algos = await self.client.call(futures.OPEN_ALGOS, everything)
        return {each.clientOrderId for each in orders} | {each.clientAlgoId for each in algos}

    async def _algo(self, name: str, is_closing: bool) -> None:
        stop = new_futures.NewAlgoOrder(
            symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity=D("0.01"), triggerPrice=(self.price * D("0.5")).quantize(D("0.1")),
            reduceOnly=is_closing, clientAlgoId=name,
        )  # fmt: skip
        await self.client.call(futures.PLACE_ALGO, stop)

    async def _spot(self, name: str, side: str, kind: str) -> None:
        price = (self.price * D("1.2" if (side, kind) != ("SELL", "STOP_LOSS") else "0.8")).quantize(D("0.01"))
        is_limit = kind == "LIMIT"
        order = new_spot.NewSpotOrder(
            symbol="BTCUSDT", side=side, type=kind, quantity=D("0.01"), newClientOrderId=name,
            price=price if is_limit else None, stopPrice=None if is_limit else price,
            timeInForce="GTC" if is_limit else None, newOrderRespType="RESULT",
        )  # fmt: skip
        await self.client.call(spot.PLACE_ORDER, order)

    async def _pair(self, above: str, below: str) -> None:
        pair = new_spot.NewOco(
            symbol="BTCUSDT", side="SELL", quantity=D("0.01"), aboveType="LIMIT_MAKER", aboveClientOrderId=above,
            abovePrice=(self.price * D("1.2")).quantize(D("0.01")), belowType="STOP_LOSS", belowClientOrderId=below,
            belowStopPrice=(self.price * D("0.8")).quantize(D("0.01")),
        )  # fmt: skip
        await self.client.call(spot.PLACE_OCO, pair)


async def test_stops_of_ours_that_close_stay_with_their_pair_and_all_else_goes(client: Client) -> None:
    scene = Guarded(client)
    await scene.rest()
    is_spot = client.hosts.market is Market.SPOT
    stops, others = ({"b-1-1", "b-2-1", "b-2-2"}, 7) if is_spot else ({"b-1-1"}, 4)
    assert stops <= await scene.names()
    assert await cancel_all(client, FakeClock()) == Swept(gone=others, left=0, kept=len(stops))
    assert await scene.names() == stops
    assert await cancel_all(client, FakeClock(), everything=True) == Swept(gone=len(stops), left=0)
    assert await scene.names() == set()
