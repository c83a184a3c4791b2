"""The evidence that the oracle looks at: what one account's bot remembers, and what really happened."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property

from bot.domain.market import Market
from bot.domain.messages import OrderChanged, OrderFound, PlaceOrder
from bot.domain.order import Order, OrderStatus
from bot.emulator.wire import Json
from bot.proof.crowd import ADDRESS as OTHERS
from bot.proof.hands import MARK
from bot.proof.scene import FUNDS, SITES
from bot.proof.world import Party, World

_WAITS = {"NEW", "TRIGGERING", "TRIGGERED"}
"""States of an order that waits for a price and of what has not begun to trade."""


class Evidence:
    """What the oracle looks at: one account, as it remembers and as it was."""

    market = Market.SPOT
    """Where the account trades."""
    funds: Mapping[str, Decimal] = FUNDS
    """What it began with there."""

    def __init__(self, world: World, party: Party) -> None:
        self.world, self.party = world, party
        self.market, self.funds = world.scene.markets[party.name], world.scene.funds(party.name)
        self.journal = party.database.journal
        self.outcomes = self.journal.outcomes
        self.state = self.journal.replay()

    @cached_property
    def placed(self) -> dict[str, Order]:
        """Our orders by id, and those of the exchange's own that closed what we held."""
        return {
            each.order.client_order_id: each.order
            for each in self.outcomes
            if isinstance(each, PlaceOrder | OrderFound)
        }

    @cached_property
    def changes(self) -> dict[str, list[OrderChanged]]:
        """What was recorded of each order, in order."""
        found: defaultdict[str, list[OrderChanged]] = defaultdict(list)
        for each in self.outcomes:
            if isinstance(each, OrderChanged) and (
                not found[each.client_order_id] or found[each.client_order_id][-1] != each
            ):
                found[each.client_order_id].append(each)
        return found

    @cached_property
    def last(self) -> dict[str, OrderStatus]:
        """Where each of our orders stands by the journal."""
        return {
            name: self.changes[name][-1].status if self.changes.get(name) else OrderStatus.SENT for name in self.placed
        }

    @cached_property
    def there(self) -> dict[str, list[Json]]:
        """Orders that the exchange took in, by client order id."""
        found: defaultdict[str, list[Json]] = defaultdict(list)
        numbers: set[int] = set()
        for row in self._conditional:
            if row["algo_id"] not in numbers:  # (as it was taken in)
                numbers.add(row["algo_id"])
                found[row["client_algo_id"]].append(row)
        for row in self._told("order"):
            if not row.get("algo_id"):  # (what waited for a price is one with what it became)
                found[row["client_order_id"]].append(row)
        return found

    @cached_property
    def moves(self) -> dict[str, Json]:
        """The newest state of each order at the exchange."""
        became = {row["client_order_id"]: row for row in self._told("move")}
        waits = {row["client_algo_id"]: row | {"status": _end_of(row["state"])} for row in self._conditional}
        return {name: row for name, row in waits.items() if row["state"] != "FINISHED"} | became

    @cached_property
    def _conditional(self) -> list[Json]:
        """What the truth book says of orders that wait for a price on futures."""
        told = self.world.truth.read(kind="algo", account=self.party.name, face=self.face)
        return [row | row["algo"] for row in told]

    @property
    def waiting(self) -> list[Json]:
        """Orders that wait for a price on futures in the end."""
        newest = {row["algo_id"]: row for row in self._conditional}
        return [row for row in newest.values() if row["state"] == "NEW"]

    @cached_property
    def trades(self) -> dict[tuple[str, int], str]:
        """The account's trades as they happened, each with the id of its order."""
        real: dict[tuple[str, int], str] = {}
        for row in self.world.truth.read(kind="trade", face=self.face):
            for side in ("taker", "maker"):
                # (spot names who traded, and tells the fills apart; futures tell both in one)
                fill = row[f"{side}_fill"] if self.market is Market.SPOT else row[side]
                owner = row[side] if self.market is Market.SPOT else fill and fill["account"]
                if fill and owner == self.party.name and not fill["client_order_id"].startswith(MARK):
                    real[row["symbol"], fill["trade_id"]] = fill["client_order_id"]
        return real

    @cached_property
    def foreign(self) -> Mapping[str, Decimal]:
        """What came and went without the bot, by asset: at first, by deposits, and by trades of the owner's hands."""
        came = defaultdict(Decimal, self.funds)
        for name, asset, amount in self.world.hands.moved:
            if name == self.party.name:
                came[asset] += amount
        for row in self.world.truth.read(kind="trade", face="spot"):
            for side in ("taker", "maker"):
                fill = row[f"{side}_fill"]
                if not fill or row[side] != self.party.name or not fill["client_order_id"].startswith(MARK):
                    continue
                instrument = self.world.venue.instruments[row["symbol"]]
                sign = 1 if fill["side"] == "BUY" else -1
                quantity = Decimal(fill["quantity"])
                came[instrument.base] += sign * quantity
                came[instrument.quote] -= sign * quantity * Decimal(fill["price"])
                came[fill["fee_asset"]] -= Decimal(fill["fee"])
        for row in self.world.truth.read(kind="trade", face="um"):
            for fill in (row["taker"], row["maker"]):
                if fill and fill["account"] == self.party.name and fill["client_order_id"].startswith(MARK):
                    came[fill["margin_asset"]] += Decimal(fill["realised"])
                    came[fill["fee_asset"]] -= Decimal(fill["fee"])
        return came

    @cached_property
    def money(self) -> dict[str, Decimal]:
        """What the account has in the end, by asset: free + locked, or its wallets."""
        world, name = self.world, self.party.name
        if self.market is Market.FUTURES:
            assert world.emulator.futures is not None
            return dict(world.emulator.futures.exchange.account(name).wallets)
        return {asset: each.free + each.locked for asset, each in world.venue.exchange.balances(name).items()}

    @cached_property
    def positions(self) -> dict[str, Decimal]:
        """What the account holds of each contract in the end."""
        if self.market is not Market.FUTURES:
            return {}
        assert self.world.emulator.futures is not None
        held = self.world.emulator.futures.exchange.positions(self.party.name)
        return {each.symbol: each.quantity for each in held if each.quantity}

    @property
    def face(self) -> str:
        """The face of the emulator where the account trades."""
        return SITES[self.market]

    def _told(self, kind: str) -> Iterator[Json]:
        """Give what the truth book says of the account's orders, in one form for both faces."""
        for row in self.world.truth.read(kind=kind, account=self.party.name, face=self.face):
            yield row if self.market is Market.SPOT else row | row["order"] | {"status": row["order"]["state"]}

    @cached_property
    def requests(self) -> list[Json]:
        """Requests of ours that arrived."""
        asked = self.world.truth.read(kind="request", account=self.party.name)
        return [row for row in asked if row["address"] != OTHERS]


def _end_of(state: str) -> str:
    """Give what we call the state of an order that waits for a price."""
    return "NEW" if state in _WAITS else "EXPIRED" if state == "REJECTED" else state
