"""Futures pretends to be Binance's USD-M futures exchange: orders, positions, margin, funding and liquidation.

Way in: exchange.FuturesExchange; contracts.bundled for the rules. Leans on: domain. No clock, no I/O.
"""
