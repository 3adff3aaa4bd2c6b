# make run       host a room (make run ARGS="--port 4000"; PYTHON=python3.12 make run)
# make test      style, types and all tests, none skipped
# make lint      style and types only
# make bench     how fast it is here
# make clean     everything away that was made here, .venv too
# Each makes .venv ready first; see tools/setup.sh.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint bench clean

run:
	@PYTHON="$(PYTHON)" tools/setup.sh run
	@exec $(BIN)/python chat_server.py $(ARGS)

test: lint
	@CHAT_TESTS_COMPLETE=1 $(BIN)/python -m pytest $(ARGS)

lint:
	@PYTHON="$(PYTHON)" tools/setup.sh test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .

bench:
	@PYTHON="$(PYTHON)" tools/setup.sh bench
	@exec $(BIN)/python -m benchmarks.bench $(ARGS)

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache benchmarks/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
