# `make` prints this file's help. Every target makes .venv first when it is missing or behind the lock.

STAMP := .venv/.installed
IN_BACKEND := @cd backend && ../.venv/bin/python -m

# The newest of the Pythons that the lock supports, tried and not only looked up: a version manager's shim may be there without its Python.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11; do $$p -c '' 2>/dev/null && echo $$p && exit; done; echo python3)

# What is typed behind a target reaches it as it is; else a `$` in a password would be the name of a variable.
$(foreach _,$(.VARIABLES),$(if $(filter command,$(origin $_)),$(eval override export $_ := $$(value $_))))

.PHONY: help dev test test-faults peers peers-lock check-long feature feature-field feature-remove run worker migrate migration downgrade seed superuser dead-letters requeue rekey plans-sync webhook-register webhook-replay billing-doctor demo-billing check lint types migrations configs format lock audit openapi bench
.DEFAULT_GOAL := help

help: ## print this
	@awk 'BEGIN { FS = ":.*## | \\| " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-48s %s\n", (NF > 2 ? $$1 " " $$2 : $$1), $$NF }' Makefile

##@ Work

dev: $(STAMP) ## everything, from nothing to a running API with demo data, reloading; ends with Ctrl-C
	@cd backend && exec ../.venv/bin/python -m tools.dev

test: $(STAMP) ## [only=blog] [k=draft] [db=sqlite] [slow=yes] | the tests on SQLite, PostgreSQL and, with MYSQL_TEST_URL, MySQL
	$(IN_BACKEND) tools.run_tests $${only:+--only "$$only"} $${k:+--k "$$k"} $${db:+--db "$$db"} $${slow:+--slow}

test-faults: $(STAMP) ## [long=yes] | break things under load, and print promise and measurement as a table
	$(IN_BACKEND) tools.run_tests --faults $${long:+--long}

peers: $(STAMP) ## programs of others, unmodified, against the simulator: dj-stripe, better-auth, stripe-sync-engine, stripe-cli
	$(IN_BACKEND) tools.run_tests --peers

peers-lock: ## pin the packages of the peers anew, after a change of what they want (needs the network)
	@cd backend/tests/peers/djstripe_site && ../../../../.venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --custom-compile-command 'make peers-lock' requirements.in --output-file requirements.txt
	@for peer in better_auth stripe_cli sync_engine; do (cd backend/tests/peers/$$peer && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved) || exit; done

run: $(STAMP) ## the server alone, as in production: settings decide everything
	@cd backend && exec ../.venv/bin/python -m app.server

worker: $(STAMP) ## mail and jobs in a process of their own; several may run
	@cd backend && exec ../.venv/bin/python -m app.worker

##@ Features

feature: $(STAMP) ## name=invoices fields="number:str(32):unique …" [owner=none] [public=yes] [parent=forums] [plural=…] [dry=1] | write a feature that works
	@test -n "$$name" || { echo 'Usage: make feature name=notes fields="title:str(80) done:bool=false:index" [owner=none] [public=yes] [parent=forums] [plural=…] [dry=1]'; exit 2; }
	$(IN_BACKEND) scaffold feature --name="$$name" --fields="$$fields" $${owner:+--owner "$$owner"} $${public:+--public "$$public"} $${plural:+--plural "$$plural"} $${parent:+--parent "$$parent"} $${dry:+--dry "$$dry"}

feature-field: $(STAMP) ## name=invoices fields="paid_at:datetime?" [dry=1] | add fields to a feature
	@test -n "$$name" || { echo 'Usage: make feature-field name=notes fields="due_at:datetime?:index" [dry=1]'; exit 2; }
	$(IN_BACKEND) scaffold field --name="$$name" --fields="$$fields" $${dry:+--dry "$$dry"}

feature-remove: $(STAMP) ## name=invoices [yes=1] | take a feature away again
	@test -n "$$name" || { echo 'Usage: make feature-remove name=notes [yes=1]'; exit 2; }
	$(IN_BACKEND) scaffold remove --name="$$name" $${yes:+--yes "$$yes"}

##@ Database

migrate: $(STAMP) ## bring the database to the newest revision
	$(IN_BACKEND) alembic upgrade head

migration: $(STAMP) ## m="add tags" [empty=yes] [drop=yes] | write a revision from what changed in the models, or an empty one
	@test -n "$$m" || { echo 'Usage: make migration m="add tags to posts" [empty=yes] [drop=yes]'; exit 2; }
	$(IN_BACKEND) alembic $${drop:+-x "drop=$$drop"} revision $$(test -n "$$empty" || echo --autogenerate) -m "$$m"

downgrade: $(STAMP) ## [to=REVISION] | step back one revision, or to the one named
	$(IN_BACKEND) alembic downgrade "$${to:--1}"

seed: $(STAMP) ## load the demo data (refused in production)
	$(IN_BACKEND) app.cli seed

superuser: $(STAMP) ## email=… username=… | make or promote a superuser; asks for the password, or reads it from a pipe or PASSWORD
	@test -n "$$email" && test -n "$$username" || { echo 'Usage: make superuser email=ada@example.com username=ada'; exit 2; }
	@cd backend && PASSWORD="$${password:-$$PASSWORD}" ../.venv/bin/python -m app.cli superuser --email "$$email" --username "$$username"

##@ Repair

dead-letters: $(STAMP) ## the mails and jobs that were given up: which, since when, why
	$(IN_BACKEND) app.cli dead-letters

requeue: $(STAMP) ## [id="mail:12 job:3"] [all=yes] | have dead letters worked on again, for another 24 hours
	@test -n "$$id$$all" || { echo 'Usage: make requeue id="mail:12 job:3", or make requeue all=yes'; exit 2; }
	$(IN_BACKEND) app.cli requeue $$id $${all:+--all}

rekey: $(STAMP) ## encrypt with SECRET_KEY what was encrypted with SECRET_KEY_PREVIOUS
	$(IN_BACKEND) app.cli rekey

##@ Payments

plans-sync: $(STAMP) ## [apply=yes] | show, then make, what Stripe needs to sell what backend/plans.toml says
	$(IN_BACKEND) app.routers.payments.commands plans-sync $${apply:+--apply}

webhook-register: $(STAMP) ## have Stripe send the events that are handled here, and no others
	$(IN_BACKEND) app.routers.payments.commands webhook-register

webhook-replay: $(STAMP) ## [event=evt_…] [failed=yes] | list, then work off again, events that were given up on or parked
	$(IN_BACKEND) app.routers.payments.commands webhook-replay $${event:+--event "$$event"} $${failed:+--failed}

billing-doctor: $(STAMP) ## [fix=yes] | compare everything with Stripe; exits 1 on any difference
	$(IN_BACKEND) app.routers.payments.commands billing-doctor $${fix:+--fix}

demo-billing: $(STAMP) ## the life of a subscription, told step by step against a running `make dev`
	$(IN_BACKEND) tools.demo_billing

##@ Quality

check: lint types migrations configs test ## all that CI checks, but for the tests of faults

check-long: lint types migrations configs ## everything, the longest tests included; writes backend/docs/long-checks.md
	$(IN_BACKEND) tools.check_long

lint: $(STAMP) ## style and mistakes (ruff)
	$(IN_BACKEND) ruff check .
	$(IN_BACKEND) ruff format --check --quiet .

types: $(STAMP) ## types (mypy, strict)
	$(IN_BACKEND) mypy

migrations: $(STAMP) ## models and revisions agree, and the revisions lock no table for long (alembic, squawk)
	$(IN_BACKEND) tools.check_migrations

configs: $(STAMP) ## docker-compose.yml, the CI workflow and Renovate's file follow their schemas
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.renovate .github/renovate.json

format: $(STAMP) ## put the code in form, mend what ruff can mend
	$(IN_BACKEND) ruff check --fix --exit-zero --quiet .
	$(IN_BACKEND) ruff format .

openapi: $(STAMP) ## rewrite the OpenAPI snapshots after a wanted change
	$(IN_BACKEND) tests.openapi_snapshots

bench: $(STAMP) ## the comparisons of the README, measured on this machine
	$(IN_BACKEND) benchmarks.admission
	$(IN_BACKEND) benchmarks.sign_in
	$(IN_BACKEND) benchmarks.simulator
	$(IN_BACKEND) benchmarks.payments
	$(IN_BACKEND) benchmarks.mail

##@ Packages

LOCKED = .venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --custom-compile-command 'make lock' $${upgrade:+--upgrade}

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
