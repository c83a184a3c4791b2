"""Binance speaks Binance: hosts, signatures, limits, REST, streams; wire in, domain records out.

Way in: client.build_public(), client.build_spot(), market_data.MarketData, execution.SpotBroker. Leans on: domain,
ports. Binance's own field names stay in `wire` and `wire_orders`. Waits for sockets; keeps nothing on disk.
"""
