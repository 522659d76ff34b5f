# Everything from a fresh machine with Python 3.11+, git and make: `make demo`, `make test`, `make check`.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest

# Stamps: installed once, and again when what is to be installed changes.
MADE     := $(VENV)/.made
BASE     := $(VENV)/.installed
DEV      := $(VENV)/.installed-dev
SETTINGS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-slow-sample check docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

demo: $(BASE) ## Install oubli and see it learn, forget and prove it
	@$(BIN)/oubli demo

# One OpenMP thread a worker: more of them than cores wait for each other, and take four times as long.
test: $(DEV) ## Run the tests and the guides, a worker a core
	OMP_NUM_THREADS=1 $(PYTEST) -n auto --dist loadfile

test-slow: $(DEV) ## Run the slow tests
	$(PYTEST) -m slow

test-slow-sample: $(DEV) ## Run the few slow tests that every check includes
	$(PYTEST) -m slow_sample

check: $(DEV) ## Lint, format, types, floors, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory docs

docs: $(DEV) ## Build the documentation into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

clean: ## Remove the environment and everything built
	rm -rf $(VENV) build dist docs/_build docs/reference/generated .pytest_cache .mypy_cache .ruff_cache \
	    .import_linter_cache .hypothesis report.html
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "oubli needs Python 3.11 or newer, and '$(PYTHON)' is not: $$($(PYTHON) --version 2>&1)."; \
	    echo "Name another one: make PYTHON=python3.12 ..."; exit 1; } >&2
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(BASE): $(MADE) $(SETTINGS)
	@echo "Installing oubli (a minute or so, once)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

# The development install contains the plain one, hence both stamps.
$(DEV): $(MADE) $(SETTINGS)
	@echo "Installing oubli and its development tools (a minute or so, once)"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $(BASE) $@
