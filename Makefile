# Everything here works on a clean clone with Python 3.11+ and make. `make up` is the place to start.

PYTHON ?= python3
ENVIRONMENT ?= local

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
UV := $(BIN)/uv
# Locks hold for every Python we support and every platform; UPGRADE=1 looks for newer versions.
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade)
# Files of tests run side by side, the tests of one file in order. Coverage is reported, not gated.
SPREAD := --numprocesses 2 --dist loadfile
COVERAGE := --cov --cov-report term:skip-covered
MODULE_LOCKS := $(patsubst %.in,%.lock,$(wildcard modules/*/*/requirements.in))

# Without bytecode on disk every start of a command compiles its imports anew.
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.PHONY: help install up down test test-long check format bench lock docs wheel clean

help:
	@echo "make up         install, bring up environments/$(ENVIRONMENT).yaml, use it, print where it is"
	@echo "make down       destroy it again (asks before data is lost)"
	@echo "make install    a .venv with exactly what requirements.lock names"
	@echo "make test       the tests, faults sampled        make test-long  every fault at every boundary"
	@echo "make check      ruff, mypy, import-linter        make format     ruff format and ruff's fixes"
	@echo "make bench      the speed and memory table       make docs       the generated pages under docs/"
	@echo "make lock       all lock files (UPGRADE=1)       make wheel      dist/*.whl"
	@echo "make clean      everything but .deployer/, where platforms live"

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "this Python cannot make virtual environments (on Debian: apt install python3-venv)" >&2; exit 1; }
	@mkdir -p $(VENV)/bootstrap
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/bootstrap/uv.lock
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement $(VENV)/bootstrap/uv.lock
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

up: install
	$(BIN)/deployer apply $(ENVIRONMENT) --auto-approve
	$(BIN)/deployer verify $(ENVIRONMENT)
	@echo "MLflow: $$($(BIN)/deployer output $(ENVIRONMENT) tracking.url)"

down: install
	$(BIN)/deployer destroy $(ENVIRONMENT)

test: install
	$(BIN)/pytest -m "not long" $(SPREAD) $(COVERAGE)

test-long: install
	$(BIN)/pytest $(SPREAD)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

bench: install
	$(BIN)/python -m benchmarks

docs: install
	$(BIN)/python docs/generate.py

wheel: install
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

lock: $(INSTALLED)
	$(COMPILE) --group dev --output-file requirements.lock pyproject.toml
	@for lock in $(MODULE_LOCKS); do echo "$$lock"; $(COMPILE) --output-file $$lock $${lock%.lock}.in || exit 1; done

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -not -path './.deployer/*' -prune -exec rm -rf {} +
