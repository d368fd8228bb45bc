# `make` lists what there is. Everything runs from .venv, which `make install` makes and keeps up to date.
# PYTHON=/path/to/python3.12 picks another interpreter, ARGS="…" is passed on.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install compile demo test faults soak check format fuzz bench bench-check bench-peers board screenshots schemas
.PHONY: clean distclean
SHELL := /bin/bash

ARGS ?=
PYTHON ?=
BIN := .venv/bin
STAMP := .venv/.installed
COMPILE := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0

help: ## List the targets
	@echo "Rapport: streaming engagement monitor for brand-influencer partnerships"; echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done
	@echo; echo '  e.g. make demo ARGS="--for 40s --json", make test ARGS="-k doctor"'

install: compile ## Make .venv with the command .venv/bin/rapport

# All that is printed here goes to stderr: the last line of `make demo ARGS=--json` is the demo's alone.
$(STAMP): pyproject.toml constraints.txt
	@python=$$(./.ci/find-python $(PYTHON)) || exit 1; \
	if [ -x $(BIN)/python ] && ! $(BIN)/python -c '' 2>/dev/null; then rm -rf .venv; fi; \
	if [ ! -x $(BIN)/python ]; then \
	  echo "making .venv with $$python ($$($$python -V 2>&1))" >&2; \
	  $$python -m venv .venv >&2 || { rm -rf .venv; echo "could not make .venv: on Debian, install python3-venv" >&2; exit 1; }; \
	fi
	@echo "installing what Rapport needs (half a minute the first time)" >&2
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[embedded,dev]' -c constraints.txt >&2
	@$(COMPILE) -x '/(tests?|pip|setuptools|mypy|playwright)/' .venv/lib >&2
	@touch $@

# By hand, on all cores, and also where PYTHONDONTWRITEBYTECODE is set: a process that finds no bytecode takes
# two seconds more to start, and tests start hundreds.
compile: $(STAMP)
	@$(COMPILE) schemas streams processors dashboards tests >&2

demo: compile ## Watch partnerships being scored live, on this machine alone
	@$(BIN)/rapport demo $(ARGS)

test: compile ## Run every test that this machine can run, and say what was skipped and why
	@$(BIN)/python -m tests -rs $(ARGS)

faults: compile ## Break everything for real, and compare with undisturbed runs (ARGS="--list" tells what)
	@$(BIN)/python -m tests.faults $(ARGS)

soak: compile ## Over 200 kills, ten minutes of overload, an hour over 90 days of events (two hours in all)
	@$(BIN)/python -m tests.faults --soak $(ARGS)

check: $(STAMP) ## Formatting, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(STAMP) ## Format the code and sort imports
	@$(BIN)/ruff check --select I --fix --quiet .
	@$(BIN)/ruff format .

bench: compile ## Push a million events through the whole job on Apache Kafka and Redis
	@$(BIN)/python -m bench $(ARGS)

bench-check: compile ## Fail when a stage of the core costs more than docs/performance.md allows
	@$(BIN)/python -m bench.check $(ARGS)

bench-peers: compile ## Count the same events with our engine, Faust, Quix, Bytewax and Kafka Streams
	@$(BIN)/python -m bench.peers $(ARGS)

board: ## Build the board's page anew from its sources (needs node and npm)
	@cd dashboards/board && npm ci && npm run --silent check && npm run --silent build

screenshots: $(STAMP) ## Make the board's pictures in docs/ anew (needs Chromium)
	@$(BIN)/python -m tests.board.screenshots

schemas: $(STAMP) ## Write the JSON Schemas and the AsyncAPI document anew from the models
	@$(BIN)/rapport schemas export schemas/json

clean: ## Remove caches and scratch files
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .rapport build dist *.egg-info tests/artifacts
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## Also remove .venv and the downloaded Kafka
	@rm -rf .venv .cache
