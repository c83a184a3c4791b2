"""The words of a futures exchange, by Binance's names, as far as spot does not know them or means other things."""

from enum import StrEnum


class PositionSide(StrEnum):
    """Which position an order works on: the only one (one-way mode), or the long or short one (hedge mode)."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class MarginType(StrEnum):
    """Whether a symbol's positions share the account's money, or each has a wallet of its own."""

    CROSSED = "CROSSED"
    ISOLATED = "ISOLATED"


class TimeInForce(StrEnum):
    """How long a futures limit order stands. GTX and RPI never take; GTD ends at its date."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"
    RPI = "RPI"


class SelfTrade(StrEnum):
    """What happens when two orders of one account would trade with each other; the taker's wish counts."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class PriceMatch(StrEnum):
    """A limit price taken from the book: the best of the other side, or of the own one, or some levels behind."""

    NONE = "NONE"
    OPPONENT = "OPPONENT"
    OPPONENT_5 = "OPPONENT_5"
    OPPONENT_10 = "OPPONENT_10"
    OPPONENT_20 = "OPPONENT_20"
    QUEUE = "QUEUE"
    QUEUE_5 = "QUEUE_5"
    QUEUE_10 = "QUEUE_10"
    QUEUE_20 = "QUEUE_20"


class OrderState(StrEnum):
    """Where an ordinary order stands on the exchange."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"

    @property
    def is_open(self) -> bool:
        """True while the order can still trade."""
        return self in {OrderState.NEW, OrderState.PARTIALLY_FILLED}


class Execution(StrEnum):
    """What just happened to an order. CALCULATED is a liquidation."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    AMENDMENT = "AMENDMENT"
    CALCULATED = "CALCULATED"


class TradeSource(StrEnum):
    """Where a trade came about: in the book, with the insurance fund, by reducing a position of the other side, or
    when a contract was settled."""

    MARKET = "MARKET"
    INSURANCE_FUND = "INSURANCE_FUND"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"


NO_REASON = 0
SELF_TRADE = 1
IOC_REMAINDER = 2
REDUCE_ONLY_DISPLACED = 4
LIQUIDATION = 5
MARKET_UNFILLED = 9
FOK_UNFILLED = 10
POST_ONLY_WOULD_TAKE = 11
"""Why an order expired, as numbered in the `er` field of ORDER_TRADE_UPDATE."""


class AlgoType(StrEnum):
    """Kinds of conditional orders. STOP and TAKE_PROFIT become limit orders, the others market orders."""

    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def has_limit(self) -> bool:
        """True when the order becomes a limit order."""
        return self in {AlgoType.STOP, AlgoType.TAKE_PROFIT}

    @property
    def is_stop(self) -> bool:
        """True when it fires as the price moves on in the order's own direction."""
        return self in {AlgoType.STOP, AlgoType.STOP_MARKET}


class AlgoState(StrEnum):
    """Where a conditional order stands."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class WorkingType(StrEnum):
    """Which price fires a conditional order: the last one of the contract, or the mark price."""

    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


class IncomeType(StrEnum):
    """Why a futures wallet changed."""

    TRANSFER = "TRANSFER"
    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"
    AUTO_EXCHANGE = "AUTO_EXCHANGE"


class Why(StrEnum):
    """Why a balance or position moved, by the reasons of ACCOUNT_UPDATE."""

    ORDER = "ORDER"
    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    FUNDING_FEE = "FUNDING_FEE"
    MARGIN_TRANSFER = "MARGIN_TRANSFER"
    MARGIN_TYPE_CHANGE = "MARGIN_TYPE_CHANGE"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"
    AUTO_EXCHANGE = "AUTO_EXCHANGE"


LIQUIDATION_PREFIX = "autoclose-"
ADL_PREFIX = "adl_autoclose"
SETTLEMENT_PREFIX = "settlement_autoclose-"
RESERVED_PREFIXES = (LIQUIDATION_PREFIX, ADL_PREFIX, SETTLEMENT_PREFIX)
"""Client order ids that only the exchange gives."""
