"""Domain names things: money, instrument, candle, order, fill, position, ledger, and the messages between rooms.

Way in: the module of the thing. Leans on: nothing. Plain records and functions; waits for nothing.
"""
