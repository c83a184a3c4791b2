"""The cache keeps KPI snapshots in SQLite, so that charts cost the database nothing.

Way in: sqlite.latest(), sqlite.series(), aggregator.run(). Leans on: reporting.metrics. One writer.
"""
