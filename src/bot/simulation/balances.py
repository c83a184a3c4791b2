"""A wallet: what an account holds of each asset, free or locked behind its open orders, never below zero."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ZERO
from bot.simulation.orders import Refused

INSUFFICIENT = "Account has insufficient balance for requested action."


class Balance(msgspec.Struct, frozen=True):
    """What is held of one asset: free to use, and locked behind open orders."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Give free and locked together."""
        return EXACT.add(self.free, self.locked)


class Wallet:
    """Balances by asset. Each movement is exact, and refused as a whole when the money is not there."""

    def __init__(self, funds: Mapping[str, Decimal]) -> None:
        if broke := sorted(asset for asset, amount in funds.items() if amount < 0):
            raise ValueError(f"an account cannot open below zero: {', '.join(broke)}")
        self._balances = {asset: Balance(amount) for asset, amount in funds.items()}

    def balances(self) -> dict[str, Balance]:
        """Give every asset that was ever held."""
        return dict(self._balances)

    def free(self, asset: str) -> Decimal:
        """Give what can be spent of an asset."""
        return self._of(asset).free

    def lock(self, asset: str, amount: Decimal) -> None:
        """Set an amount aside for an order; Refused -2010 when there is less than that."""
        self._move(asset, free=-amount, locked=amount)

    def unlock(self, asset: str, amount: Decimal) -> None:
        """Give an amount back that had been set aside."""
        self._move(asset, free=amount, locked=-amount)

    def pay(self, asset: str, amount: Decimal) -> None:
        """Hand a free amount over to the market; Refused -2010 when there is less than that."""
        self._move(asset, free=-amount)

    def receive(self, asset: str, amount: Decimal) -> None:
        """Take an amount in."""
        self._move(asset, free=amount)

    def _of(self, asset: str) -> Balance:
        return self._balances.get(asset, Balance())

    def _move(self, asset: str, free: Decimal, locked: Decimal = ZERO) -> None:
        now = self._of(asset)
        then = Balance(EXACT.add(now.free, free), EXACT.add(now.locked, locked))
        if then.free < 0:
            raise Refused(-2010, INSUFFICIENT)
        if then.locked < 0:
            raise ArithmeticError(f"{asset}: more was unlocked than had been locked")
        self._balances[asset] = then
