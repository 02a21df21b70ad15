# `make demo` and `make test` need nothing but Python (3.10 to 3.13) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint lock clean

# torch comes first and by its exact version, so that a CPU build at hand is taken.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m tests.submissions.samples build/samples
	$(BIN)/grader grade build/samples/* --out build/demo
	@echo "Open the reports: $(CURDIR)/build/demo/reports"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -q -n auto --dist worksteal
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m catalogue

# Resolve again, for all Pythons at once. What only CUDA needs is left to torch itself.
lock: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet uv
	echo '# What the tests run with, for Python 3.10 to 3.13. Made by: make lock' > constraints.new
	grep -E '^torch(vision)?==' constraints.txt | $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.10 --extra dev --no-annotate --no-header --constraint /dev/stdin \
		pyproject.toml | grep -vE '^(nvidia|cuda|triton)' >> constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build
