"""What plays in the demo: two accounts and their strategies, on whatever market there is."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from bot.bootstrap import Roof
from bot.db.base import unit_of_work
from bot.db.repositories import Accounts, Environment, Strategies

SECRETS = {name: secrets.token_hex(16) for name in ("anna", "ben")}
"""Known to the emulator of this run alone."""
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")


@dataclass(frozen=True)
class Part:
    """One strategy of the demo."""

    account: str
    name: str
    title: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Scene:
    """Accounts and strategies. `environment` is what the accounts' keys are for."""

    parts: tuple[Part, ...]
    environment: Environment


def scene_for(symbols: Sequence[str], interval: str, *, rehearsal: bool, live_data: bool) -> Scene:
    """Set the scene on a market's symbols and candle interval."""
    parts = tuple(
        Part(account, name, title, {**config, "demo_mode": not rehearsal, "fee_pct": 0.001, "candle": interval})
        for account, name, title, config in _parts(symbols)
    )
    return Scene(parts, "production" if live_data else "emulator")


def _parts(symbols: Sequence[str]) -> list[tuple[str, str, str, dict[str, Any]]]:
    # The capital of an account's strategies adds up to its paper money, so that its figures do too.
    def symbol(n: int) -> str:
        return symbols[n % len(symbols)]

    return [
        ("anna", "mean_reversion", f"Dips of {symbol(0)}", {
            "symbol": symbol(0), "order_value": 500.0, "capital": 4000.0,
            "window": 20, "threshold": 0.0015, "min_profit": 0.0005,
            "stop_loss": 0.01,
        }),
        ("anna", "breakout", f"Highs of {symbol(1)}", {
            "symbol": symbol(1), "order_value": 400.0, "capital": 3000.0,
            "window": 15, "exit_window": 8,
        }),
        ("anna", "mean_reversion", f"Deep dips of {symbol(2)}", {
            "symbol": symbol(2), "order_value": 300.0, "capital": 3000.0,
            "window": 20, "threshold": 0.003, "min_profit": 0.0005,
            "stop_loss": 0.012,
        }),
        ("ben", "breakout", f"Trends of {symbol(3)}", {
            "symbol": symbol(3), "order_value": 600.0, "capital": 6000.0,
            "window": 40, "exit_window": 20, "trailing": 0.02,
        }),
        ("ben", "mean_reversion", f"Quick dips of {symbol(0)}", {
            "symbol": symbol(0), "order_value": 250.0, "capital": 4000.0,
            "window": 10, "threshold": 0.001, "min_profit": 0.0005,
            "stop_loss": 0.01,
        }),
    ]  # fmt: skip


async def furnish(roof: Roof, scene: Scene) -> dict[int, str]:
    """Clear the stage and set the scene: gives account/title by strategy id. People who may log in stay.

    A demo always starts fresh: its market does, and what the last one bought there is not there any more.
    """
    roof.settings.DASHBOARD_SQLITE_PATH.unlink(missing_ok=True)
    box = roof.box  # asked for here: it looks at the accounts, which nobody can while they are being cleared
    async with unit_of_work(roof.sessions) as session:
        # Facts are final, also for us: only whoever owns the server can let go of all of them, as is meant here.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("TRUNCATE public.accounts RESTART IDENTITY CASCADE"))
        await session.execute(text("SET LOCAL session_replication_role = origin"))
        accounts, strategies = Accounts(session), Strategies(session)
        owners = {}
        for name, secret in SECRETS.items():
            sealed = {
                field: box.seal(value, account=name, field=field, environment=scene.environment)
                for field, value in (("api_key", f"demo-{name}"), ("api_secret", secret))
            }
            owners[name] = await accounts.create(
                name, environment=scene.environment, api_key_enc=sealed["api_key"], api_secret_enc=sealed["api_secret"]
            )
        ids: dict[int, str] = {}
        for part in scene.parts:
            row = await strategies.create(
                owners[part.account].id, part.name, part.config, title=part.title, enabled=True
            )
            ids[row.id] = f"{part.account}/{part.title}"
    return ids
