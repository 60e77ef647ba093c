# One door for people and CI: each target makes what it needs, and does not make it twice.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: up test check bench soak
up: .venv/installed
	$(BIN)/python manage.py up $(ARGS)
test: .venv/installed
	$(BIN)/python -m pytest $(ARGS)
check: .venv/installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest

# uv comes from the same lock, by pip; it then installs the rest in seconds instead of half a minute.
.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
	awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > .venv/uv.txt
	$(BIN)/pip install --quiet --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	touch $@
