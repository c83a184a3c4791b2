"""Thousands of malformed requests: each gets a documented code, and none breaks the server."""

import asyncio
import io
import json
import os
from typing import Any

import pytest
from tests.nonsense.requests import Request, requests

from .conftest import KEY, SECRET, Visitor, now_ms

COUNT = int(os.environ.get("MALFORMED_REQUESTS", "1500"))
"""Set MALFORMED_REQUESTS=10000 for the whole of it."""
STATUSES = {200, 400, 401, 409, 410}
DOCUMENTED = {
    -1013, -1020, -1021, -1022, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112, -1114, -1115, -1116,
    -1117, -1118, -1119, -1120, -1121, -1122, -1127, -1128, -1130, -1131, -1134, -1135, -1139, -1145, -1151, -1158, -1160,
    -1165, -1166, -1168, -1182, -1193, -1194, -1196, -1197, -1198, -1199, -1210, -1211, -1220, -1222, -1223, -1224, -1225,
    -2010, -2011, -2013, -2014, -2015, -2018, -2021, -2022, -2026, -2028, -2035, -2036, -2038, -2039, -2043,
    -1000,
}  # fmt: skip
REMOVED = -1000
"""Only the endpoints that were removed may say so."""


@pytest.fixture
async def visitor(make_emulator: Any, session: Any) -> Visitor:
    limits = {"weight_per_minute": 10**9, "orders_per_10s": 10**6, "orders_per_day": 10**6}
    return Visitor(await make_emulator(**limits), session)


def check(status: int, body: Any, request: Request) -> None:
    assert status in STATUSES, (status, body, request)
    if status != 200:
        assert body["code"] in DOCUMENTED, (body, request)
        assert body["msg"], request
        assert (body["code"] == REMOVED) == (status == 410), (body, request)


async def test_every_malformed_request_gets_a_documented_code(
    visitor: Visitor, connect: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    api = await connect("/ws-api/v3")
    answered = {True: 0, False: 0}
    for request in requests(20_260_101, COUNT, key=KEY, secret=SECRET, now_ms=now_ms()):
        if request.method:
            reply = await visitor.raw(request.method, request.path, body=request.body, key=request.key)
            check(reply.status, reply.body, request)
            answered[reply.status == 200] += 1
        else:
            await api.socket.send_str(request.text)
            while "event" in (answer := await api.frame()):
                pass
            check(answer["status"], answer.get("error"), request)
            answered[answer["status"] == 200] += 1
    # Most are refused; that some pass shows that the wrong ones are close to good ones.
    assert answered[False] > answered[True] > 0
    assert "request_broke" not in capsys.readouterr().out
    assert (await visitor.get("ping")).status == 200


RAW = (
    b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /api/v3/time HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"NONSENSE\r\n\r\n", b"G" * 20_000,
    b"GET /api/v3/depth?symbol=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
)  # fmt: skip


@pytest.mark.parametrize("raw", RAW)
async def test_bytes_that_are_no_request_are_refused_and_the_server_lives(visitor: Visitor, raw: bytes) -> None:
    port = int(visitor.emulator.spot_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    await writer.wait_closed()
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert json.loads(json.dumps((await visitor.get("ping")).body)) == {}


async def test_a_body_too_long_and_a_client_that_leaves_within_one_are_no_news(
    visitor: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{visitor.emulator.spot_url}/api/v3/order"
    async with visitor.session.post(url, data=io.BytesIO(b"x" * (2 << 20))) as reply:
        assert reply.status == 413
    _, writer = await asyncio.open_connection("127.0.0.1", int(visitor.emulator.spot_url.rpartition(":")[2]))
    writer.write(b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    await writer.drain()
    writer.transport.abort()
    assert (await visitor.get("ping")).status == 200
    await visitor.emulator.stop()
    assert "request_broke" not in capsys.readouterr().out
