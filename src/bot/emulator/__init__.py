"""Emulator impersonates Binance spot: REST, market streams, WebSocket API and user events on one port.

Way in: server.Emulator (in this process) or serving.run (as a process). Leans on: simulation, domain. Listens.
It is written from Binance's protocol alone and shares nothing with our client, so that each checks the other.
"""
