"""The fault proxy: each kind of trouble does what it says, on TCP and on unix sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from bot.proof.proxy import CLEAN, Proxy, Toxics

PATIENCE_S = 20.0
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


@asynccontextmanager
async def _proxied() -> AsyncIterator[Proxy]:
    async with asyncio.timeout(PATIENCE_S), await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        proxy = Proxy(("127.0.0.1", server.sockets[0].getsockname()[1]), ("127.0.0.1", 0), Random(1))
        await proxy.start()
        try:
            yield proxy
        finally:
            await proxy.stop()


@asynccontextmanager
async def _line(proxy: Proxy) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _said(line: Line, text: bytes) -> bytes:
    line[1].write(text)
    return await line[0].readexactly(len(text))


@pytest.mark.parametrize(
    "toxics",
    [
        CLEAN,
        Toxics(latency_s=0.01, jitter_s=0.01),
        Toxics(bandwidth=200_000),
        Toxics(slice_bytes=7, slice_gap_s=0.001),
    ],
)
def test_what_only_slows_a_line_loses_and_changes_nothing(toxics: Toxics) -> None:
    async def scene() -> None:
        async with _proxied() as proxy:
            proxy.toxics = toxics
            async with _line(proxy) as line:
                assert await _said(line, bytes(range(256))) == bytes(range(256))

    asyncio.run(scene())


def test_latency_takes_its_time_each_way() -> None:
    async def scene() -> None:
        async with _proxied() as proxy, _line(proxy) as line:
            proxy.toxics = Toxics(latency_s=0.05)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await _said(line, b"hello")
            assert loop.time() - began >= 0.1

    asyncio.run(scene())


def test_down_ends_open_lines_and_refuses_new_ones_until_it_is_up_again() -> None:
    async def scene() -> None:
        async with _proxied() as proxy:
            async with _line(proxy) as line:
                await _said(line, b"hello")
                proxy.toxics = Toxics(is_down=True)
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await line[0].readexactly(1)
            async with _line(proxy) as line:
                with pytest.raises((ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError)):
                    await _said(line, b"hello")
            proxy.toxics = CLEAN
            async with _line(proxy) as line:
                assert await _said(line, b"hello") == b"hello"

    asyncio.run(scene())


def test_a_silent_line_holds_what_was_said_until_it_speaks_again() -> None:
    async def scene() -> None:
        async with _proxied() as proxy, _line(proxy) as line:
            await _said(line, b"hello")
            proxy.toxics = Toxics(is_silent=True)
            line[1].write(b"still there?")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(line[0].readexactly(1), 0.2)
            proxy.toxics = CLEAN
            assert await line[0].readexactly(12) == b"still there?"

    asyncio.run(scene())


@pytest.mark.parametrize("toxics", [Toxics(limit=10), Toxics(reset_after=10)])
def test_a_line_with_a_limit_ends_after_so_many_bytes(toxics: Toxics) -> None:
    async def scene() -> None:
        async with _proxied() as proxy:
            proxy.toxics = toxics
            async with _line(proxy) as line:
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await _said(line, b"more than ten bytes")

    asyncio.run(scene())


def test_a_close_may_arrive_late() -> None:
    async def scene() -> None:
        async with _proxied() as proxy:
            proxy.toxics = Toxics(slow_close_s=0.1)
            async with _line(proxy) as line:
                await _said(line, b"hello")
                loop = asyncio.get_running_loop()
                began = loop.time()
                line[1].write_eof()
                assert await line[0].read() == b""
                assert loop.time() - began >= 0.1

    asyncio.run(scene())


def test_it_stands_between_unix_sockets_too(tmp_path: Path) -> None:
    async def scene() -> None:
        there, here = tmp_path / "there", tmp_path / "here"
        async with asyncio.timeout(PATIENCE_S), await asyncio.start_unix_server(_echo, there):
            proxy = Proxy(there, here, Random(1))
            await proxy.start()
            reader, writer = await asyncio.open_unix_connection(here)
            assert await _said((reader, writer), b"hello") == b"hello"
            proxy.toxics = Toxics(is_down=True)
            with pytest.raises((OSError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.transport.abort()
            await proxy.stop()

    asyncio.run(scene())
