# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
SIDE_BY_SIDE := --numprocesses logical --dist loadgroup
PIP := python -m pip install --quiet --disable-pip-version-check

.PHONY: hello test check format clean

hello: .venv/.product
	$(BIN)/tts-hub speak "Hello! This is tts-hub, speaking before it has finished thinking." -o hello.mp3

test: .venv/.dev
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/.product: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tts-hub needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/$(PIP) --editable .
	touch $@

.venv/.dev: .venv/.product $(wildcard tests/chatterbox/reference/*.txt)
	$(BIN)/$(PIP) torch==2.13.0 'setuptools<81'
	$(BIN)/$(PIP) --no-deps -r tests/chatterbox/reference/packages.txt
	$(BIN)/$(PIP) --editable '.[dev]' -r tests/chatterbox/reference/needs.txt
	touch $@

clean:
	rm -rf .venv hello.mp3 .mypy_cache .pytest_cache .ruff_cache .hypothesis
