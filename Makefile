# `make help` explains every target. `make demo` and `make test` each work as the first command on a
# machine that has Python >= 3.11, pip and make: they make .venv and install what they need.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ARGS ?=
# How many processes run tests side by side, each with servers of its own.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
# Files share servers, and those that take long are split between processes once others have finished.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations=10
# Every benchmark but the yardstick, which the others start.
BENCH ?= $(filter-out bare,$(patsubst loadtest/bench/%.py,%,$(wildcard loadtest/bench/*.py)))

# The first interpreter that is new enough; override it with `make PYTHON=...`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)

CODE := holdfast queue inventory ledger lua metrics tasks web connector demo loadtest tests scripts
TYPED := $(CODE) $(if $(wildcard examples/*.py examples/*/*.py),examples)

.PHONY: help demo serve test torture explore check lint types layers lua docs fmt bench smoke screenshots pins clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -- running -----------------------------------------------------------------------------------

demo: $(VENV)/.installed  ## Run an on-sale with a crowd; ARGS="--visitors 500 --headless"
	@$(BIN)/holdfast demo $(ARGS)

serve: $(VENV)/.installed  ## Run the service alone; ARGS="--port 8080 --workers 2"
	@$(BIN)/holdfast serve $(ARGS)

# -- checking ----------------------------------------------------------------------------------

test: $(VENV)/.installed-dev  ## Run the tests; JOBS=1 one after another; ARGS="tests/web -k origin"
	@$(PYTEST) $(ARGS)

torture: $(VENV)/.installed-dev  ## What takes long, in full: sizes, kills, stories; PART=2/7 for a seventh
	@$(PYTEST) -vv -m torture $(if $(PART),--part $(PART)) $(ARGS)

explore: $(VENV)/.installed-dev  ## Random schedules against the model; ARGS="--schedules 100000 --processes 2 --two-stores"
	@$(BIN)/python scripts/explore_schedules.py $(ARGS)

check: lint types layers lua docs  ## Everything that is checked without running the service

lint: $(VENV)/.installed-dev  ## ruff: rules and format
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.installed-dev  ## mypy --strict over code, tests and load tests
	@$(BIN)/mypy $(TYPED)

layers: $(VENV)/.installed-dev  ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo

lua: $(VENV)/.installed-dev  ## luacheck over the scripts as the store gets them
	@$(BIN)/python scripts/check_lua.py

docs: $(VENV)/.installed-dev  ## Documents agree with the code and with themselves
	@$(BIN)/python scripts/generate_docs.py --check
	@$(BIN)/python -m pytest $(addprefix tests/house/documents/test_,docs.py contributing.py lifecycles.py architecture.py)

smoke: $(VENV)/.installed-dev  ## Build the wheel, install it elsewhere, sell one seat, leave nothing behind
	@$(BIN)/python scripts/smoke.py

# -- working -----------------------------------------------------------------------------------

fmt: $(VENV)/.installed-dev  ## Format the code and write the generated parts of the documents
	@$(BIN)/ruff check --fix --quiet $(CODE) || true
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/python scripts/generate_docs.py

bench: $(VENV)/.installed-dev  ## Run the benchmarks; BENCH=holds ARGS="--seconds 1" for one
	@for bench in $(BENCH); do \
		echo "== $$bench"; $(BIN)/python loadtest/bench/$$bench.py $(ARGS) || exit 1; \
		done

screenshots: $(VENV)/.installed-dev  ## Take every scene of waiting page and shop; ARGS="--readme" for the README's pictures
	@$(BIN)/python scripts/screenshots.py $(ARGS)

pins: $(VENV)/.installed-dev  ## Write constraints.txt from what .venv has
	@$(PIP) install --constraint constraints.txt --editable '.[bench]'
	@$(BIN)/python scripts/write_pins.py

clean:  ## Remove what make and the tests made; data in .holdfast stays
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- installing --------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Holdfast needs Python 3.11 or newer; none was found." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
# Some systems ship Python without ensurepip: then pip itself installs pip.
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --disable-pip-version-check -qq --python $(BIN)/python install pip; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Holdfast (about a minute, the first time)"
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Holdfast and what its tests need"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed
