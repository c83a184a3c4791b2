"""History collects: candles of the past, fetched or brought along, checked, and kept by month.

Way in: columns.read_csv(), store.Store. Leans on: domain. Knows no exchange: what it downloads with is handed to it.
"""
