"""How a process of plain Keras begins whose test does not look at the import."""

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
