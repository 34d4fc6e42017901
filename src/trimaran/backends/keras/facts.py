"""What there is to compare of Keras on TensorFlow and on JAX, by name; it imports neither."""

from __future__ import annotations

from collections.abc import Mapping

from trimaran.backends.keras import process
from trimaran.training.probe import Graph

LABELS = {"tensorflow": "Keras on TensorFlow", "jax": "Keras on JAX"}

GRAPHS: Mapping[str, tuple[Graph, ...]] = {
    "tensorflow": (
        Graph("eager", "each operation runs as Python reaches it"),
        Graph("tf.function", "a graph of TensorFlow's operations, as `fit` makes it", base=True),
        Graph("XLA", "tf.function(jit_compile=True): the graph compiled by XLA"),
        Graph("SavedModel", "exported to a folder and loaded again", trains=False),
    ),
    "jax": (
        Graph("eager", "each operation runs as Python reaches it"),
        Graph("jax.jit", "one program compiled by XLA, as `fit` makes it", base=True),
        Graph("jax.export", "StableHLO written to bytes and read again", trains=False),
    ),
}
"""The first of a backend is its eager run."""

COMPILED = {"tensorflow": "tf.function", "jax": "jax.jit"}
"""The graph that a user gets who asks for a compiled one."""

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "tensorflow": ("keras", "tensorflow", "tensorflow-cpu", "tensorflow-intel"),
    "jax": ("keras", "jax", "jaxlib"),
}
"""What pip is asked to install for a backend; of several names the installed ones count."""

IMPORTS = {"tensorflow": "import tensorflow, keras", "jax": "import jax, keras"}

PROBES = {
    "graphs": "trimaran.backends.keras.worker.graphs",
    "formats": "trimaran.backends.keras.worker.formats",
}


def environment(name: str) -> dict[str, str]:
    """Of a process that runs the framework."""
    return process.environment(name)


def check_installed(name: str) -> None:
    """Raises `RunError` with what to install."""
    process.check_installed(name)
