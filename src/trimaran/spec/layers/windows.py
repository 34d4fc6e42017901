"""The arithmetic of sliding windows, shared by convolutions and pooling."""

from __future__ import annotations

from typing import Any

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Shape, require

Pads = tuple[tuple[int, int], ...]
Padding = str | Pads


def padding_of(given: Any, rank: int) -> Padding:
    """Explicit (before, after) per axis from an int, ints, or pairs; or "valid" or "same"."""
    if given in ("valid", "same"):
        return str(given)
    if isinstance(given, int):
        given = (given,) * rank
    elif rank == 1 and isinstance(given, tuple | list) and len(given) == 2:
        given = (given,)
    try:
        axes = tuple((a, a) if isinstance(a, int) else (a[0], a[1]) for a in given)
    except (TypeError, IndexError):
        axes = ()
    if len(axes) != rank or any(side < 0 for axis in axes for side in axis):
        raise DescriptionError(
            f'padding: expected "valid", "same", an int, or {rank} ints or (before, after) pairs '
            f"of 0 or more, got {given!r}."
        )
    return axes


def same_pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's "same": ceil(size/stride) windows, the odd cell after the end."""
    windows = -(-size // stride)
    total = max((windows - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def pads(
    padding: Padding,
    spatial: Shape,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pads | None:
    """Explicit (before, after) per axis; None where "same" meets an unknown size and a stride."""
    if padding == "valid":
        return ((0, 0),) * len(spatial)
    if not isinstance(padding, str):
        return padding
    if all(stride == 1 for stride in strides):  # then it does not depend on the size
        spatial = tuple(
            size or 1 + k * d for size, k, d in zip(spatial, kernel, dilation, strict=True)
        )
    if any(size is None for size in spatial):
        return None
    axes = zip(spatial, kernel, strides, dilation, strict=True)
    return tuple(same_pads(int(n or 0), int(k), int(s), int(d)) for n, k, s, d in axes)


def windows(
    padding: Padding,
    spatial: Shape,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Shape:
    """How many windows fit along each axis."""
    if padding == "same":
        return tuple(
            None if n is None else -(-n // s) for n, s in zip(spatial, strides, strict=True)
        )
    explicit = pads(padding, spatial, kernel, strides, dilation) or ()
    axes = zip(spatial, kernel, strides, dilation, explicit, strict=True)
    return tuple(
        None if n is None else (n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes
    )


def check_windows(
    rank: int,
    padding: Padding,
    shape: Shape,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> None:
    """The legality that convolutions and pooling share; raises `Illegal`."""
    axes = {1: "(steps, channels)", 2: "(height, width, channels)"}[rank]
    require(len(shape) == rank + 1, f"input {axes}", shape, "Reshape it, or add the channel axis")
    require(shape[-1] is not None, "a known number of channels", shape, "fix the last size")
    sizes = (*kernel, *strides, *dilation)
    require(
        all(s >= 1 for s in sizes), "sizes, strides and dilations of 1 or more", sizes, "mend it"
    )
    got = windows(padding, shape[:-1], kernel, strides, dilation)
    require(
        all(n is None or n >= 1 for n in got),
        f"a window {kernel} that fits into the input",
        shape[:-1],
        'use a smaller window, padding="same", or fewer poolings before it',
    )
