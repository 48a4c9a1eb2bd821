# `make` prints this file's help. Every target makes .venv first when it is missing or behind the lock.

STAMP := .venv/.installed
IN_BACKEND := @cd backend && ../.venv/bin/python -m

# The newest of the Pythons that the lock supports, tried and not only looked up: a version manager's shim may be there without its Python.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11; do $$p -c '' 2>/dev/null && echo $$p && exit; done; echo python3)

.PHONY: help dev test run worker migrate migration downgrade seed superuser check lint types migrations configs format lock audit openapi bench
.DEFAULT_GOAL := help

help: ## print this
	@awk 'BEGIN { FS = ":.*## | \\| " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-48s %s\n", (NF > 2 ? $$1 " " $$2 : $$1), $$NF }' Makefile

##@ Work

dev: $(STAMP) ## everything, from nothing to a running API with demo data, reloading; ends with Ctrl-C
	@cd backend && exec ../.venv/bin/python -m tools.dev

test: $(STAMP) ## [only=blog] [slow=yes] | the tests on SQLite, PostgreSQL and, with MYSQL_TEST_URL, MySQL
	$(IN_BACKEND) tools.run_tests $${only:+--only "$$only"} $${slow:+--slow}

run: $(STAMP) ## the server alone, as in production: settings decide everything
	@cd backend && exec ../.venv/bin/python -m app.server

worker: $(STAMP) ## mail and jobs in a process of their own; several may run
	@cd backend && exec ../.venv/bin/python -m app.worker

##@ Database

migrate: $(STAMP) ## bring the database to the newest revision
	$(IN_BACKEND) alembic upgrade head

migration: $(STAMP) ## m="add tags" | write a revision from what changed in the models
	@test -n "$$m" || { echo 'Usage: make migration m="add tags to posts"'; exit 2; }
	$(IN_BACKEND) alembic revision --autogenerate -m "$$m"

downgrade: $(STAMP) ## [to=REVISION] | step back one revision, or to the one named
	$(IN_BACKEND) alembic downgrade "$${to:--1}"

seed: $(STAMP) ## load the demo data (refused in production)
	$(IN_BACKEND) app.cli seed

superuser: $(STAMP) ## email=… username=… [password=…] | make or promote a superuser; asks for the password
	@test -n "$$email" && test -n "$$username" || { echo 'Usage: make superuser email=ada@example.com username=ada [password=…]'; exit 2; }
	$(IN_BACKEND) app.cli superuser --email "$$email" --username "$$username" $${password:+--password "$$password"}

##@ Quality

check: lint types migrations configs test ## all that CI checks

lint: $(STAMP) ## style and mistakes (ruff)
	$(IN_BACKEND) ruff check .
	$(IN_BACKEND) ruff format --check --quiet .

types: $(STAMP) ## types (mypy, strict)
	$(IN_BACKEND) mypy

migrations: $(STAMP) ## models and revisions agree, and the revisions lock no table for long (alembic, squawk)
	$(IN_BACKEND) tools.check_migrations

configs: $(STAMP) ## docker-compose.yml and the CI workflow follow their schemas
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml

format: $(STAMP) ## put the code in form, mend what ruff can mend
	$(IN_BACKEND) ruff check --fix --exit-zero --quiet .
	$(IN_BACKEND) ruff format .

openapi: $(STAMP) ## rewrite the OpenAPI snapshots after a wanted change
	$(IN_BACKEND) tests.openapi_snapshots

bench: $(STAMP) ## the comparisons of the README, measured on this machine
	$(IN_BACKEND) benchmarks.admission
	$(IN_BACKEND) benchmarks.sign_in

##@ Packages

LOCKED = .venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make lock' $${upgrade:+--upgrade}

lock: $(STAMP) ## [upgrade=yes] | pin the packages of backend/*.in, all newer ones with upgrade
	@$(LOCKED) backend/requirements.in --output-file requirements.txt
	@$(LOCKED) backend/requirements-dev.in --constraint requirements.txt --output-file backend/requirements-dev.txt

audit: $(STAMP) ## known vulnerabilities of the pinned packages (needs the network)
	@.venv/bin/python -m pip_audit --strict --require-hashes --disable-pip --requirement requirements.txt

$(STAMP): requirements.txt backend/requirements-dev.txt
	@PYTHONPATH=backend $(PYTHON) -m tools.bootstrap

# A .venv whose Python has been removed since counts as missing.
ifneq ($(shell test -x .venv/bin/python && echo usable),usable)
.PHONY: $(STAMP)
endif
