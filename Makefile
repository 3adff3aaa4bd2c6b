# make run       host a room (make run ARGS="--port 4000"; PYTHON=python3.12 make run)
# make test      style, types and all tests, none skipped, side by side
# make faults    the tests that take long: crowds, damage, networks that fail (figures in faults.jsonl)
# make fuzz      hostile bytes on every wire for so long (make fuzz MINUTES=10)
# make soak      a crowd on every wire that comes, talks and dies at random (make soak MINUTES=10)
# make lint      style and types only
# make bench     how fast it is here, beside other servers (make bench ARGS=--full: figures to show)
# make figures   the chart and the tables in the READMEs, anew from benchmarks/results.json
# make clean     everything away that was made here, .venv too
# Each makes .venv ready first; see tools/setup.sh.

# Four tests at a time share the processors: one that fails is tried once more, and told at the end as RERUN.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test faults fuzz soak lint bench figures clean

run:
	@PYTHON="$(PYTHON)" tools/setup.sh run
	@exec $(BIN)/python chat_server.py $(ARGS)

test: lint
ifdef ARGS
	@CHAT_TESTS_COMPLETE=1 $(BIN)/python -m pytest $(ARGS)
else
	@CHAT_TESTS_COMPLETE=1 $(BIN)/python -m pytest -n 4 --dist worksteal --reruns 1 -raR
endif

faults:
	@PYTHON="$(PYTHON)" tools/setup.sh test
	@CHAT_FIGURES=faults.jsonl $(BIN)/python -m pytest tests/faults tests/test_memory.py tests/test_store_faults.py -m "long or not long" $(ARGS)

fuzz:
	@PYTHON="$(PYTHON)" tools/setup.sh test
	@$(BIN)/python -m pip install --quiet atheris || echo "No atheris for this Python: the fuzzer goes without coverage."
	@$(BIN)/python -m tests.fuzz $(or $(MINUTES),1)
	@$(BIN)/python -m tests.fuzz_guided $(or $(MINUTES),1)

soak:
	@PYTHON="$(PYTHON)" tools/setup.sh test
	@exec $(BIN)/python -m tests.soak $(or $(MINUTES),1)

lint:
	@PYTHON="$(PYTHON)" tools/setup.sh test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .

bench:
	@PYTHON="$(PYTHON)" tools/setup.sh bench
	@exec $(BIN)/python -m benchmarks.bench $(ARGS)

figures:
	@PYTHON="$(PYTHON)" tools/setup.sh run
	@exec $(BIN)/python -m benchmarks.publish $(ARGS)

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache benchmarks/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
