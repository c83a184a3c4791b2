"""`bot reconcile --dry-run`: what the journal says beside what the exchange says. Only asks; changes nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bot.commands.output import ExitCode, Json, as_json, fail, table
from bot.domain.ledger import Ledger
from bot.domain.market import Market
from bot.domain.money import EXACT, ZERO, plain
from bot.domain.order import Side

if TYPE_CHECKING:
    from bot.binance.client import Client, OrderSeen
    from bot.bootstrap import Feeds, Roof
    from bot.db.models import Account
    from bot.ports import Recovered

PAGE = 1_000
"""Trades in one answer."""
Place = tuple[Market, str]
"""A market and a symbol of it."""


class Difference(NamedTuple):
    """One thing on which the two do not agree. `journal` or `exchange` is empty where it is not known at all."""

    kind: str
    what: str
    journal: str
    exchange: str


class Seen(NamedTuple):
    """What the exchange says of an account."""

    totals: Mapping[str, Decimal]
    orders: Mapping[str, str]
    """Quantity filled of each open order, by client order id."""
    trades: Sequence[tuple[Market, str, int]]
    """Those newer than the newest on record."""
    positions: Mapping[str, Decimal]


def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only compare; nothing is mended.")] = False,
    account: Annotated[str, typer.Option("--account", help="One account alone, by its name.")] = "",
    json: Json = False,
) -> None:
    """Compare the journal with the exchange: money, open orders, trades, positions. Exit code 1 on any difference."""
    if not dry_run:
        fail("add --dry-run: this command only compares, it mends nothing", ExitCode.USAGE)
    from bot.bootstrap import Roof  # noqa: PLC0415

    found = asyncio.run(_compare_all(Roof(), account))
    if json:
        as_json([{"account": name, "differences": [each._asdict() for each in told]} for name, told in found.items()])
    else:
        table(
            "where journal and exchange differ", ["account", "kind", "what", "#journal", "#exchange"],
            [(name, *each) for name, told in found.items() for each in told],
            empty=f"no difference on {', '.join(found)}" if found else "no account sends orders: nothing to compare",
        )  # fmt: skip
    if broken := [name for name, told in found.items() if told]:
        fail(f"journal and exchange differ on {', '.join(broken)}", ExitCode.FAULT)


def compare(recovered: "Recovered", seen: Seen) -> Iterator[Difference]:
    """Give everything on which the journal and the exchange do not agree."""
    ledger = Ledger()
    ledger.open(recovered.balances)
    ours = ledger.ours()
    for asset in sorted({*ours, *seen.totals}):
        known, real = ours.get(asset, ZERO), seen.totals.get(asset, ZERO)
        if known != real:
            yield Difference("money", asset, plain(known), plain(real))
    orders = {each.order.client_order_id: plain(each.filled) for each in recovered.open_orders}
    for name in sorted({*orders, *seen.orders}):
        if orders.get(name) != seen.orders.get(name):
            yield Difference("open order", name, orders.get(name, ""), seen.orders.get(name, ""))
    for market, symbol, trade_id in sorted(set(seen.trades) - recovered.fill_keys):
        yield Difference("trade", f"{market} {symbol} {trade_id}", "", "traded")
    held = positions_of(recovered)
    for symbol in sorted({*held, *seen.positions}):
        known, real = held.get(symbol, ZERO), seen.positions.get(symbol, ZERO)
        if known != real:
            yield Difference("position", symbol, plain(known), plain(real))


def positions_of(recovered: "Recovered") -> dict[str, Decimal]:
    """Give what strategies hold of each contract; short is below zero."""
    held: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for strategy in recovered.strategies.values():
        for fill in strategy.fills:
            if fill.market is Market.FUTURES:
                signed = fill.quantity if fill.side is Side.BUY else fill.quantity.copy_negate()
                held[fill.symbol] = EXACT.add(held[fill.symbol], signed)
    return held


async def _compare_all(roof: "Roof", only: str) -> dict[str, list[Difference]]:
    from bot.bootstrap import Feeds  # noqa: PLC0415
    from bot.db.base import Mode  # noqa: PLC0415
    from bot.db.journal import PostgresJournal  # noqa: PLC0415
    from bot.db.repositories import Accounts, Strategies  # noqa: PLC0415

    feeds = Feeds(roof.settings)
    try:
        async with roof.sessions() as session:
            accounts = Accounts(session)
            chosen = [await accounts.by_name(only)] if only else await accounts.list()
            rows = await Strategies(session).list()
        found: dict[str, list[Difference]] = {}
        for each in chosen:
            used = {(Market(row.market), str(row.config["symbol"])) for row in rows if row.account_id == each.id}
            if not each.api_key_enc or not used:
                continue
            mode = Mode.LIVE if each.environment == "production" else Mode.REHEARSAL
            journal = PostgresJournal(roof.db_url, each.id, mode)
            try:
                recovered = await journal.recover()
            finally:
                await journal.close()
            used |= {(Market(market), symbol) for market, symbol, _ in recovered.fill_keys}
            found[each.name] = list(compare(recovered, await _look(roof, feeds, each, used, recovered)))
        return found
    finally:
        await feeds.close()
        await roof.close()


async def _look(roof: "Roof", feeds: "Feeds", account: "Account", used: set[Place], recovered: "Recovered") -> Seen:
    from bot.binance.client import build_futures, build_spot  # noqa: PLC0415
    from bot.binance.clock import ExchangeClock  # noqa: PLC0415

    credentials = roof.credentials(account)
    newest: dict[Place, int] = {}
    for market, symbol, trade_id in recovered.fill_keys:
        place = (Market(market), symbol)
        newest[place] = max(trade_id, newest.get(place, -1))
    totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    orders: dict[str, str] = {}
    trades: list[tuple[Market, str, int]] = []
    positions: dict[str, Decimal] = {}
    for market in sorted({market for market, _ in used}):
        clock = ExchangeClock(feeds.client(account.environment, market).time_ms, looks=1)
        build = build_futures if market is Market.FUTURES else build_spot
        client = build(
            credentials, feeds.hosts(account.environment, market), clock, feeds.bank(account.environment, market)
        )
        try:
            await clock.sync()
            for asset, total in (await client.funds(clock.now_ms())).totals.items():
                totals[asset] = EXACT.add(totals[asset], total)
            orders |= await _open_orders(client)
            if market is Market.FUTURES:
                positions = await _positions(client)
            for place in sorted(each for each in used if each[0] is market):
                trades += await _trades(client, place, newest.get(place, -1) + 1)
        finally:
            await client.close()
    return Seen(totals, orders, trades, positions)


async def _open_orders(client: "Client") -> dict[str, str]:
    from bot.binance import futures, spot  # noqa: PLC0415
    from bot.binance.wire_requests import OfAnySymbol  # noqa: PLC0415

    told: Sequence[OrderSeen]
    if client.hosts.market is Market.SPOT:
        told = await client.call(spot.OPEN_ORDERS, OfAnySymbol())
    else:
        told = await client.call(futures.OPEN_ORDERS, OfAnySymbol())
    return {each.our_id: plain(each.executedQty) for each in told}


async def _positions(client: "Client") -> dict[str, Decimal]:
    from bot.binance import futures  # noqa: PLC0415
    from bot.binance.wire_requests import OfAnySymbol  # noqa: PLC0415

    return {
        each.symbol: each.positionAmt
        for each in await client.call(futures.POSITION_RISK, OfAnySymbol())
        if each.positionAmt
    }


async def _trades(client: "Client", place: Place, since: int) -> list[tuple[Market, str, int]]:
    """Give the ids of all trades from one on, page by page."""
    from bot.binance import futures, spot  # noqa: PLC0415
    from bot.binance.wire_requests import TradesRequest  # noqa: PLC0415

    market, symbol = place
    found: list[tuple[Market, str, int]] = []
    while True:
        wanted = TradesRequest(symbol=symbol, fromId=since, limit=PAGE)
        if market is Market.SPOT:
            ids = [row.id for row in await client.call(spot.MY_TRADES, wanted)]
        else:
            ids = [row.id for row in await client.call(futures.USER_TRADES, wanted)]
        found += [(market, symbol, each) for each in ids]
        if len(ids) < PAGE:
            return found
        since = max(ids) + 1
