# One door for people and CI: each target makes what it needs, and does not make it twice.
#   make up ARGS="--sandbox --port 8765"     make test ARGS="tests/test_up.py -x"
ARGS ?=
JOBS ?= 2
BIN := .venv/bin
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each $(IS_NEW_ENOUGH) 2>/dev/null && echo $$each && break; done)
# Containers often forbid compiled files; without them every one of our processes takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

.PHONY: up test check lint bench soak soak-board coverage peers
up: .venv/installed
	@exec $(BIN)/python manage.py up $(ARGS)
test: .venv/installed peers
	$(PYTEST) $(ARGS)
check: lint test
lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint templates --quiet --lint
	$(BIN)/python manage.py makemigrations --check --dry-run
	STANDPIPE_URL=https://status.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING
bench: .venv/installed peers
	$(BIN)/python -m tests.benchmarks $(ARGS)
soak: .venv/installed
	$(BIN)/python -m tests.soak $(ARGS)
soak-board: .venv/installed
	$(BIN)/python -m tests.soak_board $(ARGS)
coverage: .venv/installed peers
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Real servers that tests measure against. What cannot be had here is named, and its tests are skipped (CI: fail).
peers: .venv/installed
	@$(BIN)/python tests/peers --install || true

# uv comes from the same lock, by pip, and installs the rest in seconds. Where only pip knows the way to an index
# (its own configuration), pip does it all.
.venv/installed: requirements.lock
	@test -n "$(PYTHON)" || { echo "Standpipe needs Python 3.11 or newer: install one, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "installing into .venv, once: half a minute"
	@$(PYTHON) -m venv .venv || { echo "python cannot make a virtual environment: install its venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > .venv/uv.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	@$(BIN)/uv pip sync --quiet --system-certs --python $(BIN)/python --require-hashes requirements.lock \
		|| $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@
