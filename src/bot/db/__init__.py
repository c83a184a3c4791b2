"""The database remembers: accounts, strategies, orders, fills, money, and why it all happened.

Way in: embedded.ensure(), migrate.upgrade(), base.session_factory(), repositories, journal.PostgresJournal.
Leans on: domain, ports. PostgreSQL only; paper, rehearsal and live money live in three schemas and never meet.
"""
