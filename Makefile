# `make help` lists the targets. Everything lives in .venv, which `make setup` builds from the lock with its hashes;
# PYTHON=/path/to/python chooses the interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Redis for the demo comes as a wheel only up to Python 3.12, so 3.11 and 3.12 are tried first.
PYTHONS := $(if $(PYTHON),$(PYTHON),python3.11 python3.12 python3.13 python3.14 python3 python)
# Changes when the lock or the package's metadata changes; the environment is then made again. So it is for another PYTHON.
STAMP := $(VENV)/.ready-$(shell cat requirements/dev.txt pyproject.toml | cksum | tr -d ' ')
MADE_WITH := $(shell cat $(VENV)/.python 2>/dev/null)
# For `make demo ARGS="--seconds 20 --json"` and the like.
ARGS ?=
# How many test processes run in parallel, each with its own servers. On two cores JOBS=3 is faster, but leaves servers less time to answer.
# JOBS=0 runs the tests one by one in this process, as a debugger needs.
JOBS ?= 2
# In the order of `tests/support/mixed.py`.
AT_A_TIME = -n $(JOBS) --dist loadfile --no-loadscope-reorder
# For `make sim SEEDS=10000`.
SEEDS ?= 1000
# For `make histories HISTORIES=1000000 SEED=3`.
HISTORIES ?= 100000
# For `make reference CASES=20000 SEED=3`.
CASES ?= 2000
SEED ?= 14
UV_VERSION := 0.13.9

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Changes when a source that may be compiled changes; it is then compiled again. ETAPA_COMPILE=never compiles nothing.
SOURCES = $(shell find service/etapa/journey service/etapa/contracts service/etapa/stream service/etapa/metrics -name '*.py' -o -name '*.[ch]' | sort)
COMPILED := $(VENV)/.compiled-$(shell echo '$(ETAPA_COMPILE)' | cat - hatch_build.py pyproject.toml $(SOURCES) | cksum | tr -d ' ')

.PHONY: setup
setup: $(COMPILED) ## make .venv with everything in it, from the lock, and compile the core; instant if it is up to date
	@:

$(COMPILED): $(STAMP)
	@rm -f $(VENV)/.compiled-*
	@$(BIN)/python hatch_build.py
	@touch $@

$(STAMP): $(if $(filter-out $(MADE_WITH),$(PYTHON)),another-python)
	@found=; \
	for candidate in $(PYTHONS); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Etapa needs Python 3.11 or newer with its venv module, and found none (tried: $(PYTHONS)). Debian, Ubuntu: apt install python3 python3-venv. macOS: brew install python@3.12. Or: make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version) …" >&2; \
	rm -rf $(VENV) && "$$found" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@ETAPA_COMPILE=later $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo '$(PYTHON)' >$(VENV)/.python
	@touch $@

.PHONY: another-python
another-python:

.PHONY: demo
demo: setup ## see customers move through the stages, on a private broker and Redis; ARGS="--seconds 20 --json"
	@$(BIN)/etapa demo $(ARGS)

.PHONY: test
test: setup tools ## all tests, on a real Kafka (Java 17, Maven) and a real Redis that they start; ARGS="-k name"
	@command -v java >/dev/null 2>&1 || { echo "The tests start a real Kafka and need Java 17 or newer: apt install openjdk-17-jre-headless, or brew install openjdk. Without it: make test-quick" >&2; exit 1; }
	@command -v mvn >/dev/null 2>&1 || { echo "The tests fetch Kafka's jars with Maven: apt install maven, or brew install maven. Without it: make test-quick" >&2; exit 1; }
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || { echo "The tests open the journey map in a Chromium: apt install chromium, or have google-chrome on the PATH. Without it: make test-quick" >&2; exit 1; }
	@$(BIN)/python -m pytest $(AT_A_TIME) $(ARGS)

.PHONY: test-quick
test-quick: setup ## the tests that need no Kafka and no browser; ARGS="-k name"
	@$(BIN)/python -m pytest -m "not kafka and not release and not browser" $(AT_A_TIME) $(ARGS)

# Runs the sources even if they were compiled: the core's results must not depend on that.
CORE_TESTS := -p tests.support.uncompiled tests/unit/engine tests/unit/language tests/unit/contracts tests/unit/stream tests/unit/rehearsal \
  tests/unit/ledger tests/unit/map tests/unit/wording tests/unit/cases tests/unit/moving tests/unit/cli/test_forget.py \
  tests/unit/serve/test_report_api.py tests/unit/serve/test_customers_api.py tests/simulation/test_sources.py tests/simulation/test_forgetting.py \
  tests/simulation/test_repartition.py::test_customers_move_to_their_new_homes_and_everything_about_them_goes_on \
  tests/simulation/test_link.py::test_at_the_end_everybody_is_who_they_would_be_if_their_ids_had_always_been_one \
  tests/unit/test_simulate.py tests/unit/test_sizing.py tests/property tests/simulation/one_worker/test_task.py tests/simulation/one_worker/test_task_timers.py \
  tests/simulation/one_worker/test_task_ends.py tests/simulation/one_worker/test_takeover.py tests/simulation/one_worker/test_reclassify.py tests/simulation/one_worker/test_refused.py

.PHONY: test-uncompiled
test-uncompiled: setup ## the core's tests uncompiled, as on a machine without a C compiler
	@$(BIN)/python -m pytest $(AT_A_TIME) $(CORE_TESTS) $(ARGS)

# Only uncompiled code can be traced. From Python 3.12 on, the interpreter itself reports lines at almost no cost. With a third of the
# random examples as many lines are run.
.PHONY: coverage
coverage: setup ## the same with coverage of the core; fails below the minimum (pyproject.toml)
	@export ETAPA_EXAMPLES=$${ETAPA_EXAMPLES:-20} COVERAGE_CORE=$$($(BIN)/python -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")'); \
	$(BIN)/python -m coverage erase && $(BIN)/python -m coverage run -m pytest -p tests.support.traced -n $(JOBS) --dist worksteal $(CORE_TESTS) $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

.PHONY: lint
lint: setup ## style, format, and which package may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

.PHONY: types
types: setup ## strict type check
	@$(BIN)/mypy

.PHONY: gate
gate: setup ## the performance gate: CPU of the core and of the batch path beside plain decoding; needs no server
	@$(BIN)/python -m bench.gate

.PHONY: uplift
uplift: setup ## how often etapa uplift is right, on made-up campaigns checked after every outcome; ARGS="--campaigns 1000"
	@$(BIN)/python -m bench.uplift_trials $(ARGS)

.PHONY: check
check: lint types test coverage gate ## everything that must hold before a change lands

.PHONY: format
format: setup ## format the code, and fix what the linter can fix
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: sim
sim: setup ## many seeds of workers under crashes, zombies, rebalances and lost writes; SEEDS=10000, ARGS="--start 812 --trace"
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

.PHONY: model
model: setup ## search the model of moving customers within larger bounds than the test does: some minutes, some GiB of memory
	@$(BIN)/python -m tests.model

# So many of each of the three kinds of cases.
.PHONY: reference
reference: setup ## run random journeys and touchpoints through the engine and the slow evaluator, which must agree; CASES=20000 SEED=3
	@ETAPA_EXAMPLES=$(CASES) $(BIN)/python -m pytest --hypothesis-seed=$(SEED) tests/property/test_engine_reference.py tests/property/test_local_time_reference.py $(ARGS)

# More examples for those laws of which `make test` tries few because each takes long.
.PHONY: laws
laws: setup ## check the laws in tests/property on many random journeys and streams; CASES=20000 SEED=3
	@ETAPA_EXAMPLES=$(CASES) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --hypothesis-seed=$(SEED) tests/property $(ARGS)

.PHONY: histories
histories: setup ## random histories of people with several ids: what links make of them is what one id would have led to; HISTORIES=1000000 SEED=3
	@$(BIN)/python -m tests.histories --histories $(HISTORIES) --seed $(SEED) $(ARGS)

.PHONY: zones
zones: setup ## check local time in every zone, around every change of its clocks from 1970 to 2040; `make test` tries a sample
	@ETAPA_ZONE_STEP=1 $(BIN)/python -m pytest $(AT_A_TIME) tests/unit/engine/test_local_zones.py tests/unit/engine/test_calendar_zones.py $(ARGS)

.PHONY: faults
faults: setup ## break brokers, Redis, workers and the network under load, and check the results; ARGS="--minutes 20 --seed 1"
	@$(BIN)/python -m tests.faults $(ARGS)

# A separate environment, because the peers pin their own dependencies.
BENCH := .venv-bench
BENCH_STAMP := $(BENCH)/.ready-$(shell cat requirements/bench.txt pyproject.toml | cksum | tr -d ' ')

$(BENCH_STAMP): | setup
	@rm -rf $(BENCH) && $(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/bench.txt
	@ETAPA_COMPILE=later $(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The tools that check how Etapa is shipped are large, and are run, not imported: they get their own environment.
TOOLS := .venv-tools
TOOLS_STAMP := $(TOOLS)/.ready-$(shell cat requirements/tools.txt | cksum | tr -d ' ')

$(TOOLS_STAMP): | setup
	@rm -rf $(TOOLS) && $(BIN)/python -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/tools.txt
	@touch $@

.PHONY: tools
tools: $(TOOLS_STAMP) ## make .venv-tools: the tools that tests of the chart, the image, the workflows and the HTTP API run
	@:

# The first build takes Go some minutes of CPU; the program is then kept. So CI leaves it out, and says so.
COLLECTOR := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/etapa/collector-$(shell cat deploy/collect/collector/*.go deploy/collect/collector/go.* | cksum | tr -d ' ')

$(COLLECTOR):
	@command -v go >/dev/null 2>&1 || { echo "The collector is built with Go: apt install golang, or brew install go" >&2; exit 1; }
	@mkdir -p $(@D) && cd deploy/collect/collector && CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o $@.part . && mv $@.part $@

.PHONY: test-collect
test-collect: setup $(COLLECTOR) ## build the collector of deploy/collect (some minutes, once), then kill it and brokers under load
	@COLLECTOR_PROGRAM=$(COLLECTOR) $(BIN)/python -m pytest tests/integration/kafka/test_collect.py $(ARGS)

.PHONY: bench
bench: $(BENCH_STAMP) ## Etapa beside Kafka Streams, Flink, Quix Streams, Bytewax, Faust and the ceiling, on a real Kafka and Redis
	@$(BENCH)/bin/python -m bench.contest $(ARGS)

.PHONY: bench-memory
bench-memory: $(BENCH_STAMP) ## memory per customer in Redis, in customer-state and in a worker; ARGS="--customers 100000"
	@$(BENCH)/bin/python -m bench.memory $(ARGS)

.PHONY: bench-recovery
bench-recovery: $(BENCH_STAMP) ## takeover and rebuild, in customers a second, compared with only reading the log
	@$(BENCH)/bin/python -m bench.recovery $(ARGS)

.PHONY: bench-scale
bench-scale: $(BENCH_STAMP) ## one, two and four workers on one machine, on one Redis and on a Redis Cluster; ARGS="--workers 1 --workers 2"
	@$(BENCH)/bin/python -m bench.scale $(ARGS)

.PHONY: bench-latency
bench-latency: $(BENCH_STAMP) ## how long a change takes at 1,000 touchpoints a second, compared with bare transaction loops; ARGS="--seconds 60"
	@$(BENCH)/bin/python -m bench.latency $(ARGS)

.PHONY: bench-growth
bench-growth: $(BENCH_STAMP) ## what a touchpoint costs as customers, partitions, rules and windows grow; ARGS="--only rules"
	@$(BENCH)/bin/python -m bench.growth $(ARGS)

.PHONY: bench-page
bench-page: setup ## write the tables of docs/performance.md from bench/results
	@$(BIN)/python -m bench.page

# One resolution for every platform and Python, with hashes but without addresses: it installs from whatever registry pip is set up for.
LOCK := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

.PHONY: lock
lock: setup ## renew requirements/*.txt from pyproject.toml; ARGS="--upgrade" takes newer versions
	@test -x .venv-lock/bin/uv || { $(BIN)/python -m venv .venv-lock && .venv-lock/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | $(LOCK) $(ARGS) - --output-file requirements/build.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra otel --output-file requirements/runtime.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra demo --extra files --extra registry --extra dev --extra msk --extra otel --output-file requirements/dev.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra demo --extra files --extra registry --extra dev --extra msk --extra otel --extra bench --output-file requirements/bench.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra tools --output-file requirements/tools.txt
	@echo "Renewed requirements/*.txt; review the diff, then: make check" >&2

.PHONY: generated
generated: setup ## write the generated files: docs/metrics.md, dashboards, schemas, the OpenAPI document, the chart's rules
	@$(BIN)/python -m deploy.generator

.PHONY: page-check
page-check: ## types and tests of the journey map's page (Node 20, npm)
	@cd page && npm ci --no-audit --no-fund --silent && npm run --silent types && npm test --silent

.PHONY: page
page: page-check ## the same, and bundle it; the bundle is committed, so users of Etapa do not need Node
	@cd page && npm run --silent build

.PHONY: man
man: setup ## write a man page for every command to dist/man
	@$(BIN)/python -m deploy.generator.man_pages dist/man

.PHONY: sbom
sbom: tools ## write dist/etapa.cdx.json: what the image contains, according to the lock (CycloneDX)
	@mkdir -p dist
	@$(TOOLS)/bin/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml --output-reproducible --of JSON --output-file dist/etapa.cdx.json

.PHONY: workflows
workflows: tools ## check the GitHub workflows: actionlint, zizmor
	@$(BIN)/python -m pytest -q tests/unit/test_workflows.py $(ARGS)

.PHONY: clean
clean: ## remove what was built here: environments and caches
	@find service -name '*.so' -exec rm {} +
	@rm -rf .venv .venv-bench .venv-lock .venv-tools build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	@find . -path ./.git -prune -o -type d -name __pycache__ -exec rm -rf {} +
