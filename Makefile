# `make run` and `make test` need Python 3.11+, make and git; everything else goes into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Tests at a time: most of them wait for processes and sockets, so more than there are cores.
JOBS   ?= 4

# Where this is set, as in many images, every process would compile every module that it loads.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test types second-python lint fuzz soak bench screenshots docs lock clean

help:  ## Show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## Start the listener (ARGS="..." for its flags)
	@$(BIN)/gelf-listener $(ARGS)

test: $(VENV)/.test  ## Install what tests need and run all of them (ARGS="..." for pytest, JOBS=4)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j2 types second-python
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(if $(ARGS),$(ARGS),-p tests.branches --reruns 1 -rfER)

types:
	$(BIN)/mypy
	$(BIN)/mypy --config-file handlers/pyproject.toml handlers/gelf_handlers

second-python:
	@$(BIN)/python tests/second_python.py

lint: $(VENV)/.test  ## Check style and types, repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy
	$(BIN)/mypy --config-file handlers/pyproject.toml handlers/gelf_handlers

fuzz: $(VENV)/.test  ## Fuzz the codec (GELF_FUZZ_SECONDS=600), then try other examples of every property
	GELF_FUZZ_SECONDS=$${GELF_FUZZ_SECONDS:-600} $(BIN)/python -m pytest -m fuzz --timeout=0 $(ARGS)
	GELF_DRAW=1 $(BIN)/python -m pytest -n $(JOBS) -m "hypothesis and not soak" $(ARGS)

soak: $(VENV)/.test  ## The long runs
	$(BIN)/python -m pytest -m soak --timeout=0 $(ARGS)

bench: $(VENV)/.test  ## Measure everything, an hour; results go to bench/results/ (ARGS="udp-plain-file" for a part)
ifeq ($(strip $(ARGS)),)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.store --output bench/results/store.json
	$(BIN)/python -m bench.ways
	$(BIN)/python -m bench.relay --output bench/results/relay.json
	$(BIN)/python -m bench.brokers --output bench/results/brokers.json
	$(BIN)/python -m bench.cluster --output bench/results/cluster.md
	$(BIN)/python -m bench.intake --output bench/results/intake.json
	$(BIN)/python -m bench.page --output bench/results/page.json
	$(BIN)/python -m bench.explore --output bench/results/explore.json
else
	$(BIN)/python -m bench $(ARGS)
endif

screenshots: $(VENV)/.test  ## Take the pictures in the README and docs/ again (needs Chromium)
	$(BIN)/python -m bench.screenshots

docs: $(VENV)/.docs  ## Build the pages of docs/ as a site with search, into build/docs (ARGS="serve" shows it while you write)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs $(or $(ARGS),build)
ifeq ($(strip $(ARGS)),)
	@echo "open build/docs/index.html"
endif

lock: $(VENV)/.test  ## Choose versions again (requirements/*.txt)
	$(BIN)/python requirements/lock.py

clean:  ## Remove what was installed and built
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# One stamp for each set of requirements; a changed lock or project file installs again.
$(VENV)/.run: requirements/run.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml handlers/pyproject.toml $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable handlers
	@touch $@

$(VENV)/.docs: requirements/docs.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@
