# Commands for people and for CI. `make help` lists them. Needs GNU make and Python 3.11 or newer.
# PYTHON=/path/to/python sets the interpreter of .venv; VENV=FOLDER replaces the folder .venv.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installs into one .venv must not run at the same time.
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
BASE_COMMIT := e169837
BASE := build/$(BASE_COMMIT)
PYTHON ?=

# Two processes run the tests. All tests of a module run in one process, because they share fixtures.
PARALLEL := -n 2 --dist loadscope

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# On a terminal pip shows its progress; a log gets one line.
define install
	@echo "Installing convstudy$(1) into $(VENV) (the first time this takes a minute or more)"
	@quiet=--quiet; if [ -t 1 ]; then quiet=; fi; \
	$(BIN)/python -m pip install $$quiet -c constraints.txt -e '.$(1)' </dev/null
	@touch $@
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: study
study: $(VENV)/.installed ## install convstudy and run the built-in study "digits"
	$(BIN)/convstudy run digits

.PHONY: test
test: $(VENV)/.installed-test ## run the tests that are not marked slow
	$(BIN)/python -m pytest -q -m "not slow" $(PARALLEL)

.PHONY: test-slow
test-slow: $(VENV)/.installed-test ## run the tests marked slow
	$(BIN)/python -m pytest -q -m slow

# Each benchmark prints a table; benchmarks/RESULTS.md has the tables with command and machine. Use an idle machine; it
# takes a day. speedrun.py evaluates on MNIST's test set once per seed and logs each evaluation.
.PHONY: bench
bench: $(VENV)/.installed-test $(PEERS)/.installed $(BASE)/.exported ## run all benchmarks, with the other frameworks; takes a day
	$(BIN)/python -m benchmarks.throughput.throughput --peers $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.throughput.two_builds --base $(BASE)
	$(BIN)/python -m benchmarks.throughput.loop_overhead --rounds 7 --steps 60
	$(BIN)/python -m benchmarks.throughput.fast_paths --rounds 9
	$(BIN)/python -m benchmarks.throughput.spectral_conv
	$(BIN)/python -m benchmarks.throughput.where_time_goes --repeats 9
	$(BIN)/python -m benchmarks.throughput.without_gain --rounds 9
	$(BIN)/python -m benchmarks.gpu.gpu_study --skip-without-device
	$(BIN)/python -m benchmarks.accuracy.speedrun final --seeds 5 --first-seed 1000 --test-evaluations runs/bench-test-evaluations.jsonl
	$(BIN)/python -m benchmarks.accuracy.speedrun compare --base $(BASE) --rounds 20 --first-seed 200
	$(BIN)/python -m benchmarks.accuracy.keras_route --peers $(PEERS)/bin/python --keras-accuracy-target 0.995
	$(BIN)/python -m benchmarks.search.grid_search --peers $(PEERS)/bin/python --rounds 3
	$(BIN)/python -m benchmarks.search.search_methods train --runs runs/bench-search
	$(BIN)/python -m benchmarks.search.search_methods replay --runs runs/bench-search
	$(BIN)/python -m benchmarks.accuracy.precision train --runs runs/bench-precision --subset 10000 --seeds 10
	$(BIN)/python -m benchmarks.accuracy.precision report --runs runs/bench-precision --subset 10000 --seeds 10
	$(BIN)/python -m benchmarks.scale.around_fits --repeats 2
	$(BIN)/python -m benchmarks.scale.large_studies plan
	$(BIN)/python -m benchmarks.scale.large_studies report
	$(BIN)/python -m benchmarks.scale.memory_map
	$(BIN)/python -m benchmarks.data.image_folder speed --peers $(PEERS)/bin/python --rounds 5
	$(BIN)/python -m benchmarks.data.image_folder memory --images 20000 100000
	$(BIN)/python -m benchmarks.data.decode_one
	$(BIN)/python -m benchmarks.throughput.augmentation_cost --rounds 25
	$(BIN)/python -m benchmarks.accuracy.imbalance
	$(BIN)/python -m benchmarks.statistics.group_splits --near-duplicates
	$(BIN)/python -m benchmarks.faults.convolution_faults
	$(BIN)/python -m benchmarks.faults.convolution_faults --layers
	$(BIN)/python -m benchmarks.statistics.statistics_simulation
	$(BIN)/python -m benchmarks.statistics.verdict_simulation
	$(BIN)/python -m benchmarks.statistics.coverage_simulation
	$(BIN)/python -m benchmarks.statistics.fold_simulation
	$(BIN)/python -m benchmarks.statistics.interaction_simulation
	$(BIN)/python -m benchmarks.statistics.metric_simulation

# The tables of the engine, with few rounds. BASE is the other build of two_builds.py: make bench-engine BASE=FOLDER.
.PHONY: bench-engine
bench-engine: $(VENV)/.installed-test $(PEERS)/.installed $(BASE)/.exported ## run the benchmarks of the engine; takes at most an hour
	$(BIN)/python -m benchmarks.throughput.throughput --peers $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.throughput.two_builds --base $(BASE)
	$(BIN)/python -m benchmarks.throughput.fast_paths --rounds 3
	$(BIN)/python -m benchmarks.throughput.spectral_conv --rounds 3
	$(BIN)/python -m benchmarks.throughput.where_time_goes --repeats 3
	$(BIN)/python -m benchmarks.accuracy.speedrun compare --base $(BASE) --rounds 3 --first-seed 30
	$(BIN)/python -m benchmarks.search.grid_search --peers $(PEERS)/bin/python --subset 4000 --epochs 10 --rounds 1

.PHONY: simulate
simulate: $(VENV)/.installed-test ## run all simulations of docs/statistics.md; takes up to two hours
	$(BIN)/python -m benchmarks.statistics.simulate

.PHONY: check
check: $(VENV)/.installed-check ## run ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.installed-check ## fix and format with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: clean
clean: ## remove .venv, builds and caches; keep runs
	rm -rf $(VENV) $(PEERS) .venv-second build dist src/convstudy.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files: a second call installs nothing until the requirements change.
$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	$(call install)

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,[test])
	@touch $(VENV)/.installed

$(VENV)/.installed-check: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,[check])
	@touch $(VENV)/.installed

# The other frameworks of the benchmarks have their own environment.
$(PEERS)/.installed: $(VENV)/.made benchmarks/contenders/constraints.txt
	$(BIN)/python -m venv --clear $(PEERS)
	@echo "Installing the other frameworks into $(PEERS)"
	@$(PEERS)/bin/python -m pip install --quiet -c benchmarks/contenders/constraints.txt torch tensorflow-cpu keras skorch lightning pillow </dev/null
	@touch $@

# The other build of two_builds.py.
$(BASE)/.exported:
	@mkdir -p $(BASE)
	@test -d $(BASE)/src || git archive $(BASE_COMMIT) src benchmarks | tar -x -C $(BASE)
	@touch $@

# An existing .venv is kept if its Python is new enough and its pip works.
$(VENV)/.made:
	@new='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if $(BIN)/python -c "$$new" 2>/dev/null && $(BIN)/python -m pip --version >/dev/null 2>&1; then touch $@; exit 0; fi; \
	for python in $(or $(PYTHON),python3.11 python3 python3.12 python3.13); do \
	  if "$$python" -c "$$new" >/dev/null 2>&1; then \
	    echo "Creating $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) || { \
	      echo "Could not create $(VENV). On Debian and Ubuntu, install the package python3-venv." >&2; exit 1; }; \
	    touch $@; exit 0; \
	  fi; \
	done; \
	echo "convstudy needs Python 3.11 or newer; tried: $(or $(PYTHON),python3.11 python3 python3.12 python3.13)." >&2; \
	echo "Install it, or set its path: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	exit 1
