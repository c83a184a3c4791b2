"""The user stream of spot: what happens to an account's orders, told by the WebSocket API as it happens."""

from collections.abc import Callable
from contextlib import nullcontext

import msgspec
import structlog

from bot.binance.api_socket import ApiSocket, Lost, Signer, asked_in_time, check
from bot.binance.clock import ExchangeClock
from bot.binance.limits import WeightBank
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.user_stream import Link, OrderEvent, UserStream
from bot.binance.wire_account import BalanceEvent, ListEvent, read_account_event
from bot.binance.wire_orders import ApiReply, read_user_event
from bot.binance.wires import NETWORK, Dial
from bot.domain.errors import Unavailable
from bot.domain.market import Market
from bot.domain.money import plain

log = structlog.get_logger()

REPLY_S = 10.0


class UserData(UserStream):
    """One spot account's user stream."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        clock: ExchangeClock,
        on_event: Callable[[OrderEvent], None],
        on_break: Callable[[], None],
        pace: Pace | None = None,
        dial: Dial = NETWORK.dial,
        *,
        bank: WeightBank | None = None,
    ) -> None:
        super().__init__(on_event, on_break, pace)
        self._bank = bank
        self._url = url
        self._dial = dial
        self._signer = Signer(credentials, clock)
        self._clock = clock

    async def _open(self) -> Link:
        async with self._bank.opening() if self._bank is not None else nullcontext():
            return await self._subscribed()

    async def _subscribed(self) -> Link:
        link = ApiSocket(self._url, self._take, self._stray, self._dial)
        await link.open()
        try:
            if self._signer.can_log_on:
                check(await asked_in_time(lambda: link.log_on(self._signer, REPLY_S), self._clock), Market.SPOT)
                check(await link.ask("userDataStream.subscribe", {}, REPLY_S), Market.SPOT)
            else:
                check(await asked_in_time(lambda: self._subscribe(link), self._clock), Market.SPOT)
        except Lost as error:
            await link.close()
            raise Unavailable(f"no answer from {self._url} to the subscription of the user stream: {error}") from error
        except BaseException:
            await link.close()
            raise
        log.info("user_stream.opened", url=self._url)
        return link

    async def _subscribe(self, link: ApiSocket) -> ApiReply:
        # Each subscription is signed anew: the exchange refuses a timestamp that has grown old.
        return await link.ask("userDataStream.subscribe.signature", self._signer.signed({}), REPLY_S)

    def _take(self, text: msgspec.Raw) -> None:
        try:
            event = read_user_event(text)
        except (msgspec.MsgspecError, ValueError) as error:
            self.on_puzzle(f"an event of the user stream could not be read: {error}")
            return
        if event.is_order:
            try:
                self._on_event(event)
            except (ValueError, ArithmeticError) as error:
                self.on_puzzle(f"an order's event could not be read: {error}")
        elif event.e == "serverShutdown":
            self._renew(is_alive=True)
        elif event.e == "eventStreamTerminated":
            self._renew(is_alive=False)
        else:
            self._note(event.e, text)

    def _note(self, kind: str, text: msgspec.Raw) -> None:
        """Put on record what tells of no single order: money that came or went is found by the next look at funds."""
        try:
            event = read_account_event(kind, text)
        except (msgspec.MsgspecError, ValueError) as error:
            self.on_puzzle(f"an event of kind {kind} could not be read: {error}")
            return
        if isinstance(event, BalanceEvent):
            log.info("account.moved", kind=kind, asset=event.a, amount=plain(event.d))
            self._on_break()  # A look finds what it did to the money.
        elif isinstance(event, ListEvent):
            log.info("order_list.changed", list_id=event.g, symbol=event.s, status=event.L)
        elif event is None:
            self.on_puzzle(f"an event of the unknown kind {kind} came")

    def _stray(self, status: int) -> None:
        if status:
            log.error("user_stream.refused", status=status)
            self._renew(is_alive=False)
        else:
            self._on_break()
