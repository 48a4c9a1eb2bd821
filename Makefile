# `make` prints the help of this file. Every target first makes .venv if it is missing
# or older than the lock.

STAMP := .venv/.installed
IN_BACKEND := @cd backend && ../.venv/bin/python -m

# PYTHON is the newest installed Python that the lock supports. Each candidate is run,
# because a version manager's shim may exist without its Python.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11; do $$p -c '' 2>/dev/null && echo $$p && exit; done; echo python3)

# Pass variables from the command line on unchanged. Otherwise make would read a `$` in a
# password as the start of a variable.
$(foreach _,$(.VARIABLES),$(if $(filter command,$(origin $_)),$(eval override export $_ := $$(value $_))))

.PHONY: help dev test test-faults peers peers-lock check-long feature feature-field feature-remove run worker migrate migration downgrade seed superuser forget doctor backup restore dead-letters requeue rekey end-sessions reindex render-posts recount plans-sync webhook-register webhook-replay billing-doctor demo-billing check lint types migrations configs format lock audit sbom docs openapi client client-check bench upgrade
.DEFAULT_GOAL := help

help: ## print this help
	@awk 'BEGIN { FS = ":.*## | \\| " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-48s %s\n", (NF > 2 ? $$1 " " $$2 : $$1), $$NF }' $(MAKEFILE_LIST)

##@ Work

dev: $(STAMP) ## set up and run the API with demo data; it reloads on changes, and Ctrl-C ends it
	@cd backend && exec ../.venv/bin/python -m tools.dev

test: $(STAMP) ## [only=blog] [k=draft] [db=sqlite] [slow=yes] | run the tests on SQLite, on PostgreSQL and, with MYSQL_TEST_URL, on MySQL
	$(IN_BACKEND) tools.run_tests $${only:+--only "$$only"} $${k:+--k "$$k"} $${db:+--db "$$db"} $${slow:+--slow}

test-faults: $(STAMP) ## [long=yes] | run the tests of faults under load, and print the promised and the measured values
	$(IN_BACKEND) tools.run_tests --faults $${long:+--long}

peers: $(STAMP) ## run unmodified third-party programs against the simulator: dj-stripe, better-auth, stripe-sync-engine, stripe-cli
	$(IN_BACKEND) tools.run_tests --peers

peers-lock: ## pin the packages of the peers again after their requirements changed (needs the network)
	@cd backend/tests/peers/djstripe_site && ../../../../.venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --custom-compile-command 'make peers-lock' requirements.in --output-file requirements.txt
	@for peer in better_auth stripe_cli sync_engine; do (cd backend/tests/peers/$$peer && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved) || exit; done

run: $(STAMP) ## run only the server, as in production, according to the settings
	@cd backend && exec ../.venv/bin/python -m app.server

worker: $(STAMP) ## send mail and run jobs in a separate process; several may run
	@cd backend && exec ../.venv/bin/python -m app.worker

##@ Features

feature: $(STAMP) ## name=invoices fields="number:str(32):unique …" [owner=none] [public=yes] [parent=forums] [plural=…] [dry=1] | create a feature with code, tests and a migration
	@test -n "$$name" || { echo 'Usage: make feature name=notes fields="title:str(80) done:bool=false:index" [owner=none] [public=yes] [parent=forums] [plural=…] [dry=1]'; exit 2; }
	$(IN_BACKEND) scaffold feature --name="$$name" --fields="$$fields" $${owner:+--owner "$$owner"} $${public:+--public "$$public"} $${plural:+--plural "$$plural"} $${parent:+--parent "$$parent"} $${dry:+--dry "$$dry"}

feature-field: $(STAMP) ## name=invoices fields="paid_at:datetime?" [dry=1] | add fields to a feature
	@test -n "$$name" || { echo 'Usage: make feature-field name=notes fields="due_at:datetime?:index" [dry=1]'; exit 2; }
	$(IN_BACKEND) scaffold field --name="$$name" --fields="$$fields" $${dry:+--dry "$$dry"}

feature-remove: $(STAMP) ## name=invoices [yes=1] | remove a feature
	@test -n "$$name" || { echo 'Usage: make feature-remove name=notes [yes=1]'; exit 2; }
	$(IN_BACKEND) scaffold remove --name="$$name" $${yes:+--yes "$$yes"}

upgrade: $(STAMP) ## [from=../liftoff] | merge a newer version of what this project was made from
	$(IN_BACKEND) tools.upgrade $${from:+--from "$$from"}

-include backend/tools/projects/projects.mk

##@ Database

migrate: $(STAMP) ## upgrade the database to the newest revision
	$(IN_BACKEND) alembic upgrade head

migration: $(STAMP) ## m="add tags" [empty=yes] [drop=yes] | write a revision with the changes of the models, or an empty one
	@test -n "$$m" || { echo 'Usage: make migration m="add tags to posts" [empty=yes] [drop=yes]'; exit 2; }
	$(IN_BACKEND) alembic $${drop:+-x "drop=$$drop"} revision $$(test -n "$$empty" || echo --autogenerate) -m "$$m"

downgrade: $(STAMP) ## [to=REVISION] | go back one revision, or to the given one
	$(IN_BACKEND) alembic downgrade "$${to:--1}"

seed: $(STAMP) ## load the demo data (refused in production)
	$(IN_BACKEND) app.cli seed

superuser: $(STAMP) ## email=… username=… | create or promote a superuser; ask for the password, or read it from a pipe or PASSWORD
	@test -n "$$email" && test -n "$$username" || { echo 'Usage: make superuser email=ada@example.com username=ada'; exit 2; }
	@cd backend && PASSWORD="$${password:-$$PASSWORD}" ../.venv/bin/python -m app.cli superuser --email "$$email" --username "$$username"

forget: $(STAMP) ## user=… yes=1 | erase an account with all its content, by its id, username or email; without yes=1, say what would be erased
	@test -n "$$user" || { echo 'Usage: make forget user=ada yes=1'; exit 2; }
	$(IN_BACKEND) app.cli forget $${yes:+--yes} -- "$$user"

##@ Repair

doctor: $(STAMP) ## [json=yes] | check settings, database, services and queues; say what to do; exit with 1 on a failure
	$(IN_BACKEND) app.cli doctor $${json:+--json}

backup: $(STAMP) ## [keep=14] [check=no] | write an encrypted backup to BACKUP_DIR, check it by restoring it into a scratch database, delete old ones
	$(IN_BACKEND) app.cli backup $${keep:+--keep "$$keep"} $$(test "$$check" = no && echo --no-check)

restore: $(STAMP) ## [from=NAME] yes=1 | replace the database by a backup, by default the newest; without yes=1, say what would be overwritten
	$(IN_BACKEND) app.cli restore $${from:+--from "$$from"} $${yes:+--yes}

dead-letters: $(STAMP) ## list the emails and jobs that failed for good, with time and reason
	$(IN_BACKEND) app.cli dead-letters

requeue: $(STAMP) ## [id="mail:12 job:3"] [all=yes] | try dead letters again, for another 24 hours
	@test -n "$$id$$all" || { echo 'Usage: make requeue id="mail:12 job:3", or make requeue all=yes'; exit 2; }
	$(IN_BACKEND) app.cli requeue $$id $${all:+--all}

rekey: $(STAMP) ## re-encrypt secrets with SECRET_KEY that SECRET_KEY_PREVIOUS encrypted
	$(IN_BACKEND) app.cli rekey

end-sessions: $(STAMP) ## yes=1 | end the sessions of all users, who then sign in again
	$(IN_BACKEND) app.cli auth end-sessions $${yes:+--yes}

render-posts: $(STAMP) ## [restart=yes] | store the HTML of posts again after the renderer changed
	$(IN_BACKEND) app.cli blog render-posts $${restart:+--restart}

recount: $(STAMP) ## count the posts of each author, category and month again, while the application runs
	$(IN_BACKEND) app.cli blog recount

reindex: $(STAMP) ## [tables="blog_posts"] [restart=yes] | fill the search tokens of stored rows again
	$(IN_BACKEND) app.cli reindex $$tables $${restart:+--restart}

##@ Payments

plans-sync: $(STAMP) ## [apply=yes] | show what Stripe needs for backend/plans.toml; with apply, create it
	$(IN_BACKEND) app.routers.payments.operations.commands plans-sync $${apply:+--apply}

webhook-register: $(STAMP) ## register the webhook at Stripe, with exactly the events that are handled
	$(IN_BACKEND) app.routers.payments.operations.commands webhook-register

webhook-replay: $(STAMP) ## [event=evt_…] [failed=yes] | list dead or parked events, or process them again
	$(IN_BACKEND) app.routers.payments.operations.commands webhook-replay $${event:+--event "$$event"} $${failed:+--failed}

billing-doctor: $(STAMP) ## [fix=yes] | compare everything with Stripe; exit with 1 on any difference
	$(IN_BACKEND) app.routers.payments.operations.commands billing-doctor $${fix:+--fix}

demo-billing: $(STAMP) ## play the life of a subscription step by step against a running `make dev`
	$(IN_BACKEND) tools.demo_billing

##@ Quality

check: lint types migrations configs client-check test ## run everything that CI checks, except the tests of faults

check-long: lint types migrations configs client-check ## [part=faults] | run everything, even the longest tests, and write backend/docs/long-checks.md
	$(IN_BACKEND) tools.check_long $$part

lint: $(STAMP) ## check for style and mistakes (ruff)
	$(IN_BACKEND) ruff check .
	$(IN_BACKEND) ruff format --check --quiet .
	$(IN_BACKEND) tools.layers

types: $(STAMP) ## check the types (mypy, strict)
	$(IN_BACKEND) mypy

migrations: $(STAMP) ## check that models and revisions agree, and that revisions lock no table for long (alembic, squawk)
	$(IN_BACKEND) tools.check_migrations

configs: $(STAMP) ## check docker-compose.yml, the CI workflow and Renovate's file against their schemas
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	@.venv/bin/python -m check_jsonschema --builtin-schema vendor.renovate .github/renovate.json

format: $(STAMP) ## format the code, and fix what ruff can fix
	$(IN_BACKEND) ruff check --fix --exit-zero --quiet .
	$(IN_BACKEND) ruff format .

openapi: $(STAMP) ## rewrite the OpenAPI snapshots after an intended change
	$(IN_BACKEND) tests.openapi_snapshots

client: $(STAMP) ## rewrite the types of the TypeScript client after a change of the API (needs npm)
	$(IN_BACKEND) tools.client

client-check: $(STAMP) ## check that the TypeScript client is that of this API
	$(IN_BACKEND) tools.client --check

bench: $(STAMP) ## measure the comparisons of the README on this machine
	$(IN_BACKEND) benchmarks.speed
	$(IN_BACKEND) benchmarks.admission
	$(IN_BACKEND) benchmarks.sign_in
	$(IN_BACKEND) benchmarks.simulator
	$(IN_BACKEND) benchmarks.payments
	$(IN_BACKEND) benchmarks.mail

##@ Packages

LOCKED = .venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --custom-compile-command 'make lock' $${upgrade:+--upgrade}

lock: $(STAMP) ## [upgrade=yes] | pin the packages of backend/*.in; with upgrade, take the newest versions
	@$(LOCKED) backend/requirements.in --output-file requirements.txt
	@$(LOCKED) backend/requirements-dev.in --constraint requirements.txt --output-file backend/requirements-dev.txt

audit: $(STAMP) ## look up known vulnerabilities of the pinned packages (needs the network)
	@.venv/bin/python -m pip_audit --strict --require-hashes --disable-pip --requirement requirements.txt

docs: $(STAMP) ## build backend/docs as a site with a search, in .data/site; refuse broken links
	$(IN_BACKEND) tools.documentation

sbom: $(STAMP) ## [to=FILE] | write a bill of materials (CycloneDX) of what production installs and serves
	$(IN_BACKEND) tools.sbom $${to:+--to "$$to"}

$(STAMP): requirements.txt backend/requirements-dev.txt
	@PYTHONPATH=backend $(PYTHON) -m tools.bootstrap

# A .venv whose Python has been removed counts as missing.
ifneq ($(shell test -x .venv/bin/python && echo usable),usable)
.PHONY: $(STAMP)
endif
