# `make demo` and `make test` need nothing but Python (3.10 to 3.13) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m tests.submissions.samples build/samples
	$(BIN)/grader grade build/samples/*.ipynb build/samples/*.py --out build/demo
	@echo "Open the reports in $(CURDIR)/build/demo/reports"

test: $(VENV)/.installed
	$(BIN)/python -m pytest -q -n 2

clean:
	rm -rf $(VENV) build
