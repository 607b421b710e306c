# `make demo` and `make test` need Python 3.10 or later with venv, git and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test soak lint clean

demo: .venv/.installed
	$(BIN)/lstmfcn demo

test: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist worksteal

# What may go wrong once in a hundred times: kills, threads, memory of many fits.
soak: .venv/.installed-dev
	LSTMFCN_SOAK=100 $(BIN)/python -m pytest tests -m soak

lint: .venv/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist *.egg-info demo-output .pytest_cache .ruff_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Nothing is installed again until the dependencies change.
.venv/.installed: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@
