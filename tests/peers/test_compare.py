from typing import Any

from run import ACCOUNT, Result, compare
from table import page


def row(kind: str, **facts: Any) -> dict[str, Any]:
    return {"face": "spot", "kind": kind, "account": ACCOUNT} | facts


BOOK = [
    row("order", order_id=7, status="NEW"),
    row("move", order_id=7, status="FILLED", filled="0.01"),
    row("balance", asset="USDT", free="100", locked="0"),
    row("balance", asset="USDT", free="-40", locked="40"),
]


def test_beliefs_that_are_true_are_counted() -> None:
    order = {"fact": "order", "market": "spot", "order_id": 7, "status": "FILLED", "filled": "0.010"}
    event = {"fact": "event", "market": "spot", "order_id": 7, "status": "FILLED", "filled": "0.01"}
    balance = {"fact": "balance", "market": "spot", "asset": "USDT", "free": "60.0", "locked": "40"}
    result = Result("ccxt", [], [order, event, balance])
    compare(result, BOOK)
    assert (result.compared, result.lies) == ({"order": 1, "event": 1, "balance": 1}, [])


def test_a_client_that_believes_something_else_is_found_out() -> None:
    order = {"fact": "order", "market": "spot", "order_id": 7, "status": "NEW", "filled": "0"}
    event = {"fact": "event", "market": "spot", "order_id": 7, "status": "CANCELED", "filled": "0"}
    balance = {"fact": "balance", "market": "spot", "asset": "USDT", "free": "100", "locked": "0"}
    result = Result("ccxt", [], [order, event, balance])
    compare(result, BOOK)
    assert len(result.lies) == 3


def test_an_emulator_that_breaks_is_found_out() -> None:
    result = Result("ccxt", [], [])
    compare(result, [row("request", status=500, method="GET", path="/api/v3/time")])
    assert result.lies == ["the emulator answered 500 to GET /api/v3/time"]


def test_the_table_shows_what_passes_fails_and_cannot_be_asked() -> None:
    names = (("GET /api/v3/ping", "ok"), ("GET /api/v3/time", "failed"), ("GET /api/v3/depth", "cannot"))
    steps = [{"step": "", "endpoint": name, "outcome": how, "ok": how == "ok", "detail": "why"} for name, how in names]
    shown = page([Result("ccxt", steps, [])])
    for line in ("`GET /api/v3/ping` | pass", "`GET /api/v3/time` | **fails**", "`GET /api/v3/depth` | –"):
        assert line in shown
