"""The options of `bot emulator`, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

SpotPort = Annotated[int, typer.Option(min=0, max=65_535, help="Port for spot; 0 takes a free one.")]
UmPort = Annotated[int | None, typer.Option(min=0, max=65_535, help="Port for USD-M futures; 0 takes a free one.")]
Key = Annotated[str, typer.Option(help="API key of its customer.")]
Secret = Annotated[str, typer.Option(help="API secret of its customer.")]
Customer = Annotated[
    list[str] | None,
    typer.Option(envvar="EMULATOR_CUSTOMERS", help="KEY:SECRET of one more customer; repeatable, each owns the same."),
]
Balance = Annotated[list[str] | None, typer.Option(help="What each customer owns, like USDT=100000.")]
Synthetic = Annotated[int | None, typer.Option(help="Seed of a made-up market.")]
Replay = Annotated[
    list[Path] | None, typer.Option(help="File of candles, trades, depth, marks or fundings; repeatable.")
]
Symbols = Annotated[str, typer.Option(help="Symbols, separated by commas.")]
Speed = Annotated[float, typer.Option(help="Market time over real time; 60 is a minute candle a second.")]
Ticks = Annotated[int, typer.Option(help="Trades that play one candle.")]
Warmup = Annotated[int, typer.Option(help="Candles that are history already at the start.")]
Account = Annotated[
    list[Path] | None, typer.Option(help="JSON file of accounts with their keys and balances; repeatable.")
]
ControlPort = Annotated[
    int | None, typer.Option(min=0, max=65_535, help="Port for truth, faults and clock; loopback only.")
]
ExchangeInfo = Annotated[Path | None, typer.Option(help="Saved exchangeInfo whose rules to use, gzipped or not.")]
UmExchangeInfo = Annotated[Path | None, typer.Option(help="Saved exchangeInfo of USD-M, gzipped or not.")]
UmBrackets = Annotated[Path | None, typer.Option(help="Saved leverage brackets of USD-M, gzipped or not.")]
InsuranceFund = Annotated[
    list[str] | None,
    typer.Option(help="What the USD-M insurance fund has, like USDT=100000; beyond it winners are deleveraged."),
]
Faults = Annotated[Path | None, typer.Option(help="JSON file of faults that are in force from the start.")]
Host = Annotated[str, typer.Option(help="Address to listen on; the control port stays on loopback.")]
SpreadTicks = Annotated[int, typer.Option(min=0, help="Ticks that a buyer pays above the last price.")]
Sor = Annotated[
    list[str] | None, typer.Option(help="Symbols among which spot orders are routed: BTCUSDT,BTCUSDC; repeat it.")
]
OneClock = Annotated[
    bool, typer.Option("--one-clock", help="Server time is market time, for a market moved by hand (--speed 0).")
]
Loop = Annotated[bool, typer.Option("--loop", help="Start the files over at their end.")]
Wait = Annotated[bool, typer.Option("--wait", help="Hold the market until somebody subscribes.")]
Parent = Annotated[int, typer.Option(hidden=True, help="End when this process is gone.")]
