"""Turns what reporting measured into what the API answers."""

from decimal import Decimal

from bot.api import schemas
from bot.reporting.board import FRESH_S, Board, Row, Totals, totals
from bot.reporting.metrics import Kpis
from bot.reporting.queries import AccountFacts


class Picture:
    """The overview as JSON, written once for each board however many people ask for it."""

    def __init__(self) -> None:
        self._board: Board | None = None
        self._json = ""

    def json(self, board: Board) -> str:
        """Give the overview of a board."""
        if board is not self._board:
            self._board, self._json = board, overview(board).model_dump_json()
        return self._json


def overview(board: Board) -> schemas.Overview:
    """Give everything the first page shows."""
    return schemas.Overview(
        time_ms=board.time_ms,
        runner=runner(board),
        totals=[total(summed) for summed in totals(board.rows)],
        accounts=[schemas.Account(**_account(board, facts)) for facts in board.accounts],
        strategies=[schemas.StrategyRow(**_strategy(row)) for row in board.rows],
    )


def strategy(row: Row) -> schemas.StrategyDetail:
    """Give one strategy with its configuration."""
    return schemas.StrategyDetail(**_strategy(row), config=dict(row.facts.config))


def account(board: Board, facts: AccountFacts, by_mode: dict[schemas.Mode, Kpis]) -> schemas.AccountKpis:
    """Give one account with its KPIs by mode."""
    return schemas.AccountKpis(
        **_account(board, facts), kpis={mode: kpis(measured) for mode, measured in by_mode.items()}
    )


def runner(board: Board) -> schemas.Runner:
    """Say whether a runner is at work: one is missed only while some strategy is enabled."""
    age_s = board.heartbeat_age_s
    is_needed = any(row.facts.enabled for row in board.rows)
    is_alive = (age_s is not None and age_s <= FRESH_S) or any(row.state == "running" for row in board.rows)
    return schemas.Runner(ok=is_alive or not is_needed, heartbeat_age_s=_rounded(age_s))


def equity_events(board: Board, known: dict[int, int]) -> list[schemas.EquityEvent]:
    """Give the marks newer than those in `known` (times by strategy), and note them there."""
    fresh = [row.mark for row in board.rows if row.mark and known.get(row.facts.id) != row.mark.time_ms]
    known.update({mark.strategy_id: mark.time_ms for mark in fresh})
    return [schemas.EquityEvent.model_validate(mark) for mark in fresh]


def kpis(measured: Kpis) -> schemas.Kpis:
    """Give figures of merit: money as text, fractions as numbers."""
    return schemas.Kpis(
        pnl=measured["pnl"],
        gross=measured["gross"],
        fees=measured["fees"],
        equity=measured["equity"],
        win_rate=_float(measured["win_rate"]),
        max_drawdown=_float(measured["max_drawdown"]),
        profit_factor=_float(measured["profit_factor"]),
        open_trades=measured["open_trades"],
        closed_trades=measured["closed_trades"],
    )


def total(summed: Totals) -> schemas.Totals:
    """Give the sums of one mode."""
    return schemas.Totals.model_validate(summed)


def _account(board: Board, facts: AccountFacts) -> dict[str, object]:
    rows = board.of_account(facts.id)
    return {
        "id": facts.id,
        "name": facts.name,
        "environment": facts.environment,
        "testnet": facts.testnet,
        "live_approved": facts.live_approved,
        "strategies": len(rows),
        "enabled": sum(row.facts.enabled for row in rows),
        "totals": [total(summed) for summed in totals(rows)],
    }


def _strategy(row: Row) -> dict[str, object]:
    facts, mark = row.facts, row.mark
    return {
        "id": facts.id,
        "name": facts.name,
        "title": facts.title,
        "account_id": facts.account_id,
        "account": facts.account,
        "market": facts.market,
        "symbol": facts.symbol,
        "interval": facts.interval,
        "mode": facts.mode.value,
        "enabled": facts.enabled,
        "state": row.state,
        "stopped_reason": facts.stopped_reason,
        "kpis": kpis(row.kpis),
        "position": mark.position if mark else Decimal(0),
        "price": mark.price if mark else None,
        "equity": mark.equity if mark else None,
        "unrealised": mark.unrealised if mark else None,
        "sparkline": [float(f"{value:.8g}") for value in row.sparkline],
        "updated_ms": mark.time_ms if mark else None,
        "age_s": _rounded(row.age_s),
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
