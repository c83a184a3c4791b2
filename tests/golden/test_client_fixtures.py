"""Every recorded or documented message that the client speaks is read without a lost number, and survives news."""

import gzip
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from golden_compare import assert_same

from bot.binance import futures, spot
from bot.binance.endpoints import Endpoint
from bot.binance.wire import ExchangeInfo
from bot.binance.wire_account import read_account_event
from bot.binance.wire_futures import FuturesExchangeInfo
from bot.binance.wire_futures_account import SymbolBrackets
from bot.binance.wire_orders import read_user_event
from bot.binance.wire_streams import kind_of
from bot.binance.wire_user import FuturesOrderEvent, OtherEvent, read_futures_event
from bot.domain.market import Market
from bot.domain.money import plain

DATA = Path(__file__).parents[2] / "../shared/data"
Read = Callable[[bytes], Any]
SPOKEN: dict[tuple[str, str], Endpoint[Any, Any]] = {
    (each.method, each.path): each for each in (*spot.ENDPOINTS, *futures.ENDPOINTS)
}
BY_SOCKET = {
    "Spot": {each.ws_method: each for each in spot.ENDPOINTS if each.ws_method},
    "UsdFutures": {each.ws_method: each for each in futures.ENDPOINTS if each.ws_method},
}
UNSPOKEN = (
    "/sapi/v1/", "/futures/data/", "/asyn", "/api/v3/referencePrice/calculation", "/fapi/v1/adlQuantile",
    "/fapi/v1/indexInfo", "/fapi/v1/constituents", "/fapi/v1/insuranceBalance", "/fapi/v1/convert",
)  # fmt: skip
UNSPOKEN_BY_SOCKET = {"uiKlines", "myPreventedMatches", "v2/account.position"}
PLAIN = {  # nautilus: name → request whose reply it is
    "account_info_v2": futures.ACCOUNT_V2,
    "open_algo_orders": futures.OPEN_ALGOS,
    "position_risk": futures.POSITION_RISK_V2,
    "account_response": spot.ACCOUNT,
    "all_orders_response": spot.ALL_ORDERS,
    "book_ticker_response": spot.TICKER_BOOK,
    "cancel_order_response": spot.CANCEL_ORDER,
    "exchange_info_response": spot.EXCHANGE_INFO,
    "new_order_full_response": spot.PLACE_ORDER,
    "order_response": spot.ORDER,
    "server_time_response": spot.TIME,
    "ticker_price_response": spot.TICKER_PRICE,
    "http_futures_account_orders": futures.OPEN_ORDERS,
    "http_futures_account_positions_hedge": futures.POSITION_RISK_V2,
    "http_futures_account_symbol_config": futures.SYMBOL_CONFIG,
    "http_futures_market_agg_trades": futures.AGG_TRADES,
    "http_futures_market_continuous_klines": futures.CONTINUOUS_KLINES,
    "http_futures_market_exchange_info": futures.EXCHANGE_INFO,
    "http_futures_market_klines": futures.KLINES,
    "http_futures_market_open_interest": futures.OPEN_INTEREST,
    "http_futures_market_premium_index": futures.PREMIUM_INDEX,
    "http_futures_market_ticker_24hr": futures.TICKER_DAY,
    "http_futures_market_trades": futures.TRADES,
    "http_futures_wallet_commission_rate_btcusdt_quarterly": futures.COMMISSION,
    "http_spot_market_agg_trades": spot.AGG_TRADES,
    "http_spot_market_book_ticker": spot.TICKER_BOOK,
    "http_spot_market_exchange_info": spot.EXCHANGE_INFO,
    "http_spot_market_klines": spot.KLINES,
    "http_spot_market_ticker_price": spot.TICKER_PRICE,
    "http_spot_market_trades": spot.TRADES,
}
STREAMS = {  # nautilus: raw events
    "agg_trade_stream": "btcusdt@aggTrade",
    "depth_update_stream": "btcusdt@depth",
    "kline_stream_open": "btcusdt@kline_1m",
    "mark_price_stream": "btcusdt@markPrice",
    "trade_stream": "btcusdt@trade",
    "ws_futures_book_ticker": "btcusdt@bookTicker",
    "ws_futures_depth_update": "btcusdt@depth",
}
NOT_OURS = {  # leveraged tokens, statistics, wallet: the client asks for none of them
    "http_futures_market_blvt_nav_kline",
    "http_futures_market_global_long_short_account_ratio",
    "http_futures_market_index_info",
    "http_futures_market_top_long_short_account_ratio",
    "http_wallet_trading_fee",
}


def lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / "fixtures" / name, "rt") as rows:
        for row in rows:
            yield json.loads(row)


def event_reader(name: str, market: Market) -> Read:
    """Give what reads a stream's events without their envelope."""
    return msgspec.json.Decoder(kind_of(name, market), strict=False).decode


def read_spot_event(text: bytes) -> Any:
    event = read_user_event(text)
    return event if event.is_order else read_account_event(event.e, text)


def documented() -> Iterator[tuple[str, Read, Any]]:
    """Give (name, reader, message) for all of Binance.Net's that the client speaks."""
    for each in lines("binance_net_fixtures.jsonl.gz"):
        name = each["source"].removesuffix(".txt")
        if each["kind"] == "rest":
            found = SPOKEN.get((each["http_method"], each["path"]))
            if found is None:
                assert any(part in each["path"] for part in UNSPOKEN), each["path"]
                continue
            told = each["response"]
            # Told as it stands in errors, one level deeper.
            yield name, found.read, told["data"] if found is spot.REPLACE_ORDER else told  # type: ignore[misc]
        elif each["kind"] == "ws_api":
            method = each["client_sends"][0]["method"]
            found = BY_SOCKET[name.split("/")[1]].get(method)
            if found is None:
                assert method in UNSPOKEN_BY_SOCKET
                continue
            yield name, found.read, each["server_payloads"][0]["result"]  # type: ignore[misc]
        else:
            market = Market.SPOT if "/Spot/" in name else Market.FUTURES
            for told in each["server_payloads"]:
                if "event" in told:
                    yield name, read_spot_event, told["event"]
                elif told["stream"] != "123":
                    yield name, event_reader(told["stream"], market), told["data"]
                elif market is Market.FUTURES:
                    yield name, read_futures_event, told["data"]


def captured() -> Iterator[tuple[str, Read, Any]]:
    """Give (name, reader, message) for all of nautilus' that the client speaks."""
    for each in lines("nautilus_fixtures.jsonl.gz"):
        name, told = Path(each["source"]).stem, each["body"]
        if name in NOT_OURS:
            continue
        if isinstance(told, dict) and ("data" in told or "event" in told):
            told = told.get("data") or told["event"]
        if name in PLAIN:
            yield name, PLAIN[name].read, told  # type: ignore[misc]
        elif name in STREAMS:
            yield name, event_reader(STREAMS[name], Market.FUTURES), told
        elif name == "ws_spot_ticker_book":
            yield name, event_reader("ethusdt@bookTicker", Market.SPOT), told
        elif "/spot/" in each["source"] or name.startswith("ws_spot"):
            yield name, read_spot_event, told
        else:
            yield name, read_futures_event, told


CASES = [pytest.param(read, told, id=name) for name, read, told in (*documented(), *captured())]


def test_there_is_something_to_read() -> None:
    assert len(CASES) > 130


@pytest.mark.parametrize(("read", "told"), CASES)
def test_a_message_is_read_without_a_lost_number(read: Read, told: Any) -> None:
    event = read(json.dumps(told).encode())
    compared = assert_same(event, told)
    assert compared or told in ({}, []) or isinstance(event, OtherEvent)


def with_news(told: Any) -> Any:
    """Add keys of tomorrow at every level."""
    if isinstance(told, dict):
        return {"zNew": {"deep": [1, None]}, **{key: with_news(value) for key, value in told.items()}, "zOther": "?"}
    return [with_news(each) for each in told] if isinstance(told, list) else told


def with_strangers(told: Any) -> Any:
    """Replace each word of an enumeration by one that nobody knows."""
    words = {
        "status",
        "type",
        "X",
        "x",
        "o",
        "f",
        "timeInForce",
        "contractType",
        "filterType",
        "incomeType",
        "algoStatus",
    }
    if isinstance(told, dict):
        return {
            key: "BRAND_NEW" if key in words and isinstance(value, str) and not value[:1].isdigit() else with_strangers(value)
            for key, value in told.items()
        }  # fmt: skip
    return [with_strangers(each) for each in told] if isinstance(told, list) else told


@pytest.mark.parametrize(("read", "told"), CASES)
def test_keys_and_words_of_tomorrow_are_survived(read: Read, told: Any) -> None:
    before, after = read(json.dumps(told).encode()), read(json.dumps(with_news(told)).encode())
    assert before == after or isinstance(before, dict)  # (of a kind that we do not know everything is kept)
    read(json.dumps(with_strangers(told)).encode())


def test_a_futures_status_that_nobody_knows_is_none_and_its_fill_still_counts() -> None:
    found = 0
    for name, read, told in captured():
        event = read(json.dumps(told).encode())
        if isinstance(event, FuturesOrderEvent) and event.o.X.startswith("NEW_"):
            found += 1
            assert event.update() is None, name
            fill = event.fill(Market.FUTURES)
            assert fill is not None
            assert fill.quantity == event.o.l > 0
    assert found == 2


def test_every_contract_of_the_whole_futures_exchange_becomes_an_instrument() -> None:
    body = gzip.decompress((DATA / "exchange_info" / "um_mainnet_20250811.json.gz").read_bytes())
    told = json.loads(body)["symbols"]
    read: FuturesExchangeInfo = futures.EXCHANGE_INFO.read(body)
    assert_same(read, json.loads(body))
    instruments = read.instruments()
    assert len(told) == 550
    assert set(instruments) == {each["symbol"] for each in told if each["contractType"]}
    for each in told:
        rules = {rule["filterType"]: rule for rule in each["filters"]}
        if each["symbol"] not in instruments:
            continue
        instrument = instruments[each["symbol"]]
        assert instrument.market is Market.FUTURES
        assert plain(instrument.price.tick) == plain(Decimal(rules["PRICE_FILTER"]["tickSize"]))
        assert plain(instrument.lot.step) == plain(Decimal(rules["LOT_SIZE"]["stepSize"]))
        assert plain(instrument.market_lot.largest) == plain(Decimal(rules["MARKET_LOT_SIZE"]["maxQty"]))
        assert plain(instrument.notional.smallest) == plain(Decimal(rules["MIN_NOTIONAL"]["notional"]))
        assert instrument.max_orders == rules["MAX_NUM_ORDERS"]["limit"]
        assert instrument.band is not None
    assert instruments["BTCUSDT"].is_tradable


def test_the_whole_spot_exchange_is_read_without_a_lost_number() -> None:
    for name in ("spot_mainnet_20211012.json.gz", "spot_testnet_20240908.json.gz"):
        body = gzip.decompress((DATA / "exchange_info" / name).read_bytes())
        read: ExchangeInfo = spot.EXCHANGE_INFO.read(body)
        assert assert_same(read, json.loads(body)) > 30_000


def test_the_leverage_table_of_all_symbols_is_read_exactly() -> None:
    table = json.loads(gzip.decompress((DATA / "leverage" / "um_leverage_brackets_2026-09.json.gz").read_bytes()))
    rows = table if isinstance(table, list) else [{"symbol": key, "brackets": value} for key, value in table.items()]
    read: list[SymbolBrackets] = futures.LEVERAGE_BRACKET.read(json.dumps(rows).encode())  # type: ignore[assignment]
    assert len(read) == 907
    assert assert_same(read, rows) > 907


def test_a_recorded_depth_update_and_exchange_info_of_another_client_are_read() -> None:
    told = json.loads((DATA / "fixtures" / "basana_binance_depth_update.json").read_text())
    assert assert_same(event_reader("btcusdt@depth", Market.SPOT)(json.dumps(told).encode()), told) > 100
    body = (DATA / "fixtures" / "basana_binance_btc_usdt_exchange_info.json").read_bytes()
    assert assert_same(spot.EXCHANGE_INFO.read(body), json.loads(body)) > 20
