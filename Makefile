# Short names for what the launcher and the tools do. `make check` is what the build machine runs.
BIN := $(or $(BOT_VENV),.venv)/bin

.PHONY: check lint test proof mutants parity demo format peers cluster nonsense trust figures environment

check: lint test

lint: environment
	$(BIN)/ruff check . bot
	$(BIN)/ruff format --check . bot
	$(BIN)/mypy
	$(BIN)/lint-imports

test:
	./bot test

proof: environment
	./bot prove --seeds 0:300 --jobs 2
	$(BIN)/python -m pytest -n 2 -m mutants tests/mutants

mutants: environment
	PYTHONPATH=src:. $(BIN)/python -m tests.mutants

# Thirty recorded days of 5 minutes through every mode; PARITY_INTERVAL=1m PARITY_CANDLES=43200 for each minute of them.
parity: environment
	PARITY_INTERVAL=$(or $(PARITY_INTERVAL),5m) PARITY_CANDLES=$(or $(PARITY_CANDLES),8640) $(BIN)/python -m pytest -n 0 -s tests/parity/test_modes.py

demo:
	./bot demo

peers: environment
	$(BIN)/python tests/peers/run.py --write

cluster: environment
	$(BIN)/python tests/cluster/environment.py
	$(BIN)/python -m pytest -n 0 -m cluster tests/cluster

nonsense: environment
	PYTHONPATH=src:. $(BIN)/python -m tests.nonsense

trust: environment
	PYTHONPATH=src:. $(BIN)/python -m tests.trust

figures: environment
	PYTHONPATH=src:. $(BIN)/python -m tests.trust $(FROM)

format: environment
	$(BIN)/ruff check --fix . bot
	$(BIN)/ruff format . bot

environment:
	@./bot test --version
