"""The control port: the truth book, the faults and the clock. Loopback only; nothing of it is part of the exchange."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from bot.domain.errors import Misconfigured
from bot.domain.money import number
from bot.emulator.face import Face
from bot.emulator.faults import read_rules
from bot.emulator.site import listen
from bot.emulator.wire import Json, encode
from bot.simulation.orders import Refused

if TYPE_CHECKING:
    from bot.emulator.server import Emulator

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_STEPS_MAX = 1_000_000


class _ClockChange(msgspec.Struct, forbid_unknown_fields=True):
    """What may be asked of the clocks; all times ms."""

    server_ms: int | None = None
    advance_ms: int | None = None
    rate: float | None = None
    speed: float | None = None
    step: int | None = None


class _Cut(msgspec.Struct, forbid_unknown_fields=True):
    """Which connections to part with, and how."""

    how: str = "disconnect"
    face: str = ""
    path: str = ""
    account: str = ""


class _Deposit(msgspec.Struct, forbid_unknown_fields=True):
    """Money that comes in, goes out (negative), or is locked by another system."""

    account: str
    asset: str
    delta: str
    face: str = "spot"
    locks: bool = False


class _SymbolChange(msgspec.Struct, forbid_unknown_fields=True):
    """How a symbol stands from now on."""

    symbol: str
    status: str
    face: str = "spot"


class _Move(msgspec.Struct, forbid_unknown_fields=True):
    """What the USD-M market of a symbol is made to do now: trade at a price, then pay a funding at a rate."""

    symbol: str
    price: str | None = None
    funding: str | None = None


class Control:
    """`/_truth`, `/_faults`, `/_clock`, `/_connections`, `/_balances`, `/_symbols`, `/_market` and `/_limits`."""

    def __init__(self, emulator: "Emulator", host: str, port: int) -> None:
        if host not in _LOOPBACK:
            host = "127.0.0.1"
        self._emulator, self._host, self.port = emulator, host, port
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Give the address."""
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen; Misconfigured when the port is taken."""
        self._runner, self.port = await listen(
            web.Server(self._handle, access_log=None), self._host, self.port, "the emulator's control port"
        )

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        calls: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[Any]]] = {
            ("GET", "/_truth"): self._truth,
            ("GET", "/_faults"): self._list_faults,
            ("POST", "/_faults"): self._add_faults,
            ("DELETE", "/_faults"): self._lift_faults,
            ("GET", "/_clock"): self._clock,
            ("POST", "/_clock"): self._change_clock,
            ("POST", "/_connections"): self._cut,
            ("POST", "/_balances"): self._deposit,
            ("POST", "/_symbols"): self._set_status,
            ("POST", "/_market"): self._move,
            ("GET", "/_limits"): self._limits,
        }
        if "Origin" in request.headers:
            # A page in a browser on this machine could reach us too; nobody works with this port from there.
            return _reply({"error": "not for web pages"}, 403)
        call = calls.get((request.method, request.path))
        if call is None:
            paths = sorted({path for _, path in calls})
            return _reply({"error": f"nothing here; there is {', '.join(paths)}"}, 404)
        try:
            return _reply(await call(request))
        except (msgspec.DecodeError, ValueError, KeyError, Refused, Misconfigured) as error:
            return _reply({"error": str(error)}, 400)

    async def _truth(self, request: web.BaseRequest) -> Json:
        ask, book = request.query, self._emulator.world.truth
        rows = book.read(
            since=int(ask.get("since", 0)), account=ask.get("account", ""), kind=ask.get("kind", ""),
            face=ask.get("face", ""), limit=int(ask.get("limit", 100_000)),
        )  # fmt: skip
        return {"first": book.first, "last": book.last, "rows": rows}

    async def _list_faults(self, _: web.BaseRequest) -> list[Json]:
        return self._emulator.world.faults.rows()

    async def _add_faults(self, request: web.BaseRequest) -> Json:
        rules = read_rules(await request.read())
        return {"ids": [self._emulator.world.faults.add(rule) for rule in rules]}

    async def _lift_faults(self, request: web.BaseRequest) -> Json:
        rule_id = request.query.get("id")
        return {"lifted": self._emulator.world.faults.remove(None if rule_id is None else int(rule_id))}

    async def _clock(self, _: web.BaseRequest) -> Json:
        world = self._emulator.world
        return {
            "server_ms": world.clock.now_ms, "rate": world.clock.rate, "market_ms": world.player.now_ms,
            "speed": self._emulator.speed,
        }  # fmt: skip

    async def _change_clock(self, request: web.BaseRequest) -> Json:
        change = msgspec.json.decode(await request.read(), type=_ClockChange)
        clock, emulator = self._emulator.world.clock, self._emulator
        if change.rate is not None:
            clock.run_at(_pace(change.rate))
        if change.server_ms is not None:
            clock.set(change.server_ms)
        if change.advance_ms is not None:
            clock.set(clock.now_ms + change.advance_ms)
        if change.speed is not None:
            emulator.run_at(_pace(change.speed))
        if change.step is not None:
            if emulator.speed:
                raise ValueError("the market moves by itself; set speed to 0 before stepping")
            for _ in range(min(change.step, _STEPS_MAX)):
                if not await emulator.step():
                    break
        return await self._clock(request)

    async def _cut(self, request: web.BaseRequest) -> Json:
        cut = msgspec.json.decode(await request.read(), type=_Cut)
        if cut.how not in {"disconnect", "server_shutdown"}:
            raise ValueError("how is disconnect or server_shutdown")
        done = 0
        for name, site in self._emulator.sites.items():
            if cut.face in {"", name}:
                part = site.disconnect if cut.how == "disconnect" else site.shut_down
                done += part(cut.path, cut.account)
        return {"connections": done}

    async def _deposit(self, request: web.BaseRequest) -> Json:
        asked = msgspec.json.decode(await request.read(), type=_Deposit)
        face = self._face(asked.face)
        if asked.account not in (known := face.accounts):
            raise ValueError(f"no account {asked.account!r} here; there is {', '.join(known)}")
        delta: Decimal = number(asked.delta)
        face.deposit(asked.account, asked.asset, delta, locks=asked.locks)
        return {}

    async def _set_status(self, request: web.BaseRequest) -> Json:
        asked = msgspec.json.decode(await request.read(), type=_SymbolChange)
        face = self._face(asked.face)
        if asked.status not in face.statuses:
            raise ValueError(f"no status {asked.status!r} on {asked.face}; there is {', '.join(face.statuses)}")
        try:
            face.set_status(asked.symbol, asked.status)
        except KeyError:
            raise ValueError(f"no symbol {asked.symbol!r} on {asked.face} here") from None
        return {}

    def _face(self, name: str) -> Face:
        """Give a face by its name."""
        sites = self._emulator.sites
        if name not in sites:
            raise ValueError(f"no face {name!r} here; there is {', '.join(sites)}")
        return sites[name].face

    async def _move(self, request: web.BaseRequest) -> Json:
        asked = msgspec.json.decode(await request.read(), type=_Move)
        venue = self._emulator.futures
        if venue is None or asked.symbol not in venue.boards:
            raise ValueError(f"USD-M has no {asked.symbol} here")
        if asked.price is not None:
            venue.move(asked.symbol, _price(asked.price, venue.contracts[asked.symbol].rules.price.tick))
        if asked.funding is not None:
            venue.fund(asked.symbol, number(asked.funding))
        return {}

    async def _limits(self, _: web.BaseRequest) -> Json:
        return {name: site.face.gate.weight.bans() for name, site in self._emulator.sites.items()}


def _price(text: str, tick: Decimal) -> Decimal:
    price = number(text)
    if price <= 0 or (tick and price % tick):
        raise ValueError(f"a price is a number above 0 in steps of {tick}")
    return price


def _pace(rate: float) -> float:
    if not 0 <= rate < float("inf"):
        raise ValueError("a pace is a finite number from 0 on")
    return rate


def _reply(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(content), status=status, content_type="application/json")
