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

.PHONY: help setup bench test nightly check docs pictures leaderboard lock system clean

help:
	@echo "make bench        set up, then train robust-VDN and VDN, evaluate both, write the leaderboard page"
	@echo "make test         set up, then run all checks and tests"
	@echo "make nightly      run the full property suite on the slow tasks, and record what it found"
	@echo "make system       install what tests need of the system: chromium, as root on Debian"
	@echo "make check        lint, types, layers, generated files"
	@echo "make docs         build the documentation into site/"
	@echo "make leaderboard  build docs/leaderboard/index.html from the published records"
	@echo "make lock         renew requirements.lock: the newest versions that pyproject.toml allows, from a fresh environment"

setup: $(VENV)/.ready

# These pin versions of Gymnasium, MuJoCo or PettingZoo that nothing else here works with, so they come without their
# dependencies, which the lock holds at versions they do work with. docs/install.md says more.
NO_DEPS := sustaingym==0.1.7 safety-gymnasium==1.0.0 metaworld==3.1.1

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@# The lock's versions exist for Python 3.11 to 3.13; 3.10 takes the newest that pyproject.toml allows.
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	then $(BIN)/pip install --quiet --requirement requirements.lock; \
	else $(BIN)/pip install --quiet --editable ".[dev]"; fi
	$(BIN)/pip install --quiet --no-deps $(NO_DEPS)
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

nightly: setup
	MUJOCO_GL=disable SDL_VIDEODRIVER=dummy $(BIN)/python benchmarks/nightly.py --jobs $(JOBS)

docs: setup
	$(BIN)/mkdocs build --strict

# Needs EGL, see docs/task_pictures.py; the pictures are part of the repository.
pictures: setup
	MUJOCO_GL=egl SDL_VIDEODRIVER=dummy $(BIN)/python docs/task_pictures.py --missing

leaderboard: setup
	$(BIN)/robust-gym leaderboard robust_gym/leaderboard/published --out docs/leaderboard/index.html --data jsonl csv parquet

# What is installed in $(VENV) has the versions of the old lock, and may have more than the project needs.
lock:
	set -e; new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
	$(PYTHON) -m venv "$$new"; \
	"$$new/bin/pip" install --quiet --editable ".[dev]"; \
	"$$new/bin/python" .ci/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) build site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
