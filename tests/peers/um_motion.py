"""What the market does to a USD-M account: conditions fire, funding is paid, positions are lost. The control port moves it."""

import json
import os
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from notes import SYMBOL, Notes, Peer, wait_until

V1, V3 = "/fapi/v1/", "/fapi/v3/"
CONTROL = os.environ.get("EMU_CONTROL", "")
SIZE = "0.01"
EVENTS_S = 8.0


def control(path: str, content: dict[str, Any]) -> None:
    """Tell the emulator what shall happen."""
    request = urllib.request.Request(f"{CONTROL}{path}", json.dumps(content).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as reply:
        reply.read()


class Motion:
    """A market that stands still until it is moved, and what the client hears meanwhile."""

    def __init__(self, notes: Notes, peer: Peer) -> None:
        self.notes, self.peer = notes, peer
        rows = peer.ask(f"GET {V1}depth", {"symbol": SYMBOL, "limit": 5})
        self.start = Decimal(str(rows["bids"][0][0]))

    def at(self, share: str) -> str:
        """Give a price at a share of where the market stood, on the tick."""
        return str((self.start * Decimal(share)).quantize(Decimal("0.1")))

    def move(self, *shares: str) -> None:
        """Let the market trade at these prices, one after the other."""
        for share in shares:
            control("/_market", {"symbol": SYMBOL, "price": self.at(share)})

    def market(self, side: str, quantity: str = SIZE, **more: Any) -> Any:
        """Place a market order."""
        return self.peer.ask(
            f"POST {V1}order", {"symbol": SYMBOL, "side": side, "type": "MARKET", "quantity": quantity, **more}
        )

    def algo(self, kind: str, side: str, **more: Any) -> Any:
        """Place a conditional order."""
        words = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": side, "type": kind, "quantity": SIZE, **more}
        return self.peer.ask(f"POST {V1}algoOrder", words)

    def hear(self, step: str, act: Callable[[], Any], is_heard: Callable[[list[Any]], Any]) -> None:
        """Do something and wait until the client has heard of it."""

        def work() -> list[Any]:
            with self.peer.user_stream("um") as seen:
                act()
                wait_until(lambda: is_heard(list(seen)), EVENTS_S)
                return list(seen)

        self.notes.run("um user events", step, work, is_heard)


def play(notes: Notes, peer: Peer) -> None:
    """Play everything, with the market held still."""
    control("/_clock", {"speed": 0})
    motion = Motion(notes, peer)
    for act in (triggered, hedged, trailed, funded, lost):
        motion.move("1")
        act(motion)
    motion.move("1")
    control("/_clock", {"speed": 60})


def triggered(motion: Motion) -> None:
    """A stop and a take-profit fire, as orders at the market and with a limit, and become trades."""
    for kind, share, more in (
        ("STOP_MARKET", "0.99", {}),
        ("TAKE_PROFIT_MARKET", "1.01", {}),
        ("STOP", "0.99", {"price": motion.at("0.97"), "timeInForce": "GTC"}),
        ("TAKE_PROFIT", "1.01", {"price": motion.at("0.97"), "timeInForce": "GTC"}),
    ):
        _fires(motion, kind, share, more)


def _fires(motion: Motion, kind: str, share: str, more: dict[str, Any], **sides: str) -> None:
    placed: dict[str, Any] = {}

    def act() -> None:
        placed.update(motion.algo(kind, "SELL", triggerPrice=motion.at(share), **sides, **more))
        motion.market("BUY", **sides)
        motion.move(share)

    name = f"{kind} fires{' in hedge mode' if sides else ''}"
    motion.hear(name, act, lambda seen: _fired(seen, placed))
    if placed:
        number = placed["algoId"]
        motion.notes.ask(f"GET {V1}algoOrder", name, lambda a: a["algoStatus"] == "FINISHED", algoId=number)
        motion.notes.ask(
            f"GET {V1}allOrders", name, lambda a: a[-1]["origType"] == kind and a[-1]["status"] == "FILLED",
            symbol=SYMBOL,
        )  # fmt: skip
    motion.move("1")


def _fired(seen: list[Any], placed: dict[str, Any]) -> bool:
    """Say whether a conditional order was told until its end, with the order that it became."""
    number = placed.get("algoId")
    states = [event["o"]["X"] for event in seen if event["e"] == "ALGO_UPDATE" and event["o"]["aid"] == number]
    filled = {event["o"]["c"] for event in seen if event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["X"] == "FILLED"}
    return states[-1:] == ["FINISHED"] and "TRIGGERED" in states and placed["clientAlgoId"] in filled


def hedged(motion: Motion) -> None:
    """A stop of one side of a hedge fires and leaves the other alone."""
    ask, notes = motion.peer.ask, motion.notes
    ask(f"POST {V1}positionSide/dual", {"dualSidePosition": "true"})
    motion.market("SELL", positionSide="SHORT")
    _fires(motion, "STOP_MARKET", "0.99", {}, positionSide="LONG")
    notes.ask(f"GET {V3}positionRisk", "the other side stays", lambda rows: [
        (row["positionSide"], Decimal(row["positionAmt"])) for row in rows if Decimal(row["positionAmt"])
    ] == [("SHORT", -Decimal(SIZE))], symbol=SYMBOL)  # fmt: skip
    motion.market("BUY", positionSide="SHORT")
    ask(f"POST {V1}positionSide/dual", {"dualSidePosition": "false"})


def trailed(motion: Motion) -> None:
    """A trailing stop becomes active, follows the price up, and fires on its way back."""
    placed: dict[str, Any] = {}

    def act() -> None:
        placed.update(motion.algo("TRAILING_STOP_MARKET", "SELL", activatePrice=motion.at("1.01"), callbackRate="1"))
        motion.market("BUY")
        motion.move("1.01", "1.03", "1.021", "1.019")

    motion.hear("TRAILING_STOP_MARKET fires", act, lambda seen: _fired(seen, placed))


def funded(motion: Motion) -> None:
    """A funding is paid, told and among the income."""
    motion.market("BUY")

    def is_told(seen: list[Any]) -> bool:
        return any(event["e"] == "ACCOUNT_UPDATE" and event["a"]["m"] == "FUNDING_FEE" for event in seen)

    motion.hear("funding", lambda: control("/_market", {"symbol": SYMBOL, "funding": "0.0003"}), is_told)
    paid = -(motion.start * Decimal(SIZE) * Decimal("0.0003")).quantize(Decimal("0.00000001"))
    motion.notes.ask(
        f"GET {V1}income", "funding", lambda rows: Decimal(rows[-1]["income"]) == paid, symbol=SYMBOL,
        incomeType="FUNDING_FEE",
    )  # fmt: skip
    motion.notes.ask(
        f"GET {V1}fundingRate", "after a funding", lambda rows: Decimal(rows[-1]["fundingRate"]) == Decimal("0.0003"),
        symbol=SYMBOL,
    )  # fmt: skip
    motion.market("SELL", reduceOnly="true")


def lost(motion: Motion) -> None:
    """An isolated position comes near its end, then is liquidated."""
    ask, notes = motion.peer.ask, motion.notes
    ask(f"POST {V1}marginType", {"symbol": SYMBOL, "marginType": "ISOLATED"})
    ask(f"POST {V1}leverage", {"symbol": SYMBOL, "leverage": 50})
    motion.market("BUY", "0.5")
    motion.hear(
        "MARGIN_CALL", lambda: motion.move("0.9846"), lambda seen: any(event["e"] == "MARGIN_CALL" for event in seen)
    )

    def is_lost(seen: list[Any]) -> bool:
        orders = [event["o"] for event in seen if event["e"] == "ORDER_TRADE_UPDATE"]
        return any(one["c"].startswith("autoclose-") and one["x"] == "CALCULATED" for one in orders)

    motion.hear("liquidation", lambda: motion.move("0.98"), is_lost)
    notes.ask(
        f"GET {V1}forceOrders", "after a liquidation", lambda rows: rows[-1]["clientOrderId"].startswith("autoclose-"),
        symbol=SYMBOL,
    )  # fmt: skip
    notes.ask(
        f"GET {V3}positionRisk", "after a liquidation",
        lambda rows: not any(Decimal(row["positionAmt"]) for row in rows), symbol=SYMBOL,
    )  # fmt: skip
    ask(f"POST {V1}marginType", {"symbol": SYMBOL, "marginType": "CROSSED"})


def signed_by_rsa(notes: Notes, peer: Peer) -> None:
    """Trade with a key of the other kind: `peer` signs with RSA."""
    notes.run(
        "um RSA key",
        "asks",
        lambda: peer.ask("GET /fapi/v2/account", {}),
        lambda a: Decimal(a["totalWalletBalance"]) > 0,
    )
    words = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": SIZE, "newOrderRespType": "RESULT"}
    for side in ("BUY", "SELL"):
        order = words | {"side": side}
        notes.run(
            "um RSA key", side, lambda order=order: peer.ask(f"POST {V1}order", order),
            lambda a: a["status"] == "FILLED",
        )  # fmt: skip
