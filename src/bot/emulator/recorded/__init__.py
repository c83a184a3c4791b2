"""Recordings of the real market: files of trades, books, mark prices and fundings, read into records by time.

Way in: shelf.sort_files(). Leans on: domain.
"""
