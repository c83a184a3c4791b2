"""A feed that shows the candles that the test gives it, and remembers them as history."""

from collections.abc import Mapping, Sequence

from bot.domain.errors import Unavailable
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market, Stream
from bot.ports import Deliver


class FakeFeed:
    """Candles by hand. `is_away` True makes it unavailable."""

    def __init__(self, *instruments: Instrument) -> None:
        self.past: list[Candle] = []
        self.asked: list[tuple[Stream, int]] = []
        self.subscriptions: list[FakeSubscription] = []
        self.is_away = False
        self._instruments = instruments

    async def instruments(self, market: Market) -> Mapping[str, Instrument]:
        if self.is_away:
            raise Unavailable("the feed is away")
        return {each.symbol: each for each in self._instruments if each.market == market}

    async def history(self, stream: Stream, count: int) -> Sequence[Candle]:
        self.asked.append((stream, count))
        return [each for each in self.past if stream_of(each) == stream][-count:]

    async def subscribe(
        self, streams: Sequence[Stream], deliver: Deliver, *, open_candles: bool = False
    ) -> "FakeSubscription":
        subscription = FakeSubscription(self, streams, deliver, open_candles)
        self.subscriptions.append(subscription)
        return subscription

    def show(self, *candles: Candle) -> None:
        """Let candles happen, for everybody who listens."""
        for candle in candles:
            if candle.is_closed:
                self.past.append(candle)
            for each in self.subscriptions:
                if stream_of(candle) in each.streams and (candle.is_closed or each.open_candles):
                    each.deliver(candle)


class FakeSubscription:
    """One listener."""

    def __init__(self, feed: FakeFeed, streams: Sequence[Stream], deliver: Deliver, open_candles: bool) -> None:
        self.streams = streams
        self.deliver = deliver
        self.open_candles = open_candles
        self._feed = feed

    async def close(self) -> None:
        self._feed.subscriptions.remove(self)


def stream_of(candle: Candle) -> Stream:
    """Give the series that a candle belongs to."""
    return Stream(candle.market, candle.symbol, candle.interval)
