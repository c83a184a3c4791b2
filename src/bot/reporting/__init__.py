"""Reporting measures: it turns what the journal remembers into KPIs, series, rows and sheets.

Way in: metrics.compute_kpis(), cache.aggregator.run(), tearsheet. Leans on: db, domain. Changes no ledger.
"""
