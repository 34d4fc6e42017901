# `make run` and `make test` need Python 3.11 or newer and make, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# What the tests are installed with. `make test EXTRAS=dev,keras` tests Keras, TensorFlow and JAX too, as
# .ci/run does; without them their tests are skipped and say so.
EXTRAS ?= dev
DEV := $(VENV)/.$(EXTRAS)

.PHONY: run test lint types laws fuzz bench clean

run: $(VENV)/.core
	$(BIN)/trimaran train mnist-cnn

# The tests start hundreds of processes, each of which would compile Trimaran for itself where the environment
# forbids Python to keep what it compiled.
test: $(DEV)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev,keras
	$(BIN)/mypy

laws: $(DEV)
	$(BIN)/python -m pytest tests/laws

# Random models on the parity ladder of all backends; hours. MODELS=20 is a taste.
MODELS ?= 2000
fuzz: $(VENV)/.dev,keras
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

$(VENV)/.dev $(VENV)/.dev,keras: $(VENV)/.core
	$(BIN)/pip install -c constraints.txt -e ".[$(patsubst .%,%,$(@F))]"
	touch $@

$(VENV)/.bench: $(VENV)/.core benchmarks/requirements.txt
	$(BIN)/pip install -r benchmarks/requirements.txt
	touch $@
