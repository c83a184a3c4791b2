"""The settings of a strategy: the seed's fields and ours, strict, with mistakes explained by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, Market

CONTRACT_STOPS_IN_REHEARSAL_ONLY = (
    'protect "exchange" on futures is for rehearsal: paper money and backtests simulate no orders that wait for a '
    'price there; set protect to "watch" for them'
)


class StrategyConfig(BaseModel):
    """What every strategy is told. Fractions are plain fractions: 0.002 is 0.2 %. Amounts are in the quote asset."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    symbol: str = Field(description="trading pair, such as BTCUSDT (BTC/USDT and BTC-USDT are understood)")
    candle: str = Field("1m", description="candle interval, one of Binance's fifteen")
    min_price: float = Field(0.0, ge=0, description="no entry below this price; 0 = no bound")
    max_price: float = Field(0.0, ge=0, description="no entry above this price; 0 = no bound")
    order_value: float = Field(50.0, gt=0, le=1e9, description="quote amount of one entry")
    min_profit: float = Field(0.0, ge=0, lt=1, description="no profit exit below this gain after both fees")
    fee_pct: float = Field(0.001, ge=0, le=0.05, description="fee of one fill as a fraction; 0.001 is 0.1 %")
    demo_mode: bool = Field(True, description="paper money; false alone does not make it live")
    market: Literal["spot", "futures"] = Field("spot", description="which exchange")
    leverage: int = Field(
        1, ge=1, le=150, description="futures: an entry may be worth so many times the free quote amount"
    )
    warm_up: int = Field(0, ge=0, le=5_000, description="history candles beyond what the indicators ask for")
    stop_loss: float | None = Field(None, gt=0, lt=1, description="leave when the loss reaches this fraction")
    take_profit: float | None = Field(None, gt=0, le=100, description="leave when the gain reaches this fraction")
    trailing: float | None = Field(None, gt=0, lt=1, description="leave this fraction below the best close since entry")
    protect: Literal["watch", "exchange"] = Field(
        "watch", description="where the stop loss waits: here, or as a stop order on the exchange"
    )
    if_unprotected: Literal["flatten", "hold"] = Field(
        "flatten", description="when that stop order cannot rest: leave at the market, or hold and watch"
    )
    cooldown: int = Field(0, ge=0, le=100_000, description="candles to wait after an exit before the next entry")
    fill: Literal["last", "midpoint", "next"] = Field("last", description="price of paper market orders")
    slippage_bps: float = Field(0.0, ge=0, le=1_000, description="paper slippage against us, in 1/100 %")
    capital: float | None = Field(
        None, gt=0, description="quote amount its equity is counted from; ten orders if unset"
    )
    max_drawdown: float | None = Field(None, gt=0, le=1, description="stop when equity falls this far from its peak")
    daily_loss: float | None = Field(None, gt=0, description="no entries after losing this quote amount in a UTC day")
    max_exposure: float | None = Field(None, gt=0, description="quote amount it may have at risk at once")
    max_open_orders: int = Field(5, ge=1, le=200, description="orders it may have open at once")

    @field_validator("symbol")
    @classmethod
    def _symbol(cls, value: str) -> str:
        symbol = value.split(":", maxsplit=1)[0].replace("/", "").replace("-", "").upper()
        # Binance lists symbols with letters of other scripts too; spaces and punctuation never occur but for `_`.
        if not 3 <= len(symbol) <= 30 or not symbol.replace("_", "").isalnum():
            raise ValueError("is not a trading pair; write it like BTCUSDT")
        return symbol

    @field_validator("candle")
    @classmethod
    def _candle(cls, value: str) -> str:
        interval = {"1D": "1d", "3D": "3d", "1W": "1w", "1mo": "1M"}.get(value, value)
        if interval not in INTERVAL_MS:
            raise ValueError(f"is not one of Binance's intervals: {' '.join(INTERVAL_MS)}")
        return interval

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.max_price and self.min_price > self.max_price:
            raise ValueError(f"min_price {self.min_price:g} is above max_price {self.max_price:g}; swap them")
        if self.take_profit is not None and self.take_profit < self.min_profit:
            raise ValueError(
                "take_profit is below min_profit, so it could never be taken; raise it or lower min_profit"
            )
        if self.capital is not None and self.capital < self.order_value:
            raise ValueError("capital is below order_value, so no order could be covered; raise capital")
        if self.leverage > 1 and self.market != "futures":
            raise ValueError("leverage is for futures; on spot leave it at 1")
        if self.protect == "exchange" and self.stop_loss is None:
            raise ValueError('protect "exchange" needs a stop_loss: the fraction at which its stop order stands')
        return self

    @property
    def capital_or_default(self) -> float:
        """Quote amount that equity and drawdown are measured against."""
        return self.capital if self.capital is not None else 10 * self.order_value

    @property
    def has_contract_stops(self) -> bool:
        """Whether its stops rest on a futures exchange."""
        return self.protect == "exchange" and self.market == "futures"

    @property
    def market_of(self) -> Market:
        """The market as the domain names it."""
        return Market(self.market)


def parse_config[C: StrategyConfig](model: type[C], raw: Mapping[str, object]) -> C:
    """Read a strategy's settings, or raise Misconfigured naming each mistake, its reason and its mending."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        mistakes = "; ".join(_explain(detail, model) for detail in error.errors(include_url=False))
        raise Misconfigured(f"strategy config: {mistakes}") from None


def _explain(detail: Mapping[str, object], model: type[StrategyConfig]) -> str:
    where, kind, message = detail["loc"], detail["type"], str(detail["msg"])
    assert isinstance(where, tuple)
    name = ".".join(str(part) for part in where)
    if kind == "extra_forbidden":
        near = get_close_matches(name, model.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known settings: {', '.join(model.model_fields)}"
        return f"{name}: is not a setting of this strategy; {hint}"
    if kind == "missing":
        return f"{name}: is missing; add it"
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return f"{name}: {message}" if name else message
