"""The description's side of a tensor, and the steps that make such values."""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.backends.torch.reading.nodes import Frame
from trimaran.spec.layer import Layer

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A value of the description, numbered; axis i of its `shape` is PyTorch's axis `axes[i]`.

    PyTorch's axes that are not among them have one entry. A permute in the module so changes
    `axes` alone, and becomes a layer only where an operation wants another order. `batch` is
    PyTorch's axis of the rows: 1 where a module has put time in front.
    """

    number: int
    shape: tuple[int, ...]
    axes: Axes
    batch: int = 0


@dataclass(frozen=True)
class States:
    """PyTorch's tensor (ways, batch, units) as the values of its ways."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Step:
    """One call of a layer. `path` is that of the module with its arrays, "" where it has none;
    `shape` and `axes` are those of the value that it makes, behind which stand `behind` more."""

    layer: Layer
    inputs: tuple[int, ...]
    made: int
    frames: tuple[Frame, ...]
    path: str
    shape: tuple[int, ...]
    axes: Axes
    behind: int = 0

    @property
    def values(self) -> range:
        """The numbers of all that it makes."""
        return range(self.made, self.made + 1 + self.behind)


def identity(rank: int) -> Axes:
    """PyTorch's own order of the axes behind the batch."""
    return tuple(range(1, rank + 1))


def channels_first(rank: int) -> Axes:
    """The axes of a channels-last value that PyTorch has channels-first."""
    return (*range(2, rank + 1), 1)
