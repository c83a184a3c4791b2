"""Simulation pretends to be an exchange: the rules of matching, fees and balances, held in memory.

Way in: exchange.Exchange; market.SyntheticMarket for made-up candles. Leans on: domain. No clock, no I/O.
"""
