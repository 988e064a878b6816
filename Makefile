# `make demo` and `make test` set themselves up: they need python3 (3.11 or newer), make and a network.
PYTHON ?= python3
PROVIDERS ?= simulated
STAGE ?= dev
BIN := .venv/bin
READY := .venv/ready
INFRA := .venv/ready-infra
# Node comes from PyPI; npm's aws-cdk 3.0.0 is an accidental publish and fails against current libraries.
CDK := aws-cdk@2.1148.1
RUN_CDK = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npx --yes $(CDK)

# A Python that is named, as in `make demo PYTHON=python3.12`, replaces a .venv of another version.
ifneq ($(origin PYTHON),file)
ifneq ($(shell { "$(PYTHON)" -V; } 2>&1),$(shell { $(BIN)/python -V; } 2>&1))
ANEW := yes
.PHONY: $(READY)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help demo serve test clients browser e2e chaos e2e-streaming package image deploy smoke diff destroy sam-invoke e2e-sam bench lint format lock clean

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(READY) ## Show the fallback chain at work (PROVIDERS=real asks the configured providers, WATCH=1 waits for a browser)
	@$(BIN)/python -m local.demo --providers $(PROVIDERS) $(if $(WATCH),--watch)

serve: $(READY) ## Start the gateway on http://127.0.0.1:4000; without keys, on the simulator (ARGS=... for others)
	@$(BIN)/fallback-router serve $(or $(ARGS),--simulate)

# In the order of the folders: the slow ones come first, and no worker ends with minutes of them.
test: $(INFRA) lint ## Run the linters and all tests
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

clients: $(INFRA) ## Run the real clients against the gateway and write docs/clients.md (NAMES="codex ..." prints instead)
	@$(BIN)/python -m tests.clients $(NAMES)

browser: $(INFRA) ## Look at the console in Debian's Chromium (apt-get install chromium)
	@test -x /usr/bin/chromium || { echo "browser: needs Debian's Chromium: apt-get install chromium" >&2; exit 1; }
	@$(BIN)/pytest -q tests/browser/console.py

e2e: $(INFRA) ## Deploy to a local AWS and use it there, from keys to rotation to destroy
	@$(BIN)/pytest -q tests/e2e/shared_accounts.py tests/e2e/lost_table.py tests/e2e/operators.py tests/e2e/drills.py tests/e2e/budgets.py tests/e2e/deployed.py

chaos: $(INFRA) ## Change, break and restore two fleets under load on a local AWS; writes build/chaos.json
	@$(BIN)/pytest -q tests/e2e/live_mapping.py tests/e2e/chaos.py

e2e-streaming: $(INFRA) ## Run the package behind the real Lambda Web Adapter (needs cargo)
	@if command -v cargo >/dev/null; then $(BIN)/pytest -q tests/e2e/streaming_door.py; \
	else echo "e2e-streaming: skipped: cargo is not installed (it builds the Lambda Web Adapter)"; fi

package: $(READY) ## Build the Lambda package (ARCH=arm64 or x86_64)
	@$(BIN)/python -m infra.lambda_package --arch $(or $(ARCH),arm64)

image: ## Build the container's image (needs a running Docker)
	@if docker version >/dev/null 2>&1; then docker build -f container/Dockerfile -t fallback-router .; \
	else echo "image: skipped: no Docker engine is running (it builds the image)"; fi

deploy: $(INFRA) ## Deploy to AWS (STAGE=dev or prod, ARGS="-c waf=true ..."); `cdk deploy` does the same
	@$(RUN_CDK) deploy -c stage=$(STAGE) $(ARGS)
	@echo "Once the providers' keys are stored (fallback-router secrets set PROVIDER): make smoke STAGE=$(STAGE)"

smoke: $(READY) ## Ask a deployed stage everything its callers would (STAGE=dev or prod, ARGS="--config my-chain.yaml")
	@$(BIN)/fallback-router smoke --stack FallbackRouter-$(STAGE) $(ARGS)

diff: $(INFRA) ## Show what a deployment would change
	@$(RUN_CDK) diff -c stage=$(STAGE) $(ARGS)

destroy: $(INFRA) ## Delete a stage from AWS
	@$(RUN_CDK) destroy -c stage=$(STAGE) $(ARGS)

sam-invoke: $(INFRA) ## Run one event through the function in Docker (EVENT=..., ENV=file.json; PORT=3000 serves the API instead)
	@PINNED_CDK=$(CDK) $(BIN)/python -m infra.sam $(if $(PORT),api --port "$(PORT)",invoke "$(or $(EVENT),tests/events/ask.json)") $(if $(ENV),--env "$(ENV)")

e2e-sam: $(INFRA) ## Run the package in containers through the SAM command line (needs Docker, or root on Debian)
	@PINNED_CDK=$(CDK) $(BIN)/python -m infra.sam test

bench: $(INFRA) ## Measure speed side by side with the alternatives (ARGS=--quick ...)
	@$(BIN)/python -m bench $(ARGS)

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
	for client in tests/clients/*/requirements.in; do $(LOCK) "$$client" -o "$${client%.in}.txt" || exit 1; done
	for client in tests/clients/*/package.json; do $(BIN)/npm install --prefix "$${client%/*}" --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund || exit 1; done
	$(LOCK) tests/e2e/requirements.in -o tests/e2e/requirements.txt
	$(LOCK) tests/e2e/requirements-lambda.in -o tests/e2e/requirements-lambda.txt
	$(LOCK) scripts/requirements-sam.in -o scripts/requirements-sam.txt
	$(subst 3.11,3.13,$(LOCK)) infra/requirements-runtime.in -o infra/requirements-runtime.txt

clean: ## Remove everything that was installed or built
	rm -rf .venv .clients build dist cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): requirements-uv.txt requirements.txt pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" ANEW=$(ANEW) sh scripts/setup.sh
	@touch $@

# What synthesizes and deploys the stack: 300 MB that the demo does without.
$(INFRA): $(READY) infra/requirements.txt
	@echo "setup: installing what checks and deploys the AWS stack (once)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r infra/requirements.txt
	@touch $@
