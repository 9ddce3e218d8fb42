# Every command. `make` lists them. Each does its own set-up: a machine needs Python 3.11, pip and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
BUILD_FILES := pyproject.toml $(wildcard hatch_build.py package.json package-lock.json)
PIP    := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2
ARGS   ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## list the commands
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# -- set-up: each stamp is as new as what it was made from, so the second start does nothing ------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt requirements/node.txt $(BUILD_FILES) | $(BIN)/python
	@echo "Installing what Sojourn needs ..."
	@$(PIP) install --quiet --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@command -v npm >/dev/null || $(PIP) install --quiet --require-hashes -r requirements/node.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing what the tests need ..."
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# Other people's clients live apart: nothing of theirs may stand in for what Sojourn forgot to ask for (decision 93).
$(VENV)/clients/.ready: requirements/clients.txt | $(BIN)/python
	@echo "Installing other people's clients ..."
	@$(BIN)/python -m venv --clear $(VENV)/clients
	@$(VENV)/clients/bin/python -m pip --disable-pip-version-check install --quiet --retries 10 --require-hashes -r requirements/clients.txt
	@touch $@

setup: $(VENV)/.dev $(VENV)/clients/.ready ## make .venv with everything in it

# -- run it -----------------------------------------------------------------------------------------------------------------------

demo: $(VENV)/.runtime ## start everything with the sample organization; prints the address and the logins
	@exec $(BIN)/sojourn demo $(ARGS)

serve: $(VENV)/.runtime ## start the server
	@exec $(BIN)/sojourn serve $(ARGS)

# -- check it ---------------------------------------------------------------------------------------------------------------------

test: lint types $(VENV)/.dev $(VENV)/clients/.ready ## everything that CI runs
	@$(BIN)/python -m tools.chromium
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" $(ARGS)

test-slow: $(VENV)/.dev $(VENV)/clients/.ready ## what CI leaves out: clients for Node, large imports, and thirty times as many examples
	@$(BIN)/python -m tools.chromium
	SOJOURN_TEST_EFFORT=thorough $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-fast: $(VENV)/.dev $(VENV)/clients/.ready ## the tests without the slow ones and without a browser
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not browser" $(ARGS)

bench: $(VENV)/.runtime ## measure the server against a bare app in the same run (ARGS="--quick", "--first" on a busy machine)
	$(BIN)/python -m bench $(ARGS)

bench-million: $(VENV)/.runtime ## the chart search at 50,000 and at 1,000,000 resources (half an hour)
	$(BIN)/python -m bench.growth $(ARGS)

leaktest: $(VENV)/.dev ## look for leaks: make leaktest SECONDS_TO_RUN=600
	SECONDS_TO_RUN=$(or $(SECONDS_TO_RUN),600) $(BIN)/python -m pytest -s -q tests/leaks/test_two_worlds.py -k as_long_as_you_like $(ARGS)
	SOJOURN_AGREE_CASES=100000 $(BIN)/python -m pytest -q tests/gate/test_agree.py tests/gate/test_agree_consents.py $(ARGS)

lint: $(VENV)/.dev ## ruff, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache --verbose > $(VENV)/imports.log 2>&1 || { $(BIN)/lint-imports --no-cache; exit 1; }

fix: $(VENV)/.dev ## let ruff repair what it can
	@$(BIN)/ruff check --fix .

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

# -- what is generated ------------------------------------------------------------------------------------------------------------

lock: $(VENV)/.dev ## pin the requirements anew, with hashes
	@for name in runtime build node dev clients; do \
	  $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header \
	    requirements/$$name.in -o requirements/$$name.txt || exit 1; done

schema: $(VENV)/.dev ## write schema.sql from the migrations
	@$(BIN)/python -m tools.schema

architecture: $(VENV)/.dev ## write the tree in ARCHITECTURE.md, the table of settings and the list of decisions
	@$(BIN)/python -m tools.tree
	@$(BIN)/python -m tools.decisions
	@$(BIN)/python -m tools.settings_table

.PHONY: help setup demo serve test test-slow leaktest test-fast bench bench-million lint fix types lock schema architecture
