"""What plays in the demo: two accounts and their strategies, on whatever market there is."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.bootstrap import Roof
from bot.db.base import unit_of_work
from bot.db.repositories import Accounts, Strategies

ACCOUNTS = ("anna", "ben")
SECRETS = {name: secrets.token_hex(16) for name in ACCOUNTS}
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
    environment: str


def scene_for(symbols: Sequence[str], interval: str, *, rehearsal: bool, live_data: bool) -> Scene:
    """Set the scene on a market's symbols and candle interval."""
    parts = tuple(
        Part(account, name, title, {**config, "demo_mode": not rehearsal, "fee_pct": 0.001, "candle": interval})
        for account, name, title, config in _parts(symbols)
    )
    return Scene(parts, "production" if live_data else "emulator")


def _parts(symbols: Sequence[str]) -> list[tuple[str, str, str, dict[str, Any]]]:
    def symbol(n: int) -> str:
        return symbols[n % len(symbols)]

    return [
        ("anna", "mean_reversion", f"Dips of {symbol(0)}", {
            "symbol": symbol(0), "order_value": 500.0, "window": 20, "threshold": 0.0015, "stop_loss": 0.02,
        }),
        ("anna", "breakout", f"Highs of {symbol(1)}", {
            "symbol": symbol(1), "order_value": 400.0, "window": 15, "exit_window": 8,
        }),
        ("anna", "mean_reversion", f"Deep dips of {symbol(2)}", {
            "symbol": symbol(2), "order_value": 300.0, "window": 30, "threshold": 0.003, "min_profit": 0.0005,
            "stop_loss": 0.03,
        }),
        ("ben", "breakout", f"Trends of {symbol(3)}", {
            "symbol": symbol(3), "order_value": 600.0, "window": 40, "exit_window": 20, "trailing": 0.02,
        }),
        ("ben", "mean_reversion", f"Quick dips of {symbol(0)}", {
            "symbol": symbol(0), "order_value": 250.0, "window": 8, "threshold": 0.0008, "stop_loss": 0.01,
        }),
    ]  # fmt: skip


async def furnish(roof: Roof, scene: Scene) -> dict[int, str]:
    """Write the scene's accounts and strategies, and enable these alone. Gives account/title by strategy id."""
    async with unit_of_work(roof.sessions) as session:
        accounts, strategies = Accounts(session), Strategies(session)
        known = {account.name: account for account in await accounts.list()}
        for name in dict.fromkeys(part.account for part in scene.parts):
            account = known.get(name)
            if account is None:
                account = known[name] = await accounts.create(name, environment="emulator")
            account.environment = scene.environment
            account.testnet = scene.environment != "production"
            for field, value in (("api_key", f"demo-{name}"), ("api_secret", SECRETS[name])):
                sealed = roof.box.seal(value, account=name, field=field, environment=scene.environment)
                setattr(account, f"{field}_enc", sealed)
        rows = {(row.account_id, row.title): row for row in await strategies.list()}
        ids: dict[int, str] = {}
        for part in scene.parts:
            owner = known[part.account]
            row = rows.pop((owner.id, part.title), None)
            if row is None:
                row = await strategies.create(owner.id, part.name, part.config, title=part.title)
            await strategies.configure(row.id, part.config)
            await strategies.enable(row.id)
            ids[row.id] = f"{part.account}/{part.title}"
        for row in rows.values():
            await strategies.disable(row.id)
    return ids
