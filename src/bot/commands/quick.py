"""What `bot status` reads with plain SQL: an answer in a blink, without the weight of the whole program."""

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from bot.db.embedded import running
from bot.domain.errors import Unavailable

if TYPE_CHECKING:
    from bot.config import Settings

_STRATEGIES = """
SELECT s.id, s.title, a.name AS account, s.enabled, s.stopped_reason,
       coalesce((s.config->>'demo_mode')::boolean, true) AS demo_mode, s.config->>'symbol' AS symbol
FROM public.strategies s JOIN public.accounts a ON a.id = s.account_id ORDER BY s.id
"""
_KPIS = "SELECT strategy_id, pnl, fees, closed_trades, win_rate FROM {schema}.strategy_kpis"
_SCHEMAS = {"paper": "public", "rehearsal": "rehearsal", "live": "live"}


def database_url(settings: "Settings") -> str | None:
    """Give the database's address without starting anything; None when the private one is not running."""
    if settings.DB_URL:
        return settings.DB_URL.get_secret_value().replace("postgresql+psycopg", "postgresql", 1)
    server = running(settings.VAR_DIR / "postgres")
    return server.url.replace("postgresql+psycopg", "postgresql", 1) if server else None


def strategies(url: str) -> list[dict[str, Any]]:
    """Give every strategy with the figures of the money it used last."""
    try:
        with psycopg.connect(url, connect_timeout=5, row_factory=dict_row) as connection:
            rows = connection.execute(_STRATEGIES).fetchall()
            kpis = {
                (mode, row["strategy_id"]): row
                for mode, schema in _SCHEMAS.items()
                for row in connection.execute(_KPIS.format(schema=schema)).fetchall()
            }
    except psycopg.errors.UndefinedTable:
        return []
    except psycopg.OperationalError:
        raise Unavailable("the database does not answer; is it running, is DB_URL right?") from None
    return [_shown(row, mode, kpis.get((mode, row["id"]))) for row in rows for mode in _modes(row, kpis)]


def _modes(row: dict[str, Any], kpis: dict[tuple[str, int], Any]) -> list[str]:
    used = [mode for mode in _SCHEMAS if (figures := kpis.get((mode, row["id"]))) and figures["closed_trades"]]
    return used or ["paper" if row["demo_mode"] else "sent"]


def _shown(row: dict[str, Any], mode: str, figures: dict[str, Any] | None) -> dict[str, Any]:
    state = (
        f"stopped: {row['stopped_reason']}" if row["stopped_reason"] else "enabled" if row["enabled"] else "disabled"
    )
    values = figures or {"pnl": 0, "fees": 0, "closed_trades": 0, "win_rate": 0}
    return {
        "id": row["id"],
        "title": row["title"],
        "account": row["account"],
        "symbol": row["symbol"],
        "mode": mode,
        "state": state,
        "closed_trades": int(values["closed_trades"]),
        "pnl": float(values["pnl"] or 0),
        "fees": float(values["fees"] or 0),
        "win_rate": float(values["win_rate"] or 0),
    }
