"""binance-bot: many strategies on many Binance accounts, one engine for backtest, paper, rehearsal and live."""

__version__ = "0.1.0"
