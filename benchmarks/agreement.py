"""One run's answers to its test set on each backend: how many are the same?

trimaran train mnist-cnn --out runs/mnist-cnn
python benchmarks/agreement.py runs/mnist-cnn
"""

import argparse

import numpy as np

import trimaran
from trimaran.data.prepare import prepare
from trimaran.runs import RunFiles
from trimaran.steps import scoring
from trimaran.steps.implementation import implementation

BACKENDS = ("torch", "tensorflow", "jax")


def probabilities(run: RunFiles, backend: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows, classes) of the run's network on the backend, and the rows' classes."""
    rows = prepare(run.recipe.data_settings(), run.recipe.training.seed).splits[split]
    network = implementation(backend).network(run.model, run.weights)
    return scoring.answers(network, rows), next(iter(rows.targets.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    run = trimaran.find(options.run)
    first = None
    for backend in BACKENDS:
        found, labels = probabilities(run, backend, options.split)
        first = found if first is None else first
        same = np.mean(found.argmax(1) == first.argmax(1))
        accuracy = np.mean(found.argmax(1) == labels)
        print(
            f"{backend:11s} accuracy {accuracy:.4f}  same answer as {BACKENDS[0]} {same:.4%} of "
            f"{len(labels)}  largest difference of a probability {np.abs(found - first).max():.1e}"
        )


if __name__ == "__main__":
    main()
