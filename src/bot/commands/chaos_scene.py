"""Sets the scene of `bot chaos`: an account with its sealed key, and strategies that do what they are asked for."""

import asyncio

from bot.bootstrap import Roof
from bot.config import load
from bot.db.base import unit_of_work
from bot.db.repositories import Accounts, Strategies
from bot.proof.chaos_stage import ACCOUNT, KEY, SECRET, SYMBOLS, Stage


async def furnish(stage: Stage) -> int:
    """Bring the database up to date and put account and strategies into it; gives the account's id."""
    roof = Roof(load(env_file=stage.folder / "no.env", environ=stage.settings))
    sealed = await asyncio.to_thread(_sealed, roof)
    try:
        async with unit_of_work(roof.sessions) as session:
            account = await Accounts(session).create(
                ACCOUNT, environment="emulator", api_key_enc=sealed["api_key"], api_secret_enc=sealed["api_secret"]
            )
            strategies = Strategies(session)
            for symbol in SYMBOLS:
                config = {
                    "symbol": symbol, "candle": "1m", "order_value": 200.0, "capital": 100_000.0, "demo_mode": False,
                    "fee_pct": 0.001, "seed": stage.seed, "wish_file": str(stage.folder / "wish"),
                }  # fmt: skip
                await strategies.create(account.id, "chaos_restless", config, title=symbol, enabled=True)
            return account.id
    finally:
        await roof.close()


def _sealed(roof: Roof) -> dict[str, str]:
    roof.settings.VAR_DIR.mkdir(mode=0o711)
    return {
        field: roof.box.seal(value, account=ACCOUNT, field=field, environment="emulator")
        for field, value in (("api_key", KEY), ("api_secret", SECRET))
    }
