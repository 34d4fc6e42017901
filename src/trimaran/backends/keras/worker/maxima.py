"""The derivative of a largest entry, on JAX.

Fact: JAX (0.10.2) divides it among the entries that equal the maximum, and XLA may compute those
entries once for the maximum and again for the comparison. Where a product and a sum become one
instruction in only one of the two places, they differ in the last bit: no entry equals the maximum,
and 0 / 0 makes every gradient before it NaN. Random models found it, in programs compiled without
optimizations. The entry that an argmax finds is therefore always among those that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras


def settle_maxima() -> None:
    """Give this process's largest entries that derivative; before any network is built."""
    if keras.backend.backend() == "jax":
        from keras.src.backend import jax as backend

        backend.numpy.max = _settled(backend.numpy.max)
        backend.numpy.amax = _settled(backend.numpy.amax)


def _settled(own: Any) -> Any:
    import jax
    import jax.numpy as jnp

    largest = jax.custom_jvp(lambda x, axes: jnp.max(x, axes, keepdims=True), nondiff_argnums=(1,))
    largest.defjvp(partial(_slope, largest))

    def settled(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        x = keras.ops.convert_to_tensor(x)
        axes = _counted(axis, x.ndim)
        if not axes or initial is not None or not jnp.issubdtype(x.dtype, jnp.floating):
            return own(x, axis, keepdims, **({} if initial is None else {"initial": initial}))
        found = largest(x, axes)
        return found if keepdims else jnp.squeeze(found, axes)

    return settled


def _counted(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """The axes from the first one on."""
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return tuple(sorted(i % rank for i in axes))


def _slope(largest: Any, axes: tuple[int, ...], at: Any, along: Any) -> tuple[Any, Any]:
    """The largest entries and their derivative: the mean over those that share the first place, as
    in PyTorch's amax."""
    import jax.numpy as jnp

    (x,), (tangent,) = at, along
    found = largest(x, axes)
    share = (x == found) | _first(x, axes)
    count = jnp.sum(share, axes, jnp.float32, keepdims=True)
    return found, jnp.sum(jnp.where(share, tangent, 0), axes, keepdims=True) / count.astype(x.dtype)


def _first(x: Any, axes: tuple[int, ...]) -> Any:
    """Marks one largest entry: `axes` side by side are one axis, which has an argmax."""
    import jax.numpy as jnp

    start, end = axes[0], axes[0] + len(axes)
    beside = jnp.moveaxis(x, axes, range(start, end))
    flat = beside.reshape(*beside.shape[:start], -1, *beside.shape[end:])
    sizes = [size if i in axes else 1 for i, size in enumerate(x.shape)]
    places = jnp.arange(flat.shape[start]).reshape(sizes)
    return places == jnp.expand_dims(jnp.argmax(flat, start), axes)
