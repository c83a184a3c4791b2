"""Numbers for Prometheus, made on demand from the board: nothing is counted twice, nothing is kept."""

from collections.abc import Iterator
from decimal import Decimal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.api.deps import DepsHere
from bot.api.routers.health import BoardOrNone, cache_age_s
from bot.domain.errors import Unavailable
from bot.reporting.board import Board, Row

router = APIRouter(tags=["metrics"])

_LABELS = ("strategy", "title", "account", "symbol", "mode")
_FIGURES = {
    "bot_strategy_equity": "Equity in quote",
    "bot_strategy_pnl": "Net P&L of closed trades in quote",
    "bot_strategy_fees": "Fees of closed trades in quote",
    "bot_strategy_open_trades": "Open round trips",
    "bot_strategy_closed_trades": "Closed round trips",
    "bot_strategy_win_rate": "Fraction of closed trades that won",
    "bot_strategy_max_drawdown": "Deepest fall from a peak, as a fraction of it",
    "bot_strategy_running": "1 while the strategy runs",
    "bot_strategy_mark_age_seconds": "Age of the newest equity mark",
}


@router.get("/prometheus")
async def prometheus(deps: DepsHere, board: BoardOrNone) -> Response:
    """Give all numbers in Prometheus' text format; `bot_database_up` is 0 while the database is away."""
    try:
        age_s = await cache_age_s(deps)
    except Unavailable:
        age_s = None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(board, age_s))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Numbers(Collector):
    def __init__(self, board: Board | None, age_s: float | None) -> None:
        self._board = board
        self._age_s = age_s

    def collect(self) -> Iterator[Metric]:
        """Give the metrics."""
        yield GaugeMetricFamily("bot_database_up", "1 while the database answers", value=float(self._board is not None))
        if self._age_s is not None:
            yield GaugeMetricFamily("bot_cache_age_seconds", "Age of the newest KPI snapshot", value=self._age_s)
        if self._board is None:
            return
        if self._board.heartbeat_age_s is not None:
            yield GaugeMetricFamily(
                "bot_heartbeat_age_seconds", "Time since equity marks last moved", value=self._board.heartbeat_age_s
            )
        families = {name: GaugeMetricFamily(name, text, labels=_LABELS) for name, text in _FIGURES.items()}
        for row in self._board.rows:
            facts = row.facts
            labels = (str(facts.id), facts.title, facts.account, facts.symbol, facts.mode.value)
            for name, value in _figures(row).items():
                if value is not None:
                    families[name].add_metric(labels, float(value))
        yield from families.values()


def _figures(row: Row) -> dict[str, Decimal | float | None]:
    kpis = row.kpis
    return {
        "bot_strategy_equity": kpis["equity"],
        "bot_strategy_pnl": kpis["pnl"],
        "bot_strategy_fees": kpis["fees"],
        "bot_strategy_open_trades": kpis["open_trades"],
        "bot_strategy_closed_trades": kpis["closed_trades"],
        "bot_strategy_win_rate": kpis["win_rate"],
        "bot_strategy_max_drawdown": kpis["max_drawdown"],
        "bot_strategy_running": row.state == "running",
        "bot_strategy_mark_age_seconds": row.age_s,
    }
