"""What few use at spot: orders routed among books, lists that sell what they bought, keys of an RSA pair."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from notes import SYMBOL, Notes

API = "/api/v3/"
TWIN = "BTCUSDC"
TRIES = 20
"""The market moves between a look at two prices and the order that is to take the better one."""


def routing(desk: Any) -> None:
    """Routed orders, and what they leave: allocations for what came from another book."""
    ask = desk.notes.ask
    info = ask(f"GET {API}exchangeInfo", "sors", lambda a: TWIN in a["sors"][0]["symbols"])
    if not info:
        return
    test, place = (f"POST {API}sor/order/test", f"POST {API}sor/order")
    for more in ({}, {"computeCommissionRates": "true"}):
        ask(test, " ".join(more), None, **desk.limit("BUY", "0.97", **more))
    routed = None
    for _ in range(TRIES):
        side = _better_at_the_twin(desk)
        routed = ask(place, "MARKET", lambda a: a["status"] == "FILLED" and a["usedSor"], **desk.order("MARKET", side))
        if not routed or desk.peer.ask(f"GET {API}myAllocations", {"symbol": SYMBOL}):
            break
    rested = ask(place, "LIMIT", lambda a: a["status"] == "NEW" and a["usedSor"], **desk.limit("BUY", "0.97"))
    if rested:
        ask(f"DELETE {API}order", "routed", lambda a: a["status"] == "CANCELED", symbol=SYMBOL,
            orderId=rested["orderId"])  # fmt: skip
    ask("ws-api sor.order.test", "", None, **desk.limit("BUY", "0.97"))
    ask("ws-api sor.order.place", "MARKET", lambda a: _one(a)["usedSor"], **desk.order("MARKET", "BUY"))
    desk.notes.refused(place, -1116, "LIMIT_MAKER", **desk.order("LIMIT_MAKER", "BUY", price=desk.price("0.97")))
    if routed:
        ask(f"GET {API}myAllocations", "after routing", lambda a: a[0]["allocationType"] == "SOR", symbol=SYMBOL)
        ask("ws-api myAllocations", "after routing", lambda a: a[0]["orderId"] > 0, symbol=SYMBOL)


def _better_at_the_twin(desk: Any) -> str:
    """Give the side on which the other book is the better one."""
    own, other = (
        Decimal(str(desk.peer.ask(f"GET {API}ticker/price", {"symbol": one})["price"])) for one in (SYMBOL, TWIN)
    )
    return "BUY" if other < own else "SELL"


def list_of(desk: Any, kind: str) -> dict[str, Any]:
    """Give the parameters of a list that sells what its working leg will buy."""
    working = {"symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": desk.price("0.97"),
               "workingQuantity": "0.01", "workingTimeInForce": "GTC", "pendingSide": "SELL"}  # fmt: skip
    if kind == "opo":
        return working | {"pendingType": "LIMIT", "pendingPrice": desk.price("1.03"), "pendingTimeInForce": "GTC"}
    return working | {
        "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": desk.price("1.03"),
        "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": desk.price("0.95"),
    }  # fmt: skip


def selling_lists(desk: Any) -> None:
    """OPO and OPOCO by both doors; one of them bought, and sells what it got."""
    ask = desk.notes.ask
    for kind, legs in (("opo", 2), ("opoco", 3)):
        for endpoint in (f"POST {API}orderList/{kind}", f"ws-api orderList.place.{kind}"):
            placed = ask(endpoint, "", lambda a, legs=legs: len(a["orders"]) == legs, **list_of(desk, kind))
            if placed:
                ask(f"DELETE {API}orderList", kind, lambda a: a["listOrderStatus"] == "ALL_DONE", symbol=SYMBOL,
                    orderListId=placed["orderListId"])  # fmt: skip
        bought = list_of(desk, kind) | {"workingPrice": desk.price("1.01")}
        placed = ask(f"POST {API}orderList/{kind}", "bought at once", lambda a: a["orders"], **bought)
        if placed:
            which = placed["orders"][-1]["orderId"]
            ask(f"GET {API}order", f"{kind} sells less its fee", lambda a: 0 < Decimal(a["origQty"]) < Decimal("0.01"),
                symbol=SYMBOL, orderId=which)  # fmt: skip
            ask(f"DELETE {API}order", kind, None, symbol=SYMBOL, orderId=which)


def rsa(notes: Notes, ask: Callable[[str, dict[str, Any]], Any]) -> None:
    """Signed requests of a client that was made with an RSA key."""
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    for endpoint, params, check in (
        (f"GET {API}account", {}, lambda a: a["balances"]),
        (f"POST {API}order/test", order, None),
        (f"POST {API}order", order, lambda a: a["status"] == "FILLED"),
        ("ws-api account.status", {}, lambda a: a["balances"]),
    ):
        notes.run(endpoint, "with an RSA key", lambda endpoint=endpoint, params=params: ask(endpoint, params), check)


def _one(answer: Any) -> Any:
    """Give the order out of an answer, which the socket wraps into a list."""
    return answer[0] if isinstance(answer, list) else answer
