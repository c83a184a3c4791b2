import asyncio
from typing import Any

import aiohttp
import pytest


async def test_raw_frames_come_from_the_path_and_wrapped_ones_from_the_query(visitor: Any, connect: Any) -> None:
    raw = await connect("/ws/btcusdt@kline_1m")
    wrapped = await connect("/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m")
    await visitor.emulator.step()
    frames = [await raw.frame() for _ in range(4)]
    assert [frame["k"]["x"] for frame in frames] == [False, False, False, True]
    pairs = [await wrapped.frame() for _ in range(8)]
    assert {pair["stream"] for pair in pairs} == {"btcusdt@kline_1m", "ethusdt@kline_1m"}
    assert [pair["data"] for pair in pairs if pair["stream"].startswith("btc")] == frames


async def test_the_stream_closes_the_candle_that_rest_then_shows(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws/btcusdt@kline_1m")
    await visitor.emulator.step()
    closed = [await socket.frame() for _ in range(4)][-1]["k"]
    row = (await visitor.get("klines?symbol=BTCUSDT&interval=1m&limit=1")).body[0]
    assert [closed[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n")] == row[:9]


@pytest.mark.parametrize("path", ["/ws", "/ws/0", "/stream-host/ws", "/anything/before/ws/1"])
async def test_streams_are_subscribed_on_a_running_socket(visitor: Any, connect: Any, path: str) -> None:
    socket = await connect(path)
    answer = await socket.ask({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker", "no@such"], "id": 5})
    assert answer == {"result": None, "id": 5}
    await visitor.emulator.step()
    assert (await socket.frame())["s"] == "BTCUSDT"


async def test_single_trades_carry_the_ids_that_rest_shows(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws/btcusdt@trade")
    await visitor.emulator.step()
    frames = [await socket.frame() for _ in range(4)]
    rows = (await visitor.get("trades?symbol=BTCUSDT&limit=4")).body
    assert [(frame["t"], frame["p"], frame["q"], frame["T"]) for frame in frames] == [
        (row["id"], row["price"], row["qty"], row["time"]) for row in rows
    ]


async def test_an_unsubscribed_stream_is_silent(visitor: Any, connect: Any) -> None:
    socket = await connect("/stream?streams=btcusdt@kline_1m/btcusdt@aggTrade")
    await socket.ask({"method": "UNSUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1})
    await visitor.emulator.step()
    assert {(await socket.frame())["stream"] for _ in range(4)} == {"btcusdt@aggTrade"}


async def test_five_minute_frames_close_once_in_five_steps(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws/btcusdt@kline_5m")
    for _ in range(5):
        await visitor.emulator.step()
    closed = [(await socket.frame())["k"]["x"] for _ in range(20)]
    assert closed == [False] * 19 + [True]


async def test_a_client_that_goes_away_leaves_nothing_behind(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws/btcusdt@kline_1m")
    await socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 1})
    assert visitor.emulator.venue.hub.wants("btcusdt@kline_1m")
    await socket.socket.close()
    async with asyncio.timeout(30):
        while visitor.emulator.venue.hub.wants("btcusdt@kline_1m"):
            await asyncio.sleep(0.01)


async def test_the_server_pings_and_takes_pongs(make_emulator: Any, session: aiohttp.ClientSession) -> None:
    # (who pongs later than a few pings apart is dropped: a busy machine needs room)
    emulator = await make_emulator(ping_every_s=0.3)
    async with session.ws_connect(emulator.stream_url + "/ws", autoping=False) as socket:
        for _ in range(3):
            message = await asyncio.wait_for(socket.receive(), 30)
            assert message.type is aiohttp.WSMsgType.PING
            await socket.pong(message.data)


async def test_a_client_that_never_answers_a_ping_is_dropped(
    make_emulator: Any, session: aiohttp.ClientSession
) -> None:
    emulator = await make_emulator(ping_every_s=0.02)
    async with session.ws_connect(emulator.stream_url + "/ws", autoping=False) as socket, asyncio.timeout(30):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.PING:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE


async def test_a_socket_on_another_path_is_not_found(visitor: Any) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        await visitor.session.ws_connect(visitor.emulator.stream_url + "/elsewhere")


@pytest.mark.parametrize("ping", [True, False])
async def test_who_sends_more_than_five_frames_a_second_is_disconnected(connect: Any, ping: bool) -> None:
    socket = (await connect("/ws")).socket
    for number in range(6):
        await (socket.ping() if ping else socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    answers = 0
    while (message := await asyncio.wait_for(socket.receive(), 30)).type is aiohttp.WSMsgType.TEXT:
        answers += 1
    assert (answers, message.type, message.data) == (0 if ping else 5, aiohttp.WSMsgType.CLOSE, 1008)


async def test_the_websocket_api_takes_as_many_frames_as_its_weight_allows(connect: Any) -> None:
    socket = await connect("/ws-api/v3")
    assert [(await socket.call("ping"))["status"] for _ in range(20)] == [200] * 20
