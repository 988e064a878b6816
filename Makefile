# `make demo` and `make test` set themselves up: they need python3 (3.11 or newer), make and a network.
PYTHON ?= python3
PROVIDERS ?= simulated
BIN := .venv/bin
READY := .venv/ready
INFRA := .venv/ready-infra

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint format lock clean

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(READY) ## Show the fallback chain at work (PROVIDERS=real asks the configured providers)
	@$(BIN)/python -m local.demo --providers $(PROVIDERS)

serve: $(READY) ## Start the gateway on http://127.0.0.1:4000; without keys, on the simulator (ARGS=... for others)
	@$(BIN)/fallback-router serve $(or $(ARGS),--simulate)

test: $(INFRA) lint ## Run the linters and all tests
	@$(BIN)/pytest -q

lint: $(INFRA) ## Run ruff, mypy and import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format -q .

LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
lock: $(READY) ## Write exact versions and hashes after a change of a requirements.in
	$(LOCK) requirements-uv.in -o requirements-uv.txt
	$(LOCK) lambda_src/requirements.in -o lambda_src/requirements.txt
	$(LOCK) requirements.in -c lambda_src/requirements.txt -o requirements.txt
	$(LOCK) infra/requirements.in -c requirements.txt -o infra/requirements.txt

clean: ## Remove everything that was installed or built
	rm -rf .venv build dist cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): requirements-uv.txt requirements.txt pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh
	@touch $@

# What synthesizes and deploys the stack: 300 MB that the demo does without.
$(INFRA): $(READY) infra/requirements.txt
	@echo "setup: installing what checks and deploys the AWS stack (once)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r infra/requirements.txt
	@touch $@
