# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check bench docs clean

demo: $(READY)
	$(BIN)/polytag demo

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	for name in metrics losses ema decode labels_memory; do $(BIN)/python benchmarks/$$name.py || exit 1; done

# The pages that follow from the tables; the rest of docs/ is written by hand.
docs: $(READY)
	$(BIN)/python docs/make_reference.py

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache

$(READY): pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
