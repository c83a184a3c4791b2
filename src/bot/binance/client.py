"""Binance's requests by name: what they take and give is the domain's.

Way in: build_public() for market data, build_spot() for an account.
"""

from collections.abc import Sequence

from bot.binance import rest, wire, wire_orders
from bot.binance.hosts import Hosts
from bot.binance.limits import WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.wire_orders import OrderReply, TradeRow
from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Stream
from bot.domain.messages import FundsSeen
from bot.domain.order import Order
from bot.ports import Clock

KLINES_MAX = 1_000
"""Rows in one page of klines."""


def build_public(hosts: Hosts, bank: WeightBank | None = None) -> "Client":
    """Give a client for what needs no key."""
    return Client(hosts, Rest(hosts, bank or WeightBank()))


def build_spot(credentials: Credentials, hosts: Hosts, clock: Clock, bank: WeightBank | None = None) -> "Client":
    """Give a client of one account. Share the bank between all clients: Binance counts by address, not by account."""
    return Client(hosts, Rest(hosts, bank or WeightBank(), clock=clock, credentials=credentials))


class Client:
    """Requests to one market. Each raises one of the four families of error."""

    def __init__(self, hosts: Hosts, sender: Rest) -> None:
        self.hosts = hosts
        self._rest = sender

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def time_ms(self) -> int:
        """Give the exchange's time."""
        return (await self._rest.call(rest.TIME, {}, wire.read_time)).serverTime

    async def instruments(self) -> dict[str, Instrument]:
        """Give all symbols with the rules in force."""
        return await self._rest.call(rest.EXCHANGE_INFO, {}, lambda body: wire.read_exchange_info(body).instruments())

    async def klines(
        self, stream: Stream, *, start: int | None = None, end: int | None = None, limit: int = KLINES_MAX
    ) -> list[Candle]:
        """Give candles by open time, oldest first, at most `limit`; the newest one may still be forming."""
        params: dict[str, str | int] = {"symbol": stream.symbol, "interval": stream.interval, "limit": limit}
        if start is not None:
            params["startTime"] = start
        if end is not None:
            params["endTime"] = end
        return await self._rest.call(
            rest.KLINES, params, lambda body: [row.candle(stream) for row in wire.read_klines(body)]
        )

    async def funds(self, time_ms: int) -> FundsSeen:
        """Give what the account holds, stamped with `time_ms`. Raises Misconfigured when it may not trade."""
        reply = await self._rest.call(rest.ACCOUNT, {}, wire_orders.read_account)
        if not reply.canTrade:
            raise Misconfigured("Binance lets this account not trade: allow it there, or disable the account here")
        return reply.funds(time_ms)

    async def place(self, order: Order) -> OrderReply:
        """Send an order, once. OutcomeUnknown means that it may stand."""
        return await self._rest.call(rest.PLACE_ORDER, wire_orders.order_params(order), wire_orders.read_order)

    async def cancel(self, symbol: str, client_order_id: str) -> OrderReply:
        """Cancel an order by our id. OutcomeUnknown means that it may still stand."""
        params = {"symbol": symbol, "origClientOrderId": client_order_id}
        return await self._rest.call(rest.CANCEL_ORDER, params, wire_orders.read_order)

    async def query(self, symbol: str, client_order_id: str) -> OrderReply:
        """Give where an order stands, by our id. Rejected with code -2013 when it is not found."""
        params = {"symbol": symbol, "origClientOrderId": client_order_id}
        return await self._rest.call(rest.QUERY_ORDER, params, wire_orders.read_order)

    async def trades_of(self, symbol: str, exchange_order_id: int) -> Sequence[TradeRow]:
        """Give the trades of one order."""
        params: dict[str, str | int] = {"symbol": symbol, "orderId": exchange_order_id}
        return await self._rest.call(rest.MY_TRADES, params, wire_orders.read_trades)
