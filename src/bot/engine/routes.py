"""Which strategies a candle goes to, and what each symbol was last worth. It is asked for each candle."""

from bot.domain.market import Market
from bot.engine.slot import Slot


class LastPrice:
    """What a symbol was last worth, by the closes of all its series together."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Route:
    """The strategies that one series goes to."""

    __slots__ = ("last", "slots")

    def __init__(self, last: LastPrice) -> None:
        self.slots: list[Slot] = []
        self.last = last


class Routes(dict[tuple[Market, str, str], Route]):
    """Routes by market, symbol and interval."""

    def __init__(self) -> None:
        super().__init__()
        self._prices: dict[tuple[Market, str], LastPrice] = {}

    def add(self, slot: Slot) -> None:
        """Send a strategy the candles of its series."""
        stream = slot.stream
        series = (stream.market, stream.symbol, stream.interval)
        if series not in self:
            self[series] = Route(self._prices.setdefault(series[:2], LastPrice()))
        self[series].slots.append(slot)

    def price(self, market: Market, symbol: str) -> float:
        """Give what a symbol was last worth; 0 when no candle of it was seen."""
        last = self._prices.get((market, symbol))
        return last.value if last is not None else 0.0
