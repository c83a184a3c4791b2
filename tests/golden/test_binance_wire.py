"""Recorded messages of the real exchange, read as they came."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from golden_compare import assert_same

from bot.binance.book import LocalBook
from bot.binance.wire import read_exchange_info, read_klines, read_time
from bot.binance.wire_market import DepthReply
from bot.binance.wire_orders import read_account, read_api_reply, read_order, read_trades, read_user_event
from bot.binance.wire_streams import BookTickerEvent, DepthEvent, KlineEvent, TradeEvent, reader_for
from bot.domain.market import Market, Stream
from bot.domain.order import OrderStatus, Side

DATA = Path(__file__).parents[2] / "../shared/data"


def fixtures(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / "fixtures" / name, "rt") as lines:
        for line in lines:
            yield json.loads(line)


@pytest.fixture(scope="module")
def nautilus() -> dict[str, bytes]:
    """Give bodies by file name."""
    return {
        ("wrapped " if "body" in each and "stream" in each["body"] else "") + Path(each["source"]).name: json.dumps(
            each["body"].get("data", each["body"]) if isinstance(each["body"], dict) else each["body"]
        ).encode()
        for each in fixtures("nautilus_fixtures.jsonl.gz")
    }


@pytest.fixture(scope="module")
def documented() -> dict[str, bytes]:
    """Give REST responses by path."""
    return {
        each["path"]: json.dumps(each["response"]).encode()
        for each in fixtures("binance_net_fixtures.jsonl.gz")
        if each["kind"] == "rest"
    }


@pytest.mark.parametrize(
    ("name", "symbols"), [("spot_mainnet_20211012.json.gz", 1695), ("spot_testnet_20240908.json.gz", 1248)]
)
def test_every_symbol_of_a_whole_exchange_becomes_an_instrument(name: str, symbols: int) -> None:
    body = gzip.decompress((DATA / "exchange_info" / name).read_bytes())
    told = [entry for entry in json.loads(body)["symbols"] if entry["isSpotTradingAllowed"]]
    instruments = read_exchange_info(body).instruments()
    assert len(json.loads(body)["symbols"]) == symbols
    assert list(instruments) == [entry["symbol"] for entry in told]
    for entry in told:
        rules = {rule["filterType"]: rule for rule in entry["filters"]}
        instrument = instruments[entry["symbol"]]
        assert instrument.price.tick == Decimal(rules["PRICE_FILTER"]["tickSize"])
        assert instrument.lot.step == Decimal(rules["LOT_SIZE"]["stepSize"])
        assert instrument.market_lot.largest == Decimal(rules.get("MARKET_LOT_SIZE", {"maxQty": "0"})["maxQty"])
        notional = rules.get("NOTIONAL") or rules["MIN_NOTIONAL"]
        assert instrument.notional.smallest == Decimal(notional["minNotional"])
        assert instrument.max_orders == rules["MAX_NUM_ORDERS"]["maxNumOrders"]
        assert (instrument.band is not None) == bool({"PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE"} & set(rules))


def test_the_rules_of_one_symbol_are_exact() -> None:
    body = gzip.decompress((DATA / "exchange_info" / "spot_testnet_20240908.json.gz").read_bytes())
    instrument = read_exchange_info(body).instruments()["ETHBTC"]
    assert instrument.lot.smallest == Decimal("0.0001")
    assert instrument.notional.largest == Decimal(9000000)
    assert not instrument.notional.largest_applies_to_market
    assert instrument.band is not None
    assert (instrument.band.bid_up, instrument.band.ask_down) == (Decimal(5), Decimal("0.2"))
    assert instrument.is_tradable


def test_captured_frames_of_a_combined_stream_are_all_read_without_a_lost_number() -> None:
    with gzip.open(DATA / "raw_ws" / "cryptofeed_BINANCE.ws.1.0.gz", "rb") as lines:
        frames = [line.partition(b": ")[2] for line in lines if b": {" in line]
    candles = []
    for text in frames:
        told = json.loads(text)
        event = reader_for(told["stream"], Market.SPOT)(text).data  # type: ignore[attr-defined]
        assert_same(event, told["data"])
        if isinstance(event, KlineEvent):
            body = told["data"]["k"]
            candles.append(event.k.candle(Stream(Market.SPOT, body["s"], body["i"])))
    assert len(frames) > 200
    assert [candle.symbol for candle in candles] == ["NKNUSDT", "LRCBTC"]
    candle = candles[0]
    assert (candle.symbol, candle.open_time, candle.is_closed) == ("NKNUSDT", 1633998480000, False)
    assert (candle.open, candle.high, candle.low, candle.close) == (0.3527, 0.3528, 0.3522, 0.3528)
    assert (candle.volume, candle.quote_volume, candle.trade_count) == (25877.0, 9116.046, 30)


@pytest.mark.parametrize(
    ("name", "market", "equal"),
    [
        ("spot_BTCUSDT_20240808_2354-2400.gz", Market.SPOT, 564),
        ("um_BTCUSDT_20240808_2354-2400.gz", Market.FUTURES, 629),
    ],
)
def test_a_book_rebuilt_from_a_capture_shows_the_best_prices_that_the_exchange_told(
    name: str, market: Market, equal: int
) -> None:
    book = LocalBook("BTCUSDT", market)
    best: dict[int, tuple[float, float, float, float]] = {}
    shown: dict[int, tuple[float, float, float, float]] = {}
    gaps = 0
    with gzip.open(DATA / "raw_ws" / name, "rb") as lines:
        for line in lines:
            text = line.partition(b" ")[2]
            if text.startswith(b'{"lastUpdateId"'):
                assert book.load(msgspec.json.decode(text, type=DepthReply))
                continue
            told = reader_for(text[11 : text.index(b'"', 11)].decode(), market)(text).data  # type: ignore[attr-defined]
            if isinstance(told, BookTickerEvent):
                best[told.u] = (told.b, told.B, told.a, told.A)
            elif isinstance(told, DepthEvent):
                gaps += not book.take(told)
                if quote := book.quote():
                    shown[book.update_id] = (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity)
            else:
                assert isinstance(told, TradeEvent)
    told_twice = best.keys() & shown.keys()
    assert (gaps, len(told_twice)) == (0, equal)
    assert all(best[update_id] == shown[update_id] for update_id in told_twice)


def test_rest_klines_become_candles(nautilus: dict[str, bytes]) -> None:
    rows = read_klines(nautilus["http_spot_market_klines.json"])
    candle = rows[0].candle(Stream(Market.SPOT, "BTCUSDT", "1m"))
    assert (candle.open_time, candle.close_time, candle.close) == (1634943780000, 1634943839999, 60719.27)
    assert (candle.volume, candle.quote_volume, candle.trade_count) == (21.63272, 1313200.0134041, 617)


def test_time_account_and_orders_are_read_exactly(nautilus: dict[str, bytes]) -> None:
    assert read_time(nautilus["server_time_response.json"]).serverTime == 1499827319559
    funds = read_account(nautilus["account_response.json"]).funds(5)
    assert funds.totals == {"BTC": Decimal("4723846.89208129"), "LTC": Decimal("4763368.68006011")}
    reply = read_order(nautilus["new_order_full_response.json"])
    fills = reply.our_fills(Side.SELL, Market.SPOT)
    assert sum(fill.quantity for fill in fills) == reply.executedQty == 10
    assert [(fill.price, fill.fee, fill.trade_id) for fill in fills][:2] == [
        (Decimal(4000), Decimal(4), 56), (Decimal(3999), Decimal("19.995"), 57),
    ]  # fmt: skip
    update = reply.update()
    assert update is not None
    assert (update.status, update.exchange_order_id) == (OrderStatus.FILLED, 28)
    assert read_order(nautilus["order_response.json"]).our_id == "myOrder1"
    cancelled = read_order(nautilus["cancel_order_response.json"]).update()
    assert cancelled is not None
    assert (cancelled.client_order_id, cancelled.status) == ("myOrder1", OrderStatus.CANCELED)


def test_documented_trades_and_order_replies_are_read(documented: dict[str, bytes]) -> None:
    (trade,) = read_trades(documented["/api/v3/myTrades"])
    assert trade.fill("x", Market.SPOT).trade_id == trade.id
    assert read_order(documented["/api/v3/order"]).symbol


@pytest.mark.parametrize(
    ("name", "status", "trade_id", "client_order_id"),
    [
        ("execution_report_new.json", OrderStatus.NEW, None, "x-TD67BGP9-T0000000000000"),
        ("execution_report_trade.json", OrderStatus.FILLED, 98765432, "x-TD67BGP9-T0000000000000"),
        ("execution_report_canceled.json", OrderStatus.CANCELED, None, "x-TD67BGP9-T0000000000000"),
        ("wrapped ws_spot_execution_report_binance_us.json", OrderStatus.FILLED, 88685053, "T0ESHzso0banw0QiPFZYgj"),
        ("wrapped ws_spot_execution_report_trade.json", OrderStatus.PARTIALLY_FILLED, 98765432, "O-12345-test-trade"),
        ("wrapped ws_spot_execution_report_empty_client_id.json", OrderStatus.PARTIALLY_FILLED, 98765432, ""),
        ("wrapped ws_spot_execution_report_trade_l_zero_new.json", OrderStatus.NEW, None, "O-12345-test-l-zero-new"),
        (
            "wrapped ws_spot_execution_report_trade_l_zero_canceled.json",
            OrderStatus.CANCELED, None, "O-12345-test-l-zero-canceled",
        ),
        ("wrapped ws_spot_execution_report_trade_prevention.json", OrderStatus.EXPIRED, None, "O-12345-test-stp"),
        ("wrapped ws_spot_execution_report_pending_cancel.json", None, None, "O-12345-test-cancel"),
    ],
)  # fmt: skip
def test_execution_reports_become_updates_and_fills(
    nautilus: dict[str, bytes], name: str, status: OrderStatus | None, trade_id: int | None, client_order_id: str
) -> None:
    event = read_user_event(nautilus[name])
    update, fill = event.update(), event.fill(Market.SPOT)
    assert (update.status if update else None) is status
    assert (fill.trade_id if fill else None) == trade_id
    assert event.our_id == client_order_id
    if fill:
        assert fill.quantity == event.l


@pytest.mark.parametrize("name", ["account_position.json", "balance_update.json"])
def test_other_user_events_are_known_by_name_alone(nautilus: dict[str, bytes], name: str) -> None:
    event = read_user_event(nautilus[name])
    assert event.e in {"outboundAccountPosition", "balanceUpdate"}
    assert event.update() is None


def test_the_envelope_of_the_websocket_api_is_opened(nautilus: dict[str, bytes]) -> None:
    envelope = read_api_reply(nautilus["list_status_wrapped.json"])
    assert read_user_event(envelope.event).e == "listStatus"
