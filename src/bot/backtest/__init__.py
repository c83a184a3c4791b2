"""Backtest plays candles of the past to the same engine that trades live, and says what came of it.

Way in: run.backtest(); screening.screen() for many sets of settings by a compiled kernel.
Leans on: engine, simulation, history. No clock, no network, no database.
"""
