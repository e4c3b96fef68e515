# Waiver Exchange. `make` lists the targets.

PYTHON   ?= python3
PORT     ?= 8081
DATA_DIR ?= data/demo
SEED     ?= 20260907
SECONDS  ?= 600
T        ?=

BIN := .venv/bin
# Checked as far as they exist; mypy and ruff refuse a folder that does not.
CHECKED := $(wildcard src tests tools benchmarks deploy examples setup.py)

LOCKING = --universal --python-version 3.11 --generate-hashes $(UPGRADE) --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" --quiet

# In words that every Python ever made can read.
define REQUIRE_PYTHON
import sys
if sys.version_info < (3, 11):
    sys.exit("Waiver Exchange needs Python 3.11 or newer; %s is %s. Name another one: make setup PYTHON=python3.12"
             % (sys.executable, sys.version.split()[0]))
endef
export REQUIRE_PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup run demo-reset test check bench simulate fuzz fmt client lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Prepare .venv and compile the engine, as far as anything has changed
	@$(PYTHON) -c "$$REQUIRE_PYTHON"
	@$(PYTHON) tools/prepare.py
	@$(BIN)/python tools/build_engine.py

run: setup ## Serve the demo exchange: PORT=8081 DATA_DIR=data/demo
	@exec $(BIN)/waiver serve --demo --data-dir $(DATA_DIR) --port $(PORT)

demo-reset: setup ## Remove the demo's data: DATA_DIR=data/demo
	@exec $(BIN)/waiver demo-reset --data-dir $(DATA_DIR)

test: setup ## Run the tests; one: T=tests/unit/test_check_shifts.py::name
ifeq ($(T),)
	@$(BIN)/python tools/prepare_tests.py
	@$(BIN)/pytest -q -n 2
else
	@$(BIN)/pytest $(T)
endif

check: setup ## Lint, check the format, the types, the imports, secrets and dependencies
	@echo "check: ruff check"
	@$(BIN)/ruff check --quiet $(CHECKED)
	@echo "check: ruff format --check"
	@$(BIN)/ruff format --check --quiet $(CHECKED)
	@echo "check: mypy --strict"
	@$(BIN)/mypy --strict --no-error-summary $(CHECKED)
	@echo "check: lint-imports"
	@$(BIN)/lint-imports --no-logo
	@echo "check: shifts in the compiled engine"
	@$(BIN)/python tools/check_shifts.py
	@echo "check: bandit"
	@$(BIN)/bandit --quiet --severity-level medium --configfile pyproject.toml --recursive src tools setup.py
	@echo "check: Dockerfiles and compose.yaml"
	@$(BIN)/python tools/check_deploy.py
	@echo "check: secrets in tracked files"
	@$(BIN)/python tools/check_secrets.py
	@echo "check: advisories about dependencies"
	@$(BIN)/python tools/check_advisories.py

bench: setup ## Measure
	@$(BIN)/python benchmarks/run.py

simulate: setup ## Run the seeded simulation: SEED=20260907
	@SEED=$(SEED) $(BIN)/pytest tests/simulation

fuzz: setup ## Send random requests to the API as its document allows, and does not: SEED=20260907 SECONDS=600
	@SEED=$(SEED) FUZZ_SECONDS=$(SECONDS) $(BIN)/pytest -s tests/acceptance/test_rest_schema.py

fmt: setup ## Format, and mend what ruff can mend
	@$(BIN)/ruff format $(CHECKED)
	@$(BIN)/ruff check --fix $(CHECKED)

client: setup ## Write the generated parts of the Python client: its synchronous form, the codes of refusals
	@$(BIN)/python tools/generate_client.py

lock: ## Resolve the dependencies into the lock files; newest versions: UPGRADE=--upgrade
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/pip install --quiet uv
	@build/lock/bin/uv pip compile pyproject.toml --group dev $(LOCKING) --output-file requirements.lock
	@build/lock/bin/uv pip compile tests/requirements/alpaca-trade-api.in $(LOCKING) \
		--output-file tests/requirements/alpaca-trade-api.lock
	@build/lock/bin/uv pip compile pyproject.toml --constraint requirements.lock $(LOCKING) \
		--output-file deploy/images/requirements.lock
	@build/lock/bin/uv pip compile deploy/images/build.in --constraint requirements.lock $(LOCKING) \
		--output-file deploy/images/build.lock
	@build/lock/bin/uv pip compile tests/requirements/compose.in $(LOCKING) --output-file tests/requirements/compose.lock
	@echo "lock: requirements.lock, deploy/images/*.lock, tests/requirements/*.lock"

clean: ## Remove what was built; .venv and data stay
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis src/*.egg-info
	@rm -f src/*.so src/waiver_exchange/*/*.so
	@find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
