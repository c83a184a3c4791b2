"""Every fault of an order's request, switched on over the control port: one request, one ending, proven."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.binance.client import OrderPath
from bot.domain.market import Market
from bot.domain.order import OrderStatus

from .conftest import PATHS
from .scene import FENCE_MS, Desk, Scene, an_order

NEW, VOID, UNKNOWN, REJECTED = OrderStatus.NEW, OrderStatus.VOID, OrderStatus.UNKNOWN, OrderStatus.REJECTED
BOTH, SPOT, FUTURES = tuple(Market), (Market.SPOT,), (Market.FUTURES,)


@dataclass(frozen=True)
class Case:
    """A fault, whether the order really stands, and what we told of it."""

    name: str
    kind: str
    stands: bool
    told: tuple[OrderStatus, ...]
    rule: dict[str, Any] = field(default_factory=dict)
    markets: tuple[Market, ...] = BOTH
    gives_up: bool = False
    """Whether we stop waiting for the answer."""
    over_rest: bool = False
    """Whether it happens to REST alone."""


def says(code: int | None, status: int, message: str = "", *, accept: bool = True) -> dict[str, Any]:
    return {"code": code, "status": status, "message": message, "accept": accept}


FOUND, ABSENT, AT_ONCE, NEVER, REFUSED = (UNKNOWN, NEW), (UNKNOWN, VOID), (NEW,), (VOID,), (REJECTED,)
FAILED = "Unknown error, please check your request or try again later."
CASES = (
    Case("request lost", "drop_request", False, ABSENT),
    Case("reply lost", "drop_reply", True, FOUND),
    Case("reply late", "delay_reply", True, FOUND, {"delay_ms": 1_000}, gives_up=True),
    Case("reply late but in time", "delay_reply", True, AT_ONCE, {"delay_ms": 100}),
    Case("request late", "delay_request", True, FOUND, {"delay_ms": 900}, gives_up=True),
    Case("body cut", "truncated_body", True, FOUND, gives_up=True),
    Case("body empty", "empty_body", True, FOUND, gives_up=True),
    Case("gateway broke after", "bad_gateway", True, FOUND),
    Case("gateway broke before", "bad_gateway", False, ABSENT, {"accept": False}),
    Case("500 after", "error", True, FOUND, says(-1000, 500)),
    Case("500 before", "error", False, ABSENT, says(-1000, 500, accept=False)),
    Case("503 in words after", "error", True, FOUND, says(None, 503, FAILED)),
    Case("503 in words before", "error", False, ABSENT, says(None, 503, FAILED, accept=False)),
    Case("504 after", "error", True, FOUND, says(None, 504)),
    Case("-1006 after", "error", True, FOUND, says(-1006, 400)),
    Case("-1007 after", "error", True, FOUND, says(-1007, 408)),
    Case("-1007 before", "error", False, ABSENT, says(-1007, 408, accept=False)),
    Case("a code nobody knows", "error", True, FOUND, says(-7777, 400)),
    Case("duplicate", "error", True, FOUND, says(-2010, 400, "Duplicate order sent."), SPOT),
    Case("duplicate", "error", True, FOUND, says(-4116, 400), FUTURES),
    Case("503 that says: not done", "error", False, NEVER, says(-1001, 503, "Service Unavailable.", accept=False), FUTURES),
    Case("overloaded", "error", False, NEVER, says(-1008, 503, accept=False)),
    Case("-1003", "error", False, NEVER, says(-1003, 429, accept=False) | {"retry_after_s": 30}),
    Case("-1015", "error", False, NEVER, says(-1015, 429, accept=False) | {"retry_after_s": 30}),
    Case("429", "limit", False, NEVER, {"retry_after_s": 30}),
    Case("418", "ban", False, NEVER, {"retry_after_s": 30}),
    Case("-1021", "error", False, REFUSED, says(-1021, 400, accept=False)),
    Case("-2015", "error", False, REFUSED, says(-2015, 401, accept=False)),
    Case("firewall", "error", False, NEVER, says(None, 403, "<html>403</html>", accept=False), over_rest=True),
    Case("reply for another order", "unknown_enum", True, FOUND, {"field": "clientOrderId", "value": "of-another"}),
    Case("reply for another symbol", "unknown_enum", True, FOUND, {"field": "symbol", "value": "ETHUSDT"}),
    Case("status unknown", "unknown_enum", True, FOUND),
    Case("keys unknown", "extra_keys", True, AT_ONCE),
)  # fmt: skip


def scenes() -> Iterator[Any]:
    for market, path in PATHS:
        for case in CASES:
            if market in case.markets and not (case.over_rest and path is OrderPath.WS):
                yield pytest.param((market, path), case, id=f"{market}-{path}-{case.name}")


@pytest.mark.parametrize(("scene", "case"), list(scenes()), indirect=["scene"])
async def test_an_order_goes_out_once_and_its_ending_is_proven(scene: Scene, case: Case) -> None:
    desk = await Desk(scene, **({"order_timeout_s": 0.4} if case.gives_up else {})).open()
    await scene.mute_user_events()
    rule = await scene.order_fault(case.kind, **case.rule)
    order = an_order(scene)
    await desk.place(order)
    await desk.hears(order, case.told[0])
    if case.told == ABSENT:
        await scene.denied("a", 3)
        assert desk.statuses(order) == [UNKNOWN]
        await scene.pass_time(FENCE_MS + 1_000)
    await desk.hears(order, case.told[-1])
    assert tuple(desk.statuses(order)) == case.told
    assert await scene.orders() == ["a"] * case.stands
    assert len(await scene.posts()) == await scene.hits(rule) == 1
