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
    accounts = (AccountConfig("key", "secret", {"USDT": D(100_000)}),)
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
