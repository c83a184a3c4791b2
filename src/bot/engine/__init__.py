"""The engine decides: one event in, commands and facts out.

Way in: engine.Engine.handle(). Leans on: domain, strategies, risk. Pure: no clock, no sockets, no luck.
"""
