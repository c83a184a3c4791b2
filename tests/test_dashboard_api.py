"""The dashboard's first endpoints: health, and metrics from the SQLite cache."""

# ruff: noqa: F811  fixtures are used by their names

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.unit.api.conftest import Clock, app, cache, cache_path, client, clock, world  # noqa: F401
from tests.unit.api.world import NOW_MS, World

from bot.api.deps import Deps
from bot.api.main import create_app
from bot.api.schemas import Snapshot
from bot.db.base import create_async, session_factory
from bot.reporting.cache.sqlite import CacheWriter


def test_health_is_open_to_everybody_and_ok_when_all_works(client: TestClient, cache: CacheWriter) -> None:
    client.cookies.clear()
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {
            "database": {"ok": True, "reason": ""},
            "cache": {"ok": True, "reason": "", "age_s": 0.0},
            "runner": {"ok": True, "reason": "", "heartbeat_age_s": 0.0},
        },
        "version": "1.2.3",
    }


def test_health_says_what_is_stale(client: TestClient, cache: CacheWriter, clock: Clock) -> None:
    client.get("/health")
    clock.ms += 400_000
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    checks = answer.json()["checks"]
    assert (checks["cache"]["ok"], checks["cache"]["age_s"]) == (False, 400.0)
    assert "aggregator" in checks["cache"]["reason"]
    assert (checks["runner"]["ok"], checks["runner"]["heartbeat_age_s"]) == (False, 400.0)
    assert "bot start" in checks["runner"]["reason"]


def test_a_runner_that_notes_its_life_is_not_missed_while_its_candles_are_long(
    database_url: str, tmp_path: Path, world: World, clock: Clock, cache_path: Path
) -> None:
    note = tmp_path / "bot.json"
    note.write_text("{}")
    clock.ms += 400_000
    engine = create_async(database_url, pooled=False)
    deps = Deps(
        sessions=session_factory(engine), sqlite_path=cache_path, now_ms=clock, runner_note=note, close=engine.dispose
    )
    with TestClient(create_app(deps), base_url="http://127.0.0.1") as client:
        assert client.get("/health").json()["checks"]["runner"]["ok"] is True
        clock.ms += 400_000
        assert client.get("/health").json()["checks"]["runner"]["ok"] is True
        os.utime(note, (0, 0))
        clock.ms += 1_000
        assert client.get("/health").json()["checks"]["runner"]["ok"] is False
        note.unlink()
        clock.ms += 1_000
        assert client.get("/health").json()["checks"]["runner"]["ok"] is False


def test_a_runner_is_not_missed_while_nothing_is_enabled(client: TestClient, world: World, clock: Clock) -> None:
    world.rows("UPDATE strategies SET enabled = false RETURNING id")
    client.get("/health")
    clock.ms += 400_000
    assert client.get("/health").json()["checks"]["runner"]["ok"] is True


def test_health_is_503_while_the_database_is_away_and_comes_back(
    client: TestClient, world: World, clock: Clock, admin: Callable[[str], object]
) -> None:
    name = str(world.rows("SELECT current_database()")[0][0])
    admin(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == {"ok": False, "reason": "the database does not answer"}
    assert client.get("/api/v1/overview").status_code == 503
    assert "127.0.0.1" not in answer.text
    admin(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    clock.ms += 1_000
    assert client.get("/health").status_code == 200


def test_a_broken_cache_degrades_health_and_metrics_but_breaks_nothing(client: TestClient, cache_path: Path) -> None:
    cache_path.write_bytes(b"rubbish" * 1_000)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["checks"]["cache"]["ok"]) == (200, False)
    assert client.get("/metrics/strategies").status_code == 503


def test_metrics_show_the_latest_snapshot_of_each_strategy(
    client: TestClient, cache: CacheWriter, world: World
) -> None:
    rows = client.get("/metrics/strategies").json()
    assert [(row["strategy_id"], row["ts"]) for row in rows] == [
        (world.ids["mean"], NOW_MS // 1000),
        (world.ids["idle"], NOW_MS // 1000),
    ]
    assert list(rows[0])[:9] == [
        "ts", "strategy_id", "symbol", "pnl", "gross", "fees", "win_rate", "open_trades", "closed_trades",
    ]  # fmt: skip
    assert list(rows[0]) == list(Snapshot.model_fields)
    assert (rows[0]["pnl"], rows[0]["mode"]) == (10.0, "paper")
    assert len(client.get("/metrics/strategies", params={"limit": 1}).json()) == 1


def test_a_series_ends_with_the_newest_point(client: TestClient, cache: CacheWriter, world: World) -> None:
    path = f"/metrics/strategy/{world.ids['mean']}/series"
    newest = NOW_MS // 1000
    assert [row["ts"] for row in client.get(path, params={"limit": 3}).json()] == [newest - 120, newest - 60, newest]
    assert len(client.get(path).json()) == 100
    assert len(client.get(path, params={"since_ts": 0}).json()) == 100
    assert [row["ts"] for row in client.get(path, params={"since_ts": newest}).json()] == [newest]
    assert client.get(path, params={"since_ts": newest + 1}).json() == []
    thin = [row["ts"] for row in client.get(path, params={"points": 10}).json()]
    assert len(thin) == 10
    assert thin == sorted(thin)
    assert thin[-1] == newest


def test_a_strategy_not_yet_measured_is_empty_and_an_unknown_one_is_not_found(
    client: TestClient, cache: CacheWriter, world: World
) -> None:
    assert client.get(f"/metrics/strategy/{world.ids['off']}/series").json() == []
    assert client.get("/metrics/strategy/4711/series").status_code == 404


@pytest.mark.parametrize("limit", ["-1", "0", "5001", "99999999999999999999", "many", "NaN", ""])
def test_an_impossible_limit_is_refused(client: TestClient, cache: CacheWriter, world: World, limit: str) -> None:
    assert client.get("/metrics/strategies", params={"limit": limit}).status_code == 422
    series = client.get(f"/metrics/strategy/{world.ids['mean']}/series", params={"limit": limit})
    assert series.status_code == 422


def test_figures_are_for_people_signed_in(client: TestClient, cache: CacheWriter) -> None:
    client.cookies.clear()
    for path in ("/metrics/strategies", "/metrics/strategy/1/series", "/prometheus", "/api/v1/overview",
                 "/api/v1/events", "/api/v1/accounts", "/api/v1/openapi.json"):  # fmt: skip
        assert client.get(path).status_code == 401
    assert client.get("/docs", follow_redirects=False).status_code in {303, 401}


def test_prometheus_gets_the_same_figures(client: TestClient, cache: CacheWriter, world: World) -> None:
    world.rows("""UPDATE strategies SET title = E'a "quoted"\\nname' WHERE title = 'mean' RETURNING id""")
    lines = client.get("/prometheus").text.splitlines()
    assert "bot_database_up 1.0" in lines
    assert "bot_cache_age_seconds 0.0" in lines
    labels = r'account="home",mode="paper",strategy="1",symbol="BTCUSDT",title="a \"quoted\"\nname"'
    assert any(line.startswith("bot_strategy_pnl{") and r'title="a \"quoted\"\nname"' in line for line in lines), labels
    assert sum(line.startswith("bot_strategy_running{") for line in lines) == len(world.ids)


def test_every_route_but_the_open_ones_is_behind_the_guard(app: FastAPI, client: TestClient) -> None:
    client.cookies.clear()
    for path in client.app.openapi()["paths"]:  # type: ignore[attr-defined]
        address = path.replace("{strategy_id}", "1")
        for method in app.openapi()["paths"][path]:
            refused = client.request(method, address).status_code
            assert refused == (200 if path == "/health" else 401), (method, path)
