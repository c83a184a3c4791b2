"""The face of the simulated futures exchange: accounts trade contracts, markets move, positions live and die.

Every call happens at once and time is what the caller says. A refused call raises Refused with Binance's code and text
and leaves everything as it was. Figures and lists are in `questions`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from bot.domain.market import Candle
from bot.domain.money import times
from bot.domain.order import Side
from bot.simulation.futures import algo as algos
from bot.simulation.futures import placing, settings
from bot.simulation.futures.admission import check_engine, check_fate
from bot.simulation.futures.brackets import Ladder
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.delisting import settle_contract
from bot.simulation.futures.funding import settle_funding
from bot.simulation.futures.happenings import Observer
from bot.simulation.futures.matching import cross_levels, finish
from bot.simulation.futures.moving import open_candle, ripple, show_candle, step, walk_candle
from bot.simulation.futures.questions import Questions
from bot.simulation.futures.records import AlgoOrder, FuturesOrder
from bot.simulation.futures.requests import Change, NewAlgo, NewOrder
from bot.simulation.futures.state import Account, House, Market, Rates, State
from bot.simulation.futures.words import AlgoState, MarginType, OrderState, PositionSide
from bot.simulation.orders import Refused

MAX_BATCH = 5
MAX_CANCELS = 10


class FuturesExchange(Questions):
    """USD-M futures in memory: several accounts, one book per symbol."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        brackets: Mapping[str, Ladder],
        *,
        observe: Observer | None = None,
        asset_prices: Mapping[str, Decimal] | None = None,
        first_id: int = 1,
        keep: int | None = None,
        insurance: Mapping[str, Decimal] | None = None,
        number_trade: Callable[[str], int] | None = None,
        dates_now: Callable[[], int] | None = None,
    ) -> None:
        """`asset_prices` are dollars per unit of assets without a contract here; `first_id` starts every number.

        `keep` bounds the finished orders, finished conditional orders, trades (by symbol) and income records that are
        remembered of each account; None remembers all. `insurance` is what the insurance fund has by asset; None gives
        it no bound, and then nobody's position is ever reduced for another's. `number_trade` gives the id of a symbol's
        next trade, where others number trades of that symbol too. `dates_now` is the clock (ms) that dates of orders
        go by when it is not the time of calls; then orders end at their date by `end_dated` only.
        """
        super().__init__(
            State(contracts, brackets, observe, asset_prices or {}, first_id, keep, insurance, number_trade, dates_now)
        )

    def open_account(
        self, account: str, wallets: Mapping[str, Decimal], *, rates: Rates | None = None, fee_burn: bool = False
    ) -> None:
        """Open an account with these futures wallets by asset; `fee_burn` pays commissions in BNB while it lasts."""
        if account in self._state.accounts:
            raise ValueError(f"account {account!r} is open already")
        if broke := sorted(asset for asset, held in wallets.items() if held < 0):
            raise ValueError(f"an account cannot open below zero: {', '.join(broke)}")
        self._state.accounts[account] = Account(account, dict(wallets), rates or Rates(), fee_burn=fee_burn)
        for asset, held in wallets.items():
            House.book(self._state.house.deposits, asset, held)

    def set_contract(self, contract: Contract) -> None:
        """Let a listed symbol have other rules from now on; orders that rest stay as they are."""
        self._state.market(contract.symbol).contract = contract

    def adopt_position(self, account: str, symbol: str, quantity: Decimal, entry_price: Decimal) -> None:
        """Put back what an account held when it was left, in one-way mode; `quantity` is below zero for a short."""
        position = self._state.account(account).position(symbol, PositionSide.BOTH)
        position.quantity, position.cost = quantity, times(quantity, entry_price)
        House.book(self._state.house.cash, self._state.market(symbol).contract.margin_asset, position.cost)
        House.book(self._state.house.positions, symbol, -quantity)

    def adopt(self, order: FuturesOrder) -> None:
        """Put back an open order under its own id: a limit order into the book, a market order to be let go later."""
        placing.adopt(self._state, order)

    # Orders.

    def place(self, account: str, request: NewOrder, *, now_ms: int) -> FuturesOrder:
        """Take an ordinary order, and fill at once what can fill."""
        owner, market = self._state.account(account), self._begin(request.symbol, now_ms)
        last = market.last
        order = placing.place(self._state, owner, request)
        self._look_after(market, last)
        return order

    def hold(self, account: str, request: NewOrder, *, now_ms: int) -> FuturesOrder:
        """Take a market order that waits until it is let go, for the open of the next candle."""
        self._begin(request.symbol, now_ms)
        return placing.hold(self._state, self._state.account(account), request)

    def let_go(self, order: FuturesOrder, quote: Decimal, *, now_ms: int) -> None:
        """Let an order that was held back trade with the market at `quote`."""
        market = self._begin(order.symbol, now_ms)
        last = market.last
        if order.is_open:
            placing.let_go(self._state, order, quote)
            self._look_after(market, last)

    def check(self, account: str, request: NewOrder, *, now_ms: int) -> FuturesOrder:
        """Check an order as if it were placed, and leave everything as it is."""
        self._state.advance(now_ms)
        order = placing.prepare(self._state, self._state.account(account), request)
        check_engine(self._state, order)
        check_fate(self._state, order)
        return order

    def place_batch(self, account: str, requests: Sequence[NewOrder], *, now_ms: int) -> list[FuturesOrder | Refused]:
        """Take up to five orders, each for itself; refusals stand in the list at their places."""
        _check_size(requests)
        return _each(lambda request: self.place(account, request, now_ms=now_ms), requests)

    def modify(self, account: str, change: Change, *, now_ms: int) -> FuturesOrder:
        """Change price and quantity of a resting limit order; it goes to the end of its price level."""
        market = self._begin(change.symbol, now_ms)
        last = market.last
        found = self._find(account, change.symbol, change.order_id, change.client_order_id)
        order = placing.modify(self._state, found, change)
        self._look_after(market, last)
        return order

    def modify_batch(self, account: str, changes: Sequence[Change], *, now_ms: int) -> list[FuturesOrder | Refused]:
        """Change up to five orders, each for itself."""
        _check_size(changes)
        return _each(lambda change: self.modify(account, change, now_ms=now_ms), changes)

    def cancel(
        self,
        account: str,
        symbol: str,
        *,
        now_ms: int,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> FuturesOrder:
        """Cancel an open order; the order id wins over the client order id."""
        self._state.advance(now_ms)
        return placing.cancel(self._state, self._find(account, symbol, order_id, client_order_id))

    def cancel_batch(
        self,
        account: str,
        symbol: str,
        *,
        now_ms: int,
        order_ids: Sequence[int] = (),
        client_order_ids: Sequence[str] = (),
    ) -> list[FuturesOrder | Refused]:
        """Cancel up to ten orders by one of the two lists, each for itself."""
        if len(order_ids) > MAX_CANCELS or len(client_order_ids) > MAX_CANCELS:
            raise Refused(-4032, "Exceed maximum cancel order size.")
        by_id: list[tuple[int | None, str | None]] = [(number, None) for number in order_ids]
        wanted = by_id or [(None, name) for name in client_order_ids]
        return _each(
            lambda pair: self.cancel(account, symbol, now_ms=now_ms, order_id=pair[0], client_order_id=pair[1]), wanted
        )

    def cancel_all(self, account: str, symbol: str, *, now_ms: int) -> list[FuturesOrder]:
        """Cancel every open ordinary order on a symbol; conditional orders stay."""
        self._state.advance(now_ms)
        self._state.market(symbol)
        orders = list(self._state.account(account).slot(symbol).orders.values())
        return [placing.cancel(self._state, order) for order in orders]

    def countdown_cancel_all(self, account: str, symbol: str, countdown_ms: int, *, now_ms: int) -> None:
        """Cancel all on a symbol when `on_time` reaches now + countdown, unless told again before; 0 calls it off."""
        self._state.market(symbol)
        countdowns = self._state.account(account).countdowns
        countdowns.pop(symbol, None)
        if countdown_ms > 0:
            countdowns[symbol] = self._state.advance(now_ms) + countdown_ms

    # Conditional orders.

    def place_algo(self, account: str, request: NewAlgo, *, now_ms: int) -> AlgoOrder:
        """Take a conditional order; margin is asked for when it fires."""
        self._state.advance(now_ms)
        return algos.place_algo(self._state, self._state.account(account), request)

    def cancel_algo(
        self, account: str, *, now_ms: int, algo_id: int | None = None, client_algo_id: str | None = None
    ) -> AlgoOrder:
        """Cancel a conditional order that has not fired."""
        self._state.advance(now_ms)
        order = self._find_algo(account, algo_id, client_algo_id)
        if order is None or not order.is_open:
            raise Refused(-2011, "Unknown order sent.")
        algos.end_algo(self._state, order, AlgoState.CANCELED)
        return order

    def cancel_all_algos(self, account: str, symbol: str, *, now_ms: int) -> list[AlgoOrder]:
        """Cancel every conditional order on a symbol that has not fired."""
        self._state.market(symbol)
        waiting = [order for order in self._state.account(account).waiting.values() if order.symbol == symbol]
        return [self.cancel_algo(account, now_ms=now_ms, algo_id=order.algo_id) for order in waiting]

    # Settings and money.

    def set_leverage(self, account: str, symbol: str, leverage: int) -> Decimal:
        """Change the leverage of a symbol; give the largest notional that it allows."""
        return settings.set_leverage(self._state, self._state.account(account), symbol, leverage)

    def set_margin_type(self, account: str, symbol: str, margin_type: MarginType) -> None:
        """Switch a symbol between cross and isolated margin."""
        settings.set_margin_type(self._state, self._state.account(account), symbol, margin_type)

    def set_hedge(self, account: str, *, hedge: bool) -> None:
        """Switch between one-way and hedge mode."""
        settings.set_hedge(self._state.account(account), hedge=hedge)

    def set_multi_assets(self, account: str, *, multi_assets: bool) -> None:
        """Switch multi-assets mode."""
        settings.set_multi_assets(self._state.account(account), multi_assets=multi_assets)

    def set_fee_burn(self, account: str, *, fee_burn: bool) -> None:
        """Switch whether commissions are paid in BNB, with its discount, while there is enough."""
        self._state.account(account).fee_burn = fee_burn

    def change_margin(
        self,
        account: str,
        symbol: str,
        amount: Decimal,
        *,
        adding: bool,
        now_ms: int,
        position_side: PositionSide = PositionSide.BOTH,
    ) -> None:
        """Move money into (adding) or out of an isolated position."""
        self._state.advance(now_ms)
        owner = self._state.account(account)
        settings.change_margin(self._state, owner, symbol, position_side, amount, adding=adding)

    def transfer(self, account: str, asset: str, amount: Decimal, *, now_ms: int) -> None:
        """Bring money into the futures wallet (above zero) or take it out (below zero)."""
        self._state.advance(now_ms)
        settings.transfer(self._state, self._state.account(account), asset, amount)

    # The market moves. Each gives the orders it touched, in the order they were first touched.

    def on_price(
        self, symbol: str, price: Decimal, now_ms: int, quantity: Decimal | None = None, maker: Side | None = None
    ) -> list[FuturesOrder]:
        """Let one public trade happen; `quantity` bounds what resting orders get of it, None means no bound.

        With `maker`, the side that stood in a recorded trade, orders keep their places in line.
        """
        market = self._begin(symbol, now_ms)
        market.seen_ms = max(market.seen_ms, now_ms)
        step(self._state, market, price, quantity, maker=maker)
        return self._touched()

    def on_candle(self, candle: Candle) -> list[FuturesOrder]:
        """Let a whole closed candle happen along open, low, high, close; one that still forms changes nothing."""
        market = self._state.market(candle.symbol)
        self._state.touched.clear()
        if candle.is_closed:
            show_candle(self._state, market, candle)
        return self._touched()

    def on_open(self, candle: Candle, mark: Candle | None = None) -> list[FuturesOrder]:
        """Let the open of a candle happen, which `on_inside` has to follow; `mark` is the mark price's candle."""
        market = self._begin(candle.symbol, candle.open_time)
        open_candle(self._state, market, candle, mark)
        return self._touched()

    def on_inside(self, candle: Candle, mark: Candle | None = None, *, rises_first: bool = False) -> list[FuturesOrder]:
        """Let the rest of a candle happen; with `rises_first` its high comes before its low."""
        market = self._begin(candle.symbol, candle.open_time)
        walk_candle(self._state, market, candle, mark, rises_first=rises_first)
        return self._touched()

    def on_book(
        self,
        symbol: str,
        bids: Sequence[tuple[Decimal, Decimal]],
        asks: Sequence[tuple[Decimal, Decimal]],
        now_ms: int,
        *,
        is_change: bool = False,
    ) -> list[FuturesOrder]:
        """Show what the market has at each (price, quantity), or what changed; takers get no more than that."""
        market = self._begin(symbol, now_ms)
        show = market.book.change_levels if is_change else market.book.show_levels
        show(bids, asks)
        cross_levels(self._state, market)
        ripple(self._state, market)
        return self._touched()

    def on_mark(self, symbol: str, price: Decimal, now_ms: int, *, index: Decimal | None = None) -> list[FuturesOrder]:
        """Set the mark price, which follows the last price until this was called once."""
        market = self._begin(symbol, now_ms)
        market.fed_mark = price
        market.index = price if index is None else index
        ripple(self._state, market)
        return self._touched()

    def on_asset_price(self, asset: str, dollars: Decimal) -> None:
        """Say what an asset is worth, for multi-assets mode and commissions in BNB."""
        self._state.asset_prices[asset] = dollars

    def settle_funding(self, symbol: str, rate: Decimal, now_ms: int) -> list[FuturesOrder]:
        """Let longs pay shorts `rate` (a fraction) of their notional, or the other way round when it is below 0."""
        market = self._begin(symbol, now_ms)
        settle_funding(self._state, market, rate)
        ripple(self._state, market)
        return self._touched()

    def settle_contract(self, symbol: str, price: Decimal, now_ms: int) -> list[FuturesOrder]:
        """Close every position of a symbol at a price and end its orders: the contract leaves the exchange."""
        self._begin(symbol, now_ms)
        settle_contract(self._state, symbol, price)
        return self._touched()

    def on_time(self, now_ms: int) -> list[FuturesOrder]:
        """Let time pass: orders reach their date, and countdowns run out."""
        self._state.touched.clear()
        self._state.advance(now_ms)
        for name, account in self._state.accounts.items():
            for symbol in [symbol for symbol, due_ms in account.countdowns.items() if due_ms <= now_ms]:
                del account.countdowns[symbol]
                self.cancel_all(name, symbol, now_ms=now_ms)
        if not self._state.has_own_dates:
            self._end_dated(now_ms)
        return self._touched()

    def end_dated(self, until_ms: int, *, now_ms: int) -> list[FuturesOrder]:
        """End every order, ordinary or conditional, whose date is not after `until_ms`, by the clock of dates."""
        self._state.touched.clear()
        self._state.advance(now_ms)
        self._end_dated(until_ms)
        return self._touched()

    def _end_dated(self, until_ms: int) -> None:
        for account in self._state.accounts.values():
            for slot in account.slots.values():
                for order in [order for order in slot.orders.values() if 0 < order.good_till_ms <= until_ms]:
                    finish(self._state, order, OrderState.EXPIRED, is_resting=True)
            for waiting in [one for one in account.waiting.values() if 0 < one.good_till_ms <= until_ms]:
                algos.end_algo(self._state, waiting, AlgoState.EXPIRED)

    def _look_after(self, market: Market, last: Decimal | None) -> None:
        """See to what the trades of an order brought about; when the last price stayed, only to who traded."""
        traders = {order.account for order in self._state.touched.values() if order.filled}
        if traders:
            accounts = [self._state.account(name) for name in traders]
            ripple(self._state, market, accounts if market.last == last else None)


def _check_size(requests: Sequence[object]) -> None:
    if not 0 < len(requests) <= MAX_BATCH:
        raise Refused(-4082, "Invalid number of batch place orders.")


def _each[Request](act: Callable[[Request], FuturesOrder], requests: Iterable[Request]) -> list[FuturesOrder | Refused]:
    results: list[FuturesOrder | Refused] = []
    for request in requests:
        try:
            results.append(act(request))
        except Refused as refusal:
            results.append(refusal)
    return results
