# `make run` and `make test` need Python 3.11 or newer and make, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# `make test EXTRAS=dev` does without Keras, TensorFlow and JAX: their tests are skipped.
EXTRAS ?= dev,keras

.PHONY: run test lint types laws fuzz bench clean

run: $(VENV)/.core
	$(BIN)/trimaran train mnist-cnn

test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

laws: $(VENV)/.dev
	$(BIN)/python -m pytest tests/laws

# Random models on the parity ladder of all backends; hours. MODELS=20 is a taste.
MODELS ?= 2000
fuzz: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.comparison.fuzz --models $(MODELS)

# Needs TRIMARAN_DATA, and a quiet machine; installs the peers beside Trimaran.
bench: $(VENV)/.bench
	$(BIN)/python benchmarks/mnist_cnn.py
	$(BIN)/python benchmarks/mlp.py
	$(BIN)/python benchmarks/resnet18_cifar.py --images 1280

clean:
	rm -rf $(VENV) build dist src/*.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/pip install -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

$(VENV)/.bench: $(VENV)/.core benchmarks/requirements.txt
	$(BIN)/pip install -r benchmarks/requirements.txt
	touch $@
