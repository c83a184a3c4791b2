"""The JSON behind a strategy's page, and its switch."""

import pytest
from starlette.testclient import TestClient
from tests.unit.api.conftest import Clock
from tests.unit.api.world import MINUTE_MS, NOW_MS, REAL, World


def test_the_overview_shows_every_strategy_with_its_money_apart(client: TestClient, world: World) -> None:
    shown = client.get("/api/v1/overview").json()
    rows = {row["title"]: row for row in shown["strategies"]}
    assert {title: (row["mode"], row["state"]) for title, row in rows.items()} == {
        "mean": ("paper", "running"),
        "idle": ("paper", "waiting"),
        "off": ("paper", "disabled"),
        "test": ("rehearsal", "stopped"),
        "live": ("live", "running"),  # a candle of five minutes is not over yet
    }
    mean = rows["mean"]
    assert mean["kpis"]["pnl"] == "9.25"
    assert (mean["symbol"], mean["interval"], mean["account"]) == ("BTCUSDT", "1m", "home")
    assert (mean["position"], mean["equity"], mean["price"], mean["age_s"]) == ("0.5", 10_009.25, 100.0, 0.0)
    assert mean["sparkline"][-1] == 10_009.25
    assert rows["test"]["stopped_reason"] == "drawdown of 21 %"
    totals = {total["mode"]: total for total in shown["totals"]}
    assert (totals["paper"]["pnl"], totals["paper"]["pnl_today"], totals["live"]["pnl"]) == ("9.25", "-1", "100")
    assert (totals["paper"]["strategies"], totals["paper"]["running"], totals["paper"]["win_rate"]) == (3, 1, 0.5)
    assert shown["runner"] == {"ok": True, "heartbeat_age_s": 0.0}
    assert [account["name"] for account in shown["accounts"]] == ["home", "bank"]


def test_a_figure_ages_until_a_new_mark_comes(client: TestClient, world: World, clock: Clock) -> None:
    def age() -> float:
        return client.get(f"/api/v1/strategies/{world.ids['mean']}").json()["age_s"]

    assert age() == 0.0
    clock.ms += 90_000
    assert age() == 90.0
    assert client.get(f"/api/v1/strategies/{world.ids['mean']}").json()["state"] == "running", "its candle is not over"
    clock.ms += 90_000
    assert age() == 180.0
    assert client.get(f"/api/v1/strategies/{world.ids['mean']}").json()["state"] == "waiting"
    world.mark(world.ids["mean"], 10_020.0, NOW_MS - 30_000 + 90_000)
    clock.ms += 2_000
    assert age() == 0.0


def test_replayed_markets_of_the_past_do_not_look_stale(client: TestClient, world: World, clock: Clock) -> None:
    replayed = world.strategy(1, "replayed", REAL)
    long_ago = NOW_MS - 400 * 86_400_000
    world.mark(replayed, 10_000.0, long_ago, schema="rehearsal")
    assert client.get(f"/api/v1/strategies/{replayed}").json()["state"] == "waiting"
    world.mark(replayed, 10_020.0, long_ago + MINUTE_MS, schema="rehearsal")
    clock.ms += 1_500
    assert client.get(f"/api/v1/strategies/{replayed}").json()["state"] == "running"


def test_one_strategy_shows_its_configuration(client: TestClient, world: World) -> None:
    shown = client.get(f"/api/v1/strategies/{world.ids['live']}").json()
    assert shown["config"] == {"symbol": "ETHUSDT", "candle": "5m", "demo_mode": False}
    assert shown["kpis"]["equity"] == "5100"


def test_history_is_read_page_by_page_without_gap_or_repeat(client: TestClient, world: World) -> None:
    for kind in ("orders", "fills", "trades", "decisions"):
        path = f"/api/v1/strategies/{world.ids['mean']}/{kind}"
        whole = client.get(path).json()["items"]
        pages, before = [], None
        while True:
            page = client.get(path, params={"limit": 2} | ({"before": before} if before else {})).json()
            pages += page["items"]
            before = page["next_before"]
            if before is None:
                break
        assert pages == whole
        assert [row["id"] for row in whole] == sorted((row["id"] for row in whole), reverse=True)
        assert len(whole) == {"orders": 5, "fills": 5, "trades": 4, "decisions": 2}[kind]


def test_rows_say_exact_amounts_times_and_reasons(client: TestClient, world: World) -> None:
    path = f"/api/v1/strategies/{world.ids['mean']}"
    fill = client.get(f"{path}/fills").json()["items"][0]
    assert (fill["side"], fill["purpose"], fill["price"], fill["qty"]) == ("BUY", "entry", "100", "0.5")
    assert (fill["time_ms"], fill["fee_in_quote"], fill["reason"]) == (NOW_MS, "0.1", "below mean")
    trade = client.get(f"{path}/trades").json()["items"][-1]
    assert (trade["pnl"], trade["gross"], trade["fees"]) == ("10.25", "11.25", "1")
    assert trade["closed_ms"] - trade["opened_ms"] == MINUTE_MS
    order = client.get(f"{path}/orders").json()["items"][0]
    assert (order["status"], order["filled"], order["ts_ms"]) == ("FILLED", "0.5", NOW_MS)
    denied = client.get(f"{path}/decisions").json()["items"][0]
    assert (denied["verdict"], denied["rule"], denied["seen"]) == (
        "denied", "max_open_orders", {"mean": 101.5, "close": 100.25},
    )  # fmt: skip


def test_a_live_strategys_history_comes_from_the_live_ledger(client: TestClient, world: World) -> None:
    assert len(client.get(f"/api/v1/strategies/{world.ids['live']}/trades").json()["items"]) == 1
    assert client.get(f"/api/v1/strategies/{world.ids['test']}/trades").json()["items"] == []


@pytest.mark.parametrize("points", [2, 3, 7, 100])
def test_equity_is_thinned_and_ends_with_the_newest_mark(client: TestClient, world: World, points: int) -> None:
    for number in range(200):
        world.mark(world.ids["idle"], 1_000.0 + number, NOW_MS + number * 1_000)
    shown = client.get(f"/api/v1/strategies/{world.ids['idle']}/equity", params={"points": points}).json()
    assert len(shown) <= points
    assert len(shown) >= points // 2
    assert shown[-1]["equity"] == 1_199.0
    assert [point["time_ms"] for point in shown] == sorted(point["time_ms"] for point in shown)


def test_candles_come_from_the_source_or_say_why_not(client: TestClient, world: World) -> None:
    shown = client.get(f"/api/v1/strategies/{world.ids['mean']}/candles", params={"limit": 3}).json()
    assert (shown["symbol"], shown["interval"], len(shown["candles"]), shown["reason"]) == ("BTCUSDT", "1m", 3, "")
    assert shown["candles"][1] == {
        "time_ms": MINUTE_MS, "open": 1.0, "high": 3.0, "low": 0.5, "close": 2.0, "volume": 10.0,
    }  # fmt: skip
    missing = client.get(f"/api/v1/strategies/{world.ids['idle']}/candles").json()
    assert missing["candles"] == []
    assert "cannot be had" in missing["reason"]


def test_a_broken_configuration_is_shown_not_fatal(client: TestClient, world: World) -> None:
    odd = world.strategy(1, "odd", {"symbol": 7, "candle": ["1m"], "demo_mode": "no"})
    shown = client.get(f"/api/v1/strategies/{odd}").json()
    assert (shown["symbol"], shown["interval"], shown["mode"]) == ("", "", "paper")
    assert "no valid symbol" in client.get(f"/api/v1/strategies/{odd}/candles").json()["reason"]


def test_the_switch_turns_a_strategy_on_and_off_and_the_trail_says_who(client: TestClient, world: World) -> None:
    stopped = world.ids["test"]
    assert client.post(f"/api/v1/strategies/{stopped}/disable").json() == {"id": stopped, "enabled": False}
    assert client.get(f"/api/v1/strategies/{stopped}").json()["state"] == "disabled"
    assert client.post(f"/api/v1/strategies/{stopped}/enable").json() == {"id": stopped, "enabled": True}
    assert client.get(f"/api/v1/strategies/{stopped}").json()["stopped_reason"] == ""
    trail = world.rows("SELECT actor, action, subject, detail->>'title' FROM audit ORDER BY id")
    assert trail == [
        ("ada", "strategy.disabled", f"strategy:{stopped}", "test"),
        ("ada", "strategy.enabled", f"strategy:{stopped}", "test"),
    ]


def test_the_switch_needs_the_csrf_token(client: TestClient, world: World) -> None:
    del client.headers["x-csrf-token"]
    assert client.post(f"/api/v1/strategies/{world.ids['off']}/enable").status_code == 403
    assert world.rows("SELECT enabled FROM strategies WHERE title = 'off'") == [(False,)]


def test_accounts_show_kpis_by_mode_and_no_secret(client: TestClient, world: World) -> None:
    world.rows("UPDATE accounts SET api_key_enc = 'canary', api_secret_enc = 'canary' RETURNING id")
    answer = client.get("/api/v1/accounts")
    home, bank = answer.json()
    assert (home["name"], home["strategies"], home["enabled"], home["live_approved"]) == ("home", 4, 3, False)
    assert home["kpis"]["paper"]["pnl"] == "9.25"
    assert (bank["environment"], bank["live_approved"], bank["kpis"]["live"]["pnl"]) == ("production", True, "100")
    assert "canary" not in answer.text
    assert "sealed" not in answer.text


BAD_VALUES = ["-1", "0", "501", "5001", "99999999999999999999999", "abc", "", "NaN", "1e3", "1;--", "%00", "nul\u0000"]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_no_bad_value_makes_the_server_fail(client: TestClient, world: World, value: str) -> None:
    base = f"/api/v1/strategies/{world.ids['mean']}"
    for path, name in [
        (f"{base}/orders", "limit"), (f"{base}/fills", "before"), (f"{base}/trades", "limit"),
        (f"{base}/decisions", "before"), (f"{base}/equity", "points"), (f"{base}/candles", "limit"),
        ("/metrics/strategies", "limit"), (f"/metrics/strategy/{world.ids['mean']}/series", "limit"),
        (f"/metrics/strategy/{world.ids['mean']}/series", "since_ts"),
    ]:  # fmt: skip
        assert client.get(path, params={name: value}).status_code < 500


@pytest.mark.parametrize("strategy_id", ["4711", "9223372036854775807", "0", "-1", "99999999999999999999", "x", "1.5"])
def test_an_unknown_strategy_is_not_found(client: TestClient, world: World, strategy_id: str) -> None:
    base = f"/api/v1/strategies/{strategy_id}"
    answers = [
        client.get(path)
        for path in (
            base,
            f"{base}/orders",
            f"{base}/equity",
            f"{base}/candles",
            f"/metrics/strategy/{strategy_id}/series",
        )
    ] + [client.post(f"{base}/enable"), client.post(f"{base}/disable")]
    expected = 404 if strategy_id in {"4711", "9223372036854775807"} else 422
    assert [answer.status_code for answer in answers] == [expected] * 7


def test_the_audit_trail_stays_a_chain(client: TestClient, world: World) -> None:
    client.post(f"/api/v1/strategies/{world.ids['off']}/enable")
    client.post(f"/api/v1/strategies/{world.ids['off']}/disable")
    first, second = world.rows("SELECT previous_hash, hash FROM audit ORDER BY id")
    assert second[0] == first[1]
