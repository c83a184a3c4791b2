"""The rules of some well-known USDT symbols, so that backtests and the emulator need no network.

A snapshot of Binance's exchangeInfo (spot, September 2024). Smallest price and quantity equal the tick and the step;
the price band, the order types and the counts of iceberg parts, lists and amendments are those of the real exchange
since. Filters measure by the last price.
"""

from decimal import Decimal

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule, SideBand, TrailingRule
from bot.domain.money import ZERO
from bot.domain.order import OrderType, StpMode

QUOTE = "USDT"
_BAND = SideBand(bid_up=Decimal("1.2"), bid_down=Decimal("0.5"), ask_up=Decimal(2), ask_down=Decimal("0.8"))
_LARGEST_NOTIONAL = Decimal(9_000_000)
_MAX_ORDERS = 200
_TYPES = frozenset(
    {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.MARKET,
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)

# Base, tick, largest price, step, largest lot, largest market lot, smallest notional, a price of its order of size.
_TABLE = """
BTC  0.01       1000000 0.00001 9000        129.84957276      5 95000
ETH  0.01       1000000 0.0001  9000        3125.75267907     5 3300
BNB  0.1        100000  0.001   900000      4883.5223682      5 690
SOL  0.01       10000   0.001   90000       64306.31937238    5 190
XRP  0.0001     10000   1       9222449     4886361.72803347  5 2.3
ADA  0.0001     1000    0.1     900000      1922825.07447698  5 0.95
DOGE 0.00001    1000    1       9000000     19499637.40167364 1 0.34
AVAX 0.01       10000   0.01    90000       40749.41242677    5 38
DOT  0.001      10000   0.01    90000       133560.54163179   5 7
LINK 0.01       10000   0.01    90000       79751.87573221    5 22
LTC  0.01       100000  0.001   90000       16571.04371129    5 105
TRX  0.0001     1000    0.1     9000000     6926732.66234309  5 0.25
BCH  0.1        100000  0.001   90000       1700.607          5 440
ATOM 0.001      10000   0.01    90000       84879.08995815    5 6.5
NEAR 0.001      1000    0.1     900000      206314.98117154   5 5.2
UNI  0.001      10000   0.01    90000       58302.4153138     5 13
ETC  0.01       10000   0.01    90000       21033.83912133    5 26
XLM  0.0001     1000    1       9000000     3502136.22594142  5 0.43
FIL  0.001      10000   0.01    9222449     158566.70175732   5 5.1
APT  0.01       1000    0.01    92141578    98509.75037656    5 9.2
ARB  0.0001     1000    0.1     92141578    941413.86778242   5 0.75
OP   0.001      1000    0.01    92141578    361677.50698744   5 1.8
SUI  0.0001     1000    0.1     92141578    1688552.32301255  5 4.6
"""


def bundled() -> dict[str, Instrument]:
    """Give the bundled instruments by symbol."""
    instruments = (_instrument(line.split()) for line in _TABLE.split("\n") if line)
    return {instrument.symbol: instrument for instrument in instruments}


def typical_prices() -> dict[str, Decimal]:
    """Give a believable price of every bundled symbol, for made-up markets to start from."""
    rows = (line.split() for line in _TABLE.split("\n") if line)
    return {row[0] + QUOTE: Decimal(row[-1]) for row in rows}


def _instrument(row: list[str]) -> Instrument:
    tick, price_max, step, lot_max, market_lot_max, notional_min = map(Decimal, row[1:7])
    return Instrument(
        symbol=row[0] + QUOTE,
        base=row[0],
        quote=QUOTE,
        price=PriceRule(smallest=tick, largest=price_max, tick=tick),
        lot=LotRule(smallest=step, largest=lot_max, step=step),
        market_lot=LotRule(smallest=ZERO, largest=market_lot_max, step=ZERO),
        notional=NotionalRule(smallest=notional_min, largest=_LARGEST_NOTIONAL),
        band=_BAND,
        max_orders=_MAX_ORDERS,
        max_algo_orders=5,
        max_lists=20,
        max_amends=10,
        iceberg_parts=100,
        trailing=TrailingRule(above_min=10, above_max=2_000, below_min=10, below_max=2_000),
        default_stp=StpMode.EXPIRE_MAKER,
        order_types=_TYPES,
    )
