"""The oracle: forward and backward of every layer in plain float64 NumPy, from the equations.

Nothing here differentiates automatically: each rule states its derivative's formula and computes
it. It is slow and simple on purpose; other backends are judged against it.
"""

from trimaran.backends.reference.build import BACKEND, ReferenceBackend
from trimaran.backends.reference.network import ReferenceNetwork

__all__ = ["BACKEND", "ReferenceBackend", "ReferenceNetwork"]
