"""Funding: at set times longs pay shorts (or the other way round) a share of what their positions are worth."""

from decimal import Decimal

from bot.domain.money import times
from bot.simulation.futures.happenings import Funded
from bot.simulation.futures.records import FundingRate
from bot.simulation.futures.settlement import move_wallet, tell_balance, tell_position
from bot.simulation.futures.state import Account, House, Market, Position, State
from bot.simulation.futures.sums import add, amount
from bot.simulation.futures.words import IncomeType, Why

HOUR_MS = 3_600_000


def next_funding_ms(now_ms: int, interval_hours: int = 8) -> int:
    """Give the next funding time after now: midnight, 8 and 16 o'clock UTC when the interval is the usual one."""
    interval = interval_hours * HOUR_MS
    return now_ms // interval * interval + interval


def settle_funding(state: State, market: Market, rate: Decimal) -> None:
    """Let every position of a symbol pay or receive rate × notional at the mark price; longs pay when it is above 0."""
    symbol, mark = market.contract.symbol, state.mark(market.contract.symbol)
    market.funding.append(FundingRate(symbol, rate, state.now_ms, mark))
    for account in state.accounts.values():
        slot = account.slots.get(symbol)
        for position in slot.held if slot is not None else []:
            _pay(state, account, position, rate, mark)


def _pay(state: State, account: Account, position: Position, rate: Decimal, mark: Decimal) -> None:
    asset = state.markets[position.symbol].contract.margin_asset
    isolated = account.slot(position.symbol).is_isolated
    value = amount(-times(position.notional(mark), rate))
    if isolated:
        # What an isolated wallet cannot pay is left to its liquidation, which follows at once.
        position.isolated_wallet = add(position.isolated_wallet, value)
    else:
        move_wallet(account, asset, value)
    House.book(state.house.funding, asset, -value)
    state.note(account, IncomeType.FUNDING_FEE, asset, value, symbol=position.symbol)
    state.tell(
        Funded(
            account=account.name,
            symbol=position.symbol,
            position_side=position.side,
            rate=rate,
            mark=mark,
            amount=value,
            asset=asset,
            is_isolated=isolated,
            time_ms=state.now_ms,
        )
    )
    tell_balance(state, account, asset, Why.FUNDING_FEE, delta=value, moved=value)
    if isolated:
        tell_position(state, account, position, Why.FUNDING_FEE)
