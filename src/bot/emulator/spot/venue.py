"""The venue: spot as a face. Market, exchange, customers and limits meet here, and operations work on it."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.market import Candle, PublicTrade, Quote
from bot.domain.money import ZERO, exact, floor_to
from bot.domain.order import Side
from bot.emulator.accounts import account_name
from bot.emulator.board import Board
from bot.emulator.dumps import Dumps
from bot.emulator.face import Face
from bot.emulator.keys import Customer
from bot.emulator.limits import Bounds, OrderCount
from bot.emulator.params import known
from bot.emulator.player import Tick
from bot.emulator.recorded.book import BookMoved
from bot.emulator.recorded.records import FundingPaid, MarkShown
from bot.emulator.refusals import ApiError
from bot.emulator.series import KEPT
from bot.emulator.spot import rules, show, tables, wire
from bot.emulator.spot.desk import Desk
from bot.emulator.world import World
from bot.simulation.exchange import Commission, Exchange, Rates, Readings
from bot.simulation.happenings import MARKET, Traded

_ASIDE = Decimal("1.1")
"""Outside the price range of the execution rule, inside the bands of the filters."""


class Venue(Face):
    """Everything behind the spot port."""

    routes = tables.ROUTES
    statuses = rules.STATUSES
    methods = tables.METHODS
    socket_methods = tables.SOCKET_METHODS

    def __init__(self, world: World) -> None:
        config = world.config
        super().__init__(
            world.gate("spot", Bounds(config.weight_per_minute, config.raw_requests_5m, config.connections_5m))
        )
        self.config, self.player = config, world.player
        self._sets, self.sors = world.permission_sets, world.sors
        given = config.instruments or {}
        self.instruments = {
            symbol: one if symbol in given else rules.equipped(one) for symbol, one in world.source.instruments.items()
        }
        self.desk = Desk(self)
        self.exchange = Exchange(
            self.instruments, first_order_id=1_001, clients_meet=True, spread_ticks=config.spread_ticks,
            keep_finished=config.keep_finished, observe=self.desk.observe,
            number_trade=lambda symbol: self.boards[symbol].next_trade_id(), sors=world.sors,
            readings=Readings(config.settings.pending_legs_lock, config.settings.sor_allocates_own_book),
        )  # fmt: skip
        self._tick_worth = config.tick_worth
        self.order_limits = {("SECOND", 10): config.orders_per_10s, ("DAY", 1): config.orders_per_day}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.boards = {
            symbol: Board(
                one, world.source.interval, depth=config.depth_levels, spread_ticks=config.spread_ticks,
                counts_clients=config.counts_clients,
                kept_candles=config.warmup + KEPT,
            )
            for symbol, one in self.instruments.items()
        }  # fmt: skip
        self.dumps = Dumps("spot", self.boards, wire.kline_row, lambda: self.now_ms)
        for place, account in enumerate(config.accounts):
            self._open(account_name(account, place), place)
        with self.desk.settling():
            pass  # nobody hears of what everybody begins with
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
        sides = [
            [
                (float(price), float(quantity))
                for price, quantity in self.exchange.client_book(board.symbol, side, 1_000)
            ]
            for side in (Side.BUY, Side.SELL)
        ]
        show.depth(self, board, board.refresh(*sides))

    def show_moved_books(self) -> None:
        """Lay those books out anew that clients moved and somebody watches."""
        touched, self.desk.touched_books = self.desk.touched_books, set()
        for board in [self.boards[symbol] for symbol in touched]:
            if show.is_book_wanted(self, board):
                self.lay_out(board)
                show.best(self, board)

    def quote(self, board: Board) -> Quote:
        """Give the best bid and ask of a symbol, clients and outside together."""
        best = [self.exchange.client_book(board.symbol, side, 1) for side in (Side.BUY, Side.SELL)]
        bid, ask = ((float(levels[0][0]), float(levels[0][1])) if levels else None for levels in best)
        return board.quote(self.now_ms, bid, ask)

    def show_trade(self, traded: Traded) -> None:
        """Show everybody a trade with a client in it, under the id that the client sees."""
        board = self.boards[traded.symbol]
        is_buyer_maker = traded.taker_side is Side.SELL
        trade = PublicTrade(
            traded.symbol, traded.trade_id, float(traded.price), float(traded.quantity), traded.time_ms, is_buyer_maker
        )
        # Who takes makes a trade that no source knows of; who only rested was met by one that the source tells.
        show.trade(self, board, board.show_trade(trade, is_extra=traded.taker != MARKET))

    def fees(self, account: str, symbol: str = "") -> Commission:
        """Give what an account pays."""
        found = self.exchange.commission(account, symbol or next(iter(self.instruments)))
        return found or Commission(Rates(self.config.maker_fee, self.config.taker_fee))

    def permission_sets(self, symbol: str) -> list[list[str]]:
        """Give the permission sets of a symbol."""
        return self._sets.get(symbol, rules.PERMISSION_SETS)

    def check_groups(self, customer: Customer, symbol: str) -> None:
        """Refuse an account that no permission set of a symbol knows."""
        if not rules.is_permitted(self.groups[customer.name], self.permission_sets(symbol)):
            raise ApiError(-2010, "This symbol is not permitted for this account.")

    def deposit(self, account: str, asset: str, delta: Decimal, *, locks: bool) -> None:
        """Bring money in, take it out, or have it locked elsewhere; its owner is told."""
        self.desk.deposit(account, asset, delta, locks=locks)

    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade, halt, or only cancel; KeyError when there is no such symbol."""
        changed = replace(self.instruments[symbol], status=status)
        self.instruments[symbol] = self.boards[symbol].instrument = changed
        self.exchange.set_instrument(changed)

    # The market moves.

    def on_history(self, candle: Candle) -> None:
        """Take a candle that was before anybody looked."""
        self.boards[candle.symbol].remember(candle)
        self.exchange.on_candle(candle)

    def on_tick(self, tick: Tick) -> None:
        """Let a price reach the orders, and show it."""
        board = self.boards[tick.candle.symbol]
        with self.desk.settling():
            if tick.is_recorded:
                self._meet_recorded(board, tick)
            elif tick.is_whole:
                # A whole candle at once: resting orders meet its high and low too, exactly as in a backtest.
                self.exchange.on_candle(tick.candle)
            else:
                price = exact(tick.price)
                self.exchange.on_price(board.symbol, price, tick.now_ms, self._brought(board, price))
            # On its way to this price the market met those who rested: their trades come before its own.
            shown = board.take(tick)
        show.tick(self, board, replace(tick, shown=shown))

    def on_book(self, moved: BookMoved) -> None:
        """Let a recorded book stand behind the clients' orders, and show it."""
        board = self.boards[moved.book.symbol]
        board.follow(moved)
        with self.desk.settling():
            self.exchange.on_depth(
                board.symbol, moved.bids, moved.asks, moved.time_ms, is_change=not moved.is_whole
            )  # fmt: skip
        show.book(self, board, is_best_only=moved.is_best_only)

    def on_mark(self, shown: MarkShown) -> None:
        """Spot knows no mark price."""

    def on_funding(self, paid: FundingPaid) -> None:
        """Spot knows no funding."""

    def after_ticks(self, now_ms: int) -> None:
        """Show what belongs to all symbols together."""
        show.all_symbols(self, self._seen(), now_ms)

    def push_aside(self, symbol: str, account: str) -> bool:
        """Move the reference price out of reach when a fault says so: the next taker expires by the price range."""
        faults = self.gate.faults
        if not faults.on_connections or faults.for_connection("expire_by_rule", "spot", symbol, account) is None:
            return False
        last = self.exchange.last_price(symbol)
        self.exchange.set_reference_price(symbol, None if last is None else last * _ASIDE)
        return True

    def _meet_recorded(self, board: Board, tick: Tick) -> None:
        if (trade := tick.trade) is not None:
            board.await_trade(trade)
            maker = Side.BUY if trade.is_buyer_maker else Side.SELL
            self.exchange.on_price(board.symbol, trade.price, tick.now_ms, trade.quantity, maker)
        elif tick.trades == 0 and board.symbol not in self.player.traded:
            self.exchange.on_price(board.symbol, exact(tick.price), tick.now_ms, ZERO, Side.BUY)

    def _brought(self, board: Board, price: Decimal) -> Decimal | None:
        """Give the quantity that a step of the market brings to those who rest; None for no end of it."""
        worth = self._tick_worth
        return None if worth is None else floor_to(worth / price, board.instrument.lot.step)

    def _seen(self) -> Sequence[Board]:
        return [board for board in self.boards.values() if board.last]

    def _open(self, name: str, place: int) -> None:
        account, config = self.config.accounts[place], self.config
        maker = config.maker_fee if account.maker_fee is None else account.maker_fee
        taker = config.taker_fee if account.taker_fee is None else account.taker_fee
        fees = Commission(Rates(maker, taker), discount=config.settings.bnb_discount, pays_in_bnb=account.pays_in_bnb)
        self.exchange.open_account(name, account.balances, commission=fees, trade_group=account.trade_group)
        self.groups[name] = account.groups
        self.count_orders_of(name, OrderCount(self.order_limits, config.settings))
