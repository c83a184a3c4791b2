"""What the emulator writes has the names and types of real answers, collected from public projects."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parents[3] / "../shared/data/fixtures"
NOT_OURS = {
    # Sent only when there is such a thing; here there is not.
    "exchange_info_response": {"sors"},
    "order": {"icebergQty", "stopPrice", "usedSor", "workingFloor", "preventedMatchId", "preventedQuantity"},
    "allOrders": {"preventedMatchId", "preventedQuantity"},
    "openOrders": {"preventedMatchId", "preventedQuantity"},
}


def recorded(name: str) -> dict[str, Any]:
    """Give the recorded answers of a file by what asked for them."""
    with gzip.open(FIXTURES / name, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return {f"{row.get('http_method')} {row.get('path')}" if "path" in row else row["source"]: row for row in rows}


def kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def differences(real: Any, ours: Any, skip: set[str], where: str = "") -> list[str]:
    """Say what a real answer has and ours has not, name by name."""
    if kind(real) != kind(ours):
        return [f"{where}: {kind(real)} there, {kind(ours)} here"]
    if isinstance(real, dict):
        found = [f"{where}.{name}: missing" for name in real if name not in ours and name not in skip]
        shared = [name for name in real if name in ours]
        return found + [one for name in shared for one in differences(real[name], ours[name], skip, f"{where}.{name}")]
    if isinstance(real, list) and real and ours:
        return differences(real[0], ours[0], skip, f"{where}[]")
    return []


@pytest.mark.parametrize(
    "path",
    [
        "aggTrades?symbol=BTCUSDT", "avgPrice?symbol=BTCUSDT", "trades?symbol=BTCUSDT", "time",
        "ticker/24hr?symbol=BTCUSDT",
    ],
)  # fmt: skip
async def test_public_answers_have_the_real_shape(visitor: Any, path: str) -> None:
    await visitor.emulator.step()
    real = recorded("binance_net_fixtures.jsonl.gz")[f"GET /api/v3/{path.partition('?')[0]}"]["response"]
    assert differences(real, (await visitor.get(path)).body, set()) == []


@pytest.mark.parametrize("path", ["openOrders", "allOrders", "myTrades"])
async def test_customers_answers_have_the_real_shape(visitor: Any, path: str) -> None:
    await visitor.place()
    await visitor.limit(visitor.away("0.9"))
    real = recorded("binance_net_fixtures.jsonl.gz")[f"GET /api/v3/{path}"]["response"]
    ours = (await visitor.signed("GET", path, symbol="BTCUSDT")).body
    assert differences(real, ours, NOT_OURS.get(path, set())) == []


async def test_a_placed_order_has_the_real_shape(visitor: Any) -> None:
    real = recorded("binance_net_fixtures.jsonl.gz")["POST /api/v3/order"]["response"]
    assert differences(real, (await visitor.place()).body, NOT_OURS["order"]) == []


SPOT = "crates/adapters/binance/test_data/spot/http_json"
ASKED: dict[str, Callable[[Any], Any]] = {
    "account_response": lambda visitor: visitor.signed("GET", "account"),
    "book_ticker_response": lambda visitor: visitor.get("ticker/bookTicker?symbol=BTCUSDT"),
    "ticker_price_response": lambda visitor: visitor.get("ticker/price?symbol=BTCUSDT"),
    "exchange_info_response": lambda visitor: visitor.get("exchangeInfo"),
    "new_order_full_response": lambda visitor: visitor.place(),
    "cancel_order_response": lambda visitor: visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=1001),
    "order_response": lambda visitor: visitor.signed("GET", "order", symbol="BTCUSDT", orderId=1001),
}


@pytest.mark.parametrize("name", ASKED)
async def test_answers_have_the_shape_another_project_recorded(visitor: Any, name: str) -> None:
    await visitor.limit(visitor.away("0.9"))
    real = recorded("nautilus_fixtures.jsonl.gz")[f"{SPOT}/{name}.json"]["body"]
    assert differences(real, (await ASKED[name](visitor)).body, NOT_OURS.get(name, set())) == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("account_position", "outboundAccountPosition"), ("execution_report_new", "NEW"), ("execution_report_trade", "TRADE"), ("execution_report_canceled", "CANCELED")],
)  # fmt: skip
async def test_user_events_have_the_real_shape(visitor: Any, connect: Any, name: str, wanted: str) -> None:
    api = await connect("/ws-api/v3")
    await api.signed("userDataStream.subscribe.signature")
    await visitor.place()
    order = await visitor.limit(visitor.away("0.9"))
    await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=order.body["orderId"])
    await api.call("ping")
    events = [event["event"] for event in api.events]
    ours = next(event for event in events if wanted in {event["e"], event.get("x")})
    source = f"crates/adapters/binance/test_data/spot/user_data_json/{name}.json"
    assert differences(recorded("nautilus_fixtures.jsonl.gz")[source]["body"], ours, set()) == []
