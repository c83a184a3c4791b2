"""A request that goes wrong on purpose: what is done of it, and what its sender is told."""

import asyncio
from collections.abc import Callable
from typing import Any

from bot.emulator.faults import Rule
from bot.emulator.gateway import (
    Admitted,
    Caller,
    Gated,
    Operation,
    Outcome,
    admit,
    carry_out,
    note,
    refused,
    settle,
)
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError

_HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>502</center></body>\r\n</html>\r\n"


async def serve[F: Gated](
    face: F, operation: Operation[F], params: Params, caller: Caller, method: str, path: str
) -> Outcome:
    """Answer a request, with whatever fault is meant for it. The truth book learns what really came of it."""
    gate = face.gate
    known = gate.customers.get(caller.key or "") or caller.session
    account = known.name if known else ""
    rule = gate.faults.for_request(gate.name, method, path, account, params.values)
    if rule is None:
        outcome = settle(lambda: _at_once(face, operation, params, caller))
        note(gate, caller, method, path, params, outcome)
    else:
        outcome = await _disturbed(rule, face, operation, params, caller, method, path)
    if outcome.raw is None and outcome.status == 200:
        outcome.content = gate.faults.change(gate.name, path, account, outcome.content, is_frame=False)
    return outcome


def _at_once[F: Gated](face: F, operation: Operation[F], params: Params, caller: Caller) -> Outcome:
    return carry_out(face, admit(face, operation, params, caller), caller)


async def _disturbed[F: Gated](
    rule: Rule, face: F, operation: Operation[F], params: Params, caller: Caller, method: str, path: str
) -> Outcome:
    gate, now_ms = face.gate, face.gate.clock.now_ms
    if rule.kind in {"limit", "ban"}:
        stop = gate.weight.hold_up if rule.kind == "limit" else gate.weight.ban
        outcome = refused(stop(caller.address, rule.retry_after_s or 60, now_ms))
        note(gate, caller, method, path, params, outcome)
        return outcome
    really: Outcome | None = None
    if rule.kind == "delay_request":
        really = await _later(rule, face, operation, params, caller)
    elif rule.kind in {"delay_reply", "truncated_body", "empty_body", "drop_reply"} or (
        rule.kind in {"error", "bad_gateway"} and rule.accept
    ):
        really = settle(lambda: _at_once(face, operation, params, caller))
    if really is None:
        note(gate, caller, method, path, params, Outcome(0, {"code": 0}))
    else:
        note(gate, caller, method, path, params, really)
    if rule.kind != "delay_request" and rule.delay_ms:
        await asyncio.sleep(rule.delay_ms / 1000)
    return _told(rule, really)


async def _later[F: Gated](rule: Rule, face: F, operation: Operation[F], params: Params, caller: Caller) -> Outcome:
    """Let a request wait between its check at the entry and the engine, as in a queue."""
    admitted: list[Admitted[F]] = []

    def enter() -> Outcome:
        admitted.append(admit(face, operation, params, caller))
        return Outcome(200, None)

    entered = settle(enter)
    if not admitted:
        return entered
    await asyncio.sleep(rule.delay_ms / 1000)
    return settle(lambda: carry_out(face, admitted[0], caller))


def _told(rule: Rule, really: Outcome | None) -> Outcome:
    """Give what the sender sees."""
    tellers: dict[str, Callable[[], Outcome]] = {
        "drop_request": lambda: Outcome(0, None, is_dropped=True),
        "drop_reply": lambda: Outcome(0, None, is_dropped=True),
        "bad_gateway": lambda: Outcome(502, _code(-1000), raw=_HTML),
        "truncated_body": lambda: Outcome(200, _code(-1000), raw=b'{"symbol":"BTCUSDT","orde'),
        "empty_body": lambda: Outcome(200, _code(-1000), raw=b""),
        "error": lambda: _error(rule),
    }
    teller = tellers.get(rule.kind)
    if teller is not None:
        return teller()
    return really or Outcome(0, None, is_dropped=True)


def _error(rule: Rule) -> Outcome:
    headers = {"Retry-After": str(rule.retry_after_s)} if rule.retry_after_s else {}
    if rule.code is None:
        return Outcome(rule.status, {"code": -1001, "msg": rule.message}, raw=rule.message.encode())
    error = ApiError(rule.code, rule.message or "Fault on purpose.", rule.status, headers=headers)
    return refused(error)


def _code(code: int) -> dict[str, Any]:
    return {"code": code, "msg": ""}
