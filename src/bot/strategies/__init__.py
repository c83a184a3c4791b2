"""Strategies want: each looks at candles and says what it would buy or sell, and why.

Way in: base.Strategy, registry.find(). Leans on: domain. Returns intents; waits for nothing, knows no exchange.
"""
