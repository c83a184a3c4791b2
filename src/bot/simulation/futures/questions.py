"""What can be asked of the futures exchange: orders, trades, income, positions, margins, prices."""

from decimal import Decimal

from bot.simulation.futures.book import Level
from bot.simulation.futures.brackets import Ladder
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.deleveraging import quantile
from bot.simulation.futures.margin import AssetFigures, Pool, PositionFigures, figures, pool, position_figures
from bot.simulation.futures.records import (
    AlgoOrder,
    Amendment,
    FundingRate,
    FuturesOrder,
    Income,
    MarginChange,
    Trade,
)
from bot.simulation.futures.state import Account, House, Market, Slot, State
from bot.simulation.futures.words import PositionSide
from bot.simulation.orders import Refused


class Questions:
    """The reading half of the exchange. Lists are oldest first; records that can change must be copied to be kept."""

    def __init__(self, state: State) -> None:
        self._state = state

    # Orders and what became of them.

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> FuturesOrder:
        """Give an order; of a reused client order id the newest. Refused -2013 when there is none."""
        order = self._find(account, symbol, order_id, client_order_id)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return order

    def open_orders(self, account: str, symbol: str | None = None) -> list[FuturesOrder]:
        """Give the open ordinary orders of an account."""
        slots = self._state.account(account).slots
        if symbol is not None:
            self._state.market(symbol)
        return [order for name, slot in slots.items() if symbol in {None, name} for order in slot.orders.values()]

    def orders(self, account: str, symbol: str | None = None) -> list[FuturesOrder]:
        """Give every ordinary order of an account."""
        known = self._state.account(account).orders.values()
        return [order for order in known if symbol in {None, order.symbol}]

    def forced_orders(self, account: str, symbol: str | None = None) -> list[FuturesOrder]:
        """Give the orders by which the exchange closed positions."""
        return [order for order in self.orders(account, symbol) if order.is_forced]

    def algo(self, account: str, *, algo_id: int | None = None, client_algo_id: str | None = None) -> AlgoOrder:
        """Give a conditional order; Refused -2013 when there is none."""
        order = self._find_algo(account, algo_id, client_algo_id)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return order

    def open_algos(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Give the conditional orders that have not fired."""
        return [one for one in self._state.account(account).waiting.values() if symbol in {None, one.symbol}]

    def algos(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Give every conditional order."""
        return [one for one in self._state.account(account).algos.values() if symbol in {None, one.symbol}]

    def trades(self, account: str, symbol: str) -> list[Trade]:
        """Give an account's sides of its trades on a symbol."""
        self._state.market(symbol)
        return list(self._state.account(account).trades.get(symbol, ()))

    def income(self, account: str) -> list[Income]:
        """Give every change of an account's wallets and its cause."""
        return list(self._state.account(account).income)

    def amendments(self, account: str, symbol: str) -> list[Amendment]:
        """Give the changes of limit orders on a symbol."""
        return [change for change in self._state.account(account).amendments if change.symbol == symbol]

    def margin_changes(self, account: str, symbol: str) -> list[MarginChange]:
        """Give the money moved by hand into or out of isolated positions of a symbol."""
        return [change for change in self._state.account(account).margin_changes if change.symbol == symbol]

    # Positions, margins, settings.

    def account(self, account: str) -> Account:
        """Give an account's modes, rates and wallets, to read only; a KeyError when it was never opened."""
        return self._state.account(account)

    def slot(self, account: str, symbol: str) -> Slot:
        """Give an account's settings on a symbol, to read only."""
        self._state.market(symbol)
        return self._state.account(account).slots.get(symbol, Slot())

    def largest_notional(self, account: str, symbol: str) -> Decimal:
        """Give the largest notional allowed at the account's leverage on a symbol."""
        return self._state.market(symbol).ladder.cap(self.slot(account, symbol).leverage)

    def position(self, account: str, symbol: str, side: PositionSide = PositionSide.BOTH) -> PositionFigures:
        """Give a position at the mark price, zeros when it is flat."""
        self._state.market(symbol)
        return position_figures(self._state, self._state.account(account), symbol, side)

    def positions(self, account: str) -> list[PositionFigures]:
        """Give the positions of symbols with a position or an open order; zeros for the latter."""
        owner = self._state.account(account)
        found: list[PositionFigures] = []
        for symbol, slot in list(owner.slots.items()):
            sides = {order.position_side for order in slot.orders.values()} | {one.side for one in slot.held}
            found += [self.position(account, symbol, side) for side in PositionSide if side in sides]
        return found

    def adl_quantile(self, account: str, symbol: str, side: PositionSide = PositionSide.BOTH) -> int:
        """Give how soon a position would be reduced for others' losses: 4 is soonest, 0 is last or flat."""
        self._state.market(symbol)
        position = self._state.account(account).slots.get(symbol, Slot()).positions.get(side)
        return 0 if position is None else quantile(self._state, position)

    def asset(self, account: str, asset: str) -> AssetFigures:
        """Give the figures of one asset of an account."""
        return figures(self._state, self._state.account(account), asset)

    def assets(self, account: str) -> list[AssetFigures]:
        """Give the figures of every asset that an account has held."""
        return [self.asset(account, asset) for asset in self._state.account(account).wallets]

    def pool(self, account: str, asset: str) -> Pool:
        """Give the cross margin that an asset belongs to; in dollars in multi-assets mode."""
        return pool(self._state, self._state.account(account), asset)

    # Markets and the house.

    @property
    def accounts(self) -> list[str]:
        """Give the names of all accounts."""
        return list(self._state.accounts)

    @property
    def symbols(self) -> list[str]:
        """Give every symbol."""
        return list(self._state.markets)

    @property
    def house(self) -> House:
        """Give the books of the other side, to read only."""
        return self._state.house

    def contract(self, symbol: str) -> Contract:
        """Give the rules of a symbol."""
        return self._state.market(symbol).contract

    def brackets(self, symbol: str) -> Ladder:
        """Give the leverage brackets of a symbol."""
        return self._state.market(symbol).ladder

    def market(self, symbol: str) -> Market:
        """Give a market's prices and funding, to read only; Refused -1121 when there is none."""
        return self._state.market(symbol)

    def last_price(self, symbol: str) -> Decimal | None:
        """Give the last price, or None before there was one."""
        return self._state.market(symbol).last

    def mark_price(self, symbol: str) -> Decimal | None:
        """Give the mark price, or None before there was one."""
        return self._state.market(symbol).mark

    def price_of(self, asset: str) -> Decimal | None:
        """Give the worth of an asset in dollars, or None when nobody said."""
        return self._state.price_of(asset)

    def funding_rates(self, symbol: str) -> list[FundingRate]:
        """Give the fundings of a symbol."""
        return list(self._state.market(symbol).funding)

    def client_levels(self, symbol: str) -> tuple[list[Level], list[Level]]:
        """Give bids and asks of the customers' book, best first, without the market's own."""
        return self._state.market(symbol).book.client_levels()

    # Helpers.

    def _find(
        self, account: str, symbol: str, order_id: int | None, client_order_id: str | None
    ) -> FuturesOrder | None:
        self._state.market(symbol)
        owner = self._state.account(account)
        if order_id is None:
            return owner.by_client_id.get((symbol, client_order_id or ""))
        order = owner.orders.get(order_id)
        return order if order is not None and order.symbol == symbol else None

    def _find_algo(self, account: str, algo_id: int | None, client_algo_id: str | None) -> AlgoOrder | None:
        owner = self._state.account(account)
        if algo_id is None:
            return owner.algo_by_client_id.get(client_algo_id or "")
        return owner.algos.get(algo_id)

    def _begin(self, symbol: str, now_ms: int) -> Market:
        market = self._state.market(symbol)
        self._state.touched.clear()
        self._state.advance(now_ms)
        return market

    def _touched(self) -> list[FuturesOrder]:
        touched = list(self._state.touched.values())
        self._state.touched.clear()
        return touched
