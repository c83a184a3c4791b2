"""Looks: what was missed is told once and in order, and what is not ours is given once."""

from collections.abc import AsyncIterator, Collection, Mapping
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from fake_binance import Answer, FakeBinance

from bot.binance import reconciliation
from bot.binance.client import OrderSeen, SpotClient, build_public
from bot.binance.clock import ExchangeClock
from bot.binance.limits import WeightBank
from bot.binance.reconciliation import Look, Reconciliation
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.tracking import Orders, Tracked
from bot.domain.errors import Rejected, Unavailable
from bot.domain.market import Market
from bot.domain.messages import ForeignSeen
from bot.domain.order import Fill, OrderStatus, Side

TRADES, ORDERS, ORDER = "GET /api/v3/myTrades", "GET /api/v3/openOrders", "GET /api/v3/order"
ALL = "GET /api/v3/allOrders"
ACCOUNT = "GET /api/v3/account"
SERVER_MS = 1_790_000_000_123
HERE = (Market.SPOT, "BTCUSDT")


def trade(number: int, order: int = 9001, **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": order, "price": "100", "qty": "0.010", "commission": "0",
        "commissionAsset": "BTC", "time": SERVER_MS, "isBuyer": True, **more,
    }  # fmt: skip


def an_order(name: str, number: int = 9001, status: str = "NEW", executed: str = "0", **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "orderId": number, "clientOrderId": name, "status": status, "executedQty": executed,
        "origQty": "0.020", "side": "BUY", "updateTime": SERVER_MS, "time": SERVER_MS, **more,
    }  # fmt: skip


class Book:
    """The exchange's side of an account: its trades and orders, as a test sets them."""

    def __init__(self, binance: FakeBinance) -> None:
        self.trades: list[dict[str, Any]] = []
        self.open: list[dict[str, Any]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.binance = binance
        binance.answers |= {
            TRADES: self._trades,
            ORDERS: self._open,
            ORDER: self._order,
            ACCOUNT: self._account,
            ALL: self._all,
        }

    def asked(self, what: str) -> list[dict[str, str]]:
        """Give the requests so far, without what signing adds."""
        extra = {"recvWindow", "timestamp", "signature"}
        return [{name: text for name, text in each.items() if name not in extra} for each in self.binance.seen(what)]

    async def _trades(self, request: web.Request) -> web.StreamResponse:
        rows = [
            each for each in self.trades if str(each["orderId"]) == request.query.get("orderId", str(each["orderId"]))
        ]
        limit = int(request.query.get("limit", 500))
        if "fromId" not in request.query:
            return web.json_response(rows[-limit:])
        return web.json_response([each for each in rows if each["id"] >= int(request.query["fromId"])][:limit])

    async def _open(self, request: web.Request) -> web.StreamResponse:
        symbol = request.query.get("symbol")
        return web.json_response([each for each in self.open if symbol in {None, each["symbol"]}])

    async def _order(self, request: web.Request) -> web.StreamResponse:
        key = request.query.get("origClientOrderId") or request.query["orderId"]
        if key not in self.orders:
            return web.json_response({"code": -2013, "msg": "Order does not exist."}, status=400)
        return web.json_response(self.orders[key])

    async def _all(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(list(self.orders.values()))

    async def _account(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"balances": [{"asset": "USDT", "free": "5", "locked": "1"}], "canTrade": True})


class Desk:
    """Looks at a fake exchange, and what they told."""

    def __init__(self, client: SpotClient, clock: ExchangeClock) -> None:
        self.orders = Orders()
        self.fills: list[Fill] = []
        self.adopted: list[tuple[str, str]] = []
        self.buried: list[str] = []
        self.looks = Reconciliation(
            client, clock, self.orders, self.adopt, self.tell, lambda tracked: self.buried.append(tracked.id)
        )

    def tell(self, fill: Fill) -> None:
        if self.orders.is_news(fill):
            self.fills.append(fill)

    async def adopt(self, seen: OrderSeen, tracked: Tracked) -> bool:
        self.adopted.append((tracked.id, seen.status))
        self.orders.name(tracked, seen.orderId)
        return True

    def track(self, name: str, number: int = 0, *, was_found: bool = False) -> Tracked:
        tracked = self.orders.track(name, "BTCUSDT", Market.SPOT)
        tracked.was_found = was_found
        self.orders.name(tracked, number)
        return tracked

    async def foreign(self, newest: int = 5) -> tuple[ForeignSeen, ...]:
        return (await self.look(newest)).foreign

    async def look(self, newest: int = 5, record: Mapping[str, OrderStatus] | None = None) -> Look:
        """Look with a journal of earlier lives that has this on record."""

        async def recall(names: Collection[str]) -> Mapping[str, OrderStatus]:
            known = record or {}
            return {name: known[name] for name in names if name in known}

        return await self.looks.look({HERE: newest}, (), None if record is None else recall)

    @property
    def told(self) -> list[tuple[str, int]]:
        return [(each.client_order_id, each.trade_id) for each in self.fills]


@pytest.fixture
def book(binance: FakeBinance) -> Book:
    return Book(binance)


@pytest.fixture
async def desk(binance: FakeBinance) -> AsyncIterator[Desk]:
    public = build_public(binance.hosts)
    clock = ExchangeClock(public.time_ms, looks=1)
    client = SpotClient(
        binance.hosts, Rest(binance.hosts, WeightBank(), clock=clock, credentials=Credentials("key", "secret"))
    )
    yield Desk(client, clock)
    await client.close()
    await public.close()


async def test_trades_since_the_newest_booked_one_are_told_under_our_ids(desk: Desk, book: Book) -> None:
    desk.track("a", 9001, was_found=True)
    desk.track("b")
    book.trades = [trade(4), trade(6), trade(7, 9002)]
    book.open = [an_order("a")]
    book.orders["9002"] = an_order("b", 9002)
    assert await desk.foreign(newest=5) == ()
    assert desk.told == [("a", 6), ("b", 7)]
    assert book.asked(TRADES) == [{"symbol": "BTCUSDT", "fromId": "6", "limit": "1000"}]


async def test_the_next_look_begins_where_the_last_one_ended(desk: Desk, book: Book) -> None:
    desk.track("a", 9001, was_found=True)
    book.open = [an_order("a")]
    book.trades = [trade(6)]
    await desk.foreign(newest=5)
    await desk.foreign(newest=5)
    assert [each["fromId"] for each in book.asked(TRADES)] == ["6", "7"]
    assert desk.told == [("a", 6)]


async def test_trades_are_paged_until_a_page_is_short(desk: Desk, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "PAGE", 2)
    desk.track("a", 9001, was_found=True)
    book.open = [an_order("a")]
    book.trades = [trade(number) for number in range(6, 11)]
    await desk.foreign(newest=5)
    assert [number for _, number in desk.told] == [6, 7, 8, 9, 10]
    assert [each["fromId"] for each in book.asked(TRADES)] == ["6", "8", "10"]


async def test_a_symbol_without_a_booked_trade_reports_nothing_of_before_its_first_look(desk: Desk, book: Book) -> None:
    book.trades = [trade(1, 77), trade(2, 78)]
    book.orders["79"] = an_order("by-hand", 79, "FILLED", "0.010")
    assert await desk.foreign(newest=0) == ()
    assert book.asked(TRADES) == [{"symbol": "BTCUSDT", "limit": "1"}]
    book.trades.append(trade(3, 79))
    (stranger,) = await desk.foreign(newest=0)
    assert stranger.client_order_id == "by-hand"


async def test_a_late_trade_of_an_order_that_ended_is_a_fill_of_ours(desk: Desk, book: Book) -> None:
    ended = desk.track("a", 9001, was_found=True)
    ended.move(OrderStatus.CANCELED)
    desk.orders.end(ended)
    book.trades = [trade(6)]
    assert await desk.foreign() == ()
    assert desk.told == [("a", 6)]


async def test_an_order_that_is_not_ours_is_given_once_and_again_when_it_has_changed(desk: Desk, book: Book) -> None:
    book.open = [an_order("by-hand", 70)]
    (stranger,) = await desk.foreign()
    assert stranger == ForeignSeen(
        Market.SPOT, "BTCUSDT", "by-hand", 70, Side.BUY, Decimal("0.020"), Decimal(0), True, SERVER_MS
    )
    assert await desk.foreign() == ()
    book.open = []
    book.trades = [trade(6, 70), trade(7, 70)]
    book.orders["70"] = an_order("by-hand", 70, "FILLED", "0.020")
    (stranger,) = await desk.foreign()
    assert (stranger.filled, stranger.is_open) == (Decimal("0.020"), False)
    assert await desk.foreign() == ()
    assert desk.told == []
    assert len(book.asked(ORDER)) == 1


async def test_a_stranger_is_given_by_the_look_that_ends_not_by_the_one_that_was_broken_off(
    desk: Desk, book: Book
) -> None:
    book.open = [an_order("by-hand", 70)]
    balances, book.binance.answers[ACCOUNT] = book.binance.answers[ACCOUNT], refuses(-1100)
    with pytest.raises(Rejected):
        await desk.foreign()
    book.binance.answers[ACCOUNT] = balances
    assert [each.client_order_id for each in await desk.foreign()] == ["by-hand"]


async def test_another_order_under_an_id_of_ours_is_a_stranger(desk: Desk, book: Book) -> None:
    desk.track("a", 9001, was_found=True)
    book.open = [an_order("a"), an_order("a", 9002)]
    (stranger,) = await desk.foreign()
    assert stranger.exchange_order_id == 9002
    assert ("a", "NEW") in desk.adopted


async def test_a_trade_whose_order_cannot_be_asked_for_is_given_with_what_the_trade_tells(
    desk: Desk, book: Book
) -> None:
    book.trades = [trade(6, 70, isBuyer=False)]
    (stranger,) = await desk.foreign()
    assert stranger == ForeignSeen(
        Market.SPOT, "BTCUSDT", "", 70, Side.SELL, Decimal("0.010"), Decimal("0.010"), False, SERVER_MS
    )


async def test_orders_that_the_list_shows_are_taken_over_and_only_the_others_are_asked_for(
    desk: Desk, book: Book
) -> None:
    desk.track("shown", 1, was_found=True)
    desk.track("gone", 2, was_found=True)
    desk.track("on its way")
    book.open = [an_order("shown", 1)]
    book.orders["gone"] = an_order("gone", 2, "CANCELED")
    await desk.foreign()
    assert desk.adopted[:2] == [("shown", "NEW"), ("gone", "CANCELED")]
    assert {each["origClientOrderId"] for each in book.asked(ORDER)} == {"gone"}


async def test_an_order_of_before_the_start_is_asked_for_though_it_was_never_shown(desk: Desk, book: Book) -> None:
    desk.track("lost")
    await desk.looks.look({HERE: 5}, {"lost"})
    assert {each["origClientOrderId"] for each in book.asked(ORDER)} == {"lost"}


async def test_money_is_not_told_while_orders_are_filled_each_time_it_is_looked_at(desk: Desk, book: Book) -> None:
    desk.track("a", 9001, was_found=True)
    book.open = [an_order("a")]
    balances = book.binance.answers[ACCOUNT]

    async def account(request: web.Request) -> web.StreamResponse:
        desk.orders.fills_told += 1
        return await balances(request)

    book.binance.answers[ACCOUNT] = account
    assert (await desk.looks.look({HERE: 5})).funds is None
    assert len(book.asked(ACCOUNT)) == reconciliation.ROUNDS
    book.binance.answers[ACCOUNT] = balances
    funds = (await desk.looks.look({HERE: 5})).funds
    assert funds is not None
    assert funds.totals == {"USDT": Decimal(6)}


async def test_nonsense_from_the_exchange_is_no_answer(desk: Desk, book: Book) -> None:
    book.open = [an_order("by-hand", 70, side="SIDEWAYS")]
    with pytest.raises(Unavailable, match="makes no sense"):
        await desk.foreign()


@pytest.mark.parametrize(("symbols", "requests"), [(2, 2), (14, 1)])
async def test_open_orders_are_asked_for_in_the_cheaper_way(
    desk: Desk, book: Book, symbols: int, requests: int
) -> None:
    await desk.looks.look({(Market.SPOT, f"C{number}USDT"): 5 for number in range(symbols)})
    assert len(book.asked(ORDERS)) == requests


def refuses(code: int) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": code, "msg": "no"}, status=400)

    return answer


OURS = "b-7-1-abc-0"
"""An order of an earlier life."""


async def test_a_late_trade_of_an_order_of_an_earlier_life_is_a_fill_of_ours(desk: Desk, book: Book) -> None:
    book.trades = [trade(6)]
    book.orders["9001"] = an_order(OURS, status="CANCELED", executed="0.010")
    look = await desk.look(record={OURS: OrderStatus.CANCELED})
    assert (look.foreign, look.risen, desk.told) == ((), (), [(OURS, 6)])


async def test_an_order_with_our_mark_that_no_journal_knows_stays_a_strangers(desk: Desk, book: Book) -> None:
    book.trades = [trade(6)]
    book.orders["9001"] = an_order(OURS, status="FILLED", executed="0.010")
    look = await desk.look(record={})
    assert [each.client_order_id for each in look.foreign] == [OURS]
    assert desk.told == []


@pytest.mark.parametrize("record", [OrderStatus.VOID, OrderStatus.REJECTED])
async def test_a_trade_of_an_order_that_was_never_there_is_told_and_accuses(
    desk: Desk, book: Book, record: OrderStatus
) -> None:
    book.trades = [trade(6)]
    book.orders["9001"] = an_order(OURS, status="FILLED", executed="0.010")
    look = await desk.look(record={OURS: record})
    assert desk.told == [(OURS, 6)]
    assert look.risen == (f"order {OURS} on BTCUSDT is {record} on record, and it traded",)
    assert (await desk.look(record={OURS: record})).risen == ()


async def test_an_order_of_this_life_that_was_called_void_and_traded_accuses(desk: Desk, book: Book) -> None:
    ended = desk.track("a")
    ended.move(OrderStatus.VOID)
    desk.orders.end(ended)
    book.trades = [trade(6)]
    book.orders["9001"] = an_order("a", status="FILLED", executed="0.010")
    assert (await desk.look()).risen == ("order a on BTCUSDT is VOID on record, and it traded",)


async def test_an_ended_order_that_goes_on_being_open_is_suspected_first_and_accuses_then(
    desk: Desk, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.open = [an_order(OURS)]
    book.orders[OURS] = an_order(OURS)
    record = {OURS: OrderStatus.VOID}
    first = await desk.look(record=record)
    assert (first.risen, first.suspects, first.foreign) == ((), (OURS,), ())
    monkeypatch.setattr(reconciliation, "READS_LAG_MS", 0)
    assert (await desk.look(record=record)).risen == (
        f"order {OURS} on BTCUSDT is VOID on record, and it is open at the exchange",
    )


async def test_a_list_that_is_older_than_an_end_accuses_nobody(
    desk: Desk, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "READS_LAG_MS", 0)
    book.open = [an_order(OURS)]
    book.orders[OURS] = an_order(OURS, status="CANCELED")
    for _ in range(2):
        look = await desk.look(record={OURS: OrderStatus.CANCELED})
        assert (look.risen, look.suspects) == ((), ())


async def test_what_was_shown_as_open_once_is_forgotten_when_it_is_not_any_more(
    desk: Desk, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.open = [an_order(OURS)]
    book.orders[OURS] = an_order(OURS)
    record = {OURS: OrderStatus.CANCELED}
    assert (await desk.look(record=record)).suspects == (OURS,)
    book.open = []
    assert (await desk.look(record=record)).suspects == ()
    monkeypatch.setattr(reconciliation, "READS_LAG_MS", 1)
    book.open = [an_order(OURS)]
    assert (await desk.look(record=record)).risen == ()


async def test_the_first_look_of_a_symbol_finds_marks_of_another_bot_though_its_orders_have_ended(
    desk: Desk, book: Book
) -> None:
    now_ms = desk.looks._clock.now_ms()
    book.orders = {
        "1": an_order("b-9-1-x-0", 1, "CANCELED", time=now_ms - 60_000),
        "2": an_order("b-9-1-x-1", 2, "CANCELED", time=now_ms - reconciliation.LATELY_MS - 1),
        "3": an_order(OURS, 3, "CANCELED", time=now_ms),
        "4": an_order("by-hand", 4, "CANCELED", time=now_ms),
    }
    look = await desk.look(newest=0, record={OURS: OrderStatus.CANCELED})
    assert [each.client_order_id for each in look.foreign] == ["b-9-1-x-0"]
    await desk.look(newest=0, record={OURS: OrderStatus.CANCELED})
    assert len(book.asked(ALL)) == 1


async def test_what_traded_before_the_first_trade_was_ever_booked_is_told(desk: Desk, book: Book) -> None:
    book.orders = {"9001": an_order(OURS, status="CANCELED", executed="0.010")}
    book.trades = [trade(6)]
    look = await desk.look(newest=0, record={OURS: OrderStatus.CANCELED})
    assert (look.risen, desk.told) == ((), [(OURS, 6)])


async def test_an_order_that_the_exchange_has_archived_is_over(desk: Desk, book: Book) -> None:
    desk.track("a", 9001, was_found=True)

    async def archived(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": -2026, "msg": "Order was archived."}, status=400)

    book.binance.answers[ORDER] = archived
    await desk.look()
    assert set(desk.buried) == {"a"}


async def test_an_order_that_was_shown_and_is_denied_for_long_is_over(
    desk: Desk, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked = desk.track("a", 9001, was_found=True)
    await desk.look()
    assert (desk.buried, tracked.denied_ms > 0) == ([], True)
    book.open = [an_order("a")]
    await desk.look()
    assert tracked.denied_ms == 0
    book.open = []
    await desk.look()
    monkeypatch.setattr(reconciliation, "GONE_AFTER_MS", 0)
    await desk.look()
    assert desk.buried[0] == "a"
