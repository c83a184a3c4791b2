"""The books of the exchange: who holds what, which orders stand, and how a trade is settled between the two."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.money import EXACT, ONE, ZERO, Price, Quantity, times
from bot.domain.order import Fill, OrderStatus, Side
from bot.simulation.balances import Wallet
from bot.simulation.fees import BNB, Commission, fee_in_bnb, fee_of
from bot.simulation.happenings import (
    MARKET,
    ROUTER,
    Allocation,
    Observe,
    OrderAccepted,
    OrderMoved,
    Prevented,
    Traded,
)
from bot.simulation.orders import Amendment, Refused, RestingOrder
from bot.simulation.symbol_market import SymbolMarket


class Account(msgspec.Struct, eq=False):
    """One customer: money, fees, orders by id, the newest order by (symbol, client order id), fills by symbol.

    `trade_group` other than -1 makes several accounts one owner for self-trade prevention.
    """

    name: str
    wallet: Wallet
    trade_group: int = -1
    commission: Commission | None = None
    commissions: dict[str, Commission] = {}
    orders: dict[int, RestingOrder] = {}
    standing: dict[str, dict[int, RestingOrder]] = {}
    """Open orders by symbol."""
    by_client_id: dict[tuple[str, str], RestingOrder] = {}
    fills: dict[str, list[Fill]] = {}
    allocations: dict[str, list[Allocation]] = {}
    prevented: list[Prevented] = []


class Books:
    """Accounts and markets, and the numbers that the next order and the next trade will carry."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        first_order_id: int,
        first_trade_id: int,
        *,
        spread_ticks: int = 0,
        keep_finished: int | None = None,
        observe: Observe | None = None,
        number_trade: Callable[[str], int] | None = None,
        sors: Iterable[Sequence[str]] = (),
    ) -> None:
        self.next_order_id = first_order_id
        self.next_trade_id = first_trade_id
        self._number_trade = number_trade
        self.next_match_id = 0
        self.next_allocation_id = 0
        self.observe = observe
        self.touched: dict[int, RestingOrder] = {}
        """Orders that something happened to since this was last emptied."""
        self.moved: dict[str, SymbolMarket] = {}
        """Markets whose last price changed and whose stops were not looked at yet."""
        self._keep = keep_finished
        self._finished: deque[RestingOrder] = deque()
        self._markets = {symbol: SymbolMarket(rules, spread_ticks) for symbol, rules in instruments.items()}
        self._accounts: dict[str, Account] = {}
        self._routes: dict[str, tuple[SymbolMarket, ...]] = {}
        for group in sors:
            self._interlink(group)

    def open_account(
        self, name: str, funds: Mapping[str, Decimal], commission: Commission | None, trade_group: int
    ) -> None:
        """Open an account with these free amounts by asset."""
        if name in self._accounts:
            raise ValueError(f"account {name!r} is open already")
        wallet = Wallet(funds, account=name, observe=self.observe)
        self._accounts[name] = Account(name, wallet, trade_group, commission)

    def account(self, name: str) -> Account:
        """Give an account; a KeyError when it was never opened."""
        return self._accounts[name]

    def market(self, symbol: str) -> SymbolMarket:
        """Give a symbol's market; Refused -1121 when there is none."""
        market = self._markets.get(symbol)
        if market is None:
            raise Refused(-1121, "Invalid symbol.")
        return market

    def markets(self) -> Iterable[SymbolMarket]:
        """Give every market."""
        return self._markets.values()

    def routes(self, market: SymbolMarket) -> tuple[SymbolMarket, ...]:
        """Give the markets that a routed order may take from, its own first."""
        return self._routes.get(market.symbol, (market,))

    def _interlink(self, symbols: Sequence[str]) -> None:
        group = [self._markets[symbol] for symbol in symbols]
        if len({market.instrument.base for market in group}) > 1:
            raise ValueError(f"orders cannot be routed among {', '.join(symbols)}: their base assets differ")
        for market in group:
            self._routes[market.symbol] = (market, *(other for other in group if other is not market))

    def add_market(self, instrument: Instrument, spread_ticks: int) -> None:
        """Take in a symbol, or new rules for one that is here; what stands there stays."""
        if (known := self._markets.get(instrument.symbol)) is not None:
            known.instrument = instrument
        else:
            self._markets[instrument.symbol] = SymbolMarket(instrument, spread_ticks)

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

    def is_same_owner(self, one: RestingOrder, other: RestingOrder) -> bool:
        """Say whether two orders belong to one account, or to two of one trade group."""
        if one.account == other.account:
            return True
        group = self._accounts[one.account].trade_group
        return group != -1 and group == self._accounts[other.account].trade_group

    # Orders come and go.

    def enter(self, order: RestingOrder, lock: Decimal) -> None:
        """Write an order in with its lock; Refused -2010, and nothing written, when the money is not there."""
        market, owner = self._markets[order.symbol], self._accounts[order.account]
        self.lock(order, lock)
        owner.orders[order.order_id] = order
        owner.by_client_id[order.symbol, order.client_order_id] = order
        owner.standing.setdefault(order.symbol, {})[order.order_id] = order
        market.resting[order.order_id] = order
        self.next_order_id = max(self.next_order_id, order.order_id + 1)
        if order.fills:
            self.next_trade_id = max(self.next_trade_id, *(fill.trade_id + 1 for fill in order.fills))
        if self.observe is not None:
            self.observe(
                OrderAccepted(
                    order.account, order.symbol, order.order_id, order.client_order_id, order.side, order.type,
                    order.quantity, order.price, order.stop_price, order.status, order.list_id, order.updated_ms,
                )
            )  # fmt: skip

    def lock(self, order: RestingOrder, amount: Decimal) -> None:
        """Set money aside for an order that has none set aside yet; Refused -2010 when it is not there."""
        if amount:
            owner, rules = self._accounts[order.account], self._markets[order.symbol].instrument
            owner.wallet.lock(spent_asset(rules, order.side), amount)
        order.locked = amount

    def relock(self, order: RestingOrder, amount: Decimal) -> None:
        """Give back what an open order no longer needs."""
        owner, rules = self._accounts[order.account], self._markets[order.symbol].instrument
        owner.wallet.unlock(spent_asset(rules, order.side), EXACT.subtract(order.locked, amount))
        order.locked = amount

    def finish(
        self,
        order: RestingOrder,
        status: OrderStatus,
        now_ms: int,
        *,
        reason: str = "NONE",
        execution: str | None = None,
        request_id: str = "",
    ) -> None:
        """End an open order, and free what is still locked for it."""
        order.status = status
        order.updated_ms = max(now_ms, order.updated_ms)
        order.expiry_reason = reason
        self.relock(order, ZERO)
        self._leave(order)
        self.tell(order, execution or status.value, request_id=request_id)

    def amend(self, order: RestingOrder, quantity: Decimal, client_order_id: str, lock: Decimal, now_ms: int) -> None:
        """Give an open order a smaller quantity and lock, and perhaps another client order id."""
        owner, old_id = self._accounts[order.account], order.client_order_id
        order.amendments.append(Amendment(now_ms, order.quantity, quantity, old_id, client_order_id))
        if owner.by_client_id.get((order.symbol, old_id)) is order:
            del owner.by_client_id[order.symbol, old_id]
        order.client_order_id, order.quantity = client_order_id, quantity
        owner.by_client_id[order.symbol, client_order_id] = order
        self.relock(order, lock)
        order.shown = min(order.shown, order.remaining)
        order.updated_ms = max(now_ms, order.updated_ms)
        self.tell(order, "REPLACED", request_id=old_id)

    def forget(self) -> bool:
        """Let go of the orders that ended longest ago, when there are many; their fills stay. Say whether any went."""
        if self._keep is None or len(self._finished) < 2 * self._keep + 2:
            return False
        while len(self._finished) > self._keep:
            order = self._finished.popleft()
            owner = self._accounts[order.account]
            owner.orders.pop(order.order_id, None)
            if owner.by_client_id.get((order.symbol, order.client_order_id)) is order:
                del owner.by_client_id[order.symbol, order.client_order_id]
        return True

    def tell(
        self,
        order: RestingOrder,
        execution: str,
        *,
        fill: Fill | None = None,
        counterparty: str = "",
        request_id: str = "",
    ) -> None:
        """Note that something happened to an order."""
        self.touched[order.order_id] = order
        if self.observe is not None:
            is_working = order.is_open and order.working_ms >= 0
            self.observe(
                OrderMoved(
                    order.account, order.symbol, order.order_id, order.client_order_id, execution, order.status,
                    order.expiry_reason, order.quantity, order.filled, order.quote_filled, order.prevented,
                    order.updated_ms, is_working, fill, counterparty, request_id,
                )
            )  # fmt: skip

    # Trades.

    def trade(
        self,
        symbol: str,
        taker: RestingOrder | None,
        maker: RestingOrder | None,
        price: Decimal,
        quantity: Decimal,
        now_ms: int,
        *,
        routed: Side | None = None,
    ) -> None:
        """Settle one trade between two orders, or between one and the market: money, fees, locks, both orders.

        `routed` is the side of an order elsewhere that the router takes for.
        """
        number = self._next_number(symbol)
        took = None if taker is None else self._settle(taker, number, price, quantity, now_ms, is_maker=False)
        made = None if maker is None else self._settle(maker, number, price, quantity, now_ms, is_maker=True)
        nobody = MARKET if routed is None else ROUTER
        taker_name = nobody if taker is None else taker.account
        maker_name = MARKET if maker is None else maker.account
        if self.observe is not None:
            side = taker.side if taker is not None else maker.side.opposite if maker is not None else routed or Side.BUY
            self.observe(Traded(symbol, number, price, quantity, now_ms, side, taker_name, maker_name, took, made))
        if taker is not None:
            self.tell(taker, "TRADE", fill=took, counterparty=maker_name)
        if maker is not None:
            self.tell(maker, "TRADE", fill=made, counterparty=taker_name)

    def allocate(self, order: RestingOrder, price: Decimal, quantity: Decimal, now_ms: int) -> None:
        """Settle a part of an order that the router fetched for it elsewhere: there is no trade in its own book."""
        number = self.next_allocation_id
        self.next_allocation_id += 1
        fill = self._settle(order, -1, price, quantity, now_ms, is_maker=False, allocation_id=number)
        self.tell(order, "TRADE", fill=fill, counterparty=ROUTER)

    def transfer(self, taker: RestingOrder, maker: RestingOrder, price: Decimal, quantity: Decimal) -> None:
        """Pass quantity and its worth between two accounts of one owner: no trade, and no fee."""
        worth, rules = times(price, quantity), self._markets[taker.symbol].instrument
        for order in (taker, maker):
            is_buy, wallet = order.side is Side.BUY, self._accounts[order.account].wallet
            paid, received = (worth, quantity) if is_buy else (quantity, worth)
            from_lock = min(order.locked, paid)
            spent = spent_asset(rules, order.side)
            wallet.move(spent, EXACT.subtract(from_lock, paid), from_lock.copy_negate(), "transfer")
            order.locked = EXACT.subtract(order.locked, from_lock)
            wallet.move(spent_asset(rules, order.side.opposite), received, ZERO, "transfer")

    def _next_number(self, symbol: str) -> int:
        if self._number_trade is not None:
            return self._number_trade(symbol)
        self.next_trade_id += 1
        return self.next_trade_id - 1

    def note_prevented(self, event: Prevented) -> None:
        """Note a trade of an owner with himself that did not happen."""
        self.next_match_id += 1
        for account in {event.taker, event.maker}:
            known = self._accounts[account].prevented
            known.append(event)
            if self._keep is not None and len(known) > 2 * self._keep + 1:
                del known[: -self._keep or None]
        if self.observe is not None:
            self.observe(event)

    def _settle(
        self,
        order: RestingOrder,
        number: int,
        price: Decimal,
        quantity: Decimal,
        now_ms: int,
        *,
        is_maker: bool,
        allocation_id: int | None = None,
    ) -> Fill:
        owner, rules = self._accounts[order.account], self._markets[order.symbol].instrument
        worth = times(price, quantity)
        is_buy = order.side is Side.BUY
        paid, received = (worth, quantity) if is_buy else (quantity, worth)
        order.filled = EXACT.add(order.filled, quantity)
        order.quote_filled = EXACT.add(order.quote_filled, worth)
        order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        order.updated_ms = max(now_ms, order.created_ms)
        rest = order.needs
        if order.price is None and order.is_open:
            rest = max(ZERO, EXACT.subtract(order.locked, paid))
        freed = EXACT.subtract(order.locked, rest)
        spent, got = (rules.quote, rules.base) if is_buy else (rules.base, rules.quote)
        owner.wallet.move(spent, EXACT.subtract(freed, paid), freed.copy_negate(), "trade")
        order.locked = rest
        # What was spent is gone before the fee looks for BNB; what was received comes after.
        fee_asset, fee = self._fee(owner, order, price, quantity, is_maker=is_maker)
        owner.wallet.move(got, received, ZERO, "trade")
        if fee:
            owner.wallet.move(fee_asset, fee.copy_negate(), ZERO, "fee")
        fill = Fill(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            trade_id=number,
            side=order.side,
            price=Price(price),
            quantity=Quantity(quantity),
            fee=fee,
            fee_asset=fee_asset,
            time_ms=order.updated_ms,
            exchange_order_id=order.order_id,
            is_maker=is_maker,
        )
        if allocation_id is None:
            owner.fills.setdefault(order.symbol, []).append(fill)
        else:
            fill = allocated(fill, allocation_id)
            owner.allocations.setdefault(order.symbol, []).append(fill)
        order.fills.append(fill)
        if not order.is_open:
            self._leave(order)
        return fill

    def _fee(
        self, owner: Account, order: RestingOrder, price: Decimal, quantity: Decimal, *, is_maker: bool
    ) -> tuple[str, Decimal]:
        rules = self._markets[order.symbol].instrument
        commission = owner.commissions.get(order.symbol, owner.commission)
        if commission is None:
            rate = order.terms.maker_fee if is_maker else order.terms.taker_fee
            return fee_of(rules, order.side, price, quantity, rate)
        if commission.pays_in_bnb:
            rate = commission.rate(order.side, is_maker=is_maker, is_discounted=True)
            fee = fee_in_bnb(rules, times(price, quantity), rate, self._bnb_price)
            if fee is not None and fee <= owner.wallet.free(BNB):
                return BNB, fee
        return fee_of(rules, order.side, price, quantity, commission.rate(order.side, is_maker=is_maker))

    def _bnb_price(self, quote: str) -> Decimal | None:
        if quote == BNB:
            return ONE
        market = self._markets.get(BNB + quote)
        return None if market is None else market.last

    def _leave(self, order: RestingOrder) -> None:
        market, owner = self._markets[order.symbol], self._accounts[order.account]
        market.take_off(order)
        del market.resting[order.order_id]
        del owner.standing[order.symbol][order.order_id]
        if self._keep is not None:
            self._finished.append(order)


def allocated(fill: Fill, number: int) -> Allocation:
    """Give a fill as an allocation with this number."""
    facts = {name: getattr(fill, name) for name in fill.__struct_fields__}
    return Allocation(**facts, allocation_id=number)


def spent_asset(instrument: Instrument, side: Side) -> str:
    """Give the asset that an order pays with: quote for a buy, base for a sell."""
    return instrument.quote if side is Side.BUY else instrument.base
