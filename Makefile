# Everything a person or CI needs, one word a task. A fresh machine needs python3.11 or newer and make.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO ?= demo

.PHONY: help demo test coverage test-all check bench lock schemas pictures format clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run  ## the sample newsroom, collected, flagged and written as a digest into demo/
	$(BIN)/ceasewire demo $(DEMO)

test: $(VENV)/.test  ## every test but the heavy ones
	$(BIN)/python -m tests.run

coverage: $(VENV)/.test  ## the same tests, with the lines they reach (at least 90 %)
	$(BIN)/python -m tests.run --coverage

test-all: $(VENV)/.test  ## the heavy tests too (at most 45 minutes)
	$(BIN)/python -m tests.run --all

check: $(VENV)/.test  ## lint, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.bench  ## measure against named peers; writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

schemas: $(VENV)/.run  ## write docs/schemas/ and docs/configuration.md from the models
	$(BIN)/ceasewire config schemas docs

pictures: $(VENV)/.test  ## make docs/pictures again (maintainers; needs Chromium): look at them before you commit
	$(BIN)/python -m tests.looks.pictures

format: $(VENV)/.test  ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.run  ## resolve the dependencies anew (maintainers; needs uv from the registry)
	$(PIP) install uv
	cd requirements && for part in run test bench; do \
	  inputs="../pyproject.toml build.in"; \
	  [ $$part = run ] || inputs="$$inputs test.in"; \
	  [ $$part != bench ] || inputs="$$inputs bench.in"; \
	  constraint=""; [ $$part = run ] || constraint="-c run.lock"; \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links $$constraint $$inputs -o $$part.lock || exit 1; \
	done

clean:  ## remove what the targets above have made
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* dist
	find alerts crawler tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Debian splits ensurepip from python3: then the pip of the machine fills the environment from outside.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "ceasewire needs python3.11 or newer; none was found" >&2; exit 69; }
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
	  $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; }

$(VENV)/.run: requirements/run.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/run.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/test.lock $(VENV)/.run
	$(PIP) install --require-hashes -r requirements/test.lock
	@touch $@

$(VENV)/.bench: requirements/bench.lock $(VENV)/.test
	$(PIP) install --require-hashes -r requirements/bench.lock
	@touch $@
