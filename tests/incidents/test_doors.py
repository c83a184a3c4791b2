"""Incidents of others, doors and keys: each scene is played with a naive program, which comes to harm, and with ours."""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.incidents.doors import KEYS, naive_dashboard, naive_look_at_rights
from tests.unit.api.world import World, populate, world_of

from bot.api.deps import Deps
from bot.api.main import create_app
from bot.commands.doctor.exchange import rights
from bot.db.base import create_async, session_factory
from bot.domain.market import Market
from bot.emulator.keys import PERMISSIONS
from bot.security import tokens

TOKEN = tokens.new_token()
CANARIES = tuple(KEYS.values())


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as filled:
        populate(filled)
        filled.sign_in("ada", TOKEN)
        filled.connection.execute("UPDATE accounts SET api_key_enc = %s, api_secret_enc = %s", CANARIES * 2)
        yield filled


@pytest_asyncio.fixture
async def ours(database_url: str, world: World, tmp_path: Path) -> AsyncIterator[FastAPI]:
    engine = create_async(database_url, pooled=False)
    yield create_app(
        Deps(sessions=session_factory(engine), sqlite_path=tmp_path / "metrics.sqlite3", close=engine.dispose)
    )
    await engine.dispose()


def doors(app: Starlette) -> Iterator[tuple[str, str]]:
    """Give every method and path that an application answers."""
    for route in app.routes:
        included = getattr(route, "effective_route_contexts", None)  # (FastAPI keeps included routers whole)
        for each in included() if included else (route,):
            for method in sorted(getattr(each, "methods", None) or ()):
                yield method, re.sub(r"{[^}]*}", "1", each.path)


def shown_to_anybody(app: Starlette) -> str:
    """Knock at every door as nobody in particular; give those that show a key."""
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as nobody:
        found = [
            path
            for method, path in doors(app)
            if method == "GET"
            and not path.endswith("/events")
            and any(word in nobody.get(path).text for word in CANARIES)
        ]
    return f"keys are shown at {', '.join(found)}" if found else ""


def test_nofx_2025_nobody_reads_keys_without_a_login_whatever_the_mode(ours: FastAPI) -> None:
    assert shown_to_anybody(naive_dashboard()) == "keys are shown at /accounts"
    assert len([path for method, path in doors(ours) if method == "GET"]) > 10
    assert shown_to_anybody(ours) == ""


def run_when_sent(app: Starlette, marker: Path) -> str:
    """Send a program to every door that takes something, signed in; give whether it ran."""
    program = f"open({str(marker)!r}, 'w').close()"
    with TestClient(
        app, base_url="http://localhost", cookies={"bot_session": TOKEN}, raise_server_exceptions=False
    ) as signed_in:
        signed_in.headers["x-csrf-token"] = tokens.csrf_token(TOKEN)
        for method, path in doors(app):
            if method in {"POST", "PUT", "PATCH"}:
                signed_in.request(method, path, content=program, headers={"content-type": "text/x-python"})
                signed_in.request(method, path, files={"file": ("strategy.py", program)})
                if marker.exists():
                    return f"a program sent to {path} ran"
    return ""


def test_octobot_pysec_2022_235_nothing_that_is_sent_to_the_dashboard_runs(ours: FastAPI, tmp_path: Path) -> None:
    assert run_when_sent(naive_dashboard(), tmp_path / "theirs") == "a program sent to /strategies ran"
    assert [path for method, path in doors(ours) if method == "POST"]
    assert run_when_sent(ours, tmp_path / "here") == ""


def thief_gains(objects: Callable[[Mapping[str, Any]], str]) -> str:
    """Offer keys as Binance tells of them; give what a thief of a key that is taken could do with it."""
    names = {"enableReading", "enableSpotAndMarginTrading"}
    harms = {
        "enableWithdrawals": "send the money away", "enableInternalTransfer": "send the money away",
        "permitsUniversalTransfer": "move the money", "ipRestrict": "trade from any address",
    }  # fmt: skip
    found = set()
    for right, harm in harms.items():
        told = dict.fromkeys(names, True) | {"ipRestrict": True}
        told[right] = right != "ipRestrict"
        if not objects(told):
            found.add(harm)
    return ", ".join(sorted(found))


def test_3commas_2022_a_key_that_may_do_more_than_trade_from_here_is_objected_to() -> None:
    def doctor(told: Mapping[str, Any]) -> str:
        finding = rights("key of home", told, {Market.SPOT})
        return finding.seen if finding.state in {"fail", "warn"} else ""

    assert "withdraw" in PERMISSIONS
    assert thief_gains(naive_look_at_rights) == "move the money, send the money away, trade from any address"
    assert thief_gains(doctor) == ""
    assert doctor({"enableReading": True, "enableSpotAndMarginTrading": True, "ipRestrict": True}) == ""
