# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
SIDE_BY_SIDE := --numprocesses logical --dist loadgroup
PIP := python -m pip install --quiet --disable-pip-version-check

.PHONY: hello test check lint types format hooks docs dist quality clean

hello: .venv/.product
	$(BIN)/tts-hub speak "Hello! This is tts-hub, speaking before it has finished thinking." -o hello.mp3

test: .venv/.dev
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: lint types test

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.dev
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Lint and types run before each commit, the tests before each push.
hooks: .venv/.dev
	$(BIN)/pre-commit install

# The site is build/site/index.html.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The wheel is built from the source distribution, so a file that is missing there fails here.
dist: .venv/.dist
	rm -rf dist
	$(BIN)/python -m build

# All engines that are ready: QUALITY="--model kokoro --sentences 20" measures a part.
quality: .venv/.quality
	$(BIN)/tts-hub quality --json quality.json --html quality.html $(QUALITY)

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

.venv/.docs: .venv/.product
	$(BIN)/$(PIP) --editable '.[docs]'
	touch $@

# Resemblyzer asks for `typing`, which on the index is an old copy of the standard module: its other needs by name.
.venv/.quality: .venv/.product
	$(BIN)/$(PIP) --editable '.[quality]'
	$(BIN)/$(PIP) torch==2.13.0 'setuptools<81' webrtcvad-wheels
	$(BIN)/$(PIP) --no-deps Resemblyzer==0.1.4
	touch $@

.venv/.dist: .venv/.product
	$(BIN)/$(PIP) 'build>=1.3'
	touch $@

clean:
	rm -rf .venv build dist hello.mp3 speech.mp3 quality.json quality.html .mypy_cache .pytest_cache .ruff_cache .hypothesis
