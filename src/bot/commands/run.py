"""`bot start`, `stop`, `status`, `dashboard` and `emulator`: programs that run, and looking after them."""

import os
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import emulator_options as options
from bot.commands.output import ExitCode, Json, as_json, fail, pairs, say, table, warn

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.emulator.server import Emulator

STOP_S = 20.0


def start(
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Trade without the web page.")] = False,
    no_aggregator: Annotated[
        bool, typer.Option("--no-aggregator", help="Leave the KPI cache to a process of its own.")
    ] = False,
) -> None:
    """Run all enabled strategies, with the dashboard, until stopped."""
    from bot.bootstrap import Roof  # noqa: PLC0415
    from bot.commands import heartbeat, program  # noqa: PLC0415
    from bot.security.keys import harden_process  # noqa: PLC0415

    roof = Roof()
    harden_process()
    with heartbeat.only_one(roof.settings.VAR_DIR):
        for what, why in _stopped(roof.settings).items():
            warn(f"{what} is stopped, {why}; to let it trade again: bot resume")
        logs = roof.start_logs()
        _ = roof.db_url, roof.box  # what cannot be had ends us here, before anything runs

        async def work() -> int:
            running = program.Program(roof, with_dashboard=not no_dashboard, with_aggregator=not no_aggregator)
            with program.stopped_by_signals(running.stop) as came:
                import asyncio  # noqa: PLC0415

                task = asyncio.create_task(running.run())
                await asyncio.wait({task, asyncio.create_task(running.ready.wait())}, return_when="FIRST_COMPLETED")
                if running.first_run_address:
                    program.explain_address({"first run, choose a password": running.first_run_address})
                else:
                    program.explain_address({"dashboard": running.address})
                await task
                return program.exit_code_for(came)

        try:
            code = program.run_in_loop(work)
        finally:
            logs.stop()
    raise typer.Exit(code)


def stop() -> None:
    """Stop the running bot: orders stay as they are, everything is written down."""
    from bot.commands import heartbeat  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    var = load().VAR_DIR
    note = heartbeat.read(var)
    if not heartbeat.is_running(var) or note is None:
        say("no bot is running here")
        return
    os.kill(int(note["pid"]), signal.SIGTERM)
    give_up = time.monotonic() + STOP_S
    while heartbeat.is_running(var):
        if time.monotonic() > give_up:
            fail(f"process {note['pid']} did not end within {STOP_S:.0f} s; its log says why", ExitCode.FAULT)
        time.sleep(0.05)
    say("stopped")


def status(json: Json = False) -> None:
    """Say whether the bot runs and how each strategy does."""
    from bot.commands import heartbeat  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    settings = load()
    running = heartbeat.is_running(settings.VAR_DIR)
    note = heartbeat.read(settings.VAR_DIR) if running else None
    strategies, trouble = _strategies(settings)
    stopped = _stopped(settings)
    if json:
        as_json({"running": running, "bot": note, "kill_switch": stopped, "strategies": strategies, "trouble": trouble})
    else:
        _show_bot(note)
        pairs({f"stopped {what}": why for what, why in stopped.items()})
        _show_strategies(strategies, trouble)
    if trouble:
        fail(trouble, ExitCode.FAULT)


def _show_bot(note: dict[str, Any] | None) -> None:
    if note:
        began = datetime.fromtimestamp(note["began_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        shown = {"bot": f"running since {began} (process {note['pid']})", "dashboard": note["dashboard"] or "off"}
        shown |= {each["account"]: _account_state(each) for each in note["accounts"]}
        pairs(shown | {f"halted {name}": reason for name, reason in note["halted"].items()})
    else:
        say("bot  not running; start it: bot start")


def _account_state(account: dict[str, Any]) -> str:
    if account["database_away"]:
        return "waits for the database; nothing is sent meanwhile"
    if account["trouble"] and account["state"] != "halted":
        return f"tries again and again: {account['trouble']}"
    if account["state"] != "running" or not account["last_candle_ms"]:
        return str(account["state"])
    return f"running, {account['candles']} candles seen"


def _show_strategies(strategies: list[dict[str, Any]] | None, trouble: str) -> None:
    if strategies is None:
        if not trouble:
            say("the private database is not running: strategies are shown once the bot has been started")
        return
    table(
        "",
        ["#id", "strategy", "account", "mode", "state", "#trades", "#P&L", "#fees", "#win rate"],
        [
            (
                row["id"],
                row["title"],
                row["account"],
                row["mode"],
                row["state"],
                row["closed_trades"],
                f"{row['pnl']:.2f}",
                f"{row['fees']:.2f}",
                f"{row['win_rate']:.0%}" if row["closed_trades"] else "-",
            )
            for row in strategies
        ],
        empty="no strategies yet; see: bot strategy --help",
    )


def dashboard() -> None:
    """Show the dashboard alone: for a bot that was started without it."""
    import asyncio  # noqa: PLC0415

    from bot.api.main import create_app  # noqa: PLC0415
    from bot.bootstrap import Feeds, Roof, dashboard_deps, setup_address  # noqa: PLC0415
    from bot.commands import program  # noqa: PLC0415

    roof = Roof()
    logs = roof.start_logs("dashboard")
    token = roof.first_run_token()

    async def work() -> int:
        stopping = asyncio.Event()
        feeds = Feeds(roof.settings)
        listener = program.listen(roof.settings.API_HOST, roof.settings.API_PORT)
        port = listener.getsockname()[1]
        app = create_app(dashboard_deps(roof, feeds, token))
        server = program.DashboardServer(program.server_config(app))
        if token:
            program.explain_address({"first run, choose a password": setup_address(roof.settings, token, port)})
        else:
            program.explain_address({"dashboard": f"http://{roof.settings.API_HOST}:{port}/"})
        with program.stopped_by_signals(stopping) as came:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await stopping.wait()
            app.state.hub.close()
            server.should_exit = True
            await serving
        await feeds.close()
        await roof.close()
        return program.exit_code_for(came)

    try:
        code = program.run_in_loop(work)
    finally:
        logs.stop()
    raise typer.Exit(code)


def emulator(
    spot_port: options.SpotPort = 8001,
    um_port: options.UmPort = None,
    key: options.Key = "emulator-key",
    secret: options.Secret = "emulator-secret",  # noqa: S107
    customer: options.Customer = None,
    balance: options.Balance = None,
    synthetic: options.Synthetic = None,
    replay: options.Replay = None,
    symbols: options.Symbols = "",
    speed: options.Speed = 60.0,
    ticks: options.Ticks = 4,
    warmup: options.Warmup = 300,
    account: options.Account = None,
    control_port: options.ControlPort = None,
    exchange_info: options.ExchangeInfo = None,
    um_exchange_info: options.UmExchangeInfo = None,
    um_brackets: options.UmBrackets = None,
    insurance_fund: options.InsuranceFund = None,
    faults: options.Faults = None,
    host: options.Host = "127.0.0.1",
    spread_ticks: options.SpreadTicks = 0,
    sor: options.Sor = None,
    one_clock: options.OneClock = False,
    loop: options.Loop = False,
    wait: options.Wait = False,
    parent: options.Parent = 0,
) -> None:
    """Run a Binance of your own on this machine: REST, streams and WebSocket API, with play money."""
    from bot.commands.emulator import configure, serve_forever, split_customer  # noqa: PLC0415

    config = configure(
        port=spot_port,
        customers=[(key, secret), *(split_customer(each) for each in customer or ())],
        balances=balance or ["USDT=100000"],
        seed=synthetic,
        files=replay or [],
        symbols=symbols,
        speed=speed,
        ticks=ticks,
        warmup=warmup,
        loop=loop,
        waits=wait,
        account_files=account or [],
        control_port=control_port,
        exchange_info=exchange_info,
        fault_file=faults,
        host=host,
        one_clock=one_clock,
        um_port=um_port,
        um_exchange_info=um_exchange_info,
        um_brackets=um_brackets,
        insurance=insurance_fund or (),
        spread_ticks=spread_ticks,
        sors=sor or (),
    )

    serve_forever(config, _announce, parent)


def _announce(running: "Emulator") -> None:
    """Say where everything is, in one line."""
    as_json(
        {
            "ready": True,
            "spot": running.spot_url,
            "streams": running.stream_url,
            "ws_api": running.ws_api_url,
            "um": running.um_url,
            "um_streams": running.um_stream_url,
            "control": running.control_url,
            "symbols": list(running.venue.instruments),
            "interval": running.world.player.interval,
        }
    )


def _stopped(settings: "Settings") -> dict[str, str]:
    """Give what the kill switch stops, and why."""
    from bot.runtime.kill_switch import KillSwitch  # noqa: PLC0415

    notes = KillSwitch(settings.VAR_DIR / "run").notes()
    return {f"account {note.account}" if note.account else "every account": str(note) for note in notes}


def _strategies(settings: "Settings") -> tuple[list[dict[str, Any]] | None, str]:
    """Read the strategies with plain SQL; None when the private database is not running, or with what is wrong."""
    from bot.commands.quick import database_url, strategies  # noqa: PLC0415
    from bot.domain.errors import Unavailable  # noqa: PLC0415

    url = database_url(settings)
    if url is None:
        return None, ""
    try:
        return strategies(url), ""
    except Unavailable as error:
        return None, str(error)
