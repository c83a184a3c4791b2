"""Reports of backtests: what a run did, as figures, files, one HTML page, and beside other runs.

Way in: document.describe(), page.report(), files.write(), comparing.compare(). Leans on: history, simulation, domain.
"""
