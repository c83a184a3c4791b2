"""Sending what was written down: signed with the time that was written, and only if nobody objects at the last moment."""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
from tests.fakes.clock import FakeClock

from bot.binance.client import SpotClient, build_futures, build_spot
from bot.binance.endpoints import Sending
from bot.binance.hosts import hosts_for
from bot.binance.signing import Credentials
from bot.binance.wires import NoAnswer, Reply, Wires
from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.domain.market import Market
from bot.domain.money import Price, Quantity
from bot.domain.order import Order, OrderType, Side, TimeInForce

KEY = Credentials("key", "secret")
ORDER = Order(
    "b-1", 1, "BTCUSDT", Side.BUY, OrderType.LIMIT, Quantity(Decimal("0.01")), 1_700_000_000_000,
    price=Price(Decimal(100)), time_in_force=TimeInForce.GTC,
)  # fmt: skip
WRITTEN_MS = 1_700_000_000_123


class Silent:
    """Keeps what was sent and answers nothing."""

    def __init__(self) -> None:
        self.sent: list[dict[str, list[str]]] = []

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Reply:
        self.sent.append(parse_qs((body or b"").decode()))
        raise NoAnswer("nothing")

    async def close(self) -> None:
        pass


def client_over(http: Silent) -> SpotClient:
    wires = Wires(http=lambda _: http)
    return build_spot(KEY, hosts_for("emulator", emulator_url="http://nowhere"), FakeClock(), wires=wires)


async def test_an_order_is_signed_with_the_time_that_was_written_down() -> None:
    http = Silent()
    with pytest.raises(OutcomeUnknown):
        await client_over(http).place(ORDER, Sending(WRITTEN_MS, lambda: ""))
    (sent,) = http.sent
    assert sent["timestamp"] == [str(WRITTEN_MS)]


async def test_an_objection_at_the_last_moment_keeps_every_byte_back() -> None:
    http = Silent()
    with pytest.raises(Unavailable, match="not sent: the lease is over"):
        await client_over(http).place(ORDER, Sending(WRITTEN_MS, lambda: "the lease is over"))
    assert http.sent == []


async def test_the_last_look_comes_after_the_signature() -> None:
    http, clock = Silent(), FakeClock()
    looks: list[int] = []

    def look() -> str:
        looks.append(len(http.sent))
        return ""

    client = build_spot(
        KEY, hosts_for("emulator", emulator_url="http://nowhere"), clock, wires=Wires(http=lambda _: http)
    )
    with pytest.raises(OutcomeUnknown):
        await client.place(ORDER, Sending(WRITTEN_MS, look))
    assert looks == [0]


def test_a_digest_tells_requests_apart_and_not_their_signatures() -> None:
    spot = client_over(Silent())
    futures = build_futures(KEY, hosts_for("emulator", Market.FUTURES, emulator_url="http://nowhere"), FakeClock())
    other = Order(
        "b-2", 1, "BTCUSDT", Side.BUY, OrderType.LIMIT, Quantity(Decimal("0.01")), 1_700_000_000_000,
        price=Price(Decimal(100)), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    assert spot.digest(ORDER) == spot.digest(ORDER)
    assert len({spot.digest(ORDER), spot.digest(other), futures.digest(ORDER)}) == 3
