"""Both markets of one account as one feed and one broker: each message goes where its market is."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Attempt, CancelOrder, Command, Event, ForeignSeen, FundsSeen
from bot.domain.money import EXACT, ZERO
from bot.domain.order import Order
from bot.ports import Broker, Deliver, Doubts, Feed, Newest, OpenOrder, Permit, Recall, Subscription, Swept


class MarketsFeed:
    """One feed over several (`ports.Feed`); `feed_of` gives that of a market, when it is wanted first."""

    def __init__(self, feed_of: Callable[[Market], Feed]) -> None:
        self._feed_of = feed_of

    async def subscribe(
        self, streams: Sequence[Stream], deliver: Deliver, *, open_candles: bool = False
    ) -> Subscription:
        """Deliver every closed candle of these series from now on, and the forming ones on request."""
        held = Subscriptions()
        try:
            for market in sorted({stream.market for stream in streams}):
                wanted = [stream for stream in streams if stream.market is market]
                feed = self._feed_of(market)
                held.add(await feed.subscribe(wanted, deliver, open_candles=open_candles))
        except BaseException:
            await held.close()
            raise
        return held

    async def history(self, stream: Stream, count: int) -> Sequence[Candle]:
        """Give the newest `count` closed candles, oldest first."""
        return await self._feed_of(stream.market).history(stream, count)

    async def instruments(self, market: Market) -> Mapping[str, Instrument]:
        """Give the symbols of a market with the rules in force."""
        return await self._feed_of(market).instruments(market)


class Subscriptions:
    """Several subscriptions as one."""

    def __init__(self) -> None:
        self._held: list[Subscription] = []

    def add(self, subscription: Subscription) -> None:
        """Hold one more."""
        self._held.append(subscription)

    async def close(self) -> None:
        """Close them all."""
        for subscription in self._held:
            await subscription.close()


class MarketsBroker:
    """One broker over those of several markets (`ports.Broker`). Its money is what they hold together."""

    def __init__(self, brokers: Mapping[Market, Broker]) -> None:
        self._brokers = dict(brokers)
        self._seen: dict[Market, FundsSeen] = {}

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        """Make them all ready."""
        self._deliver = deliver
        for market, broker in self._brokers.items():
            ours = [each for each in open_orders if each.order.market is market]
            await broker.start(self._keep_back(market), ours, permit, doubts)

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:
        """Look at all markets; what the account holds is told once, as the sum of what each market holds."""
        foreign: list[ForeignSeen] = []
        for market, broker in self._brokers.items():
            here = {place: known for place, known in newest.items() if place[0] is market}
            foreign += await broker.reconcile(here, recall)
        self._deliver(_sum(self._seen.values()))
        return foreign

    def prepare(self, order: Order, take: Order | None = None) -> Attempt:
        """Say how an order will be sent on its market."""
        return self._brokers[order.market].prepare(order, take)

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        """Hand a command to the broker of its market."""
        market = command.market if isinstance(command, CancelOrder) else command.order.market
        await self._brokers[market].execute(command, attempt, take)

    async def cancel_all(self, *, everything: bool = False) -> Swept:
        """Cancel every open order on all markets at once, our stops too if `everything`. Raises BotError."""
        told = await asyncio.gather(
            *(broker.cancel_all(everything=everything) for broker in self._brokers.values()), return_exceptions=True
        )
        if failures := [each for each in told if isinstance(each, BaseException)]:
            raise failures[0]  # what went well went on to its end first
        swept = [each for each in told if isinstance(each, Swept)]
        return Swept(*(sum(column) for column in zip(*swept, strict=True)))

    def see(self, candle: Candle) -> None:
        """Show a candle to the broker of its market."""
        if broker := self._brokers.get(candle.market):
            broker.see(candle)

    async def stop(self) -> None:
        """Let go of all markets."""
        for broker in self._brokers.values():
            await broker.stop()

    def _keep_back(self, market: Market) -> Deliver:
        def hand_on(event: Event) -> None:
            if isinstance(event, FundsSeen):
                self._seen[market] = event
            else:
                self._deliver(event)

        return hand_on


def _sum(parts: Iterable[FundsSeen]) -> FundsSeen:
    totals: dict[str, Decimal] = {}
    time_ms = 0
    for part in parts:
        time_ms = max(time_ms, part.time_ms)
        for asset, amount in part.totals.items():
            totals[asset] = EXACT.add(totals.get(asset, ZERO), amount)
    return FundsSeen(totals, time_ms)
