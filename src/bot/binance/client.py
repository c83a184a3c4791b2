"""Binance's requests by name: what they take and give is the domain's.

Way in: build_public() for market data, build_spot() and build_futures() for an account. Any other request of the
tables `spot` and `futures` goes through `Client.call`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import structlog
from msgspec import Struct

from bot.binance import conditional, futures, spot
from bot.binance import wire_new_futures as new_futures
from bot.binance import wire_new_spot as new_spot
from bot.binance import wire_requests as ask
from bot.binance.endpoints import Endpoint, Sending
from bot.binance.hosts import Hosts
from bot.binance.letters import digest_of, futures_conditional, futures_order, spot_order, spot_pair
from bot.binance.limits import LIMITS, OrderCounts, WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.wire import KlineRow, UsedLimit
from bot.binance.wire_futures_account import funds_of
from bot.binance.wire_market import DepthReply
from bot.binance.wire_requests import NOTHING
from bot.binance.wires import NETWORK, Wires
from bot.binance.ws_sender import WsSender
from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import FundsSeen, OrderUpdate
from bot.domain.order import Fill, Order, Side
from bot.ports import Clock

log = structlog.get_logger()

KLINES_MAX = 1_000
"""Rows in one page of klines."""
DEPTH_MAX = {Market.SPOT: 5_000, Market.FUTURES: 1_000}
"""Levels in one look at a book."""


class OrderPath(StrEnum):
    """How orders go out."""

    REST = "rest"
    WS = "ws"
    """The WebSocket API: quicker, on a connection that is open already."""


class OrderSeen(Protocol):
    """An order as the exchange shows it, on either market."""

    symbol: str
    orderId: int  # noqa: N815 - Binance's name
    status: str
    executedQty: Decimal  # noqa: N815 - Binance's name
    origQty: Decimal  # noqa: N815 - Binance's name
    side: str
    time: int

    @property
    def our_id(self) -> str:
        """Give the order's own client id."""
        ...

    @property
    def number(self) -> int:
        """Give the exchange's own id of it: `orderId`, but for an order that waits for a price on futures."""
        ...

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        ...

    def our_fills(self, side: Side, market: Market, /) -> list[Fill]:
        """Give the fills that came with it."""
        ...


class TradeSeen(Protocol):
    """A trade of ours, on either market."""

    id: int
    orderId: int  # noqa: N815 - Binance's name

    def fill(self, client_order_id: str, market: Market) -> Fill:
        """Give the fill it is."""
        ...


class Sender(Protocol):
    """A way to the exchange: REST, or the WebSocket API."""

    async def call[Q: Struct, R](self, endpoint: Endpoint[Q, R], request: Q, sending: Sending | None = None) -> R:
        """Send a request and give its reply read. Raises one of the four families."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


def build_public(hosts: Hosts, bank: WeightBank | None = None, wires: Wires = NETWORK) -> "Client":
    """Give a client for what needs no key."""
    made = SpotClient if hosts.market is Market.SPOT else FuturesClient
    shared = bank or WeightBank(LIMITS[hosts.market])
    return made(hosts, Rest(hosts, shared, wires=wires), bank=shared, wires=wires)


def build_spot(
    credentials: Credentials,
    hosts: Hosts,
    clock: Clock,
    bank: WeightBank | None = None,
    path: OrderPath = OrderPath.REST,
    wires: Wires = NETWORK,
) -> "SpotClient":
    """Give a client of one spot account. Share the bank between all clients: Binance counts by address."""
    return _signed(SpotClient, credentials, hosts, clock, bank, path, wires)


def build_futures(
    credentials: Credentials,
    hosts: Hosts,
    clock: Clock,
    bank: WeightBank | None = None,
    path: OrderPath = OrderPath.REST,
    wires: Wires = NETWORK,
) -> "FuturesClient":
    """Give a client of one USD-M account. Share the bank between all clients: Binance counts by address."""
    return _signed(FuturesClient, credentials, hosts, clock, bank, path, wires)


def _signed[C: "Client"](
    kind: type[C],
    credentials: Credentials,
    hosts: Hosts,
    clock: Clock,
    bank: WeightBank | None,
    path: OrderPath,
    wires: Wires,
) -> C:
    shared = bank or WeightBank(LIMITS[hosts.market])
    counts = OrderCounts(hosts.market, wall=shared.wall)
    rest = Rest(hosts, shared, clock=clock, credentials=credentials, counts=counts, wires=wires)
    orders: Sender = rest
    if path is OrderPath.WS:
        orders = WsSender(hosts, shared, rest, clock=clock, credentials=credentials, counts=counts, dial=wires.dial)
    return kind(hosts, rest, orders, bank=shared, counts=counts, wires=wires)


class Client(ABC):
    """Requests to one market. Each raises one of the four families of error."""

    def __init__(
        self,
        hosts: Hosts,
        sender: Sender,
        orders: Sender | None = None,
        *,
        bank: WeightBank | None = None,
        counts: OrderCounts | None = None,
        wires: Wires = NETWORK,
    ) -> None:
        self.hosts = hosts
        self.wires = wires
        """What connections beside this client's own are to be made of."""
        self.bank = bank
        """What holds requests back; None for a client that is held by nobody."""
        self._counts = counts
        self._rest = sender
        self._orders = orders or sender

    async def open(self) -> None:
        """Connect what orders go by, so that the first one need not wait, and learn how many orders are allowed."""
        if isinstance(self._orders, WsSender):
            self._orders.open()
        table = spot.ORDER_LIMITS if self.hosts.market is Market.SPOT else futures.ORDER_LIMITS
        try:
            told = await self.call(table, NOTHING)
        except BotError as error:
            log.warning("limits.unknown", market=self.hosts.market, reason=str(error))
            return
        if self._counts is not None:
            self._counts.set_limits(told)

    def _learn_limits(self, told: Sequence[UsedLimit]) -> None:
        if self.bank is not None:
            self.bank.set_limits(told)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()
        if self._orders is not self._rest:
            await self._orders.close()

    async def call[Q: Struct, R](self, endpoint: Endpoint[Q, R], request: Q) -> R:
        """Send any request of the tables, by REST."""
        return await self._rest.call(endpoint, request)

    async def time_ms(self) -> int:
        """Give the exchange's time."""
        table = spot.TIME if self.hosts.market is Market.SPOT else futures.TIME
        told = (await self.call(table, NOTHING)).serverTime
        if self.bank is not None:
            self.bank.learn_time(told)
        return told

    async def klines(
        self, stream: Stream, *, start: int | None = None, end: int | None = None, limit: int = KLINES_MAX
    ) -> list[Candle]:
        """Give candles by open time, oldest first, at most `limit`; the newest one may still be forming."""
        return [row.candle(stream) for row in await self.kline_rows(stream, start=start, end=end, limit=limit)]

    async def kline_rows(
        self, stream: Stream, *, start: int | None = None, end: int | None = None, limit: int = KLINES_MAX
    ) -> list[KlineRow]:
        """Give what `klines` gives, with all its columns."""
        table = spot.KLINES if self.hosts.market is Market.SPOT else futures.KLINES
        wanted = ask.KlinesRequest(
            symbol=stream.symbol, interval=stream.interval, limit=limit, startTime=start, endTime=end
        )
        return await self.call(table, wanted)

    async def depth(self, symbol: str) -> DepthReply:
        """Give the book as deep as the exchange shows it."""
        table = spot.DEPTH if self.hosts.market is Market.SPOT else futures.DEPTH
        return await self.call(table, ask.Newest(symbol=symbol, limit=DEPTH_MAX[self.hosts.market]))

    @abstractmethod
    async def instruments(self) -> dict[str, Instrument]:
        """Give all symbols with the rules in force."""

    @abstractmethod
    async def funds(self, time_ms: int) -> FundsSeen:
        """Give what the account holds, stamped with `time_ms`. Raises Misconfigured when it may not trade."""

    @abstractmethod
    def digest(self, order: Order, take: Order | None = None) -> str:
        """Say in short what would be sent for an order: equal for equal requests, whenever they are signed.

        With `take` it is one list with that.
        """

    @abstractmethod
    async def place(self, order: Order, sending: Sending | None = None) -> OrderSeen:
        """Send an order, once. OutcomeUnknown means that it may stand."""

    async def place_pair(
        self,
        stop: Order,
        take: Order,
        sending: Sending | None = None,  # noqa: ARG002 (nothing leaves)
    ) -> Sequence[OrderSeen]:
        """Send a stop and a take profit as one list, once. OutcomeUnknown means that both may stand."""
        raise Misconfigured(f"{self.hosts.market} takes no order lists: {stop.client_order_id}, {take.client_order_id}")

    @abstractmethod
    async def cancel(self, symbol: str, client_order_id: str, *, is_conditional: bool = False) -> OrderSeen:
        """Cancel an order by our id. OutcomeUnknown means that it may still stand.

        `is_conditional`: it was placed to wait for a price, which futures keep apart.
        """

    @abstractmethod
    async def query(self, symbol: str, client_order_id: str, *, is_conditional: bool = False) -> OrderSeen:
        """Give where an order stands, by our id. Rejected with code -2013 when it is not found."""

    @abstractmethod
    async def trades_of(self, symbol: str, exchange_order_id: int) -> Sequence[TradeSeen]:
        """Give the trades of one order."""


class SpotClient(Client):
    """Requests to spot."""

    async def instruments(self) -> dict[str, Instrument]:
        """Give all symbols with the rules in force."""
        told = await self.call(spot.EXCHANGE_INFO, ask.ExchangeInfoRequest())
        self._learn_limits(told.rateLimits)
        return told.instruments()

    async def funds(self, time_ms: int) -> FundsSeen:
        """Give free + locked by asset, stamped with `time_ms`. Raises Misconfigured when the account may not trade."""
        reply = await self.call(spot.ACCOUNT, new_spot.AccountRequest())
        _check_rights(reply.canTrade)
        return reply.funds(time_ms)

    def digest(self, order: Order, take: Order | None = None) -> str:
        """Say in short what would be sent for an order, or for one list of two."""
        return digest_of(spot_order(order) if take is None else spot_pair(order, take))

    async def place(self, order: Order, sending: Sending | None = None) -> OrderSeen:
        """Send an order, once. OutcomeUnknown means that it may stand."""
        return await self._orders.call(spot.PLACE_ORDER, spot_order(order), sending)

    async def place_pair(self, stop: Order, take: Order, sending: Sending | None = None) -> Sequence[OrderSeen]:
        """Send a stop and a take profit as one list (OCO), once. OutcomeUnknown means that both may stand."""
        told = await self._orders.call(spot.PLACE_OCO, spot_pair(stop, take), sending)
        return told.orderReports

    async def cancel(self, symbol: str, client_order_id: str, *, is_conditional: bool = False) -> OrderSeen:  # noqa: ARG002
        """Cancel an order by our id. OutcomeUnknown means that it may still stand."""
        request = new_spot.CancelRequest(symbol=symbol, origClientOrderId=client_order_id)
        told = await self._orders.call(spot.CANCEL_ORDER, request)
        order = told.order(client_order_id)
        if order is None:
            raise OutcomeUnknown(f"Binance's reply to cancelling {client_order_id} speaks of another order")
        return order

    async def query(self, symbol: str, client_order_id: str, *, is_conditional: bool = False) -> OrderSeen:  # noqa: ARG002
        """Give where an order stands, by our id. Rejected with code -2013 when it is not found."""
        return await self.call(spot.ORDER, ask.OfOrder(symbol=symbol, origClientOrderId=client_order_id))

    async def trades_of(self, symbol: str, exchange_order_id: int) -> Sequence[TradeSeen]:
        """Give the trades of one order."""
        return await self.call(spot.MY_TRADES, ask.TradesRequest(symbol=symbol, orderId=exchange_order_id))


class FuturesClient(Client):
    """Requests to USD-M futures."""

    async def instruments(self) -> dict[str, Instrument]:
        """Give all contracts with the rules in force."""
        told = await self.call(futures.EXCHANGE_INFO, NOTHING)
        self._learn_limits(told.rateLimits)
        return told.instruments()

    async def funds(self, time_ms: int) -> FundsSeen:
        """Give wallet balances, stamped with `time_ms`. Raises Misconfigured for what this account may not or must."""
        settings = await self.call(futures.ACCOUNT_CONFIG, NOTHING)
        _check_rights(settings.canTrade)
        if settings.dualSidePosition:
            raise Misconfigured("this futures account holds two positions a symbol: switch it to one-way mode")
        return funds_of(await self.call(futures.BALANCE, NOTHING), time_ms)

    def digest(self, order: Order, take: Order | None = None) -> str:  # noqa: ARG002 (no lists there)
        """Say in short what would be sent for an order."""
        return digest_of(futures_order(order) if order.stop_price is None else futures_conditional(order))

    async def place(self, order: Order, sending: Sending | None = None) -> OrderSeen:
        """Send an order, once. OutcomeUnknown means that it may stand."""
        if order.stop_price is not None:
            told = await self._orders.call(futures.PLACE_ALGO, futures_conditional(order), sending)
            return conditional.Waiting(told)
        return await self._orders.call(futures.PLACE_ORDER, futures_order(order), sending)

    async def cancel(self, symbol: str, client_order_id: str, *, is_conditional: bool = False) -> OrderSeen:
        """Cancel an order by our id. OutcomeUnknown means that it may still stand."""
        if is_conditional:
            await self._orders.call(futures.CANCEL_ALGO, new_futures.OfAlgo(clientAlgoId=client_order_id))
            return await self.query(symbol, client_order_id, is_conditional=True)
        request = ask.OfOrder(symbol=symbol, origClientOrderId=client_order_id)
        return await self._orders.call(futures.CANCEL_ORDER, request)

    async def query(self, symbol: str, client_order_id: str, *, is_conditional: bool = False) -> OrderSeen:
        """Give where an order stands, by our id. Rejected with code -2013 when it is not found."""
        if is_conditional:
            return await conditional.find(self, symbol, client_order_id)
        return await self.call(futures.ORDER, ask.OfOrder(symbol=symbol, origClientOrderId=client_order_id))

    async def trades_of(self, symbol: str, exchange_order_id: int) -> Sequence[TradeSeen]:
        """Give the trades of one order."""
        return await self.call(futures.USER_TRADES, ask.TradesRequest(symbol=symbol, orderId=exchange_order_id))


def _check_rights(can_trade: bool) -> None:
    if not can_trade:
        raise Misconfigured("Binance lets this account not trade: allow it there, or disable the account here")
