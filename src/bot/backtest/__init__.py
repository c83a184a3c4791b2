"""Backtest replays: recorded candles through the same engine.

Way in: history. Leans on: engine, simulation.
"""
