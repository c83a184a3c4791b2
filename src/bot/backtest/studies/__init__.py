"""Studies measure many sets of settings of one strategy on the same candles, and say how far to believe the best.

Way in: conductor.Conductor for the trials, walk_forward.run() for choices tested on what came after. Leans on: run,
space, db.trials. A study that is kept is rows of PostgreSQL; one that is not needs no database.
"""
