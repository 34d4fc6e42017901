"""The framework's import without what a worker has no use for.

Keras and TensorFlow import plotting, tables, scikit-learn and even JAX wherever they are installed,
for helpers that a worker never calls. Both do without them where they are not; that takes half of
the time off a worker's start. Neither does a worker look for garbage meanwhile: hardly any of the
hundreds of thousands of objects that the imports make ever becomes some.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

_UNUSED = {
    "tensorflow": ("jax", "matplotlib", "pandas", "pydot", "scipy", "sklearn"),
    "jax": ("matplotlib", "pandas", "pydot", "requests", "scipy.stats", "sklearn"),
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
