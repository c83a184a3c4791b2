"""What goes wrong at the exchange itself: rules of the emulator's fault book, drawn from the seed."""

from random import Random

from bot.emulator.faults import Rule

_ORDERS, _SOCKET_ORDERS = "/api/v3/order", "order.*"


def draw_faults(lots: Random) -> tuple[Rule, ...]:
    """Draw a handful of kinds; each seed has others."""
    return tuple(rule for rule in (*_of_requests(lots), *_of_events(lots), *_of_streams(lots)) if lots.random() < 0.4)


def _of_requests(lots: Random) -> list[Rule]:
    def rule(kind: str, chance: float, **more: object) -> list[Rule]:
        return [
            Rule(kind=kind, path=path, probability=chance, seed=lots.randrange(1 << 30), **more)  # type: ignore[arg-type]
            for path in (_ORDERS, _SOCKET_ORDERS)
        ]

    return [
        *rule("error", 0.02, status=503, code=None, message="Service Unavailable", accept=lots.random() < 0.5),
        *rule("error", 0.02, status=408, code=-1007, message="Timeout waiting for response.", accept=True),
        *rule("error", 0.02, status=500, code=-1000, message="An unknown error occurred.", accept=lots.random() < 0.5),
        *rule("bad_gateway", 0.02, accept=lots.random() < 0.5),
        *rule("drop_reply", 0.02),
        *rule("drop_request", 0.02),
        *rule("delay_reply", 0.02, delay_ms=lots.choice((300, 4_000, 17_000))),
        *rule("delay_request", 0.02, delay_ms=lots.choice((300, 4_000, 6_000))),
        *rule("truncated_body", 0.01),
        *rule("empty_body", 0.01),
        *rule("extra_keys", 0.05),
        *rule("limit", 0.005, retry_after_s=lots.choice((1, 5))),
        Rule(kind="expire_by_rule", probability=0.05, seed=lots.randrange(1 << 30)),
    ]


def _of_events(lots: Random) -> list[Rule]:
    return [
        Rule(kind=kind, event="executionReport", probability=chance, seed=lots.randrange(1 << 30), delay_ms=delay_ms)  # type: ignore[arg-type]
        for kind, chance, delay_ms in (
            ("drop_frame", 0.03, 0),
            ("duplicate_frame", 0.05, 0),
            ("reorder_frame", 0.05, 0),
            ("delay_frame", 0.03, 20_000),
            ("extra_keys", 0.05, 0),
        )
    ]


def _of_streams(lots: Random) -> list[Rule]:
    return [
        Rule(kind=kind, stream="*@kline_*", probability=0.01, seed=lots.randrange(1 << 30), delay_ms=2_000)
        for kind in ("drop_frame", "duplicate_frame", "reorder_frame", "delay_frame")
    ]
