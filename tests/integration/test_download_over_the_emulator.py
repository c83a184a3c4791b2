"""A download from the emulator: its public files and its REST klines together give exactly the candles it plays."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from bot.binance.client import build_public
from bot.binance.dumps import Dumps
from bot.binance.hosts import hosts_for
from bot.commands.downloading import Exchange
from bot.domain.errors import Misconfigured, Rejected
from bot.domain.market import Market, Stream
from bot.emulator.config import EmulatorConfig, Replay
from bot.emulator.server import Emulator
from bot.history.columns import read_csv
from bot.history.downloading import Download, Outcome
from bot.history.store import Store
from bot.history.verifying import verify

FILE = Path(__file__).parents[2] / "../shared/data/klines/spot/BTCUSDT_15m_20250520_20250818.csv.gz"
STREAM = Stream(Market.SPOT, "BTCUSDT", "15m")
DAY = 86_400_000
BEGIN = 1_747_699_200_000
WARM = 7_200
"""Candles that the emulator has as history: 75 days, so that June has its file and 3 days of August are there."""


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    config = EmulatorConfig(Replay((FILE,)), symbols=("BTCUSDT",), speed=0, warmup=WARM, one_clock=True, futures_port=0)
    async with Emulator(config) as running:
        yield running


async def fetch(
    emulator: Emulator, store: Store, *, stream: Stream = STREAM, since: int = BEGIN, until: int | None = None,
    again: bool = False,
) -> Outcome:  # fmt: skip
    url = emulator.spot_url if stream.market is Market.SPOT else emulator.um_url
    hosts = hosts_for("emulator", stream.market, emulator_url=url or "")
    client, dumps = build_public(hosts), Dumps(hosts)
    try:
        return await Download(stream, Exchange(client, dumps), store, lambda: 1, again=again).run(since, until)
    finally:
        await client.close()
        await dumps.close()


@pytest.mark.parametrize("market", [Market.SPOT, Market.FUTURES])
async def test_files_and_rest_together_give_every_closed_candle(
    emulator: Emulator, tmp_path: Path, market: Market
) -> None:
    store, stream = Store(tmp_path), Stream(market, "BTCUSDT", "15m")
    outcome = await fetch(emulator, store, stream=stream)
    expected = read_csv(FILE, Market.SPOT, "BTCUSDT", "15m").rows(0, WARM)
    got = store.read(stream, extras=True)
    assert (got.open_time == expected.open_time).all()
    # Both faces write as many digits as their symbol has.
    assert np.allclose(got.close, expected.close, rtol=1e-6)
    assert np.allclose(got.volume, expected.volume, rtol=1e-3, atol=1e-3)
    assert outcome.added == WARM
    assert outcome.files >= 3
    assert not outcome.gaps
    assert [one.trouble for one in verify(store, stream)] == ["", "", "", ""]
    names = [one.name for one in store.certificate(stream, "2025-06").sources]
    assert names == ["BTCUSDT-15m-2025-06.zip"]


async def test_a_download_that_is_started_again_asks_only_for_what_is_new(emulator: Emulator, tmp_path: Path) -> None:
    store = Store(tmp_path)
    await fetch(emulator, store, until=BEGIN + 30 * DAY)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("2025-05.parquet")}
    outcome = await fetch(emulator, store)
    assert outcome.added == WARM - 30 * 96
    assert outcome.skipped >= 12 * 96
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("2025-05.parquet")} == written
    assert (await fetch(emulator, store)).added == 0
    assert (await fetch(emulator, store, again=True)).files >= 3
    assert len(store.read(STREAM)) == WARM


async def test_a_short_stretch_comes_from_rest_alone(emulator: Emulator, tmp_path: Path) -> None:
    outcome = await fetch(emulator, Store(tmp_path), since=BEGIN + DAY, until=BEGIN + 3 * DAY)
    assert (outcome.files, outcome.rest, outcome.added) == (0, 192, 192)


async def test_since_before_the_first_candle_begins_with_the_first(emulator: Emulator, tmp_path: Path) -> None:
    store = Store(tmp_path)
    await fetch(emulator, store, since=BEGIN - 400 * DAY)
    assert store.read(STREAM).open_time[0] == BEGIN


async def test_a_symbol_that_nobody_has_leaves_nothing_behind(emulator: Emulator, tmp_path: Path) -> None:
    with pytest.raises((Misconfigured, Rejected), match="check the symbol"):
        await fetch(emulator, Store(tmp_path / "history"), stream=Stream(Market.SPOT, "NOSUCHUSDT", "15m"))
    assert not (tmp_path / "history").exists()


async def test_the_emulators_files_have_checksums_names_by_market_and_microseconds(emulator: Emulator) -> None:
    async with aiohttp.ClientSession() as session:

        async def get(url: str) -> tuple[int, bytes]:
            async with session.get(url) as reply:
                return reply.status, await reply.read()

        path = "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-06-03.zip"
        status, content = await get(emulator.spot_url + path)
        _, note = await get(emulator.spot_url + path + ".CHECKSUM")
        assert status == 200
        assert note.decode() == f"{hashlib.sha256(content).hexdigest()}  BTCUSDT-1h-2025-06-03.zip\n"
        for missing in (
            "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-08-30.zip",
            "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-13-30.zip",
            "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-08.zip",
            "/data/futures/um/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-06-03.zip",
            "/data/spot/daily/klines/NOSUCH/1h/NOSUCH-1h-2025-06-03.zip",
        ):
            assert (await get(emulator.spot_url + missing))[0] == 404
