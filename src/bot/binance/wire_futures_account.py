"""A USD-M account as Binance writes it: wallets, positions, settings, income. Field names are Binance's own."""

# ruff: noqa: N815 - the names are Binance's

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from bot.domain.messages import FundsSeen
from bot.domain.money import ZERO, number


class FuturesAsset(Struct):
    """One asset of an account."""

    asset: str
    walletBalance: Decimal
    unrealizedProfit: Decimal = ZERO
    marginBalance: Decimal = ZERO
    maintMargin: Decimal = ZERO
    initialMargin: Decimal = ZERO
    positionInitialMargin: Decimal = ZERO
    openOrderInitialMargin: Decimal = ZERO
    crossWalletBalance: Decimal = ZERO
    crossUnPnl: Decimal = ZERO
    availableBalance: Decimal = ZERO
    maxWithdrawAmount: Decimal = ZERO
    updateTime: int = 0


class AccountPosition(Struct):
    """One position of an account, as v3 shows it; v2 adds the last three."""

    symbol: str
    positionSide: str
    positionAmt: Decimal
    unrealizedProfit: Decimal = ZERO
    isolatedMargin: Decimal = ZERO
    notional: Decimal = ZERO
    isolatedWallet: Decimal = ZERO
    initialMargin: Decimal = ZERO
    maintMargin: Decimal = ZERO
    updateTime: int = 0
    entryPrice: Decimal | None = None
    leverage: str = ""
    isolated: bool | None = None


class FuturesAccount(Struct):
    """Reply of account, v2 and v3: the latter lists only symbols with a position or an open order."""

    assets: list[FuturesAsset]
    positions: list[AccountPosition]
    totalInitialMargin: Decimal = ZERO
    totalMaintMargin: Decimal = ZERO
    totalWalletBalance: Decimal = ZERO
    totalUnrealizedProfit: Decimal = ZERO
    totalMarginBalance: Decimal = ZERO
    totalPositionInitialMargin: Decimal = ZERO
    totalOpenOrderInitialMargin: Decimal = ZERO
    totalCrossWalletBalance: Decimal = ZERO
    totalCrossUnPnl: Decimal = ZERO
    availableBalance: Decimal = ZERO
    maxWithdrawAmount: Decimal = ZERO
    feeTier: int = 0
    canTrade: bool = True
    canDeposit: bool = True
    canWithdraw: bool = False
    updateTime: int = 0


class BalanceRow(Struct):
    """One asset's wallet."""

    asset: str
    balance: Decimal
    accountAlias: str = ""
    crossWalletBalance: Decimal = ZERO
    crossUnPnl: Decimal = ZERO
    availableBalance: Decimal = ZERO
    maxWithdrawAmount: Decimal = ZERO
    marginAvailable: bool = True
    updateTime: int = 0


def funds_of(rows: Sequence[BalanceRow], time_ms: int) -> FundsSeen:
    """Give the wallet balances, without the assets that are not there."""
    return FundsSeen({row.asset: number(row.balance) for row in rows if row.balance}, time_ms)


class PositionRisk(Struct):
    """One position with its risk. Leverage and margin type are told by v2 alone."""

    symbol: str
    positionSide: str
    positionAmt: Decimal
    entryPrice: Decimal
    markPrice: Decimal
    unRealizedProfit: Decimal
    liquidationPrice: Decimal
    breakEvenPrice: Decimal = ZERO
    isolatedMargin: Decimal = ZERO
    notional: Decimal = ZERO
    marginAsset: str = ""
    isolatedWallet: Decimal = ZERO
    initialMargin: Decimal = ZERO
    maintMargin: Decimal = ZERO
    positionInitialMargin: Decimal = ZERO
    openOrderInitialMargin: Decimal = ZERO
    adl: int = 0
    bidNotional: Decimal = ZERO
    askNotional: Decimal = ZERO
    updateTime: int = 0
    leverage: str = ""
    marginType: str = ""
    isAutoAddMargin: str | bool = ""
    maxNotionalValue: str = ""


class SymbolConfig(Struct):
    """How a symbol is traded by this account."""

    symbol: str
    marginType: str
    leverage: int
    isAutoAddMargin: str | bool = ""
    maxNotionalValue: str = ""


class AccountConfig(Struct):
    """How this account trades."""

    dualSidePosition: bool
    multiAssetsMargin: bool
    feeTier: int = 0
    canTrade: bool = True
    canDeposit: bool = True
    canWithdraw: bool = False
    updateTime: int = 0
    tradeGroupId: int = -1


class PositionMode(Struct):
    """Whether a symbol has two positions (hedge mode)."""

    dualSidePosition: bool


class MultiAssets(Struct):
    """Whether all assets together are the margin."""

    multiAssetsMargin: bool


class FeeBurn(Struct):
    """Whether fees are paid in BNB."""

    feeBurn: bool


class LeverageReply(Struct):
    """A symbol's leverage."""

    symbol: str
    leverage: int
    maxNotionalValue: str = ""


class PositionMarginReply(Struct):
    """Margin that was moved."""

    amount: Decimal
    type: int
    code: int = 200
    msg: str = ""


class Bracket(Struct):
    """One step of the leverage table."""

    bracket: int
    initialLeverage: int
    notionalCap: Decimal
    notionalFloor: Decimal
    maintMarginRatio: Decimal
    cum: Decimal


class SymbolBrackets(Struct):
    """A symbol's leverage table."""

    symbol: str
    brackets: list[Bracket]
    notionalCoef: Decimal | None = None


class FuturesCommission(Struct):
    """An account's fees on a symbol, as fractions."""

    symbol: str
    makerCommissionRate: Decimal
    takerCommissionRate: Decimal
    rpiCommissionRate: Decimal | None = None


class IncomeRow(Struct):
    """Money that came or went. `tranId` is unique within one kind of income only."""

    symbol: str
    incomeType: str
    income: Decimal
    asset: str
    time: int
    tranId: int | str
    tradeId: int | str = ""
    info: str = ""


class CountdownReply(Struct):
    """The dead man's switch, as it is set."""

    symbol: str
    countdownTime: int | str


class ListenKey(Struct):
    """The address of a user stream."""

    listenKey: str = ""
