"""The framework's import without what a worker has no use for.

Keras and TensorFlow import plotting, tables, scikit-learn and even JAX wherever they are installed,
for helpers that a worker never calls. Both do without them where they are not; that takes half of
the time off a worker's start. Neither does a worker look for garbage meanwhile: hardly any of the
hundreds of thousands of objects that the imports make ever becomes some.

Keras on JAX goes further: to describe a layer, as Bidirectional does of the one that it copies, it
asks whether that is one of TensorFlow's types, and imports TensorFlow to ask: 3 to 4 s and 410 MB.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

_UNUSED = {
    "tensorflow": ("jax", "matplotlib", "pandas", "pydot", "scipy", "sklearn"),
    "jax": ("matplotlib", "pandas", "pydot", "requests", "scipy.stats", "sklearn", "tensorflow"),
}


@contextlib.contextmanager
def lean(framework: str) -> Iterator[None]:
    """While entered, these packages cannot be imported; afterwards a user's model may want them.
    No garbage is collected meanwhile, and what was imported is never searched for it again."""
    hidden = [name for name in _UNUSED[framework] if name not in sys.modules]
    # None in this table makes an import fail as a missing package does.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in hidden:
            sys.modules.pop(name, None)


def import_keras(framework: str) -> float:
    """Import Keras with its framework, and with NumPy; in seconds."""
    began = time.monotonic()
    utilities = _utilities()
    if framework == "jax":
        assert not utilities.tensorflow.available  # asked once, while it is hidden: that is kept
    return time.monotonic() - began


def reveal() -> None:
    """A user's model may want TensorFlow beside JAX: let Keras ask for it again."""
    _utilities().tensorflow._available = None


def _utilities() -> Any:
    import_module("keras")
    return import_module("keras.src.utils.module_utils")
