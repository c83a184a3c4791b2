"""Spot is one face of the emulator: its endpoints, methods, streams and user events, over the simulated spot exchange.

Way in: venue.Venue. Leans on: the emulator's core, simulation, domain.
"""
