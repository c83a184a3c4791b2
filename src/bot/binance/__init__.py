"""Binance speaks Binance: hosts, signatures, limits, REST, streams; wire in, domain records out.

Way in: client.build_public(), build_spot() and build_futures(), market_data.MarketData, execution.SpotBroker and
FuturesBroker, books.Books; any other request: the tables `spot` and `futures`. Leans on: domain,
ports. Binance's own field names stay in the `wire` modules. Waits for sockets; keeps on disk a note of bans alone.
"""
