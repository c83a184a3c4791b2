"""The scene of the parity tests: real candles, strategies that trade on them, and what is compared afterwards."""

import asyncio
import gzip
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.messages import Decision, Event, FillBooked, OrderUpdate, PlaceOrder, TradeClosed
from bot.domain.order import Fill, Order, OrderStatus
from bot.engine.engine import Engine
from bot.risk.rules import Limits
from bot.simulation.exchange import Exchange, Refused, Terms
from bot.strategies.config import StrategyConfig, parse_config
from bot.strategies.registry import Catalogue

SYMBOL, MINUTE_MS = "BTCUSDT", 60_000
FEE = "0.0005"
FUNDS = {"USDT": Decimal(20_000)}
KLINES = Path(__file__).parents[2] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
WARM_UP, PLAYED = 300, 400

_COMMON: Mapping[str, Any] = {"symbol": SYMBOL, "candle": "1m", "fee_pct": float(FEE), "max_drawdown": 0.5}
STRATEGIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dips": ("mean_reversion", {"window": 12, "threshold": 0.0004, "order_value": 1500.0}),
    "highs": ("breakout", {"window": 9, "exit_window": 4, "order_value": 2500.0}),
    "careful": (
        "mean_reversion",
        {"window": 20, "threshold": 0.0003, "order_value": 900.0, "stop_loss": 0.0015, "min_profit": 0.0002},
    ),
    "trailing": ("breakout", {"window": 5, "exit_window": 5, "trailing": 0.0008, "cooldown": 3, "order_value": 700.0}),
    "greedy": ("mean_reversion", {"window": 12, "threshold": 0.0004, "order_value": 9000.0}),
}
"""By title. The greedy one asks for more than the account may risk in one order, and is denied."""
MAX_ORDER_VALUE = "5000"


class Decided(NamedTuple):
    """A decision without the ids that differ from run to run."""

    time_ms: int
    side: str
    verdict: str
    reason: str
    rule: str
    quantity: Decimal | None


class Filled(NamedTuple):
    """A fill without ids and times: an exchange stamps it a moment after the decision."""

    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str


class Trip(NamedTuple):
    """A closed round trip; `opened` and `closed` count minutes."""

    side: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    fees: Decimal
    pnl: Decimal
    opened: int
    closed: int


class Story(NamedTuple):
    """What one strategy did."""

    decisions: list[Decided]
    fills: list[Filled]
    trips: list[Trip]


def config_of(title: str, *, is_paper: bool = True) -> dict[str, Any]:
    """Give a strategy's settings as they stand in the database."""
    return {**_COMMON, **STRATEGIES[title][1], "demo_mode": is_paper}


def cut_candles(folder: Path) -> Path:
    """Write the candles that are played into a file of their own: the whole one takes long to read."""
    cut = folder / f"{SYMBOL}_1m_cut.csv"
    with gzip.open(KLINES, "rt", encoding="utf-8") as lines:
        cut.write_text("".join(line for _, line in zip(range(WARM_UP + PLAYED + 1), lines, strict=False)))
    return cut


def minute(time_ms: int) -> int:
    """Give the minute that a candle's last and the next one's first millisecond have in common."""
    return (time_ms + 1) // MINUTE_MS


async def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition, with patience that ends."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.0005)
    except TimeoutError:
        raise AssertionError(f"it never came about that {what}") from None


def in_a_plain_loop(
    candles: Sequence[Candle], instrument: Instrument, catalogue: Catalogue, limits: Limits
) -> dict[str, Story]:
    """Trade on these candles with the engine and the simulated exchange alone, after a warm-up."""
    engine, exchange = Engine(limits), Exchange({SYMBOL: instrument})
    exchange.open_account("loop", FUNDS)
    engine.restore_balances({("owner", asset): amount for asset, amount in FUNDS.items()})
    titles = {}
    for number, title in enumerate(STRATEGIES, 1):
        strategy = catalogue.find(STRATEGIES[title][0])
        config: StrategyConfig = parse_config(strategy.Config, config_of(title))
        engine.add(number, strategy, config, instrument)
        titles[number] = title
    history = max(slot.strategy.warm_up for slot in engine.slots.values())
    for number in titles:
        # The newest candle of a history may still be forming as far as anybody can tell: it comes again, as an event.
        engine.warm_up(number, candles[WARM_UP - 1 - history : WARM_UP - 1])
    outcomes: list[object] = []
    for candle in candles[WARM_UP - 1 :]:
        exchange.on_candle(candle)
        events: deque[Event] = deque([candle])
        while events:
            came = engine.handle(events.popleft())
            outcomes += came
            for each in came:
                if isinstance(each, PlaceOrder):
                    events += _place(exchange, each.order)
    return {title: _story(outcomes, number) for number, title in titles.items()}


def _place(exchange: Exchange, order: Order) -> Iterable[Event]:
    terms = Terms(maker_fee=Decimal(FEE), taker_fee=Decimal(FEE))
    try:
        placed = exchange.place(
            "loop", client_order_id=order.client_order_id, symbol=order.symbol, side=order.side, type=order.type,
            quantity=order.quantity, now_ms=order.created_ms, terms=terms,
        )  # fmt: skip
    except Refused as refusal:
        return [OrderUpdate(order.client_order_id, OrderStatus.REJECTED, order.created_ms, code=refusal.code)]
    return [OrderUpdate(order.client_order_id, OrderStatus.NEW, order.created_ms, placed.order_id), *placed.fills]


def _story(outcomes: Iterable[object], strategy_id: int) -> Story:
    outcomes = list(outcomes)
    quantities = {each.order.client_order_id: each.order.quantity for each in outcomes if isinstance(each, PlaceOrder)}
    return Story(
        [
            Decided(
                each.time_ms, each.side, each.verdict, each.reason, each.rule, quantities.get(each.client_order_id)
            )
            for each in outcomes
            if isinstance(each, Decision) and each.strategy_id == strategy_id
        ],
        [
            _filled(each.fill)
            for each in outcomes
            if isinstance(each, FillBooked) and each.strategy_id == strategy_id
        ],
        [
            Trip(
                each.side, each.quantity, each.entry_price, each.exit_price, each.gross, each.fees, each.pnl,
                minute(each.opened_ms), minute(each.closed_ms),
            )
            for each in outcomes
            if isinstance(each, TradeClosed) and each.strategy_id == strategy_id
        ],
    )  # fmt: skip


def _filled(fill: Fill) -> Filled:
    return Filled(fill.side, fill.price, fill.quantity, fill.fee, fill.fee_asset)
