import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.emulator.config import AccountConfig, KeyConfig
from bot.emulator.faults import Rule


async def test_a_listen_key_expires_early_when_told_to(visitor: Any, connect: Any) -> None:
    events = await visitor.listen(connect)
    visitor.emulator.world.faults.add(Rule(kind="expire_listen_key", account="account-1", count=1))
    await visitor.emulator.step()
    assert (await events.frame())["e"] == "listenKeyExpired"
    assert (await visitor.raw("PUT", "/fapi/v1/listenKey", key=visitor.key)).code == -1125


async def test_an_order_may_be_accepted_while_its_answer_says_otherwise(visitor: Any) -> None:
    visitor.emulator.world.faults.add(
        Rule(
            kind="error", face="um", method="POST", path="/fapi/v1/order", status=503, code=-1007, count=1,
            message="Timeout waiting for response from backend server.",
        )
    )  # fmt: skip
    lost = await visitor.limit(visitor.away("0.97"), newClientOrderId="lost-1")
    found = await visitor.signed("GET", "v1/order", symbol="BTCUSDT", origClientOrderId="lost-1")
    assert (lost.status, lost.code, found.body["status"]) == (503, -1007, "NEW")


async def test_user_events_of_one_account_can_be_lost(visitor: Any, connect: Any) -> None:
    events = await visitor.listen(connect)
    visitor.emulator.world.faults.add(
        Rule(kind="drop_frame", face="um", account="account-1", event="TRADE_LITE", count=1)
    )
    await visitor.place()
    told = [(await events.frame())["e"] for _ in range(3)]
    assert told == ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]


async def test_the_truth_book_knows_every_order_and_request(visitor: Any) -> None:
    await visitor.place(newClientOrderId="true-1")
    rows = visitor.emulator.world.truth.read(face="um", account="account-1")
    assert {"request", "order", "move", "balance", "position"} <= {row["kind"] for row in rows}
    request = next(row for row in rows if row["kind"] == "request")
    assert (request["path"], request["client_order_id"]) == ("/fapi/v1/order", "true-1")


async def test_an_ed25519_key_logs_on_and_then_needs_no_signature(make_visitor: Any) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    account = AccountConfig("", "", {}, keys=(KeyConfig("ed-key", public_key=public.decode()),))
    visitor, _ = await make_visitor(accounts=(account,))
    clock = visitor.emulator.world.clock
    async with visitor.session.ws_connect(f"{visitor.emulator.um_stream_url}/ws-fapi/v1") as socket:
        stamp = clock.now_ms
        signature = base64.b64encode(private.sign(f"apiKey=ed-key&timestamp={stamp}".encode())).decode()
        params = {"apiKey": "ed-key", "timestamp": stamp, "signature": signature}
        await socket.send_json({"id": 1, "method": "session.logon", "params": params})
        logged_on = await socket.receive_json(timeout=30)
        await socket.send_json({"id": 2, "method": "v2/account.balance", "params": {"timestamp": clock.now_ms}})
        balance = await socket.receive_json(timeout=30)
    assert logged_on["result"]["apiKey"] == "ed-key"
    assert (balance["status"], balance["result"]) == (200, [])
