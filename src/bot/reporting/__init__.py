"""Reporting measures: it turns what the journal remembers into KPIs, series and sheets, and backtests into reports.

Way in: metrics.compute_kpis(), cache.aggregator.run(), tearsheet; for backtests see runs. Leans on: db, history,
simulation, domain. Changes no ledger.
"""
