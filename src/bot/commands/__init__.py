"""Commands ask: each reads what a person typed, calls the roof, and answers with a table, JSON, or one line.

Way in: cli.app, which gathers them. Leans on: bootstrap. Heavy imports stand inside the functions, so that `--help`
and `status` answer at once.
"""
