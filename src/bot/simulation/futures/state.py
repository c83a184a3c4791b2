"""Everything the futures exchange remembers: accounts with their positions, markets, and the house's own books."""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from bot.domain.errors import Misconfigured
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Side
from bot.simulation.futures.book import Book
from bot.simulation.futures.brackets import Ladder
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.happenings import Happening, Observer
from bot.simulation.futures.records import (
    AlgoOrder,
    Amendment,
    FundingRate,
    FuturesOrder,
    Income,
    MarginChange,
    Trade,
)
from bot.simulation.futures.sums import add, amount, less
from bot.simulation.futures.words import IncomeType, MarginType, PositionSide
from bot.simulation.orders import Refused

_DOLLARS = frozenset({"USDT", "USDC", "FDUSD", "BUSD", "BFUSD", "USD"})


class Rates(msgspec.Struct, frozen=True):
    """Commission rates as fractions: 0.0005 is a twentieth of a percent. `burn_discount` is for fees paid in BNB."""

    maker: Decimal = Decimal("0.0002")
    taker: Decimal = Decimal("0.0005")
    burn_discount: Decimal = Decimal("0.1")


class Position(msgspec.Struct, eq=False):
    """A holding. `quantity` is below zero for a short; `cost` is what it was worth at entry, with the same sign."""

    symbol: str
    side: PositionSide
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    updated_ms: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Give the average price of entry to eight decimals; 0 when flat."""
        return amount(EXACT.divide(self.cost, self.quantity)) if self.quantity else ZERO

    @property
    def break_even_price(self) -> Decimal:
        """Give the price at which closing gives back the entry and the fees paid so far; 0 when flat."""
        return amount(EXACT.divide(add(self.cost, self.fees), self.quantity)) if self.quantity else ZERO

    def notional(self, mark: Decimal) -> Decimal:
        """Give the worth at a mark price, below zero for a short."""
        return times(self.quantity, mark)

    def unrealised(self, mark: Decimal) -> Decimal:
        """Give the gain at a mark price."""
        return less(self.notional(mark), self.cost)


class Slot(msgspec.Struct, eq=False):
    """What an account has on one symbol: its settings, positions, open orders and their notionals."""

    leverage: int = 20
    margin_type: MarginType = MarginType.CROSSED
    positions: dict[PositionSide, Position] = {}
    orders: dict[int, FuturesOrder] = {}
    standing: dict[tuple[PositionSide, Side], Decimal] = {}

    @property
    def is_isolated(self) -> bool:
        """True when each position has a wallet of its own."""
        return self.margin_type is MarginType.ISOLATED

    @property
    def held(self) -> list[Position]:
        """Give the positions that are not flat."""
        return [position for position in self.positions.values() if position.quantity]

    @property
    def is_idle(self) -> bool:
        """True when it has no position and no order."""
        return not self.orders and not self.held


class Account(msgspec.Struct, eq=False):
    """One customer: money by asset (isolated positions' apart), slots by symbol, and everything that happened."""

    name: str
    wallets: dict[str, Decimal]
    rates: Rates = Rates()
    hedge: bool = False
    multi_assets: bool = False
    fee_burn: bool = False
    slots: dict[str, Slot] = {}
    orders: dict[int, FuturesOrder] = {}
    by_client_id: dict[tuple[str, str], FuturesOrder] = {}
    algos: dict[int, AlgoOrder] = {}
    algo_by_client_id: dict[str, AlgoOrder] = {}
    waiting: dict[int, AlgoOrder] = {}
    trades: dict[str, list[Trade]] = {}
    income: list[Income] = []
    amendments: list[Amendment] = []
    margin_changes: list[MarginChange] = []
    countdowns: dict[str, int] = {}
    called: set[tuple[str, str]] = set()
    """Margin calls given and still true: (margin asset, "") for cross margin, (symbol, side) for isolated."""
    done: deque[int] = msgspec.field(default_factory=deque)
    done_algos: deque[int] = msgspec.field(default_factory=deque)

    def slot(self, symbol: str) -> Slot:
        """Give the slot of a symbol, made on first use."""
        if symbol not in self.slots:
            self.slots[symbol] = Slot()
        return self.slots[symbol]

    def position(self, symbol: str, side: PositionSide) -> Position:
        """Give a position, made flat on first use."""
        positions = self.slot(symbol).positions
        if side not in positions:
            positions[side] = Position(symbol, side)
        return positions[side]

    def wallet(self, asset: str) -> Decimal:
        """Give what is held of an asset and shared by all cross positions."""
        return self.wallets.get(asset, ZERO)


class Market(msgspec.Struct, eq=False):
    """One symbol: rules, prices, the clients' book, and conditional orders that wait."""

    contract: Contract
    ladder: Ladder
    book: Book
    last: Decimal | None = None
    index: Decimal | None = None
    fed_mark: Decimal | None = None
    seen_ms: int = -1
    funding: list[FundingRate] = []
    waiting: dict[int, AlgoOrder] = {}
    next_trade_id: int = 1

    @property
    def mark(self) -> Decimal | None:
        """Give the mark price: the one fed by `on_mark`, or the last price before any was."""
        return self.last if self.fed_mark is None else self.fed_mark


class House(msgspec.Struct, eq=False):
    """The other side of every customer's money, by asset, and the market's own position by symbol.

    Wallets − cost of open positions + cash + fees + insurance + funding + dust = deposits, exactly.
    """

    deposits: dict[str, Decimal] = {}
    cash: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    insurance: dict[str, Decimal] = {}
    funding: dict[str, Decimal] = {}
    dust: dict[str, Decimal] = {}
    positions: dict[str, Decimal] = {}
    is_bounded: bool = False
    """Whether the insurance fund ends at what it has; then positions are reduced for each other instead."""

    @staticmethod
    def book(ledger: dict[str, Decimal], key: str, value: Decimal) -> None:
        """Add a value to one of the ledgers."""
        ledger[key] = EXACT.add(ledger.get(key, ZERO), value)


class State:
    """Accounts, markets and the house, and the numbers that the next order, trade and income will carry."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        brackets: Mapping[str, Ladder],
        observe: Observer | None,
        asset_prices: Mapping[str, Decimal],
        first_id: int,
        keep: int | None,
        insurance: Mapping[str, Decimal] | None = None,
        number_trade: Callable[[str], int] | None = None,
        dates_now: Callable[[], int] | None = None,
    ) -> None:
        if missing := sorted(contracts.keys() - brackets.keys()):
            raise Misconfigured(f"leverage brackets are missing for {', '.join(missing[:5])}: load them with the rules")
        self.markets = {
            symbol: Market(rules, brackets[symbol], Book(), next_trade_id=first_id)
            for symbol, rules in contracts.items()
        }
        self.accounts: dict[str, Account] = {}
        self.house = House(is_bounded=insurance is not None)
        for asset, held in (insurance or {}).items():
            House.book(self.house.insurance, asset, held)
            House.book(self.house.deposits, asset, held)
        self.touched: dict[int, FuturesOrder] = {}
        self.now_ms = 0
        self.asset_prices = dict(asset_prices)
        self.next_transaction_id = first_id
        self.next_order_id = first_id
        self.next_algo_id = 4_000_000_000_000_000 + first_id
        self._observe = observe
        self._keep = keep
        self._number_trade = number_trade
        self._dates_now = dates_now

    def account(self, name: str) -> Account:
        """Give an account; a KeyError when it was never opened."""
        return self.accounts[name]

    def market(self, symbol: str) -> Market:
        """Give a symbol's market; Refused -1121 when there is none."""
        if symbol not in self.markets:
            raise Refused(-1121, "Invalid symbol.")
        return self.markets[symbol]

    @property
    def is_watched(self) -> bool:
        """True when somebody wants to be told; otherwise copies can be spared."""
        return self._observe is not None

    def tell(self, happening: Happening) -> None:
        """Tell the observer."""
        if self._observe is not None:
            self._observe(happening)

    @property
    def has_own_dates(self) -> bool:
        """True when dates of orders go by another clock than calls do."""
        return self._dates_now is not None

    @property
    def dates_ms(self) -> int:
        """Give the time that dates of orders are measured by."""
        return self.now_ms if self._dates_now is None else self._dates_now()

    def advance(self, now_ms: int) -> int:
        """Move the time on, never back, and give it."""
        self.now_ms = max(self.now_ms, now_ms)
        return self.now_ms

    def number_trade(self, symbol: str) -> int:
        """Give the id of a symbol's trade that is about to happen."""
        if self._number_trade is not None:
            return self._number_trade(symbol)
        market = self.markets[symbol]
        market.next_trade_id += 1
        return market.next_trade_id - 1

    def mark(self, symbol: str, otherwise: Decimal = ZERO) -> Decimal:
        """Give the mark price, or the other one before any was seen."""
        mark = self.markets[symbol].mark
        return otherwise if mark is None else mark

    def price_of(self, asset: str) -> Decimal | None:
        """Give the worth of an asset in dollars: as told, or by its own contract's mark; None when unknown."""
        if asset in self.asset_prices:
            return self.asset_prices[asset]
        if asset in _DOLLARS:
            return Decimal(1)
        market = self.markets.get(f"{asset}USDT")
        return None if market is None else market.mark

    def note(
        self,
        account: Account,
        type: IncomeType,  # noqa: A002 - the field's own word
        asset: str,
        value: Decimal,
        *,
        symbol: str = "",
        trade_id: int = 0,
        info: str = "",
    ) -> None:
        """Write an income record, unless nothing was earned or paid."""
        if value:
            number = self.next_transaction_id
            self.next_transaction_id += 1
            account.income.append(Income(type, asset, value, self.now_ms, number, symbol, trade_id, info))
            self.trim(account.income)

    def trim[Record](self, records: list[Record]) -> None:
        """Forget the oldest of a list that has grown to twice what is to be kept."""
        if self._keep is not None and len(records) >= 2 * self._keep:
            del records[: -self._keep]

    def archive(self, order: FuturesOrder) -> None:
        """Note that an order ended, and forget the one that ended longest ago when there are too many."""
        account = self.accounts[order.account]
        account.done.append(order.order_id)
        if self._keep is not None and len(account.done) > self._keep:
            old = account.orders.pop(account.done.popleft())
            if account.by_client_id.get((old.symbol, old.client_order_id)) is old:
                del account.by_client_id[old.symbol, old.client_order_id]

    def archive_algo(self, algo: AlgoOrder) -> None:
        """Do the same for a conditional order."""
        account = self.accounts[algo.account]
        account.done_algos.append(algo.algo_id)
        if self._keep is not None and len(account.done_algos) > self._keep:
            old = account.algos.pop(account.done_algos.popleft())
            if account.algo_by_client_id.get(old.client_algo_id) is old:
                del account.algo_by_client_id[old.client_algo_id]

    def reserve(self, order: FuturesOrder) -> None:
        """Let an order's open notional count for margin as it is now."""
        slot, key = self.accounts[order.account].slot(order.symbol), (order.position_side, order.side)
        now = order.open_notional
        slot.standing[key] = add(slot.standing.get(key, ZERO), now, -order.reserved)
        order.reserved = now
