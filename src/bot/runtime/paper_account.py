"""A paper account as its journal left it: the broker with the money, the positions and the numbers to go on from."""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.ledger import Ledger
from bot.domain.market import Market
from bot.ports import Recovered
from bot.runtime.paper_trade import PaperBroker
from bot.runtime.plan import AccountPlan
from bot.runtime.recovery import funded_until, holdings, newest_income_id, newest_order_id, newest_trade_id
from bot.runtime.setting_up import Listed
from bot.simulation.desk import terms_of
from bot.simulation.futures.contracts import bundled, listing_of
from bot.simulation.futures.schedule import Schedule, flat
from bot.simulation.futures_desk import Contracts

FUNDING_RATE = Decimal("0.0001")
"""What holding a contract costs a long every eight hours on paper: Binance's interest part."""


def paper_broker(plan: AccountPlan, instruments: Listed, recovered: Recovered, now_ms: int) -> PaperBroker:
    """Give a paper account what its ledger says that it holds, or its first money; its strategies are of one market."""
    market = next((each.config.market_of for each in plan.strategies), Market.SPOT)
    used = {each.config.symbol for each in plan.strategies if each.config.market_of is market}
    rules = {symbol: instruments[market, symbol] for symbol in used if (market, symbol) in instruments}
    return PaperBroker(
        rules,
        _money(recovered) or plan.paper_funds,
        {each.strategy_id: terms_of(each.config) for each in plan.strategies},
        first_order_id=newest_order_id(recovered) + 1,
        first_trade_id=newest_trade_id(recovered) + 1,
        opened_ms=now_ms,
        contracts=_contracts(plan, instruments, recovered, now_ms) if market is Market.FUTURES else None,
        holdings={symbol: held for symbol, held in holdings(recovered).items() if (market, symbol) in instruments},
        first_income_id=newest_income_id(recovered) + 1,
    )


def _money(recovered: Recovered) -> Mapping[str, Decimal]:
    held = Ledger()
    held.open(recovered.balances)
    return held.ours()


def _contracts(plan: AccountPlan, instruments: Listed, recovered: Recovered, now_ms: int) -> Contracts:
    known, leverage = bundled(), dict[str, int]()
    for each in plan.strategies:
        if each.config.market_of is Market.FUTURES and (Market.FUTURES, each.config.symbol) in instruments:
            leverage[each.config.symbol] = max(each.config.leverage, leverage.get(each.config.symbol, 1))
    held = {symbol for symbol in holdings(recovered) if (Market.FUTURES, symbol) in instruments}
    listings = {symbol: listing_of(instruments[Market.FUTURES, symbol], known) for symbol in sorted({*leverage, *held})}
    return Contracts(
        listings,
        {symbol: min(wanted, listings[symbol].ladder.largest_leverage) for symbol, wanted in leverage.items()},
        {symbol: Schedule(flat(FUNDING_RATE, funded_until(recovered, symbol, now_ms))) for symbol in listings},
    )
