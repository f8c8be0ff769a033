# `make demo` and `make test` set everything up by themselves: Python >= 3.11 and make are all they need.
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench long lock format clean

PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
# These must by themselves reach what engine/core can do; watching slows the others, which need it not.
COVERING := tests/core tests/packs tests/commands tests/timing
# Two cores by default; more where there are more.
WORKERS ?= auto

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /	/'

.venv/made:
	@test -n "$(PYTHON)" || { echo "需要 Python 3.11 或更新 (Python >= 3.11 is needed)"; exit 1; }
ifdef UV
	$(UV) venv -q --allow-existing --python $(PYTHON) .venv
else
	@$(PYTHON) -m venv .venv || { echo "缺少 venv：在 Debian/Ubuntu 上 apt install python3-venv"; exit 1; }
endif
	@touch $@

.venv/run: .venv/made requirements.lock pyproject.toml
ifdef UV
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . 2>/dev/null || \
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
else
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
endif
	@touch $@

.venv/dev: .venv/run requirements-dev.lock
ifdef UV
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.lock
else
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
endif
	@touch $@

demo: .venv/run ## 21 rehearsal days in seconds
	@$(BIN)/bihuan demo

lint: .venv/dev ## style, types, contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/dev lint ## everything that must be green
	$(BIN)/pytest -n $(WORKERS) --maxschedchunk 4 --cov --cov-report= --cov-report=term:skip-covered $(COVERING)
	$(BIN)/pytest -n $(WORKERS) --maxschedchunk 4 $(COVERING:%=--ignore %)
	@$(BIN)/coverage report --include='engine/core/*' --fail-under=95 --format=total >/dev/null || \
	{ $(BIN)/coverage report --include='engine/core/*'; echo "engine/core: branch coverage under 95 %"; exit 1; }
	@command -v strace >/dev/null || echo "没有 strace：断电测试没有运行 (the power-cut tests did not run)"

long: .venv/dev ## the long versions of the checks
	$(BIN)/pytest -n $(WORKERS) --maxschedchunk 4 -m long

bench: .venv/dev ## side-by-side timings, printed as ratios
	$(BIN)/pytest -m bench -p no:randomly -s tests/bench

lock: .venv/dev ## new versions, with hashes
	uv pip compile -q --universal --no-strip-extras --generate-hashes --no-header --no-annotate --extra paper -o requirements.lock pyproject.toml
	uv pip compile -q --universal --no-strip-extras --generate-hashes --no-header --no-annotate --extra paper --extra dev -o requirements-dev.lock pyproject.toml

format: .venv/dev ## in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## away with what was made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .coverage dist build
