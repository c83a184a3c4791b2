"""Routers show one subject each: health, metrics, strategies, accounts, events, and numbers for Prometheus.

Way in: each module's `router`. Leans on: api.deps, api.schemas, reporting. Read the database; hold no state.
"""
