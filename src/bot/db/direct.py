"""Statements straight through libpq: prepared once, sent all in one go, one transaction, one wait.

A psycopg cursor costs more than the server needs for an order, so the journal's writes go round it. Values go as
texts: what is no number reaches the server as it is, and is refused there.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

Statement = tuple[str, Mapping[str, Any]]
"""SQL with `%(name)s` where a value stands, and the values by name."""

_PLACE = re.compile(r"%\((\w+)\)s")
_REFUSED = {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}


class _Form(NamedTuple):
    sql: bytes
    names: tuple[str, ...]
    """Of the values, in the order of their numbers."""


class Direct:
    """One connection's prepared statements. A call that was cut short leaves the connection spent."""

    def __init__(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        self._pg = connection.pgconn
        self._prepared: dict[str, bytes] = {}
        self._numbers = count()

    async def transact(self, writes: Iterable[Statement], on_sent: Callable[[], None]) -> None:
        """Carry out all or nothing, durable when this returns; `on_sent` is called when they left. Raises psycopg's."""
        sent = [(text, [_encoded(values[each]) for each in _form(text).names]) for text, values in writes]
        pg, new = self._pg, dict[str, bytes]()
        pg.enter_pipeline_mode()
        for text, encoded in sent:
            name = self._prepared.get(text) or new.get(text)
            if name is None:
                new[text] = name = b"direct_%d" % next(self._numbers)
                pg.send_prepare(name, _form(text).sql)
            pg.send_query_prepared(name, encoded)
        pg.pipeline_sync()
        while pg.flush():
            await _ready(pg.socket, to_write=True)
        on_sent()
        refusal = await self._refusal()
        pg.exit_pipeline_mode()
        if refusal:  # (what was to be prepared may be there or not: it will be again, under another name)
            raise error_from_result(refusal)
        self._prepared |= new

    async def _refusal(self) -> "pq.abc.PGresult | None":
        """Wait for the end of the transaction; give the first statement's answer that refuses."""
        pg, refusal = self._pg, None
        while True:
            await _ready(pg.socket)
            pg.consume_input()
            while not pg.is_busy():
                result = pg.get_result()
                if result is None:  # (ends the answer to one statement)
                    continue
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    return refusal
                if refusal is None and result.status in _REFUSED:
                    refusal = result


@lru_cache(maxsize=64)
def _form(text: str) -> _Form:
    names = tuple(dict.fromkeys(_PLACE.findall(text)))
    return _Form(_PLACE.sub(lambda found: f"${names.index(found[1]) + 1}", text).encode(), names)


async def _ready(socket: int, *, to_write: bool = False) -> None:
    loop = asyncio.get_running_loop()
    told = loop.create_future()
    listen, forget = (loop.add_writer, loop.remove_writer) if to_write else (loop.add_reader, loop.remove_reader)
    listen(socket, _tell, told)
    try:
        await told
    finally:
        forget(socket)


def _tell(told: "asyncio.Future[None]") -> None:
    if not told.done():
        told.set_result(None)


def _encoded(value: Any) -> bytes | None:
    text = _text(value)
    if text is None:
        return None
    if "\0" in text:
        raise psycopg.DataError("PostgreSQL keeps no text with a NUL in it")
    return text.encode()


def _text(value: Any) -> str | None:
    return _WRITERS[type(value)](value)


def _row(values: Sequence[Any]) -> str:
    """Give an array as PostgreSQL writes it; every value between quotes."""
    return "{" + ",".join([_quoted(_text(each)) for each in values]) + "}"


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Writers(dict[type, Callable[[Any], str | None]]):
    """How each type is written; what inherits from one of them is written like it."""

    def __missing__(self, kind: type) -> Callable[[Any], str | None]:
        found = next((self[base] for base in kind.__mro__[1:] if base in self), None)
        if found is None:
            raise psycopg.DataError(f"the journal does not write a {kind.__name__}")
        self[kind] = found
        return found


_WRITERS = _Writers(
    {
        str: lambda value: value,
        int: str,
        Decimal: str,
        float: str,
        bool: lambda value: "t" if value else "f",
        type(None): lambda _: None,
        datetime: datetime.isoformat,
        list: _row,
    }
)
