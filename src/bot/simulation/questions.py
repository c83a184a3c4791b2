"""What may be asked of the simulated exchange. Nothing here changes anything."""

from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.order import Fill, Side
from bot.simulation.balances import Balance
from bot.simulation.books import Books
from bot.simulation.fees import Commission
from bot.simulation.happenings import Allocation, Prevented
from bot.simulation.lists import Lists, OrderList
from bot.simulation.orders import Refused, RestingOrder


class Questions:
    """The half of the exchange that only looks."""

    def __init__(self, books: Books, lists: Lists) -> None:
        self._books, self._lists = books, lists

    def order(
        self, account: str, symbol: str, *, client_order_id: str | None = None, order_id: int | None = None
    ) -> RestingOrder:
        """Give an order; of a reused client order id the newest. Refused -2013 when there is none."""
        order = self._books.find(account, symbol, client_order_id, order_id)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return order

    def open_orders(self, account: str, symbol: str | None = None) -> list[RestingOrder]:
        """Give the open orders of an account, oldest first within each symbol."""
        standing = self._books.account(account).standing
        if symbol is not None:
            self._books.market(symbol)
            return list(standing.get(symbol, {}).values())
        return [order for market in self._books.markets() for order in standing.get(market.symbol, {}).values()]

    def orders(self, account: str, symbol: str) -> list[RestingOrder]:
        """Give every known order of an account on a symbol, oldest first."""
        self._books.market(symbol)
        return [order for order in self._books.account(account).orders.values() if order.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[Fill]:
        """Give every fill of an account on a symbol, oldest first."""
        self._books.market(symbol)
        return list(self._books.account(account).fills.get(symbol, ()))

    def allocations(self, account: str, symbol: str) -> list[Allocation]:
        """Give what smart order routing brought to an account on a symbol, oldest first."""
        self._books.market(symbol)
        return list(self._books.account(account).allocations.get(symbol, ()))

    def trade_group(self, account: str) -> int:
        """Give the group that an account trades in; -1 for none."""
        return self._books.account(account).trade_group

    def prevented(self, account: str, symbol: str) -> list[Prevented]:
        """Give the trades with itself that an account was kept from, oldest first."""
        return [one for one in self._books.account(account).prevented if one.symbol == symbol]

    def balances(self, account: str) -> dict[str, Balance]:
        """Give what an account holds, by asset."""
        return self._books.account(account).wallet.balances()

    def last_price(self, symbol: str) -> Decimal | None:
        """Give the last price, or None before the market showed one."""
        return self._books.market(symbol).last

    def reference_price(self, symbol: str) -> Decimal | None:
        """Give the price that filters measure by: published, else averaged, else the last one."""
        return self._books.market(symbol).reference_price()

    def average_price(self, symbol: str) -> Decimal | None:
        """Give the price averaged over the minutes of the symbol's filters; where they have none, the last one."""
        market = self._books.market(symbol)
        return market.average or market.last

    def client_book(self, symbol: str, side: Side, count: int) -> list[tuple[Decimal, Decimal]]:
        """Give price and visible quantity of the clients' own orders, best first; hidden parts do not show."""
        return self._books.market(symbol).client_levels(side, count)

    def order_list(self, account: str, *, client_id: str | None = None, list_id: int | None = None) -> OrderList:
        """Give a list; Refused -2018 when there is none."""
        one = self._lists.find(account, client_id, list_id)
        if one is None:
            raise Refused(-2018, "Order list does not exist.")
        return one

    def order_lists(self, account: str) -> list[OrderList]:
        """Give every known list of an account, oldest first."""
        return self._lists.of_account(account)

    def open_lists(self, account: str) -> list[OrderList]:
        """Give the open lists of an account, oldest first."""
        return self._lists.standing(account)

    def list_of(self, order: RestingOrder) -> OrderList | None:
        """Give the list that an order belongs to."""
        return self._lists.of(order)

    def commission(self, account: str, symbol: str) -> Commission | None:
        """Give what an account pays on a symbol; None when the orders' own terms say it."""
        owner = self._books.account(account)
        return owner.commissions.get(symbol, owner.commission)

    def instrument(self, symbol: str) -> Instrument:
        """Give the rules of a symbol; Refused -1121 when there is none."""
        return self._books.market(symbol).instrument
