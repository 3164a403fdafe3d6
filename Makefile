# `make help` lists the targets. Nothing but Python >= 3.11 and make is expected.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A process and a database server for each core, and one more, since many tests wait. Those of one file stay together;
# files go in order, so that the few long ones do not come last.
EACH_CORE := -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1))) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install demo serve test check clients soak bench openapi lock

help: ## list these targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## create .venv from the lock files

$(VENV)/.installed: deploy/requirements.txt deploy/requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r deploy/requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

demo: install ## the xz story on a fresh embedded database, then serve it
	$(BIN)/muster demo

serve: install ## API, pages and scheduler
	$(BIN)/muster serve

test: install ## the whole suite on small samples, under five minutes
	$(BIN)/python -m pytest $(EACH_CORE) -m "not soak and not clients" tests

check: install ## what .ci/run runs: lint, types, floors, tests, migrations, OpenAPI drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(EACH_CORE) -m "not soak and not clients" tests

clients: install ## other people's clients, installed from their registries, against a real server
	$(BIN)/python -m pytest -m clients tests

soak: install ## whole corpus, fuzzing and crash runs
	$(BIN)/python -m pytest -m soak --timeout 3600 tests

bench: install ## benchmarks; they print figures and judge nothing
	PYTHONPATH=tests $(BIN)/python -m benchmarks

openapi: install ## write openapi/openapi.json from the application
	$(BIN)/muster openapi > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

lock: install ## pin the dependencies anew, with hashes and without naming an index
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
		pyproject.toml -o deploy/requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
		pyproject.toml --group dev -c deploy/requirements.txt -o deploy/requirements-dev.txt
