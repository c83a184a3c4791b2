"""Connections: polite to the exchange, and replaced when they end, fall silent or are told to go."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fake_binance import FakeBinance, kline, until

from bot.binance.streams import Listener, Pace, StreamPool
from bot.binance.wire_streams import KlineBody

QUICK = Pace(age_limit_s=60.0, overlap_s=0.05, retry_first_s=0.01, retry_max_s=0.05, control_gap_s=0.001)


class Ears:
    """A listener that keeps what it was told."""

    def __init__(self) -> None:
        self.klines: list[tuple[str, KlineBody]] = []
        self.missed: list[list[str]] = []
        self.silent: list[str] = []

    @property
    def listener(self) -> Listener:
        return Listener(
            lambda name: lambda event: self.klines.append((name, event.k)), self.missed.append, self.silent.append
        )


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
async def pool(binance: FakeBinance, ears: Ears) -> AsyncIterator[StreamPool]:
    made = StreamPool(binance.hosts, ears.listener, QUICK)
    yield made
    await made.close()


def names(count: int) -> list[str]:
    return [f"sym{number}usdt@kline_1m" for number in range(count)]


async def test_many_names_go_in_few_control_messages(binance: FakeBinance, pool: StreamPool) -> None:
    pool.want(names(250))
    await until(lambda: len(binance.subscribed) == 250)
    assert [len(control["params"]) for control in binance.controls] == [100, 100, 50]
    assert len({control["id"] for control in binance.controls}) == 3


async def test_a_connection_carries_no_more_than_the_exchange_allows(binance: FakeBinance, pool: StreamPool) -> None:
    pool.want(names(1_030))
    await until(lambda: len(binance.subscribed) == 1_030)
    assert len(binance.sockets) == 2


async def test_streams_come_and_go_while_connected(binance: FakeBinance, pool: StreamPool) -> None:
    pool.want(names(3))
    await until(lambda: len(binance.subscribed) == 3)
    pool.drop(names(2))
    pool.want(["late@kline_1m"])
    await until(lambda: sorted(binance.subscribed) == ["late@kline_1m", "sym2usdt@kline_1m"])
    assert len(binance.sockets) == 1


async def test_a_stream_dropped_before_it_was_asked_for_is_never_asked_for(
    binance: FakeBinance, pool: StreamPool
) -> None:
    pool.want(names(2))
    pool.drop(names(1))
    await until(lambda: binance.subscribed)
    assert binance.subscribed == ["sym1usdt@kline_1m"]


async def test_after_a_break_everything_is_subscribed_again_and_told(
    binance: FakeBinance, pool: StreamPool, ears: Ears
) -> None:
    pool.want(names(2))
    await until(lambda: len(binance.subscribed) == 2)
    assert ears.missed == []
    binance.subscribed.clear()
    await binance.drop()
    await until(lambda: ears.missed)
    assert ears.missed == [names(2)]
    await until(lambda: binance.subscribed == names(2))


async def test_a_server_that_is_about_to_go_is_left_when_its_successor_delivers(
    binance: FakeBinance, pool: StreamPool, ears: Ears
) -> None:
    pool.want(["btcusdt@kline_1m"])
    await until(lambda: binance.subscribed)
    for _ in range(2):  # the second one comes while the new connection is made
        await binance.push({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1_790_000_000_000}})
    await until(lambda: len(binance.sockets) == 2)
    await binance.sockets[0].send_str(json.dumps(kline(0)))
    await binance.sockets[1].send_str(json.dumps(kline(0)))
    await until(lambda: len(ears.klines) == 2)  # both deliver: who listens knows the one from the other
    await until(lambda: binance.sockets[0].closed)
    assert (ears.missed, len(binance.sockets)) == ([], 2)


async def test_an_old_connection_is_renewed_before_the_exchange_ends_it_and_nothing_is_missed(
    binance: FakeBinance, ears: Ears
) -> None:
    pace = Pace(life_s=0.05, overlap_s=0.01, retry_first_s=0.01, control_gap_s=0.001)
    pool = StreamPool(binance.hosts, ears.listener, pace)
    pool.want(names(1))
    await until(lambda: len(binance.sockets) >= 3)
    await pool.close()
    assert ears.missed == []


async def test_an_old_connection_that_goes_before_its_successor_delivers_has_missed_frames(
    binance: FakeBinance, ears: Ears
) -> None:
    pool = StreamPool(binance.hosts, ears.listener, replace(QUICK, control_gap_s=0.2))
    pool.want(names(1))
    await until(lambda: binance.subscribed)
    await binance.push({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}})
    await until(lambda: len(binance.sockets) == 2)
    await binance.sockets[0].close()
    await until(lambda: ears.missed)
    await pool.close()


async def test_futures_streams_go_where_their_kind_is_carried(binance: FakeBinance, ears: Ears) -> None:
    pool = StreamPool(binance.futures_hosts, ears.listener, QUICK)
    pool.want(["btcusdt@kline_1m", "btcusdt@bookTicker", "btcusdt@aggTrade", "btcusdt@depth"])
    await until(lambda: len(binance.subscribed) == 4)
    assert sorted(binance.routes) == ["market", "public"]
    told = dict(zip(binance.routes, (control["params"] for control in binance.controls), strict=False))
    assert set(told) == {"market", "public"}
    await pool.close()


async def test_the_age_of_each_stream_is_known_and_one_that_never_spoke_stands_out(
    binance: FakeBinance, ears: Ears
) -> None:
    pool = StreamPool(binance.hosts, ears.listener, replace(QUICK, age_limit_s=0.02))
    pool.want(["btcusdt@kline_1m", "nobody@kline_1m"])
    await until(lambda: len(binance.subscribed) == 2)
    await binance.push(kline(0))
    await until(lambda: pool.ages_s().get("btcusdt@kline_1m") is not None)
    assert pool.ages_s()["nobody@kline_1m"] is None
    await until(lambda: "nobody@kline_1m" in ears.silent)
    await pool.close()


async def test_frames_that_cannot_be_read_or_say_no_harm_nothing(
    binance: FakeBinance, pool: StreamPool, ears: Ears
) -> None:
    pool.want(["btcusdt@kline_1m"])
    await until(lambda: binance.subscribed)
    await binance.sockets[-1].send_str("{nonsense")
    await binance.push({"code": 2, "msg": "Invalid request"}, {"stream": "x", "data": {"e": "news", "k": None}})
    turned = {"data": kline(1)["data"], "stream": kline(1)["stream"]}
    await binance.push(kline(0), turned)
    await until(lambda: len(ears.klines) == 2)
    assert [name for name, _ in ears.klines] == ["btcusdt@kline_1m", "btcusdt@kline_1m"]
    assert len(binance.sockets) == 1


async def test_an_exchange_that_is_away_is_tried_until_it_is_back(binance: FakeBinance, ears: Ears) -> None:
    await binance.stop()
    pool = StreamPool(binance.hosts, ears.listener, QUICK)
    pool.want(names(1))
    port = int(binance.url.rpartition(":")[2])
    await binance.start(port)
    await until(lambda: binance.subscribed)
    await pool.close()


async def test_a_silent_stream_is_looked_into_ever_less_often(binance: FakeBinance, ears: Ears) -> None:
    pool = StreamPool(binance.hosts, ears.listener, Pace(age_limit_s=0.02, control_gap_s=0.001))
    pool.want(["btcusdt@kline_1m", "ethusdt@kline_1m"])
    await until(lambda: ears.silent.count("btcusdt@kline_1m") >= 3)
    assert len(binance.sockets) == 1  # whether a silence is death is for the listener to say
    pool.renew("btcusdt@kline_1m")
    await until(lambda: len(binance.sockets) == 2)
    await pool.close()
