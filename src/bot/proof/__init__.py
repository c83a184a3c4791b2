"""Proof proves: the whole bot against the emulator in one process, on virtual time, with faults drawn from a seed.

Way in: run.prove(). Leans on: runtime, binance, emulator, strategies. Nothing here waits for real time or a socket.
"""
