"""Keys of every kind: what each may do, from where, and sessions."""

import base64
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from bot.emulator.config import AccountConfig, KeyConfig

from .conftest import KEY, Connect, Visitor, now_ms, signature

PATH = "/ws-api/v3"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def pem(key: Any) -> str:
    public = key.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(public.public_bytes(serialization.Encoding.PEM, form).decode())


def by_rsa(payload: str) -> str:
    return base64.b64encode(RSA_KEY.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def by_ed25519(payload: str) -> str:
    return base64.b64encode(ED_KEY.sign(payload.encode())).decode()


SIGNERS: dict[str, Callable[[str], str]] = {"rsa": by_rsa, "ed": by_ed25519, KEY: signature}
KEYS = (
    KeyConfig("rsa", public_key=pem(RSA_KEY)),
    KeyConfig("ed", public_key=pem(ED_KEY)),
    KeyConfig("reader", "r", permissions=frozenset({"read"})),
    KeyConfig("here", "h", addresses=("127.0.0.0/8",)),
    KeyConfig("elsewhere", "e", addresses=("10.0.0.1",)),
)
ACCOUNT = AccountConfig(
    KEY, "demo-secret-not-real-0001", {"USDT": Decimal(10**5), "BTC": Decimal(1)}, keys=KEYS, name="alice"
)


@pytest.fixture
async def visitor(make_emulator: Callable[..., Awaitable[Any]], session: aiohttp.ClientSession) -> Visitor:
    return Visitor(await make_emulator(accounts=(ACCOUNT,), orders_per_10s=3), session)


async def ask(visitor: Visitor, key: str, method: str, path: str, text: str = "") -> Any:
    text = "&".join(part for part in (text, f"timestamp={now_ms()}") if part)
    return await visitor.raw(method, f"{path}?{text}&signature={quote(SIGNERS[key](text), safe='')}", key=key)


@pytest.mark.parametrize("key", SIGNERS)
async def test_every_kind_of_key_opens_the_same_account(visitor: Visitor, key: str) -> None:
    reply = await ask(visitor, key, "GET", "/api/v3/account")
    assert (reply.status, reply.body["uid"]) == (200, 1_000_001)
    order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01"
    assert (await ask(visitor, key, "POST", "/api/v3/order", order)).body["status"] == "FILLED"


async def test_another_keys_signature_is_refused(visitor: Visitor) -> None:
    SIGNERS["mixed"] = by_rsa
    text = f"timestamp={now_ms()}"
    reply = await visitor.raw("GET", f"/api/v3/account?{text}&signature={quote(by_rsa(text), safe='')}", key="ed")
    assert (reply.status, reply.code) == (400, -1022)
    del SIGNERS["mixed"]


@pytest.mark.parametrize(
    ("key", "secret", "may_read", "may_trade"),
    [("reader", "r", True, False), ("here", "h", True, True), ("elsewhere", "e", False, False)],
)
async def test_a_key_does_what_it_may_from_where_it_may(
    visitor: Visitor, key: str, secret: str, may_read: bool, may_trade: bool
) -> None:
    visitor.key, visitor.secret = key, secret
    read, traded = await visitor.signed("GET", "account"), await visitor.place()
    assert (read.status, traded.status) == (200 if may_read else 401, 200 if may_trade else 401)
    for reply, may in ((read, may_read), (traded, may_trade)):
        assert may or reply.code == -2015


async def test_a_key_is_told_what_it_may_do(visitor: Visitor) -> None:
    visitor.key, visitor.secret = "here", "h"
    text = f"timestamp={now_ms()}"
    path = f"/sapi/v1/account/apiRestrictions?{text}&signature={signature(text, 'h')}"
    body = (await visitor.raw("GET", path, key="here")).body
    assert (body["ipRestrict"], body["enableReading"], body["enableSpotAndMarginTrading"]) == (True, True, True)
    assert (body["enableWithdrawals"], body["enableFutures"]) == (False, True)
    assert len(body) == 13


async def test_a_session_needs_no_signature_and_ends_at_logout(visitor: Visitor, connect: Connect) -> None:
    api = await connect(PATH)
    empty = (await api.call("session.status"))["result"]
    assert (empty["apiKey"], empty["authorizedSince"], empty["userDataStream"]) == (None, None, False)
    stamp = now_ms()
    values = {"apiKey": "ed", "timestamp": stamp}
    logon = await api.call("session.logon", **values, signature=by_ed25519(f"apiKey=ed&timestamp={stamp}"))
    assert logon["result"]["apiKey"] == "ed"
    placed = await api.call(
        "order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", timestamp=now_ms()
    )
    assert placed["result"]["status"] == "FILLED"
    assert {row["rateLimitType"] for row in placed["rateLimits"]} == {"ORDERS", "REQUEST_WEIGHT"}
    assert (await api.call("account.status"))["error"]["code"] == -1102
    assert (await api.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    assert (await api.call("session.status"))["result"]["userDataStream"] is True
    assert (await api.call("session.logout"))["result"]["apiKey"] is None
    assert (await api.frame() if not api.events else api.events[-1])["event"]["e"] == "eventStreamTerminated"
    assert (await api.call("account.status", timestamp=now_ms()))["error"]["code"] == -1102
    assert (await api.call("userDataStream.subscribe"))["error"]["code"] == -1193


async def test_only_ed25519_keys_log_on(visitor: Visitor, connect: Connect) -> None:
    api = await connect(PATH)
    stamp = now_ms()
    for key in (KEY, "rsa"):
        signed = SIGNERS[key](f"apiKey={key}&timestamp={stamp}")
        answer = await api.call("session.logon", apiKey=key, timestamp=stamp, signature=signed)
        assert answer["error"]["code"] == -2028


async def test_the_percent_encoded_signature_of_the_official_sdk_is_taken(visitor: Visitor, connect: Connect) -> None:
    api = await connect(PATH)
    stamp, name = now_ms(), "测试USDT"
    text = f"apiKey={KEY}&symbol={quote(name)}&timestamp={stamp}"
    answer = await api.call("openOrders.status", apiKey=KEY, symbol=name, timestamp=stamp, signature=signature(text))
    assert answer["error"]["code"] == -1121


async def test_a_full_order_count_is_told_over_both_doors(visitor: Visitor, connect: Connect) -> None:
    for _ in range(3):
        assert (await visitor.limit(visitor.away("0.9"))).status == 200
    reply = await visitor.limit(visitor.away("0.9"))
    assert (reply.status, reply.code, "Retry-After" in reply.headers) == (429, -1015, True)
    assert (await visitor.limit(visitor.away("0.9"), quantity="0.000001")).code == -1013
    api = await connect(PATH)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    answer = await api.signed("order.place", **order, price=str(visitor.away("0.9")))
    assert (answer["status"], answer["error"]["code"]) == (429, -1015)
    assert set(answer["error"]["data"]) == {"serverTime", "retryAfter"}


async def test_times_come_in_microseconds_when_asked_for(visitor: Visitor, connect: Connect) -> None:
    url = f"{visitor.emulator.spot_url}/api/v3/time"
    async with visitor.session.get(url, headers={"X-MBX-TIME-UNIT": "MICROSECOND"}) as reply:
        assert abs((await reply.json())["serverTime"] - now_ms() * 1_000) < 60_000_000
    async with visitor.session.get(url, headers={"X-MBX-TIME-UNIT": "HOUR"}) as reply:
        assert (await reply.json())["code"] == -1194
    api = await connect(f"{PATH}?timeUnit=microsecond")
    assert (await api.call("time"))["result"]["serverTime"] > 10**15
    stream = await connect("/ws/btcusdt@aggTrade?timeUnit=MICROSECOND")
    await visitor.emulator.step()
    assert (await stream.frame())["T"] > 10**15
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await connect("/ws/a?timeUnit=day")
