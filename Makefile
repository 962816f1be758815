# make demo, make test: each sets up what it needs in .venv, on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= out/demo
# Real files, where the tests look for them too.
DATA := $(or $(SEISGEO_TEST_DATA),../shared/data)
SEGY ?= $(wildcard $(DATA)/segy/viking_small.segy)
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
# Sample files that are already here need no network.
export SEISGEO_DATA_DIR ?= $(dir $(patsubst %/,%,$(dir $(SEGY))))

.PHONY: demo test test-slow lint types docs clean

# The filter: setuptools remarks on every editable installation of a package that has a folder map.
$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV): PyTorch and the rest, some minutes on a fresh machine"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -W 'ignore:Editable installation' -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
	@echo "$(VENV) set up in $$(($$(date -r $@ +%s) - $$(date -r $(VENV)/pyvenv.cfg +%s))) s"

demo: $(READY)  ## the whole chain on a field record: pictures, model, hits and report in OUT
	$(BIN)/seisgeo demo $(if $(SEGY),--segy $(SEGY)) --out $(OUT)

# Two threads that wait for each other take ten times as long on a machine with other work.
test test-slow: export OMP_NUM_THREADS ?= 1

# openfwi_cuda.py cannot be imported without triton, which comes with PyTorch for CUDA.
test: $(READY)  ## tests, docstrings and notebooks
	$(BIN)/python -m pytest --durations=10
	$(BIN)/python -m pytest --doctest-modules -q --pyargs seisgeo --ignore-glob='*/openfwi_cuda.py'
	$(if $(NOTEBOOKS),$(BIN)/python -m pytest --nbmake --nbmake-timeout=600 -q $(NOTEBOOKS))

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

$(VENV)/.docs: $(READY)
	$(BIN)/python -W 'ignore:Editable installation' -m pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@

docs: $(VENV)/.docs  ## HTML pages in docs/_build/html, with the gallery's pictures
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) build dist out *.egg-info docs/_build docs/api docs/auto_gallery
