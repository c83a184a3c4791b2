"""A small invented world behind the pages: candles that walk at random, and strategies that traded on them."""

import math
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

MINUTE = 60_000
COUNT = 420
START_CASH = 10_000.0

# id, title, strategy, account, symbol, price, interval, mode, enabled, state, reason
ROSTER = [
    (1, "BTC reversion", "mean_reversion", "main", "BTCUSDT", 104_300.0, "1m", "paper", True, "running", ""),
    (2, "ETH reversion", "mean_reversion", "main", "ETHUSDT", 3_310.0, "1m", "paper", True, "running", ""),
    (3, "SOL breakout", "breakout", "main", "SOLUSDT", 182.4, "1m", "paper", True, "running", ""),
    (4, "BNB slow breakout", "breakout", "main", "BNBUSDT", 694.0, "5m", "paper", True, "waiting", ""),
    (5, "DOGE scalper", "mean_reversion", "research", "DOGEUSDT", 0.3712, "1m", "paper", True, "stopped", "daily loss limit reached"),
    (6, "XRP breakout", "breakout", "research", "XRPUSDT", 2.312, "1m", "paper", True, "running", ""),
    (7, "ADA reversion", "mean_reversion", "research", "ADAUSDT", 1.0441, "1m", "paper", False, "disabled", ""),
    (8, "BTC rehearsal", "mean_reversion", "desk", "BTCUSDT", 104_300.0, "1m", "rehearsal", True, "running", ""),
    (9, "LINK fresh", "breakout", "research", "LINKUSDT", 24.81, "1m", "paper", True, "running", ""),
]  # fmt: skip


@dataclass
class Strategy:
    """One strategy with everything it left behind, in the API's shapes."""

    row: dict[str, Any]
    config: dict[str, Any]
    candles: list[dict[str, Any]] = field(default_factory=list)
    equity: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)


def make_world(now_ms: int) -> dict[int, Strategy]:
    """Invent the roster's history up to now; the same for the same time."""
    world = {}
    for entry in ROSTER:
        strategy = _make(entry, now_ms)
        world[strategy.row["id"]] = strategy
    return world


def overview(world: dict[int, Strategy], now_ms: int) -> dict[str, Any]:
    """Give what GET /api/v1/overview answers."""
    rows = [strategy.row for strategy in world.values()]
    accounts = []
    for number, name in enumerate(sorted({row["account"] for row in rows}), start=1):
        own = [row for row in rows if row["account"] == name]
        accounts.append(
            {
                "id": number, "name": name, "environment": "emulator" if name == "desk" else "production",
                "testnet": False, "live_approved": False, "strategies": len(own),
                "enabled": sum(row["enabled"] for row in own), "totals": _totals(own),
            }
        )  # fmt: skip
    return {
        "time_ms": now_ms,
        "runner": {"ok": True, "heartbeat_age_s": 0.4},
        "totals": _totals(rows),
        "accounts": accounts,
        "strategies": rows,
    }


def _totals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    totals = []
    for mode in sorted({row["mode"] for row in rows}):
        own = [row for row in rows if row["mode"] == mode]
        trips = sum(row["kpis"]["closed_trades"] for row in own)
        wins = sum((row["kpis"]["win_rate"] or 0) * row["kpis"]["closed_trades"] for row in own)
        pnl = sum(Decimal(row["kpis"]["pnl"]) for row in own)
        totals.append(
            {
                "mode": mode, "strategies": len(own), "running": sum(row["state"] == "running" for row in own),
                "equity": _text(sum(row["equity"] or START_CASH for row in own)), "pnl": str(pnl),
                "pnl_today": str((pnl * Decimal("0.41")).quantize(Decimal("0.01"))),
                "fees": str(sum(Decimal(row["kpis"]["fees"]) for row in own)),
                "open_trades": sum(row["kpis"]["open_trades"] for row in own), "closed_trades": trips,
                "win_rate": wins / trips if trips else None,
            }
        )  # fmt: skip
    return totals


def _make(entry: tuple[Any, ...], now_ms: int) -> Strategy:
    number, title, name, account, symbol, price, interval, mode, enabled, state, reason = entry
    row = {
        "id": number, "name": name, "title": title, "account_id": 1, "account": account, "market": "spot",
        "symbol": symbol, "interval": interval, "mode": mode, "enabled": enabled, "state": state,
        "stopped_reason": reason, "position": "0", "price": price, "equity": None, "unrealised": None,
        "sparkline": [], "updated_ms": None, "age_s": None,
    }  # fmt: skip
    config = {"symbol": symbol, "candle": interval, "order_value": "2500", "fee_pct": "0.1", "min_profit": "0.1", "demo_mode": True, "window": 20, "threshold": 0.004}  # fmt: skip
    strategy = Strategy(row, config)
    chance = random.Random(number * 7919)
    _walk(strategy, chance, price, now_ms)
    if title == "LINK fresh":
        row["kpis"] = _kpis([], 0, None, 0.0)
        strategy.equity = []
        return strategy
    _trade(strategy)
    return strategy


def _walk(strategy: Strategy, chance: random.Random, price: float, now_ms: int) -> None:
    step = MINUTE if strategy.row["interval"] == "1m" else 5 * MINUTE
    start = now_ms // step * step - COUNT * step
    value, drift, home = price, 0.0, price
    for at in range(COUNT):
        drift = drift * 0.9 + chance.gauss(0, 0.00005)
        home *= 1 + drift + 0.0001 * math.sin(at / 50 + strategy.row["id"])
        opened = value
        value += (home - value) * 0.14 + value * chance.gauss(0, 0.0021)
        high = max(opened, value) * (1 + abs(chance.gauss(0, 0.0005)))
        low = min(opened, value) * (1 - abs(chance.gauss(0, 0.0006)))
        volume = abs(chance.gauss(1, 0.5)) * 40_000 / price * (1 + abs(value / opened - 1) * 300)
        strategy.candles.append({"time_ms": start + at * step, "open": opened, "high": high, "low": low, "close": value, "volume": volume})  # fmt: skip


def _trade(strategy: Strategy) -> None:
    """Buy below the mean and sell above it, with fees; note orders, fills, round trips, equity and reasons."""
    row = strategy.row
    closes: list[float] = []
    held, entry, entry_ms, realised, fees = 0.0, 0.0, 0, 0.0, 0.0
    step = strategy.candles[1]["time_ms"] - strategy.candles[0]["time_ms"]
    for candle in strategy.candles:
        close, at = candle["close"], candle["time_ms"] + step - 1
        closes.append(close)
        mean = sum(closes[-20:]) / len(closes[-20:])
        seen = {"close": round(close, 6), "mean": round(mean, 6), "distance": round(close / mean - 1, 6)}
        if len(closes) > 20 and not held and close < mean * (0.9958 if row["id"] != 5 else 0.999):
            if len(strategy.decisions) % 6 == 4:
                _decide(strategy, at, "BUY", "denied", "below mean", seen, "daily_loss")
            else:
                held, entry, entry_ms = 2500 / close, close, at
                fees += 2.5
                _decide(strategy, at, "BUY", "approved", "below mean", seen)
                _order(strategy, at, "BUY", held, close, "below mean")
        elif held and (close > max(mean * 1.002, entry * 1.0035) or close < entry * 0.99):
            why = "back at mean" if close > mean else "stop loss"
            gross, cost = held * (close - entry), 2.5 + held * close * 0.001
            realised += gross - cost
            fees += held * close * 0.001
            _decide(strategy, at, "SELL", "approved", why, seen)
            _order(strategy, at, "SELL", held, close, why)
            strategy.trades.append(
                {
                    "id": len(strategy.trades) + 1, "symbol": row["symbol"], "side": "BUY", "qty": _text(held, 6),
                    "entry_price": _text(entry, 6), "exit_price": _text(close, 6), "gross": _text(gross), "fees": _text(cost),
                    "pnl": _text(gross - cost), "opened_ms": entry_ms, "closed_ms": at, "reason": why,
                }
            )  # fmt: skip
            held = 0.0
        unrealised = held * (close - entry)
        strategy.equity.append(
            {"time_ms": at, "equity": START_CASH + realised + unrealised, "realised": realised, "unrealised": unrealised, "position": held, "price": close}
        )  # fmt: skip
    last = strategy.equity[-1]
    row.update(
        position=_text(held, 6) if held else "0", price=last["price"], equity=round(last["equity"], 2),
        unrealised=round(last["unrealised"], 2), sparkline=[round(p["equity"], 2) for p in strategy.equity[-120::2]],
        updated_ms=last["time_ms"], age_s=412.0 if row["state"] == "waiting" else 3600.0 * 5 if row["state"] == "disabled" else 1.2,
        kpis=_kpis(strategy.trades, fees, last["equity"], held, strategy.equity),
    )  # fmt: skip


def _kpis(trades: list[dict[str, Any]], fees: float, equity: float | None, held: float, curve: list[dict[str, Any]] = ()) -> dict[str, Any]:  # type: ignore[assignment]  # fmt: skip
    results = [float(trade["pnl"]) for trade in trades]
    wins, losses = sum(r for r in results if r > 0), -sum(r for r in results if r < 0)
    peak, fall = 0.0, 0.0
    for point in curve:
        peak = max(peak, point["equity"])
        fall = max(fall, 1 - point["equity"] / peak)
    return {
        "pnl": _text(sum(results)), "gross": _text(sum(float(trade["gross"]) for trade in trades)), "fees": _text(fees),
        "equity": None if equity is None else _text(equity), "win_rate": sum(r > 0 for r in results) / len(results) if results else None,
        "max_drawdown": fall if curve else None, "profit_factor": wins / losses if losses else None,
        "open_trades": int(bool(held)), "closed_trades": len(trades),
    }  # fmt: skip


def _decide(strategy: Strategy, at: int, side: str, verdict: str, reason: str, seen: dict[str, float], rule: str = "") -> None:  # fmt: skip
    number = len(strategy.decisions) + 1
    strategy.decisions.append(
        {"id": number, "time_ms": at, "symbol": strategy.row["symbol"], "side": side, "verdict": verdict, "rule": rule, "reason": reason, "client_order_id": "" if rule else f"b1-{number}", "seen": seen}
    )  # fmt: skip


def _order(strategy: Strategy, at: int, side: str, quantity: float, price: float, reason: str) -> None:
    number = len(strategy.orders) + 1
    common = {"symbol": strategy.row["symbol"], "side": side, "purpose": "entry" if side == "BUY" else "exit", "reason": reason, "price": _text(price, 6), "qty": _text(quantity, 6), "client_order_id": f"b1-{number}"}  # fmt: skip
    strategy.orders.append({**common, "id": number, "type": "MARKET", "status": "FILLED", "filled": common["qty"], "fee": _text(quantity * price * 0.001), "created_ms": at, "ts_ms": at + 40})  # fmt: skip
    strategy.fills.append({**common, "id": number, "trade_id": 9000 + number, "fee": _text(quantity * price * 0.001), "fee_asset": "USDT", "fee_in_quote": _text(quantity * price * 0.001), "is_maker": False, "time_ms": at})  # fmt: skip


def _text(value: float, decimals: int = 2) -> str:
    return f"{value:.{decimals}f}"
