"""What has to run: the enabled strategies of each account, grouped by whose money they use."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from bot.db.base import Mode
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig


class StrategyPlan(msgspec.Struct, frozen=True):
    """One strategy row, its settings read and its code found."""

    strategy_id: int
    title: str
    strategy: type[Strategy]
    config: StrategyConfig
    is_enabled: bool = True
    stopped: str = ""


class AccountPlan(msgspec.Struct, frozen=True):
    """One account's strategies of one mode: what one engine runs. `environment` is where its key is valid.

    `key_mark` is another one whenever the sealed key is: who works with the old one begins anew.
    """

    account_id: int
    name: str
    environment: str
    mode: Mode
    strategies: tuple[StrategyPlan, ...]
    paper_funds: Mapping[str, Decimal] = {}
    key_mark: str = ""

    @property
    def key(self) -> tuple[int, Mode]:
        """What tells two plans apart."""
        return (self.account_id, self.mode)

    def __str__(self) -> str:
        return f"{self.name}/{self.mode}"
