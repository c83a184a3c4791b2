"""The chronicle: what an engine decided, as lines of the log."""

import structlog

from bot.domain.messages import (
    Decision,
    FillBooked,
    ForeignSeen,
    IncomeBooked,
    OrderFound,
    Outcome,
    PlaceOrder,
    ProtectionMoved,
    StrategyStopped,
    TradeClosed,
    Verdict,
)
from bot.domain.money import plain

log = structlog.get_logger()


def note(account: str, outcome: Outcome) -> None:
    """Write a line for what a person would want to find in the log; marks and quiet facts leave none."""
    match outcome:
        case PlaceOrder(order):
            log.info(
                "order.placed",
                account=account,
                client_order_id=order.client_order_id,
                strategy=order.strategy_id,
                symbol=order.symbol,
                side=order.side,
                quantity=plain(order.quantity),
                reason=order.reason,
            )
        case FillBooked(strategy_id, fill):
            log.info(
                "fill.booked",
                account=account,
                client_order_id=fill.client_order_id,
                strategy=strategy_id,
                price=plain(fill.price),
                quantity=plain(fill.quantity),
            )
        case TradeClosed():
            log.info(
                "trade.closed",
                account=account,
                strategy=outcome.strategy_id,
                symbol=outcome.symbol,
                pnl=plain(outcome.pnl),
            )
        case OrderFound(order):
            log.critical(
                "position.forced", account=account, strategy=order.strategy_id, symbol=order.symbol,
                quantity=plain(order.quantity), reason=order.reason,
            )  # fmt: skip
        case IncomeBooked():
            log.info(
                "income.booked", account=account, kind=outcome.kind, symbol=outcome.symbol,
                asset=outcome.asset, amount=plain(outcome.amount),
            )  # fmt: skip
        case StrategyStopped():
            log.warning("strategy.stopped", account=account, strategy=outcome.strategy_id, reason=outcome.reason)
        case ProtectionMoved():
            tell = log.warning if outcome.state in {"lost", "bare"} else log.info
            tell(
                f"protection.{outcome.state}",
                account=account,
                strategy=outcome.strategy_id,
                client_order_id=outcome.client_order_id,
                reason=outcome.reason,
            )
        case ForeignSeen():
            log.warning(
                "order.foreign",
                account=account,
                client_order_id=outcome.client_order_id,
                symbol=outcome.symbol,
                side=outcome.side,
                quantity=plain(outcome.quantity),
                filled=plain(outcome.filled),
                is_open=outcome.is_open,
            )
        case Decision() if outcome.verdict is Verdict.DENIED:
            log.info(
                "order.denied",
                account=account,
                strategy=outcome.strategy_id,
                rule=outcome.rule,
                reason=outcome.reason,
            )
        case _:
            pass
