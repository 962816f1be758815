# make demo, make test: each sets up what it needs in .venv, on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= out/demo
SEGY ?= $(wildcard ../shared/data/segy/viking_small.segy)

.PHONY: demo test test-slow lint types notebooks clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY)  ## the whole chain on a field record: pictures, model, hits and report in OUT
	$(BIN)/seisgeo demo $(if $(SEGY),--segy $(SEGY)) --out $(OUT)

test: $(READY)  ## tests, docstrings and notebooks
	$(BIN)/python -m pytest --durations=10
	$(BIN)/python -m pytest --doctest-modules --pyargs seisgeo -q
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=600 notebooks -q

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist out *.egg-info
