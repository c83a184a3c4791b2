"""What a demo came to: the one JSON object that `bot demo --for … --json` prints."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from bot.bootstrap import Roof
from bot.db.base import Mode, schema_of

_FIGURES = """
SELECT s.id, k.pnl, k.fees, k.closed_trades, k.win_rate,
       (SELECT count(*) FROM {schema}.orders o WHERE o.strategy_id = s.id) AS orders,
       (SELECT count(*) FROM {schema}.fills f JOIN {schema}.orders o ON o.id = f.order_id
         WHERE o.strategy_id = s.id) AS fills,
       (SELECT count(*) FROM {schema}.decisions d WHERE d.strategy_id = s.id) AS decisions,
       e.equity, coalesce(e.position, 0) AS position
FROM public.strategies s
JOIN {schema}.strategy_kpis k ON k.strategy_id = s.id
LEFT JOIN {schema}.strategy_equity e ON e.strategy_id = s.id
WHERE s.enabled ORDER BY s.id
"""


async def gather(roof: Roof, ids: Mapping[int, str], mode: Mode, described: Mapping[str, Any]) -> dict[str, Any]:
    """Give candles seen, orders, fills, open positions and equity, in all and per strategy."""
    async with roof.sessions() as session:
        rows = (await session.execute(text(_FIGURES.format(schema=schema_of(mode))))).mappings()
        strategies = [_strategy(ids[row["id"]], mode, dict(row)) for row in rows]
    return {
        "candles": sum(account["candles"] for account in described["accounts"]),
        "orders": sum(each["orders"] for each in strategies),
        "fills": sum(each["fills"] for each in strategies),
        "open_positions": sum(bool(each["position"]) for each in strategies),
        "closed_trades": sum(each["closed_trades"] for each in strategies),
        "equity": round(sum(each["equity"] or 0.0 for each in strategies), 2),
        "pnl": round(sum(each["pnl"] for each in strategies), 8),
        "strategies": strategies,
        "accounts": described["accounts"],
        "dashboard": described["dashboard"],
        "memory_mb": described["memory_mb"],
        "lag_p99_ms": described["lag_p99_ms"],
    }


def _strategy(title: str, mode: Mode, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "strategy": title,
        "mode": mode.value,
        "decisions": row["decisions"],
        "orders": row["orders"],
        "fills": row["fills"],
        "closed_trades": row["closed_trades"],
        "position": float(row["position"]),
        "equity": row["equity"],
        "pnl": float(row["pnl"]),
        "fees": float(row["fees"]),
        "win_rate": float(row["win_rate"]),
    }
