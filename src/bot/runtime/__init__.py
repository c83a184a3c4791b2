"""Runtime keeps alive: it brings events to the engine, writes down what comes out, acts on it, and stops cleanly.

Way in: orchestrator.Orchestrator. Leans on: engine, ports, db, simulation, reporting. Waits, retries, watches.
"""
