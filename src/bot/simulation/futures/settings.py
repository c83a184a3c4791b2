"""What customers set and move: leverage, margin type, position and asset modes, isolated margin, transfers."""

from decimal import Decimal

from bot.domain.money import ZERO
from bot.simulation.futures.margin import bound, figures, pool, position_figures
from bot.simulation.futures.records import MarginChange
from bot.simulation.futures.settlement import move_wallet, tell_balance, tell_position
from bot.simulation.futures.state import Account, House, Slot, State
from bot.simulation.futures.sums import add, less
from bot.simulation.futures.words import IncomeType, MarginType, PositionSide, Why
from bot.simulation.orders import Refused


def set_leverage(state: State, account: Account, symbol: str, leverage: int) -> Decimal:
    """Change a symbol's leverage, and give the largest notional that it allows."""
    ladder = state.market(symbol).ladder
    slot = account.slot(symbol)
    if not 1 <= leverage <= ladder.largest_leverage:
        raise Refused(-4028, f"Leverage {leverage} is not valid")
    if slot.is_isolated and slot.held and leverage < slot.leverage:
        raise Refused(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")
    if _largest_notional(state, slot, symbol) > ladder.cap(leverage):
        raise Refused(-2027, "Exceeded the maximum allowable position at current leverage.")
    asset, before = state.markets[symbol].contract.margin_asset, slot.leverage
    slot.leverage = leverage
    if leverage < before and not slot.is_idle:
        shared = pool(state, account, asset)
        if shared.balance < add(shared.position_margin, shared.order_margin):
            slot.leverage = before
            raise Refused(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
    return ladder.cap(leverage)


def set_margin_type(state: State, account: Account, symbol: str, margin_type: MarginType) -> None:
    """Switch a symbol between cross and isolated margin, which needs it free of positions and orders of all kinds."""
    state.market(symbol)
    slot = account.slot(symbol)
    if slot.margin_type is margin_type:
        raise Refused(-4046, "No need to change margin type.")
    if account.multi_assets and margin_type is MarginType.ISOLATED:
        raise Refused(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
    if slot.orders or any(algo.symbol == symbol for algo in account.waiting.values()):
        raise Refused(-4047, "Margin type cannot be changed if there exists open orders.")
    if slot.held:
        raise Refused(-4048, "Margin type cannot be changed if there exists position.")
    slot.margin_type = margin_type
    for side in (PositionSide.LONG, PositionSide.SHORT) if account.hedge else (PositionSide.BOTH,):
        tell_position(state, account, account.position(symbol, side), Why.MARGIN_TYPE_CHANGE)


def set_hedge(account: Account, *, hedge: bool) -> None:
    """Switch between one-way and hedge mode, which needs the whole account free of positions and orders."""
    if account.hedge is hedge:
        raise Refused(-4059, "No need to change position side.")
    if account.waiting or any(slot.orders for slot in account.slots.values()):
        raise Refused(-4067, "Position side cannot be changed if there exists open orders.")
    if any(slot.held for slot in account.slots.values()):
        raise Refused(-4068, "Position side cannot be changed if there exists position.")
    account.hedge = hedge


def set_multi_assets(account: Account, *, multi_assets: bool) -> None:
    """Switch multi-assets mode, in which all margin assets stand together for all cross positions."""
    if account.multi_assets is multi_assets:
        raise Refused(-4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.")
    if multi_assets and any(slot.is_isolated for slot in account.slots.values()):
        raise Refused(
            -4167, "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode."
        )
    if any(slot.orders for slot in account.slots.values()):
        raise Refused(-4170, "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures.")
    if any(held < 0 for held in account.wallets.values()):
        raise Refused(
            -4172,
            "Unable to adjust Multi-Assets Mode with a negative wallet balance of margin available asset in "
            "USDⓈ-M Futures account.",
        )
    account.multi_assets = multi_assets


def change_margin(
    state: State, account: Account, symbol: str, side: PositionSide, value: Decimal, *, adding: bool
) -> None:
    """Move money into or out of an isolated position; gains and the initial margin have to stay in."""
    asset = state.market(symbol).contract.margin_asset
    slot = account.slot(symbol)
    if value <= 0:
        raise Refused(-4055, "Amount must be positive.")
    if account.hedge == (side is PositionSide.BOTH):
        raise Refused(-4061, "Order's position side does not match user's setting.")
    if not slot.is_isolated:
        raise Refused(-4049, "Add margin only support for isolated position.")
    position = account.position(symbol, side)
    if not position.quantity:
        raise Refused(-4054, "Cannot add position margin: position is 0.")
    if adding and value > pool(state, account, asset).withdrawable:
        raise Refused(-4050, "Cross balance insufficient.")
    if not adding:
        now = position_figures(state, account, symbol, side)
        spare = less(add(position.isolated_wallet, min(now.unrealised, ZERO)), now.position_margin)
        if value > spare:
            raise Refused(-4051, "Isolated balance insufficient.")
    signed = value if adding else -value
    position.isolated_wallet = add(position.isolated_wallet, signed)
    position.updated_ms = state.now_ms
    move_wallet(account, asset, -signed)
    account.margin_changes.append(MarginChange(symbol, side, asset, signed, state.now_ms))
    tell_balance(state, account, asset, Why.MARGIN_TRANSFER)
    tell_position(state, account, position, Why.MARGIN_TRANSFER)


def transfer(state: State, account: Account, asset: str, value: Decimal) -> None:
    """Bring money in (above zero) or take it out; Refused -2018 when less than that may leave."""
    if value < 0 and -value > figures(state, account, asset).withdrawable:
        raise Refused(-2018, "Balance is insufficient.")
    move_wallet(account, asset, value)
    House.book(state.house.deposits, asset, value)
    state.note(account, IncomeType.TRANSFER, asset, value)
    tell_balance(state, account, asset, Why.DEPOSIT if value > 0 else Why.WITHDRAW, delta=value, moved=value)


def _largest_notional(state: State, slot: Slot, symbol: str) -> Decimal:
    positions = {
        side: position.notional(state.mark(symbol, position.entry_price)) for side, position in slot.positions.items()
    }
    sides = {*positions, *(side for side, _ in slot.standing)}
    return max((bound(slot, side, positions.get(side, ZERO)) for side in sides), default=ZERO)
