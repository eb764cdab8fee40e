# The two commands a newcomer needs: `make demo` and `make test`. Both do all the set-up.
.DEFAULT_GOAL := help
BIN := .venv/bin
TESTS ?=
PART ?=

.PHONY: help setup demo test test-nightly test-pipeline unit lint format terraform-provider requirements reference \
	schema deploy clean

help:           ## list the targets
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile | expand -t 15

setup:          ## Debian packages, virtual environment, node image, database image
	@scripts/setup.sh

demo: setup     ## the whole story on a site of your own: reserve, launch, log in, watch the time, give back
	@$(BIN)/chi-lab demo

test: setup     ## lint, types, and the tests of every change; starts sandboxes of its own, two tests at a time
	@scripts/test.sh $(TESTS)

test-nightly: setup  ## what repeats at size or takes long, one part a run: PART=faults; without PART it lists the parts
	@[ "$(PART)" != pipeline ] || scripts/setup-pipeline.sh
	@$(BIN)/python scripts/nightly.py $(PART) $(TESTS)

test-pipeline: setup  ## the sample pipeline alone: types and all its tests, in an environment of its own
	@scripts/setup-pipeline.sh
	cd pipeline && .venv/bin/mypy && .venv/bin/python -m pytest

unit: setup     ## the tests that need no site
	$(BIN)/python -m pytest -m "not nightly" tests/unit

lint: setup     ## ruff, mypy --strict, import layers, Ansible and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict --python-version 3.10 ansible/roles/base/files/chi_lab_guard.py
	$(BIN)/mypy --strict ansible/roles/python/files/chi_lab_uv.py
	$(BIN)/lint-imports --no-cache
	@scripts/terraform-fmt.sh
	$(BIN)/yamllint --strict .
	cd ansible && ANSIBLE_HOME=$(CURDIR)/.chi-lab/ansible ../$(BIN)/ansible-lint --offline -q </dev/null

format:         ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

terraform-provider: ## build Terraform's OpenStack provider, where no registry is reached
	@scripts/terraform-provider.sh

UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	--custom-compile-command "make requirements" pyproject.toml
PIPELINE_COMPILE = ../$(UV_COMPILE)
requirements:   ## pin what pyproject.toml and the roles ask for (UPGRADE=--upgrade for the newest)
	$(UV_COMPILE) $(UPGRADE) --extra sandbox --extra dev -o requirements-dev.txt
	$(UV_COMPILE) --extra sandbox -c requirements-dev.txt -o requirements-sandbox.txt
	$(UV_COMPILE) -c requirements-dev.txt -o requirements.txt
	cd pipeline && $(PIPELINE_COMPILE) $(UPGRADE) --extra dev -o requirements-dev.txt
	cd pipeline && $(PIPELINE_COMPILE) --extra cpu -c requirements-dev.txt -o requirements.txt
	cd pipeline && $(PIPELINE_COMPILE) --extra cuda -c requirements-dev.txt -o requirements-cuda.txt
	cd pipeline && $(PIPELINE_COMPILE) --extra cpu --extra tune -c requirements-dev.txt -o requirements-tune.txt
	cd pipeline && $(PIPELINE_COMPILE) --extra cpu --generate-hashes -c requirements.txt -o ../ansible/roles/serving/files/requirements.txt
	cd pipeline && $(PIPELINE_COMPILE) --extra cuda --generate-hashes -c requirements-cuda.txt -o ../ansible/roles/serving/files/requirements-cuda.txt
	$(BIN)/python scripts/lock_roles.py $(UPGRADE)

reference:      ## write docs/reference/cli.md anew
	$(BIN)/python scripts/cli_reference.py >docs/reference/cli.md

schema:         ## write the JSON Schema of reservation.yaml anew
	$(BIN)/python -m chi_helpers.config.schema

deploy:         ## write the systemd units and the crontab of deploy/ anew
	$(BIN)/python scripts/deploy_files.py

clean:          ## remove this checkout's sandboxes, their state, and the virtual environment
	@for folder in .chi-lab/sandbox/*/ .chi-lab/tests/sandbox/*/; do \
	  [ -d "$$folder" ] || continue; \
	  CHI_LAB_STATE=$$(dirname $$(dirname $$folder)) $(BIN)/chi-lab sandbox reset --name $$(basename $$folder) || exit 1; \
	done
	rm -rf .chi-lab .venv pipeline/.venv
