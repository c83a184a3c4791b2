"""The futures venue: USD-M as a face. Market, exchange, customers and limits meet here, and operations work on it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from bot.domain.market import INTERVAL_MS, Candle, PublicTrade, Quote
from bot.domain.money import ZERO, exact
from bot.domain.order import Side
from bot.emulator.accounts import account_name
from bot.emulator.board import Board
from bot.emulator.dumps import Dumps
from bot.emulator.face import Face
from bot.emulator.futures import show, streams, tables, wire
from bot.emulator.futures.deadlines import Deadlines
from bot.emulator.futures.desk import Desk
from bot.emulator.futures.forced import ForcedOrders
from bot.emulator.futures.listing import list_contracts
from bot.emulator.futures.marks import Mark, RecordedMarks, mark_of
from bot.emulator.futures.users import Users
from bot.emulator.futures.wire import Shape
from bot.emulator.limits import Bounds, OrderCount, Window
from bot.emulator.params import known
from bot.emulator.player import Tick
from bot.emulator.recorded.book import BookMoved
from bot.emulator.recorded.records import FundingPaid, MarkShown
from bot.emulator.refusals import ApiError
from bot.emulator.series import KEPT
from bot.emulator.wire import Json
from bot.emulator.world import World
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.funding import next_funding_ms
from bot.simulation.futures.happenings import BalanceMoved, Traded
from bot.simulation.futures.words import TradeSource, Why
from bot.simulation.orders import Refused

WEIGHT_PER_MINUTE = 2_400
FUNDING_REQUESTS = 500
_PLENTY = Decimal(10**9)
_LEVELS = 21
"""Prices on each side of the outside's book: as many as a price match can ask for, behind the one of both sides."""
ORDER_LIMITS: dict[tuple[str, int], int] = {("MINUTE", 1): 1_200, ("SECOND", 10): 300}


class FuturesVenue(Face):
    """Everything behind the USD-M port."""

    routes = tables.ROUTES
    methods = tables.METHODS
    socket_methods = tables.SOCKET_METHODS
    api_path = "ws-fapi"
    api_connect_weight = 5
    knows_microseconds = False
    request_ids_are_numbers = True
    statuses = (
        "PENDING_TRADING", "TRADING", "PRE_DELIVERING", "DELIVERING", "DELIVERED", "PRE_SETTLE", "SETTLING", "CLOSE",
        "TRADING_HALT", "TRADING_CANCEL_ONLY",
    )  # fmt: skip
    stream_frames_a_second = 10

    def __init__(self, world: World, *, exchange_info: Path | None = None, brackets: Path | None = None) -> None:
        config = world.config
        bounds = Bounds(WEIGHT_PER_MINUTE, config.raw_requests_5m, config.settings.futures_connections_5m)
        super().__init__(world.gate("um", bounds))
        self.player = world.player
        self.listed = list_contracts(world.source.instruments, exchange_info=exchange_info, brackets=brackets)
        self.contracts = self.listed.contracts
        self.shapes = {
            symbol: Shape(one.rules.quote_precision, one.rules.base_precision) for symbol, one in self.contracts.items()
        }
        self.order_limits = ORDER_LIMITS
        self.intervals = frozenset(INTERVAL_MS) - {"1s"}
        self.desk = Desk(self)
        self.exchange = FuturesExchange(
            self.contracts, self.listed.ladders, observe=self.desk.observe, first_id=1_000_001,
            keep=config.keep_finished, insurance=config.insurance_fund,
            number_trade=lambda symbol: self.boards[symbol].next_trade_id(), dates_now=lambda: self.wall_ms,
        )  # fmt: skip
        self.boards = {
            symbol: Board(
                one.rules, world.source.interval, depth=config.depth_levels, spread_ticks=config.spread_ticks,
                counts_clients=config.counts_clients,
                kept_candles=config.warmup + KEPT,
            )
            for symbol, one in self.contracts.items()
        }  # fmt: skip
        self.dumps = Dumps(
            "futures/um", self.boards, lambda one: wire.kline(one, self.shapes[one.symbol]), lambda: self.now_ms
        )
        self.deadlines = Deadlines(self.gate.clock, self._cancel_at, self._end_at)
        self.forced = ForcedOrders(self.hub, self.shapes)
        self.users = Users(self.hub, self.gate.clock, lambda: self.now_ms)
        self._spread_ticks = config.spread_ticks
        self._funding_requests = Window(300_000)
        self._marks: dict[str, Mark] = {}
        self.recorded_marks = RecordedMarks(world.source.fundings)
        self._funding_due: dict[str, int] = {}
        self._ticks = {symbol: one.rules.price.tick for symbol, one in self.contracts.items()}
        for place, account in enumerate(config.accounts):
            name = account_name(account, place)
            self._open(name, account.balances if account.futures is None else account.futures)
            self.count_orders_of(name, OrderCount(ORDER_LIMITS, config.settings))
        world.player.join(self)

    @property
    def now_ms(self) -> int:
        """Give market time: the stamp of orders and fills."""
        return self.player.now_ms

    @property
    def wall_ms(self) -> int:
        """Give server time: the clock of requests."""
        return self.gate.clock.now_ms

    def board(self, symbol: str) -> Board:
        """Give the board of a symbol, or refuse the symbol."""
        return self.boards[known(symbol, self.boards)]

    def fresh_board(self, symbol: str) -> Board:
        """Give the board of a symbol with its book laid out as it is now."""
        board = self.board(symbol)
        if symbol in self.desk.moved_books or not board.bids:
            self.lay_out(board)
        return board

    def lay_out(self, board: Board) -> None:
        """Lay a book out anew, and show what changed of it."""
        self.desk.moved_books.discard(board.symbol)
        bids, asks = (
            [(float(level.price), float(level.quantity or 0)) for level in side]
            for side in self.exchange.client_levels(board.symbol)
        )
        show.depth(self, board, board.refresh(bids, asks))

    def show_moved_books(self) -> None:
        """Lay those books out anew that clients moved and somebody watches, and tell of liquidations."""
        touched, self.desk.touched_books = self.desk.touched_books, set()
        for board in [self.boards[symbol] for symbol in touched]:
            if show.is_book_wanted(self, board):
                self.lay_out(board)
                show.best(self, board)
        self.forced.tell(self.now_ms)

    def quote(self, board: Board) -> Quote:
        """Give the best bid and ask of a symbol, clients and outside together."""
        bid, ask = (
            (float(levels[0].price), float(levels[0].quantity or 0)) if levels else None
            for levels in self.exchange.client_levels(board.symbol)
        )
        return board.quote(self.now_ms, bid, ask)

    def show_trade(self, traded: Traded) -> None:
        """Show everybody a trade with a client in it, under the id that the client sees."""
        side = traded.taker or traded.maker
        if side is None:
            return
        is_buyer_maker = (side.side is Side.BUY) == side.is_maker
        trade = PublicTrade(
            traded.symbol, side.trade_id, float(traded.price), float(traded.quantity), traded.time_ms, is_buyer_maker
        )
        if traded.source is not TradeSource.MARKET:
            show.trade_aside(self, trade, traded.source)
            return
        # Who takes makes a trade that no source knows of; who only rested was met by one that the source tells.
        board = self.boards[traded.symbol]
        show.trade(self, board, board.show_trade(trade, is_extra=traded.taker is not None))

    def mark(self, symbol: str) -> Mark:
        """Give the mark, index and coming funding of a symbol."""
        return self._marks[symbol] if symbol in self._marks else mark_of(symbol, self.boards[symbol].last, self.now_ms)

    # Requests, streams and user events.

    def stream_names(self, path: str, query: Mapping[str, str]) -> tuple[list[str], bool] | None:
        """Give the streams that an address asks for, and whether they come wrapped; None for no such address."""
        found = super().stream_names(path, query)
        users = streams.user_streams(query)
        return found if found is None or not users else ([*found[0], *users], found[1])

    def on_subscribe(self, names: Iterable[str], path: str) -> list[str]:
        """Give those of the wanted streams that this route serves."""
        route, old = streams.route_of(path), self.gate.settings.old_futures_roots_serve_all
        wanted = super().on_subscribe(names, path)
        return [one for one in wanted if streams.served(one, route, old_serves_all=old)]

    def has_listeners(self, account: str) -> bool:
        """Say whether anybody would hear an event of an account."""
        return self.users.is_heard(account)

    def tell(self, account: str, event: Json) -> None:
        """Send an event to whoever listens to an account."""
        self.users.tell(account, event)

    def deposit(self, account: str, asset: str, delta: Decimal, *, locks: bool) -> None:
        """Bring money in or take it out, and tell its owner; nothing can be locked from outside here."""
        if locks:
            raise Refused(-1020, "This operation is not supported.")
        with self.desk.settling() as now_ms:
            self.exchange.transfer(account, asset, delta, now_ms=now_ms)

    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade, halt or end; KeyError when there is no such symbol."""
        contract = self.contracts[symbol]
        changed = replace(contract, rules=replace(contract.rules, status=status))
        self.contracts[symbol] = changed
        self.exchange.set_contract(changed)
        self.listed.rows[:] = [row | {"status": status} if row["symbol"] == symbol else row for row in self.listed.rows]

    def count_funding_request(self) -> None:
        """Count a question about funding: these have a pool of their own, of so many in five minutes."""
        now_ms = self.wall_ms
        self._funding_requests.add(1, now_ms)
        if self._funding_requests.count(now_ms) > FUNDING_REQUESTS:
            wait_s = (self._funding_requests.ends_ms(now_ms) - now_ms) // 1000 + 1
            message = f"Too many requests; current limit is {FUNDING_REQUESTS} requests per 5 MINUTE."
            raise ApiError(-1003, message, 429, headers={"Retry-After": str(wait_s)})

    def set_deadline(self, account: str, symbol: str, countdown_ms: int) -> None:
        """Cancel the open orders of a symbol after a while of server time, unless told again; 0 calls it off."""
        self.exchange.market(symbol)
        self.deadlines.set(account, symbol, countdown_ms)

    def _cancel_at(self, account: str, symbol: str, due_ms: int) -> None:
        """Cancel everything of a symbol, for its countdown has run out."""
        with self.desk.settling() as market_ms:
            now_ms = due_ms if self.gate.clock.is_led else market_ms
            self.exchange.cancel_all(account, symbol, now_ms=now_ms)
            if self.gate.settings.countdown_cancels_algo_orders:
                self.exchange.cancel_all_algos(account, symbol, now_ms=now_ms)

    def _end_at(self, due_ms: int) -> None:
        """End the orders whose date has come."""
        with self.desk.settling() as market_ms:
            self.exchange.end_dated(due_ms, now_ms=due_ms if self.gate.clock.is_led else market_ms)

    # The market moves.

    def move(self, symbol: str, price: Decimal) -> None:
        """Let the outside trade at a price now, the mark price too, whatever the candles say; the next tick goes on."""
        board, value = self.board(symbol), float(price)
        with self.desk.settling() as now_ms:
            self._move_price(symbol, price, now_ms)
            self._marks[symbol] = replace(mark_of(symbol, value, now_ms), price=price, index=price)
            self.exchange.on_mark(symbol, price, now_ms)
            board.last, is_lower = value, value < board.last
            lot = float(board.instrument.lot.step)
            trade = PublicTrade(symbol, board.next_trade_id(), value, lot, now_ms, is_lower)
            self.desk.touched_books.add(symbol)
            self.desk.moved_books.add(symbol)
            show.trade(self, board, board.show_trade(trade, is_extra=True))
            show.marks(self, board, now_ms)

    def fund(self, symbol: str, rate: Decimal) -> None:
        """Let a funding happen now, at a rate (a fraction), besides those at their hours."""
        with self.desk.settling() as now_ms:
            self.exchange.settle_funding(symbol, rate, now_ms)

    def on_history(self, candle: Candle) -> None:
        """Take a candle that was before anybody looked."""
        if candle.symbol not in self.boards:
            return
        fitted = self._fit(candle)
        self._fund(candle.symbol, candle.open_time)
        self.boards[candle.symbol].remember(fitted)
        self.exchange.on_candle(fitted)
        self._move_mark(candle.symbol, fitted.close, candle.close_time)

    def on_tick(self, tick: Tick) -> None:
        """Let a price reach the orders, then the mark price, then funding; and show it."""
        symbol = tick.candle.symbol
        if symbol not in self.boards:
            return
        # What ran out before this price comes before it; a whole candle may begin long before it is told.
        is_long = tick.is_whole and self.gate.clock.is_led
        self.deadlines.meet(tick.candle.open_time if is_long else self.wall_ms)
        board, moved = self.boards[symbol], self._fit_tick(tick)
        with self.desk.settling():
            if moved.is_recorded:
                self._meet_recorded(board, moved)
            elif moved.is_whole:
                # A whole candle at once: resting orders meet its high and low too, exactly as in a backtest.
                self.exchange.on_candle(moved.candle)
            else:
                self._move_price(symbol, exact(moved.price), moved.now_ms)
            self._move_mark(symbol, moved.price, moved.now_ms)
            # On its way to this price the market met those who rested: their trades come before its own.
            shown = board.take(moved)
        with self.desk.settling():
            self._fund(symbol, moved.now_ms)
        show.tick(self, board, replace(moved, shown=shown))

    def on_book(self, moved: BookMoved) -> None:
        """Let a recorded book stand behind the customers' orders, and show it."""
        symbol = moved.book.symbol
        if symbol not in self.boards:
            return
        board = self.boards[symbol]
        board.follow(moved)
        with self.desk.settling():
            self.exchange.on_book(symbol, moved.bids, moved.asks, moved.time_ms, is_change=not moved.is_whole)
        show.book(self, board, is_best_only=moved.is_best_only)

    def on_mark(self, shown: MarkShown) -> None:
        """Let the mark price be the recorded one, and liquidate who cannot stand it."""
        if shown.symbol not in self.boards:
            return
        self.recorded_marks.show(shown)
        with self.desk.settling():
            self._move_mark(shown.symbol, self.boards[shown.symbol].last, shown.time_ms)
        show.marks(self, self.boards[shown.symbol], shown.time_ms)

    def on_funding(self, paid: FundingPaid) -> None:
        """Let positions pay, or receive, what was recorded."""
        if paid.symbol in self.boards:
            with self.desk.settling():
                self.exchange.settle_funding(paid.symbol, paid.rate, paid.time_ms)

    def after_ticks(self, now_ms: int) -> None:
        """Let time pass, and show what belongs to all symbols together."""
        with self.desk.settling():
            self.exchange.on_time(now_ms)
        self.deadlines.meet(self.wall_ms)
        self.users.expire_due()
        faults = self.gate.faults
        if faults.on_connections:
            for account in self.users.accounts:
                if faults.for_connection("expire_listen_key", "um", account=account) is not None:
                    self.users.expire(account)
        show.all_symbols(self, [board for board in self.boards.values() if board.last], now_ms)

    def _open(self, name: str, wallets: Mapping[str, Decimal]) -> None:
        """Open an account; the truth book begins with what it owns."""
        self.exchange.open_account(name, wallets)
        for asset, held in wallets.items():
            self.desk.observe(BalanceMoved(name, asset, held, held, held, held, Why.DEPOSIT, self.now_ms))
        self.desk.forget(name)

    def _move_price(self, symbol: str, last: Decimal, now_ms: int) -> None:
        """Let the outside stand around a price, with room in between for customers when it is told to, and trade."""
        ticks = [step * self._ticks[symbol] for step in range(_LEVELS)]
        ask = last + self._spread_ticks * self._ticks[symbol]
        bids, asks = (
            [(price, _PLENTY) for price in side]
            for side in ([last - one for one in ticks], [ask + one for one in ticks])
        )
        self.exchange.on_book(symbol, bids, asks, now_ms)
        self.exchange.on_price(symbol, last, now_ms)

    def _move_mark(self, symbol: str, last: float, now_ms: int) -> None:
        mark = self._marks[symbol] = self.recorded_marks.over(symbol, mark_of(symbol, last, now_ms), now_ms)
        self.exchange.on_mark(symbol, mark.price, now_ms, index=mark.index)

    def _fund(self, symbol: str, now_ms: int) -> None:
        """Settle the fundings that are due, at the rate that was shown for them; recorded ones come by themselves."""
        if self.recorded_marks.has_fundings(symbol):
            return
        due_ms = self._funding_due.get(symbol)
        while due_ms is not None and due_ms <= now_ms:
            self.exchange.settle_funding(symbol, self._marks[symbol].rate, due_ms)
            due_ms = next_funding_ms(due_ms)
        self._funding_due[symbol] = due_ms or next_funding_ms(now_ms)

    def _meet_recorded(self, board: Board, tick: Tick) -> None:
        if (trade := tick.trade) is not None:
            board.await_trade(trade)
            maker = Side.BUY if trade.is_buyer_maker else Side.SELL
            self.exchange.on_price(board.symbol, exact(tick.price), tick.now_ms, trade.quantity, maker)
        elif board.symbol not in self.player.traded:
            self.exchange.on_price(board.symbol, exact(tick.price), tick.now_ms, ZERO, Side.BUY)

    def _fit_tick(self, tick: Tick) -> Tick:
        candle = self._fit(tick.candle)
        shown = candle if tick.shown is tick.candle else self._fit(tick.shown)
        return replace(tick, candle=candle, shown=shown, price=self._on_grid(candle.symbol, tick.price))

    def _fit(self, candle: Candle) -> Candle:
        """Put the prices of a candle on the contract's own grid, which may be coarser than that of its source."""
        opened, high, low, close = (
            self._on_grid(candle.symbol, price) for price in (candle.open, candle.high, candle.low, candle.close)
        )
        return replace(candle, open=opened, high=high, low=low, close=close)

    def _on_grid(self, symbol: str, price: float) -> float:
        tick = self._ticks[symbol]
        return float(round(price / float(tick)) * tick) if tick else price
