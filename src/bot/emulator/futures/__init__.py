"""Futures impersonates Binance's USD-M futures: REST under /fapi, streams by route, ws-fapi/v1.

Way in: venue.FuturesVenue, a face. Leans on: simulation.futures and the emulator's core. Knows nothing of spot.
"""
