"""A wallet: what an account holds of each asset, free or locked behind its open orders, never below zero."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ZERO
from bot.simulation.happenings import BalanceMoved, Observe
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


NOTHING = Balance()


class Wallet:
    """Balances by asset. Each movement is exact, and refused as a whole when the money is not there."""

    def __init__(self, funds: Mapping[str, Decimal], *, account: str = "", observe: Observe | None = None) -> None:
        if broke := sorted(asset for asset, amount in funds.items() if amount < 0):
            raise ValueError(f"an account cannot open below zero: {', '.join(broke)}")
        self._account, self._observe = account, observe
        self._balances = {asset: Balance() for asset in funds}
        for asset, amount in funds.items():
            self.move(asset, amount, ZERO, "open")

    def balances(self) -> dict[str, Balance]:
        """Give every asset that was ever held."""
        return dict(self._balances)

    def free(self, asset: str) -> Decimal:
        """Give what can be spent of an asset."""
        return self._balances.get(asset, NOTHING).free

    def of(self, asset: str) -> Balance:
        """Give what is held of an asset."""
        return self._balances.get(asset, NOTHING)

    def lock(self, asset: str, amount: Decimal) -> None:
        """Set an amount aside for an order; Refused -2010 when there is less than that."""
        self.move(asset, amount.copy_negate(), amount, "lock")

    def unlock(self, asset: str, amount: Decimal) -> None:
        """Give an amount back that had been set aside."""
        if amount:
            self.move(asset, amount, amount.copy_negate(), "unlock")

    def move(self, asset: str, free: Decimal, locked: Decimal, why: str) -> None:
        """Change free and locked at once; Refused -2010, and nothing changed, when the free part is too small."""
        now = self._balances.get(asset, NOTHING)
        then = Balance(EXACT.add(now.free, free), EXACT.add(now.locked, locked) if locked else now.locked)
        if then.free < 0:
            raise Refused(-2010, INSUFFICIENT)
        if then.locked < 0:
            raise ArithmeticError(f"{asset}: more was unlocked than had been locked")
        self._balances[asset] = then
        if self._observe is not None and (free or locked):
            self._observe(BalanceMoved(self._account, asset, free, locked, why))
