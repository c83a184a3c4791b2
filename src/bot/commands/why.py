"""`bot why`: what a strategy saw and wanted at a moment, the verdict, and what came of it; or why nothing happened.

With --order, --trade or --position: the whole life of an order, from the stream of facts.
"""

import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, say, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session

    from bot.bootstrap import Roof
    from bot.db.base import Mode
    from bot.reporting.life import Life, Moment
    from bot.reporting.queries import StrategyFacts
    from bot.reporting.why import DecisionSeen, OrderSeen, Standing

MODES = ("paper", "rehearsal", "live")
DAY = timedelta(days=1)
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""
_HOW = "write 2025-05-20 12:30, 2025-05-20, 12:30, 15m (that long before its newest record), or milliseconds UTC"


def why(
    strategy: Annotated[str, typer.Argument(help="Its id, its title, or account/title.")] = "",
    when: Annotated[
        str, typer.Argument(metavar="[TIME]", help=f"{_HOW[0].upper()}{_HOW[1:]}. Left out: the newest decisions.")
    ] = "",
    order: Annotated[str, typer.Option("--order", help="The whole life of this order, by our id.", metavar="ID")] = "",
    trade: Annotated[
        int, typer.Option("--trade", min=0, help="That of the order of this trade of the exchange.", metavar="NUMBER")
    ] = 0,
    position: Annotated[
        bool, typer.Option("--position", help="That of the orders which made what the strategy holds (then).")
    ] = False,
    mode: Annotated[str, typer.Option(help=f"Of this money: {', '.join(MODES)}; else the one it uses now.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=1_000, help="Show this many decisions at most.")] = 10,
    json: Json = False,
) -> None:
    """Say why a strategy did something, or did not: what it saw, what it wanted, the verdict, the order and its P&L."""
    if mode and mode not in MODES:
        fail(f"unknown mode {mode!r}; use one of {', '.join(MODES)}", ExitCode.USAGE)
    if when and not _is_time(when):
        fail(f"{when!r} is no time; {_HOW}", ExitCode.USAGE)
    if bool(strategy) + bool(order) + bool(trade) != 1:
        fail("say whose: a strategy, or --order ID, or --trade NUMBER", ExitCode.USAGE)
    if position and not strategy:
        fail("--position goes with a strategy: bot why STRATEGY --position", ExitCode.USAGE)
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands.rows import with_session  # noqa: PLC0415
    from bot.db.repositories import Strategies  # noqa: PLC0415

    roof = Roof()
    if order or trade or position:
        lives = with_session(roof, lambda session: _lives(session, strategy, when, order, trade, mode))
        if json:
            as_json(_exact(lives))
        else:
            _show_lives(lives)
        return

    async def work(session: "AsyncSession") -> dict[str, Any]:
        row = await Strategies(session).find(strategy)
        return await session.run_sync(lambda reading: _answer(roof, reading, row.id, when, mode, most))

    answer = with_session(roof, work)
    if json:
        as_json(_woven(answer))
    else:
        _show(answer)


async def _lives(
    session: "AsyncSession", strategy: str, when: str, order: str, trade: int, wanted: str
) -> "list[Life]":
    """Find lives; a plain refusal when nothing on record is meant."""
    from bot.db.base import Mode  # noqa: PLC0415
    from bot.db.repositories import Strategies  # noqa: PLC0415
    from bot.domain.errors import Misconfigured  # noqa: PLC0415
    from bot.reporting import life  # noqa: PLC0415

    modes = [Mode(wanted)] if wanted else list(Mode)
    if order:
        found = await session.run_sync(lambda reading: life.of_order(reading, order, modes))
        if found is None:
            raise Misconfigured(f"no order {order} is on record; see the ids in: bot why STRATEGY")
        return [found]
    if trade:
        lives = await session.run_sync(lambda reading: life.of_trade(reading, trade, modes))
        if not lives:
            raise Misconfigured(f"no trade with the number {trade} is on record")
        return lives
    row = await Strategies(session).find(strategy)
    found = await session.run_sync(lambda reading: _of_position(reading, row.id, when, wanted))
    if found is None:
        raise Misconfigured(
            f"{strategy} has held nothing {'until then' if when else 'yet'}, by the facts of this money"
        )
    return [found]


def _of_position(session: "Session", strategy_id: int, when: str, wanted: str) -> "Life | None":
    from bot.db.base import Mode  # noqa: PLC0415
    from bot.reporting import life, queries, why  # noqa: PLC0415

    facts = next(each for each in queries.strategies(session) if each.id == strategy_id)
    mode = Mode(wanted) if wanted else facts.mode
    newest_ms = why.newest_ms(session, facts, mode)
    at_ms = span(when, time.time_ns() // 1_000_000 if newest_ms is None else newest_ms)[1] if when else None
    return life.of_position(session, facts, mode, at_ms)


def _answer(roof: "Roof", session: "Session", strategy_id: int, when: str, wanted: str, most: int) -> dict[str, Any]:
    from bot.db.base import Mode  # noqa: PLC0415
    from bot.domain.market import INTERVAL_MS  # noqa: PLC0415
    from bot.reporting import life, queries, silence, why  # noqa: PLC0415

    facts = next(each for each in queries.strategies(session) if each.id == strategy_id)
    mode = Mode(wanted) if wanted else facts.mode
    now_ms = time.time_ns() // 1_000_000
    newest_ms = why.newest_ms(session, facts, mode)
    interval_ms = INTERVAL_MS.get(facts.interval, 0)
    since_ms = until_ms = None
    if when:
        since_ms, until_ms = span(when, now_ms if newest_ms is None else newest_ms)
        # A candle decides at its end: what somebody calls 12:00 may be the one that ended then, or the one that began.
        margin_ms = interval_ms if until_ms - since_ms < _UNITS_MS["d"] else 0
        decisions = why.between(session, facts, mode, since_ms - margin_ms, until_ms + margin_ms, most)
    else:
        decisions = why.newest(session, facts, mode, most)
    standing: Standing | None = None
    told: list[str] = []
    if not decisions:
        at_ms = since_ms if since_ms is not None else (now_ms if newest_ms is None else newest_ms)
        warm_up = _warm_up(roof, facts)
        standing = why.standing(session, facts, mode, at_ms, warm_up)
        told = silence.reasons(
            standing, at_ms=at_ms, now_ms=now_ms, interval_ms=interval_ms, warm_up=warm_up, state=_state(facts)
        )
        told += _elsewhere(session, facts, mode)
    return {
        "strategy": {
            "id": facts.id, "title": facts.title, "class": facts.name, "account": facts.account,
            "symbol": facts.symbol, "candle": facts.interval, "state": _state(facts) or "enabled",
        },
        "mode": mode.value,
        "since_ms": since_ms,
        "until_ms": until_ms,
        "decisions": decisions,
        "account_then": life.account_states(session, facts.account_id, [each.time_ms for each in decisions]),
        "lives": life.of_orders(
            session, facts.account_id, [each.order.client_order_id for each in decisions if each.order]
        ),
        "nothing_because": told,
        "standing": standing,
    }  # fmt: skip


def span(text: str, newest_ms: int) -> tuple[int, int]:
    """Read what a person calls a time: give its beginning and its end, in ms UTC. ValueError when it is none."""
    text = text.strip()
    if text.isdecimal():
        at = int(text) if len(text) > 11 else int(text) * 1000
        return at, at + (1 if len(text) > 11 else 1000)
    if ago := re.fullmatch(r"(\d+)\s*([smhd])(\s+ago)?", text):
        at = newest_ms - int(ago[1]) * _UNITS_MS[ago[2]]
        return at, at + 1
    if re.fullmatch(r"\d\d?:\d\d(:\d\d)?", text):
        text = f"{datetime.fromtimestamp(newest_ms / 1000, UTC).date()} {'0' if text[1] == ':' else ''}{text}"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        begin = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return _ms(begin), _ms(begin + DAY)
    begin = datetime.fromisoformat(text.removesuffix("UTC").strip())
    begin = begin.replace(tzinfo=UTC) if begin.tzinfo is None else begin
    length = timedelta(seconds=1) if re.search(r"\d\d:\d\d:\d\d", text) else timedelta(minutes=1)
    return _ms(begin), _ms(begin + length)


def _is_time(text: str) -> bool:
    try:
        begin, _ = span(text, _LAST_MS)
    except (ValueError, OverflowError):
        return False
    return 0 <= begin <= _LAST_MS


def _ms(when: datetime) -> int:
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _state(facts: "StrategyFacts") -> str:
    """Say what keeps it from running, empty when nothing does."""
    if facts.stopped_reason:
        return f"stopped: {facts.stopped_reason}"
    return "" if facts.enabled else "disabled"


def _warm_up(roof: "Roof", facts: "StrategyFacts") -> int:
    """Give how many candles it needs before its first decision; 0 when it cannot be loaded any more."""
    from bot.domain.errors import Misconfigured  # noqa: PLC0415
    from bot.domain.instrument import Instrument  # noqa: PLC0415
    from bot.engine.slot import Slot  # noqa: PLC0415
    from bot.strategies.config import parse_config  # noqa: PLC0415

    try:
        kind = roof.strategy(facts.name)
        config = parse_config(kind.Config, dict(facts.config))
    except Misconfigured:
        return 0
    slot = Slot(facts.id, kind, config, Instrument(facts.symbol, "", ""))
    try:
        slot.strategy.on_start()
    except Exception:  # noqa: BLE001 - a strategy's own code may raise anything; the answer does not hang on it
        return 0
    return slot.strategy.warm_up


def _elsewhere(session: "Session", facts: "StrategyFacts", mode: "Mode") -> list[str]:
    from bot.db.base import Mode  # noqa: PLC0415
    from bot.reporting import why  # noqa: PLC0415

    others = [each.value for each in Mode if each is not mode and why.newest(session, facts, each, 1)]
    return [f"there are decisions in other money: --mode {other}" for other in others]


def _woven(answer: dict[str, Any]) -> dict[str, Any]:
    """Put what the facts say beside the decision that it belongs to."""
    told: dict[str, Any] = _exact(answer)
    then, lives = told.pop("account_then"), told.pop("lives")
    for each in told["decisions"]:
        each["account_then"] = then[each["time_ms"]]
        if each["order"]:
            each["order"]["life"] = lives[each["order"]["client_order_id"]]
    return told


def _exact(value: Any) -> Any:
    """Turn records into dicts and amounts into texts without an exponent."""
    from decimal import Decimal  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from bot.domain.money import plain  # noqa: PLC0415

    match value:
        case Decimal():
            return plain(value)
        case msgspec.Struct():
            return {name: _exact(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {name: _exact(each) for name, each in value.items()}
        case list():
            return [_exact(each) for each in value]
        case _:
            return value


def _show(answer: dict[str, Any]) -> None:
    known = answer["strategy"]
    title = f"{known['title']} ({known['account']}, {answer['mode']}, {known['symbol']} {known['candle']})"
    if answer["nothing_because"]:
        say(f"{title}: nothing was decided then" if answer["since_ms"] is not None else f"{title}: no decisions")
        for reason in answer["nothing_because"]:
            say(f"  {reason}")
        return
    table(
        f"{title}, {known['state']}",
        ["time", "wanted", "saw", "verdict", "order", "result"],
        [_row(each, answer["account_then"][each.time_ms], answer["lives"]) for each in answer["decisions"]],
        empty="",
    )


def _show_lives(lives: "list[Life]") -> None:
    from bot.reporting.silence import moment  # noqa: PLC0415

    for each in lives:
        names = ", ".join(one.client_order_id for one in each.endings)
        say(f"{names} ({each.account}, {each.mode}), all times UTC")
        for decision in each.decisions:
            seen = ", ".join(
                f"{name} {'-' if value is None else f'{value:.8g}'}" for name, value in decision.seen.items()
            )
            by = f" by {decision.rule}" if decision.rule else ""
            say(f"  {moment(decision.time_ms)}  wanted {decision.side} {decision.symbol}: {decision.reason}"
                f"{f', having seen {seen}' if seen else ''}; {decision.verdict}{by}")  # fmt: skip
        for one in each.moments:
            say(f"  {moment(one.time_ms)}  {one.says}")
        for ending in each.endings:
            say(f"  {ending.client_order_id}: {ending.says}, {ending.filled} of {ending.wanted} filled")


def _row(decision: "DecisionSeen", account_then: str, lives: "dict[str, list[Moment]]") -> Sequence[str]:
    from bot.reporting.silence import moment  # noqa: PLC0415

    seen = "\n".join(f"{name} {'-' if value is None else f'{value:.8g}'}" for name, value in decision.seen.items())
    verdict = f"denied by {decision.rule}" if decision.verdict == "denied" else decision.verdict
    if decision.verdict == "denied" and account_then:
        verdict = f"{verdict}\n{account_then}"
    order = decision.order
    return (
        moment(decision.time_ms),
        f"{decision.side}: {decision.reason}",
        seen,
        verdict,
        "" if order is None else _shown_order(order, lives[order.client_order_id]),
        "" if order is None else _result(order),
    )


def _shown_order(order: "OrderSeen", life: "list[Moment]") -> str:
    from bot.domain.money import plain  # noqa: PLC0415
    from bot.reporting.silence import moment  # noqa: PLC0415

    price = f" at {plain(order.limit_price)}" if order.limit_price is not None else ""
    lines = [f"{order.side} {plain(order.quantity)} {order.type.lower()}{price} ({order.purpose})"]
    if life:
        kinds = {"attempt", "order", "cancel"}
        lines += [f"{each.says} {moment(each.time_ms)}" for each in life if each.kind in kinds]
    else:
        lines += _states(order)
    lines += [
        f"filled {plain(fill.quantity)} at {plain(fill.price)}, fee {plain(fill.fee)} {fill.fee_asset}"
        for fill in order.fills
    ]
    return "\n".join([*lines, order.client_order_id])


def _states(order: "OrderSeen") -> list[str]:
    """Tell the states that the tables have, of an order that is older than the stream of facts."""
    from bot.reporting.silence import moment  # noqa: PLC0415

    return [
        f"{state.status} {moment(state.time_ms)}{f': {state.reason}' if state.reason else ''}" for state in order.states
    ]


def _result(order: "OrderSeen") -> str:
    from bot.domain.money import plain  # noqa: PLC0415
    from bot.reporting.silence import moment  # noqa: PLC0415

    trip = order.trip
    if trip is not None:
        how = f"{plain(trip.gross)} gross, {plain(trip.fees)} fees"
        return f"P&L {plain(trip.pnl)}\n{how}\nclosed {moment(trip.closed_ms)}: {trip.reason}"
    return "round trip still open" if order.fills else "nothing traded"
