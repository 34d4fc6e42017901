"""Processes of plain Keras: how one begins whose test does not look at the import; one on JAX."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

LEAN = """
import os, sys
unused = ["matplotlib", "pandas", "pydot", "sklearn"]  # half of the import, for Keras's helpers
unused += ["tensorflow"] if os.environ["KERAS_BACKEND"] == "jax" else ["jax"]
sys.modules.update(dict.fromkeys(unused))
"""
"""Without what its networks do not need."""

UNDRAWN = (
    LEAN
    + """
import keras, numpy as np
drawn = ("Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling")
for kind in drawn:  # it is written over, and to draw it takes a third of the time
    fill = lambda self, shape, dtype=None: np.zeros(shape, "float32")
    getattr(keras.initializers, kind).__call__ = fill
"""
)
"""So, and before it builds networks whose weights come from a file."""


def on_jax(code: str) -> list[str]:
    """The lines that the code prints in a process of its own, on JAX; skips where Keras or JAX is
    not installed."""
    for needed in ("keras", "jax"):
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
