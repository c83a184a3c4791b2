"""Balances, positions and settings as USD-M writes them."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from bot.domain.money import ZERO, plain, times
from bot.emulator.futures.wire import Shape
from bot.emulator.wire import Json
from bot.simulation.futures.brackets import Ladder
from bot.simulation.futures.margin import AssetFigures, PositionFigures
from bot.simulation.futures.records import MarginChange
from bot.simulation.futures.state import Account

_ALIAS = "SgsRemfW"
_TOTALS: dict[str, Callable[[AssetFigures], Decimal]] = {
    "totalInitialMargin": lambda one: one.initial_margin,
    "totalMaintMargin": lambda one: one.maintenance,
    "totalWalletBalance": lambda one: one.wallet,
    "totalUnrealizedProfit": lambda one: one.unrealised,
    "totalMarginBalance": lambda one: one.balance,
    "totalPositionInitialMargin": lambda one: one.position_margin,
    "totalOpenOrderInitialMargin": lambda one: one.order_margin,
    "totalCrossWalletBalance": lambda one: one.cross_wallet,
    "totalCrossUnPnl": lambda one: one.cross_unrealised,
    "availableBalance": lambda one: one.available,
    "maxWithdrawAmount": lambda one: one.withdrawable,
}


def totals(assets: Iterable[AssetFigures], price_of: Callable[[str], Decimal | None], *, multi_assets: bool) -> Json:
    """The sums of an account: of USDT alone, or in dollars of everything in multi-assets mode."""
    counted = [one for one in assets if multi_assets or one.asset == "USDT"]
    worth = {one.asset: (price_of(one.asset) or ZERO) if multi_assets else Decimal(1) for one in counted}
    sums = {name: sum((times(read(one), worth[one.asset]) for one in counted), ZERO) for name, read in _TOTALS.items()}
    if multi_assets:
        # What is available is one sum that every asset shows in its own units.
        sums["availableBalance"] = max((times(one.available, worth[one.asset]) for one in counted), default=ZERO)
    return {name: f"{value:.8f}" for name, value in sums.items()}


def asset(one: AssetFigures, now_ms: int) -> Json:
    """One asset of an account, as v3 shows it."""
    return {
        "asset": one.asset, "walletBalance": f"{one.wallet:.8f}", "unrealizedProfit": f"{one.unrealised:.8f}",
        "marginBalance": f"{one.balance:.8f}", "maintMargin": f"{one.maintenance:.8f}",
        "initialMargin": f"{one.initial_margin:.8f}", "positionInitialMargin": f"{one.position_margin:.8f}",
        "openOrderInitialMargin": f"{one.order_margin:.8f}", "crossWalletBalance": f"{one.cross_wallet:.8f}",
        "crossUnPnl": f"{one.cross_unrealised:.8f}", "availableBalance": f"{one.available:.8f}",
        "maxWithdrawAmount": f"{one.withdrawable:.8f}", "updateTime": now_ms,
    }  # fmt: skip


def balance(one: AssetFigures, now_ms: int) -> Json:
    """One asset, as the balance endpoints show it."""
    return {
        "accountAlias": _ALIAS, "asset": one.asset, "balance": f"{one.wallet:.8f}",
        "crossWalletBalance": f"{one.cross_wallet:.8f}", "crossUnPnl": f"{one.cross_unrealised:.8f}",
        "availableBalance": f"{one.available:.8f}", "maxWithdrawAmount": f"{one.withdrawable:.8f}",
        "marginAvailable": True, "updateTime": now_ms,
    }  # fmt: skip


def position(one: PositionFigures, shape: Shape) -> Json:
    """One position within the v3 account."""
    return {
        "symbol": one.symbol, "positionSide": one.side, "positionAmt": shape.quantity(one.quantity),
        "unrealizedProfit": f"{one.unrealised:.8f}", "isolatedMargin": f"{one.isolated_margin:.8f}",
        "notional": plain(one.notional), "isolatedWallet": plain(one.isolated_wallet),
        "initialMargin": plain(one.position_margin + one.order_margin), "maintMargin": plain(one.maintenance),
        "updateTime": one.updated_ms,
    }  # fmt: skip


def old_position(one: PositionFigures, largest: Decimal, shape: Shape) -> Json:
    """One position within the v2 account."""
    return position(one, shape) | {
        "positionInitialMargin": plain(one.position_margin), "openOrderInitialMargin": plain(one.order_margin),
        "leverage": str(one.leverage), "isolated": one.is_isolated, "entryPrice": _price(one.entry_price),
        "breakEvenPrice": _price(one.break_even_price), "maxNotional": plain(largest),
        "bidNotional": plain(one.bids), "askNotional": plain(one.asks),
    }  # fmt: skip


def risk(one: PositionFigures, shape: Shape, adl: int) -> Json:
    """One position with its risk, as v3 shows it; `adl` tells how soon it would be reduced for others, 4 is soonest."""
    return {
        "symbol": one.symbol, "positionSide": one.side, "positionAmt": shape.quantity(one.quantity),
        "entryPrice": _price(one.entry_price), "breakEvenPrice": _price(one.break_even_price),
        "markPrice": f"{one.mark:.8f}", "unRealizedProfit": f"{one.unrealised:.8f}",
        "liquidationPrice": plain(one.liquidation_price), "isolatedMargin": f"{one.isolated_margin:.8f}",
        "notional": plain(one.notional), "marginAsset": one.margin_asset,
        "isolatedWallet": plain(one.isolated_wallet), "initialMargin": plain(one.position_margin + one.order_margin),
        "maintMargin": plain(one.maintenance), "positionInitialMargin": plain(one.position_margin),
        "openOrderInitialMargin": plain(one.order_margin), "adl": adl,
        "bidNotional": plain(one.bids), "askNotional": plain(one.asks), "updateTime": one.updated_ms,
    }  # fmt: skip


def old_risk(one: PositionFigures, largest: Decimal, shape: Shape) -> Json:
    """One position with its risk, as v2 shows it."""
    return {
        "symbol": one.symbol, "positionAmt": shape.quantity(one.quantity), "entryPrice": _price(one.entry_price),
        "breakEvenPrice": _price(one.break_even_price), "markPrice": f"{one.mark:.8f}",
        "unRealizedProfit": f"{one.unrealised:.8f}", "liquidationPrice": plain(one.liquidation_price),
        "leverage": str(one.leverage), "maxNotionalValue": plain(largest),
        "marginType": "isolated" if one.is_isolated else "cross", "isolatedMargin": f"{one.isolated_margin:.8f}",
        "isAutoAddMargin": "false", "positionSide": one.side, "notional": plain(one.notional),
        "isolatedWallet": plain(one.isolated_wallet), "updateTime": one.updated_ms,
    }  # fmt: skip


def config(account: Account, now_ms: int) -> Json:
    """What an account may do and how it is set."""
    return {
        "feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "dualSidePosition": account.hedge,
        "updateTime": now_ms, "multiAssetsMargin": account.multi_assets, "tradeGroupId": -1,
    }  # fmt: skip


def brackets(symbol: str, ladder: Ladder) -> Json:
    """The leverage brackets of a symbol; numbers are JSON numbers here."""
    return {
        "symbol": symbol, "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": rung.number, "initialLeverage": rung.leverage, "notionalCap": _whole(rung.cap),
                "notionalFloor": _whole(rung.floor), "maintMarginRatio": float(rung.maintenance_ratio),
                "cum": float(rung.cum),
            }
            for rung in ladder.rungs
        ],
    }  # fmt: skip


def margin_change(one: MarginChange) -> Json:
    """Money moved by hand into or out of an isolated position."""
    return {
        "symbol": one.symbol, "type": 1 if one.amount > 0 else 2, "deltaType": "USER_ADJUST",
        "amount": plain(abs(one.amount)), "asset": one.asset, "time": one.time_ms, "positionSide": one.position_side,
    }  # fmt: skip


def _whole(value: Decimal) -> int | float:
    """Give a JSON number: a whole one wherever it is whole, as typed clients insist."""
    return int(value) if value == value.to_integral_value() else float(value)


def _price(value: Decimal) -> str:
    text = plain(value)
    return text if "." in text else f"{text}.0"
