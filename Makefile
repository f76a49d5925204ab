# The appliance from a fresh Debian 12 or 13 or Ubuntu 24.04.  `make help` lists what there is.
#
# Three environments, each from its own lock file with hashes: .venv (gateway, recorder, console; tools for tests),
# .venv-engine (vLLM), .venv-models (the builder of the embedded model).  Everything installed here is checked by
# .ci/environment, which does nothing when it is there: a second `make demo` starts at once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.PHONY: help run demo test crash check golden bundle lock clean gateway engine model dev ansible host-test vm-test system system-tests

UV := 0.13.9

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: model ## start the appliance and keep it running (Ctrl-C stops it)
	@.venv/bin/appliance up

demo: model ## watch clinical tasks go through the whole appliance
	@.venv/bin/appliance demo --stand-in tests.support.stand_ins

# Most tests wait for processes and disks, so workers share the cores; each file stays with one worker, and the files go
# in their folders' order, which has the longest first.  A worker that dies ends the run: the others would wait for ever.
test: dev model ansible system-tests ## run every test, with branch coverage
	@status=0
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --cov --cov-report= || status=$$?
	.venv/bin/coverage report --format=total | awk '{ print "Branch coverage: " $$1 " %; `.venv/bin/coverage report` lists what is not covered" }'
	exit $$status

host-test: dev model ansible system-tests ## try the playbooks at length on a throw-away host: SUITE=bookworm, SCENARIO=host
	@HOST_SUITE=$(or $(SUITE),bookworm) HOST_THOROUGH=1 .venv/bin/python -m pytest -v --timeout 3600 \
		tests/ansible$(if $(SCENARIO),/test_$(SCENARIO).py)

vm-test: dev ansible system-tests ## try what only a whole machine shows: TPM, LUKS, AppArmor, audit, power cuts (half an hour)
	@HOST_MACHINE=1 HOST_SUITE=$(or $(SUITE),bookworm) .venv/bin/python -m pytest -v --timeout 3600 tests/ansible/test_machine.py

crash: dev ## ten thousand more ways to fail than make test tries: writes, syncs, power losses, kills
	@CRASH_SCHEDULES=10000 CRASH_FIRST_SEED=400 CRASH_THOROUGH=1 .venv/bin/python -m pytest -q tests/crash/test_schedules.py \
		tests/crash/test_escalation_files.py

check: dev ## format, lint, types, imports and unit tests: before every commit
	@.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest tests/unit

golden: dev ## write the expected files in tests/golden again; review them as diffs
	@.venv/bin/python -m pytest --update-golden $$(grep -rl --include='test_*.py' golden tests)

# SUITES="bookworm trixie" ENGINES="cpu" MODELS="var/models/…" LABEL=trial.1 KEY=fingerprint TO=folder
bundle: gateway ## build and sign an install medium: make bundle KEY=fingerprint TO=/media/medium
	@: "$${KEY:?name the OpenPGP key to sign with: make bundle KEY=fingerprint TO=folder}" \
		"$${TO:?name the folder of the medium: make bundle KEY=fingerprint TO=folder}"
	.venv/bin/appliance medium build "$$TO" --key "$$KEY" $(if $(LABEL),--label $(LABEL)) \
		$(SUITES:%=--suite %) $(ENGINES:%=--engine %) $(MODELS:%=--model %)

lock: system ## resolve every locked environment again
	@python=$$(.ci/python)
	"$$python" -m venv --clear .cache/lock
	.cache/lock/bin/python -m pip install --disable-pip-version-check --quiet "uv==$(UV)"
	.cache/lock/bin/python .ci/lock.py

clean: ## remove environments and caches; keeps var/ (state, trail, model)
	@rm -rf .venv .venv-engine .venv-models .venv-ansible .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf *.egg-info .coverage .coverage.*
	find appliance audit tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up pieces ---

system:
	@.ci/system-packages

system-tests:
	@.ci/system-packages --tests
	.ci/promtool

gateway: system ## set up .venv and the PHI guard's models
	@.ci/environment gateway
	.ci/guard-models

dev: gateway ## set up .venv with the tools for tests and checks
	@.ci/environment dev

engine: system ## set up .venv-engine (vLLM)
	@.ci/environment engine

ansible: system ## set up .venv-ansible, the playbooks' controller
	@.ci/environment ansible

# The engine is installed while the model is built: neither needs the other, and both take minutes.
model: gateway ## set up all three environments and build the embedded model, if it is not there
	@.ci/environment engine & engine=$$!
	status=0
	{ .ci/environment models && .venv/bin/appliance model prepare; } || status=$$?
	wait $$engine
	exit $$status
