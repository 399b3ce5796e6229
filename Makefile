# Everything a person does with this repository; `make` lists it.
# Needs make, Python 3.11 or newer and pip. All that is installed goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
OLDEST_PYTHON := 3.11
PYTHONS := python3.13 python3.12 python3.11 python3 python

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What another environment left behind must not reach into ours. Without compiled files each process starts later.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

# Each has servers, workers and a browser of its own.
TEST_PROCESSES := 4

.DEFAULT_GOAL := help
.PHONY: help run test check check-static format bench chaos lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed-run ## Start Workstate with demo data at http://localhost:8000 (ARGS="--port 8080")
	@$(BIN)/workstate up --demo $(ARGS)

test: $(VENV)/.installed-dev ## Run the tests (ARGS="tests/unit -x -n 0"), after saying what will be skipped
	@$(BIN)/python tests/services.py
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses $(TEST_PROCESSES) --dist loadgroup $(ARGS)

check: check-static test ## Run what CI runs

check-static: $(VENV)/.installed-dev ## Check format, lint, types, import contracts and migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@# Settings make a secret key: not in var/, where somebody's data may be.
	WORKSTATE_DATA=$(VENV)/check $(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.installed-dev ## Put code into its format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev ## Run the benchmarks, peers beside Workstate (ARGS="--help")
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.installed-dev ## Let faults strike many processes at work, and count every job (ARGS="--help")
	@PYTHONPATH=tests/support $(BIN)/python -m chaos $(ARGS)

lock: $(VENV)/.installed-uv ## Resolve the dependencies of pyproject.toml anew into requirements/
	$(COMPILE) --group build --output-file requirements/run.txt
	$(COMPILE) --group build --group test --group check --group bench --constraints requirements/run.txt --output-file requirements/dev.txt

clean: ## Remove everything that was installed or made, except data in var/
	rm -rf $(VENV) build dist .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version $(OLDEST_PYTHON) pyproject.toml

# A stamp is newer than the lock it was installed from, so nothing happens until a lock changes.
$(VENV)/.installed-%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing requirements/$*.txt into $(VENV)"
	@$(BIN)/python -m pip install -qq --require-hashes --requirement requirements/$*.txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-uv: | $(BIN)/python
	@$(BIN)/python -m pip install -qq uv
	@touch $@

# Debian's Python may come without ensurepip: then its own pip installs one into the environment.
$(BIN)/python:
	@for python in $(PYTHONS); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST_PYTHON)".split("."))))' \
			2>/dev/null || continue; \
		echo "Making $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv $(VENV) >/dev/null 2>&1 && exit 0; \
		"$$python" -m venv --clear --without-pip $(VENV) && \
			"$$python" -m pip --python $(BIN)/python install -qq pip && exit 0; \
		rm -rf $(VENV); \
	done; \
	found=$$(python3 --version 2>&1 || echo "none at all"); \
	echo "Workstate needs Python $(OLDEST_PYTHON) or newer with pip, and found $$found: install one from https://www.python.org/downloads/ or with your package manager." >&2; \
	exit 1
