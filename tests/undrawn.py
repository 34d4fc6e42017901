"""What a process of plain Keras runs before it builds networks whose weights come from a file."""

UNDRAWN = """
import keras, numpy as np
drawn = ("Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling")
for kind in drawn:  # it is written over, and to draw it takes a third of the time
    fill = lambda self, shape, dtype=None: np.zeros(shape, "float32")
    getattr(keras.initializers, kind).__call__ = fill
"""
