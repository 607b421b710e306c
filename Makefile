# `make demo` and `make test` need Python 3.10 or later with venv, git and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
SPHINX := $(BIN)/sphinx-build -W --keep-going -d docs/_build/doctrees

.PHONY: demo test test-oldest soak coverage docs dist lint clean

demo: .venv/.installed
	$(BIN)/lstmfcn demo

test: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist worksteal

# What may go wrong once in a hundred times: kills, threads, memory of many fits.
soak: .venv/.installed-dev
	LSTMFCN_SOAK=100 $(BIN)/python -m pytest tests -m soak

# A part of the tests, without extras, with the oldest versions that setup.cfg promises.
OLDEST_PYTHON ?= python3.10
OLDEST_TESTS ?= tests/test_layers.py tests/test_training.py tests/test_persistence.py \
	tests/test_datasets_files.py tests/test_sktime.py tests/test_contract_sklearn.py

test-oldest: .venv-oldest/.installed
	.venv-oldest/bin/python -m pytest $(OLDEST_TESTS)

coverage: .venv/.installed-dev
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/coverage combine
	$(BIN)/coverage report

# The site, in docs/_build/html: without warnings, its code run, its inside links checked.
docs: .venv/.installed-docs
	$(SPHINX) -b html docs docs/_build/html
	$(SPHINX) -b doctest docs docs/_build/doctest
	$(BIN)/python docs/extensions/inside_links.py docs/_build/html

# Builds sdist and wheel, checks them, and tries the wheel in an empty folder.
dist: .venv/.installed-dist
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m venv --clear build/try
	build/try/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd build/try && bin/lstmfcn --version

lint: .venv/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-oldest build dist docs/_build docs/gallery docs/api/generated docs/cli/generated *.egg-info demo-output .pytest_cache .ruff_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Nothing is installed again until the dependencies change.
.venv/.installed: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

.venv/.installed-docs: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

.venv/.installed-dist: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build twine
	touch $@

.venv-oldest/.installed: setup.cfg tests/oldest.txt
	$(OLDEST_PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint tests/oldest.txt --editable . "pytest>=8"
	touch $@
