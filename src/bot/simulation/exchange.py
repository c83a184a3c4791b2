"""The face of the simulated exchange: accounts place and cancel orders, the market moves, orders fill.

Spot only. Depth is unlimited unless a trade says its quantity, and our orders never move the market or meet
each other. How a candle fills resting orders is told in `matching`; where market orders get their price, in
`liquidity`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.money import EXACT, ZERO, Price, Quantity, exact, times
from bot.domain.order import Fill, OrderStatus, OrderType, Side, TimeInForce
from bot.simulation.admission import NO_LIQUIDITY, check_filters, check_form
from bot.simulation.balances import Balance, Wallet
from bot.simulation.fees import fee_of
from bot.simulation.liquidity import STANDARD_TERMS, Tape, Terms, affordable, market_price, taker_price
from bot.simulation.matching import better, crosses, met_by_candle, met_by_price
from bot.simulation.orders import Refused, RestingOrder

__all__ = ["Balance", "Exchange", "Refused", "RestingOrder", "Terms"]


class _Account(msgspec.Struct, eq=False):
    """One customer: money, orders by id, the newest order by (symbol, client order id), fills by symbol."""

    wallet: Wallet
    orders: dict[int, RestingOrder] = {}
    by_client_id: dict[tuple[str, str], RestingOrder] = {}
    fills: dict[str, list[Fill]] = {}


class _SymbolMarket(msgspec.Struct, eq=False):
    """One symbol: its rules, what its market showed, and the open orders of every account, oldest first."""

    instrument: Instrument
    tape: Tape
    resting: dict[int, RestingOrder] = {}


class Exchange:
    """An exchange's rules in memory. Every call happens at once; time is whatever the caller says it is."""

    def __init__(
        self, instruments: Mapping[str, Instrument], *, first_order_id: int = 1, first_trade_id: int = 1
    ) -> None:
        self._markets = {symbol: _SymbolMarket(rules, Tape()) for symbol, rules in instruments.items()}
        self._accounts: dict[str, _Account] = {}
        self._next_order_id = first_order_id
        self._next_trade_id = first_trade_id

    def open_account(self, account: str, funds: Mapping[str, Decimal]) -> None:
        """Open an account with these free amounts by asset."""
        if account in self._accounts:
            raise ValueError(f"account {account!r} is open already")
        self._accounts[account] = _Account(Wallet(funds))

    # Orders.

    def place(
        self,
        account: str,
        *,
        client_order_id: str,
        symbol: str,
        side: Side,
        type: OrderType,  # noqa: A002 - the field's own word
        now_ms: int,
        time_in_force: TimeInForce | None = None,
        quantity: Decimal | None = None,
        quote_quantity: Decimal | None = None,
        price: Decimal | None = None,
        terms: Terms = STANDARD_TERMS,
    ) -> RestingOrder:
        """Take an order, and fill at once what can fill; Refused as Binance would, and then nothing changed."""
        market, owner = self._market(symbol), self._accounts[account]
        check_form(
            market.instrument,
            type,
            time_in_force=time_in_force,
            quantity=quantity,
            quote_quantity=quote_quantity,
            price=price,
        )
        expected = price if price is not None else market_price(market.tape, side, terms, market.instrument)
        if expected is None:
            raise Refused(-2010, NO_LIQUIDITY)
        if quantity is None:
            quantity = affordable(quote_quantity or ZERO, expected, market.instrument)
        reference = market.tape.last or expected
        check_filters(
            market.instrument,
            side,
            quantity=quantity,
            price=price,
            reference=reference,
            quote_quantity=quote_quantity,
        )
        order = RestingOrder(
            account=account,
            order_id=self._next_order_id,
            client_order_id=client_order_id,
            symbol=symbol,
            side=side,
            type=type,
            quantity=quantity,
            created_ms=now_ms,
            time_in_force=time_in_force,
            price=price,
            quote_quantity=quote_quantity,
            updated_ms=now_ms,
            terms=terms,
            exposed_from_ms=market.tape.seen_ms + 1,
        )
        self._check_book(market, owner, order)
        self._enter(market, owner, order, _cost(order, expected))
        self._match_on_arrival(market, order, expected)
        return order

    def cancel(
        self,
        account: str,
        symbol: str,
        *,
        now_ms: int,
        client_order_id: str | None = None,
        order_id: int | None = None,
    ) -> RestingOrder:
        """Cancel an open order and free its lock; Refused -2011 when it is unknown or finished."""
        order = self._find(account, symbol, client_order_id, order_id)
        if order is None or not order.is_open:
            raise Refused(-2011, "Unknown order sent.")
        self._finish(order, OrderStatus.CANCELED, now_ms)
        return order

    def adopt(self, account: str, order: RestingOrder) -> None:
        """Put back an open order after a restart, under its own ids; its lock is taken from the free balance.

        Unless it says otherwise itself, it meets whole candles from the first that opens after it was made.
        """
        market, owner = self._market(order.symbol), self._accounts[account]
        if not order.is_open:
            raise ValueError(f"order {order.client_order_id} is {order.status}: only open orders can be put back")
        if order.order_id in owner.orders:
            raise ValueError(f"order {order.order_id} is here already")
        order.account = account
        order.exposed_from_ms = order.exposed_from_ms or order.created_ms
        self._next_order_id = max(self._next_order_id, order.order_id)
        newest_trade = max((fill.trade_id for fill in order.fills), default=0)
        self._next_trade_id = max(self._next_trade_id, newest_trade + 1)
        self._enter(market, owner, order, order.needs if order.price is not None else order.locked)

    # The market moves.

    def on_candle(self, candle: Candle) -> list[RestingOrder]:
        """Let a whole closed candle happen; give the touched orders, new fills at the end of their `fills`.

        First market orders that waited for the next candle fill at its open, oldest first; then limit orders
        along the pessimistic path told in `matching`. An order never meets a candle that opened before what was
        already known of the market when it was placed. A candle that still forms changes nothing.
        """
        market = self._market(candle.symbol)
        if not candle.is_closed:
            return []
        market.tape.show_candle(candle)
        if not market.resting:
            return []
        exposed = [order for order in market.resting.values() if order.exposed_from_ms <= candle.open_time]
        touched = self._fill_waiting(market, exposed, exact(candle.open), candle.open_time)
        for match in met_by_candle(exposed, candle):
            at_ms = candle.open_time if match.at_open else candle.close_time
            self._fill(market, match.order, match.price, match.order.remaining, at_ms, is_maker=True)
            touched.append(match.order)
        return touched

    def on_price(self, symbol: str, price: Decimal, now_ms: int, quantity: Decimal | None = None) -> list[RestingOrder]:
        """Let one public trade happen; give the orders it touched. A resting order fills at its own limit.

        `quantity` bounds what resting limit orders take from this trade; None means no bound.
        """
        market = self._market(symbol)
        market.tape.show_price(price, now_ms)
        if not market.resting:
            return []
        touched = self._fill_waiting(market, list(market.resting.values()), price, now_ms)
        left = quantity
        for match in met_by_price(list(market.resting.values()), price):
            part = match.order.remaining if left is None else min(left, match.order.remaining)
            if part <= 0:
                break
            left = None if left is None else EXACT.subtract(left, part)
            self._fill(market, match.order, match.price, part, now_ms, is_maker=True)
            touched.append(match.order)
        return touched

    # Questions.

    def order(
        self, account: str, symbol: str, *, client_order_id: str | None = None, order_id: int | None = None
    ) -> RestingOrder:
        """Give an order; of a reused client order id the newest. Refused -2013 when there is none."""
        order = self._find(account, symbol, client_order_id, order_id)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return order

    def open_orders(self, account: str, symbol: str | None = None) -> list[RestingOrder]:
        """Give the open orders of an account, oldest first within each symbol."""
        markets = self._markets.values() if symbol is None else [self._market(symbol)]
        return [order for market in markets for order in market.resting.values() if order.account == account]

    def orders(self, account: str, symbol: str) -> list[RestingOrder]:
        """Give every order of an account on a symbol, oldest first."""
        self._market(symbol)
        return [order for order in self._accounts[account].orders.values() if order.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[Fill]:
        """Give every fill of an account on a symbol, oldest first."""
        self._market(symbol)
        return list(self._accounts[account].fills.get(symbol, ()))

    def balances(self, account: str) -> dict[str, Balance]:
        """Give what an account holds, by asset."""
        return self._accounts[account].wallet.balances()

    def last_price(self, symbol: str) -> Decimal | None:
        """Give the last price, or None before the market showed one."""
        return self._market(symbol).tape.last

    # Helpers.

    def _market(self, symbol: str) -> _SymbolMarket:
        if symbol not in self._markets:
            raise Refused(-1121, "Invalid symbol.")
        return self._markets[symbol]

    def _find(
        self, account: str, symbol: str, client_order_id: str | None, order_id: int | None
    ) -> RestingOrder | None:
        self._market(symbol)
        owner = self._accounts[account]
        if order_id is None:
            return owner.by_client_id.get((symbol, client_order_id or ""))
        order = owner.orders.get(order_id)
        if order is None or order.symbol != symbol:
            return None
        return order if client_order_id in {None, order.client_order_id} else None

    def _check_book(self, market: _SymbolMarket, owner: _Account, order: RestingOrder) -> None:
        namesake = owner.by_client_id.get((order.symbol, order.client_order_id))
        if namesake is not None and namesake.is_open:
            raise Refused(-2010, "Duplicate order sent.")
        standing = sum(other.account == order.account for other in market.resting.values())
        if standing >= market.instrument.max_orders:
            raise Refused(-2010, "Filter failure: MAX_NUM_ORDERS")
        if order.type is OrderType.LIMIT_MAKER and _takes(order, market.tape.last):
            raise Refused(-2010, "Order would immediately match and take.")

    def _enter(self, market: _SymbolMarket, owner: _Account, order: RestingOrder, lock: Decimal) -> None:
        owner.wallet.lock(_spent_asset(market.instrument, order.side), lock)
        order.locked = lock
        owner.orders[order.order_id] = order
        owner.by_client_id[order.symbol, order.client_order_id] = order
        market.resting[order.order_id] = order
        self._next_order_id = max(self._next_order_id, order.order_id + 1)

    def _match_on_arrival(self, market: _SymbolMarket, order: RestingOrder, expected: Decimal) -> None:
        now_ms, last = order.created_ms, market.tape.last
        if order.price is None:
            if order.terms.fill != "next":
                self._fill(market, order, expected, order.quantity, now_ms, is_maker=False)
        elif last is not None and _takes(order, last):
            slipped = taker_price(last, order.side, order.terms, market.instrument)
            price = better(order.side, slipped, order.price)
            self._fill(market, order, price, order.quantity, now_ms, is_maker=False)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            self._finish(order, OrderStatus.EXPIRED, now_ms)

    def _fill_waiting(
        self, market: _SymbolMarket, orders: Iterable[RestingOrder], price: Decimal, now_ms: int
    ) -> list[RestingOrder]:
        """Fill market orders that waited; when the price ran away, what the money reaches: the rest expires."""
        waiting = [order for order in orders if order.price is None]
        for order in waiting:
            at = taker_price(price, order.side, order.terms, market.instrument)
            wallet = self._accounts[order.account].wallet
            spent = _spent_asset(market.instrument, order.side)
            budget = EXACT.add(wallet.free(spent), order.locked)
            if order.quote_quantity is not None:
                order.quantity = affordable(order.quote_quantity, at, market.instrument)
            reach = affordable(budget, at, market.instrument) if order.side is Side.BUY else budget
            part = market.instrument.lot.fit(min(order.quantity, reach))
            if part is not None:
                self._fill(market, order, at, part, now_ms, is_maker=False)
            if order.is_open:
                self._finish(order, OrderStatus.EXPIRED, max(now_ms, order.created_ms))
        return waiting

    def _fill(
        self,
        market: _SymbolMarket,
        order: RestingOrder,
        price: Decimal,
        quantity: Decimal,
        now_ms: int,
        *,
        is_maker: bool,
    ) -> None:
        owner, rules = self._accounts[order.account], market.instrument
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
            trade_id=self._next_trade_id,
            side=order.side,
            price=Price(price),
            quantity=Quantity(quantity),
            fee=fee,
            fee_asset=fee_asset,
            time_ms=order.updated_ms,
            exchange_order_id=order.order_id,
            is_maker=is_maker,
        )
        self._next_trade_id += 1
        order.fills.append(fill)
        owner.fills.setdefault(order.symbol, []).append(fill)
        if not order.is_open:
            del market.resting[order.order_id]

    def _finish(self, order: RestingOrder, status: OrderStatus, now_ms: int) -> None:
        order.status = status
        order.updated_ms = now_ms
        self._set_lock(order, ZERO)
        del self._markets[order.symbol].resting[order.order_id]

    def _set_lock(self, order: RestingOrder, lock: Decimal) -> None:
        asset = _spent_asset(self._markets[order.symbol].instrument, order.side)
        self._accounts[order.account].wallet.unlock(asset, EXACT.subtract(order.locked, lock))
        order.locked = lock


def _takes(order: RestingOrder, last: Decimal | None) -> bool:
    return last is not None and order.price is not None and crosses(order.side, order.price, last)


def _spent_asset(instrument: Instrument, side: Side) -> str:
    return instrument.quote if side is Side.BUY else instrument.base


def _cost(order: RestingOrder, expected: Decimal) -> Decimal:
    """Give what has to be there for the whole order: quote for a buy, base for a sell."""
    if order.side is Side.SELL:
        return order.quantity
    return order.quote_quantity if order.quote_quantity is not None else times(expected, order.quantity)
