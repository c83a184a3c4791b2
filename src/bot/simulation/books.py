"""The books of the exchange: who holds what, which orders stand, and how a fill is settled between the two."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.money import EXACT, ZERO, Price, Quantity, times
from bot.domain.order import Fill, OrderStatus, Side
from bot.simulation.balances import Wallet
from bot.simulation.fees import fee_of
from bot.simulation.liquidity import Tape
from bot.simulation.orders import Refused, RestingOrder


class Account(msgspec.Struct, eq=False):
    """One customer: money, orders by id, the newest order by (symbol, client order id), fills by symbol."""

    wallet: Wallet
    orders: dict[int, RestingOrder] = {}
    by_client_id: dict[tuple[str, str], RestingOrder] = {}
    fills: dict[str, list[Fill]] = {}


class SymbolMarket(msgspec.Struct, eq=False):
    """One symbol: its rules, what its market showed, and the open orders of every account, oldest first."""

    instrument: Instrument
    tape: Tape
    resting: dict[int, RestingOrder] = {}


class Books:
    """Accounts and markets, and the numbers that the next order and the next trade will carry."""

    def __init__(self, instruments: Mapping[str, Instrument], first_order_id: int, first_trade_id: int) -> None:
        self.next_order_id = first_order_id
        self.next_trade_id = first_trade_id
        self._markets = {symbol: SymbolMarket(rules, Tape()) for symbol, rules in instruments.items()}
        self._accounts: dict[str, Account] = {}

    def open_account(self, name: str, funds: Mapping[str, Decimal]) -> None:
        """Open an account with these free amounts by asset."""
        if name in self._accounts:
            raise ValueError(f"account {name!r} is open already")
        self._accounts[name] = Account(Wallet(funds))

    def account(self, name: str) -> Account:
        """Give an account; a KeyError when it was never opened."""
        return self._accounts[name]

    def market(self, symbol: str) -> SymbolMarket:
        """Give a symbol's market; Refused -1121 when there is none."""
        if symbol not in self._markets:
            raise Refused(-1121, "Invalid symbol.")
        return self._markets[symbol]

    def markets(self) -> Iterable[SymbolMarket]:
        """Give every market."""
        return self._markets.values()

    def find(self, account: str, symbol: str, client_order_id: str | None, order_id: int | None) -> RestingOrder | None:
        """Look an order up by its id, by its client order id, or by both when they belong together."""
        self.market(symbol)
        owner = self._accounts[account]
        if order_id is None:
            return owner.by_client_id.get((symbol, client_order_id or ""))
        order = owner.orders.get(order_id)
        if order is None or order.symbol != symbol:
            return None
        return order if client_order_id in {None, order.client_order_id} else None

    def enter(self, order: RestingOrder, lock: Decimal) -> None:
        """Write an order in with its lock; Refused -2010, and nothing written, when the money is not there."""
        market, owner = self.market(order.symbol), self._accounts[order.account]
        owner.wallet.lock(spent_asset(market.instrument, order.side), lock)
        order.locked = lock
        owner.orders[order.order_id] = order
        owner.by_client_id[order.symbol, order.client_order_id] = order
        market.resting[order.order_id] = order
        self.next_order_id = max(self.next_order_id, order.order_id + 1)
        self.next_trade_id = max(self.next_trade_id, *(fill.trade_id + 1 for fill in order.fills), 0)

    def fill(self, order: RestingOrder, price: Decimal, quantity: Decimal, now_ms: int, *, is_maker: bool) -> None:
        """Settle one trade of an order: money both ways, the fee, the lock, and the order's own figures."""
        owner, rules = self._accounts[order.account], self._markets[order.symbol].instrument
        worth = times(price, quantity)
        fee_asset, fee = fee_of(rules, order.side, price, quantity, order.terms, is_maker=is_maker)
        order.filled = EXACT.add(order.filled, quantity)
        order.quote_filled = EXACT.add(order.quote_filled, worth)
        order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        order.updated_ms = max(now_ms, order.created_ms)
        self._set_lock(order, order.needs)
        if order.side is Side.BUY:
            owner.wallet.pay(rules.quote, worth)
            owner.wallet.receive(rules.base, EXACT.subtract(quantity, fee))
        else:
            owner.wallet.pay(rules.base, quantity)
            owner.wallet.receive(rules.quote, EXACT.subtract(worth, fee))
        fill = Fill(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            trade_id=self.next_trade_id,
            side=order.side,
            price=Price(price),
            quantity=Quantity(quantity),
            fee=fee,
            fee_asset=fee_asset,
            time_ms=order.updated_ms,
            exchange_order_id=order.order_id,
            is_maker=is_maker,
        )
        self.next_trade_id += 1
        order.fills.append(fill)
        owner.fills.setdefault(order.symbol, []).append(fill)
        if not order.is_open:
            del self._markets[order.symbol].resting[order.order_id]

    def finish(self, order: RestingOrder, status: OrderStatus, now_ms: int) -> None:
        """End an open order, and free what is still locked for it."""
        order.status = status
        order.updated_ms = max(now_ms, order.updated_ms)
        self._set_lock(order, ZERO)
        del self._markets[order.symbol].resting[order.order_id]

    def _set_lock(self, order: RestingOrder, lock: Decimal) -> None:
        asset = spent_asset(self._markets[order.symbol].instrument, order.side)
        self._accounts[order.account].wallet.unlock(asset, EXACT.subtract(order.locked, lock))
        order.locked = lock


def spent_asset(instrument: Instrument, side: Side) -> str:
    """Give the asset that an order pays with: quote for a buy, base for a sell."""
    return instrument.quote if side is Side.BUY else instrument.base
