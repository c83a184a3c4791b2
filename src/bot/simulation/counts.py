"""How much of everything an account may have at once: the filters that look at its open orders and its balances."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Side
from bot.simulation.books import Account
from bot.simulation.orders import Refused, RestingOrder


class ExchangeRules(msgspec.Struct, frozen=True):
    """Limits over all symbols of an account, and the largest order by asset; a bound of 0 is switched off."""

    max_orders: int = 0
    max_algo_orders: int = 0
    max_iceberg_orders: int = 0
    max_lists: int = 0
    asset_limits: Mapping[str, Decimal] = {}


def check_counts(
    owner: Account, instrument: Instrument, rules: ExchangeRules, orders: Sequence[RestingOrder], reference: Decimal
) -> None:
    """Refuse orders that would be too many, or too much, beside what stands already. All are on one symbol."""
    here = owner.standing.get(instrument.symbol, {})
    if instrument.max_orders and len(here) + len(orders) > instrument.max_orders:
        raise _broken("MAX_NUM_ORDERS")
    _check_kind(here.values(), orders, _is_algo, instrument.max_algo_orders, "MAX_NUM_ALGO_ORDERS")
    _check_kind(here.values(), orders, _is_iceberg, instrument.max_iceberg_orders, "MAX_NUM_ICEBERG_ORDERS")
    if instrument.max_position:
        _check_position(owner, instrument, orders)
    if rules.max_orders or rules.max_algo_orders or rules.max_iceberg_orders:
        everywhere = [order for some in owner.standing.values() for order in some.values()]
        _check_kind(everywhere, orders, _is_any, rules.max_orders, "EXCHANGE_MAX_NUM_ORDERS")
        _check_kind(everywhere, orders, _is_algo, rules.max_algo_orders, "EXCHANGE_MAX_NUM_ALGO_ORDERS")
        _check_kind(everywhere, orders, _is_iceberg, rules.max_iceberg_orders, "EXCHANGE_MAX_NUM_ICEBERG_ORDERS")
    if rules.asset_limits:
        _check_assets(rules, instrument, orders, reference)


def check_lists(here: int, everywhere: int, instrument: Instrument, rules: ExchangeRules) -> None:
    """Refuse one more list, when so many are open on the symbol and over all symbols."""
    if instrument.max_lists and here >= instrument.max_lists:
        raise _broken("MAX_NUM_ORDER_LISTS")
    if rules.max_lists and everywhere >= rules.max_lists:
        raise _broken("EXCHANGE_MAX_NUM_ORDER_LISTS")


def _check_kind(
    standing: Iterable[RestingOrder],
    orders: Sequence[RestingOrder],
    belongs: Callable[[RestingOrder], bool],
    most: int,
    name: str,
) -> None:
    more = sum(map(belongs, orders)) if most else 0
    if more and more + sum(map(belongs, standing)) > most:
        raise _broken(name)


def _check_position(owner: Account, instrument: Instrument, orders: Sequence[RestingOrder]) -> None:
    buys = [order for order in orders if order.side is Side.BUY]
    if not buys:
        return
    held = owner.wallet.of(instrument.base).total
    for order in (*owner.standing.get(instrument.symbol, {}).values(), *buys):
        if order.side is Side.BUY:
            held = EXACT.add(held, order.remaining)
    if held > instrument.max_position:
        raise _broken("MAX_POSITION")


def _check_assets(
    rules: ExchangeRules, instrument: Instrument, orders: Sequence[RestingOrder], reference: Decimal
) -> None:
    for order in orders:
        worth = times(order.price or reference, order.quantity)
        for asset, amount in ((instrument.base, order.quantity), (instrument.quote, worth)):
            if amount > rules.asset_limits.get(asset, amount):
                raise _broken("MAX_ASSET")


def _is_any(_: RestingOrder) -> bool:
    return True


def _is_algo(order: RestingOrder) -> bool:
    return order.is_contingent


def _is_iceberg(order: RestingOrder) -> bool:
    return bool(order.iceberg_quantity or ZERO)


def _broken(name: str) -> Refused:
    return Refused(-2010, f"Filter failure: {name}")
