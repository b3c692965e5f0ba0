# One line per verb; everything that thinks is Python, in scripts/ and devstack/.
# Works with GNU Make 3.81, which is what macOS brings.

PYTHON3 ?= python3
PY := .venv/bin/python
MANAGE := $(PY) -m devstack exec -- $(PY) manage.py
SOURCES := apps carbon_platform devstack scripts benchmarks tests
TEST_ARGS := -n 2 --dist loadfile

.PHONY: help setup run test test-pg16 lint format typecheck bench migrations migrate shell psql \
	status stop reset lock check-deploy audit

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## environment, packages, Pango; silent when nothing changed
	@$(PYTHON3) scripts/setup.py

run: setup ## the whole product in this terminal, Ctrl-C stops it; PORT=9000, EMBEDDED_PG=16
	@exec $(PY) -m devstack up

test: setup ## all tests on throw-away services; ARGS="-k words"
	@exec $(PY) -m pytest $(or $(ARGS),$(TEST_ARGS))

test-pg16: setup ## the same on PostgreSQL 16, the oldest supported
	@EMBEDDED_PG=16 exec $(PY) -m pytest $(or $(ARGS),$(TEST_ARGS))

lint: setup typecheck ## style, types, import layers, migrations, API document
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	@$(MANAGE) makemigrations --check --dry-run
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

format: setup ## rewrite the code in the house style
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

typecheck: setup ## mypy, strict
	@$(PY) -m mypy $(SOURCES)

bench: setup ## measure, and write one JSON per run to benchmarks/results
	@exec $(PY) -m benchmarks $(ARGS)

migrations: setup ## write migrations for changed models; ARGS="telemetry -n add_source"
	@exec $(MANAGE) makemigrations $(ARGS)

migrate: setup ## bring the database up to date
	@exec $(MANAGE) migrate $(ARGS)

shell: setup ## Python with the models at hand
	@exec $(MANAGE) shell $(ARGS)

psql: setup ## SQL, as the role the product logs in as
	@exec $(MANAGE) dbshell

status: ## what runs, and how much memory each part takes
	@exec $(PY) -m devstack status

stop: ## stop what runs in another terminal
	@exec $(PY) -m devstack stop

reset: ## delete all local data, secrets and files
	@exec $(PY) -m devstack reset

lock: setup ## resolve both requirement files anew
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		requirements/app.in -o requirements.txt
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		-c requirements.txt requirements/dev.in -o requirements-dev.txt

check-deploy: setup ## Dockerfile, compose, Prometheus, dashboards, Django's own deployment check
	@exec $(PY) scripts/check_deploy.py

audit: setup ## known vulnerabilities in what the product ships
	@exec $(PY) -m pip_audit --require-hashes --disable-pip -r requirements.txt
