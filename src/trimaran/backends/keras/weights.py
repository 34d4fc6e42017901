"""Neutral weights in Keras's names and layouts, and back: one pair of functions per kind of array.

Pure NumPy. A Keras name is "<path>/<variable>", such as "layer1.0.conv1/kernel".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from trimaran.backends.keras.wire import Made
from trimaran.spec import layers as L
from trimaran.spec.graph import Leaf
from trimaran.spec.layer import Shape, known
from trimaran.spec.layers.cells import Cell
from trimaran.spec.layers.recurrent import Recurrent
from trimaran.spec.layout import layouts
from trimaran.spec.model import Model

Array = np.ndarray
Move = Callable[[Array], Array]
UNKNOWN = "num_batches_tracked"
"""What PyTorch counts beside a normalization's statistics; Keras has no such number."""
SECOND_BIAS = "bias_hh"
"""Of a recurrent layer: where it is always 0, Keras has no such array."""


@dataclass(frozen=True)
class Pair:
    """One array: its Keras name, and the way there and back (the same for its optimizer slots).

    row: where several arrays are the rows of one of Keras's, which row it is
    """

    name: str
    there: Move
    back: Move
    row: int | None = None


def pairs(model: Model) -> dict[str, Pair]:
    """Of every array that Keras has, by its key in model.safetensors."""
    flat = layouts(model).flat
    found: dict[str, Pair] = {}
    for leaf in model.leaves:
        around = flat.get(leaf.inputs[0])
        for parameter in leaf.layer.parameters(*leaf.in_shapes):
            if forward(parameter.name) in _VARIABLES[type(leaf.layer)]:
                key = f"{leaf.path}.{parameter.name}"
                found.setdefault(key, _pair(leaf, parameter.name, around))
    return found


def silent(model: Model) -> dict[str, tuple[int, ...]]:
    """The arrays that Keras lacks because they are always 0: key → shape."""
    return {
        key: parameter.shape
        for key, parameter in model.parameters.items()
        if forward(key).endswith(f".{SECOND_BIAS}") and not parameter.trainable
    }


def to_keras(table: Mapping[str, Pair], arrays: Mapping[str, Array]) -> Made:
    """Arrays by Keras name, in Keras's layout; counts of batches are left out."""
    found: dict[str, Callable[[], Array]] = {}
    rows: dict[str, dict[int, str]] = {}
    for key in arrays:
        pair = table.get(key)
        if pair is not None and pair.row is not None:
            rows.setdefault(pair.name, {})[pair.row] = key
        elif pair is not None:
            found[pair.name] = partial(_there, pair, arrays, key)
    for name, own in rows.items():
        found[name] = partial(_stacked, table, arrays, [own[i] for i in sorted(own)])
    return Made(found)


def _there(pair: Pair, arrays: Mapping[str, Array], key: str) -> Array:
    return np.ascontiguousarray(pair.there(arrays[key]))


def _stacked(table: Mapping[str, Pair], arrays: Mapping[str, Array], keys: list[str]) -> Array:
    return np.stack([table[key].there(arrays[key]) for key in keys])


def from_keras(table: Mapping[str, Pair], arrays: Mapping[str, Array]) -> Made:
    """Those of the arrays that stand in `arrays`, by neutral key and in PyTorch's layout."""
    return Made(
        {key: partial(_back, pair, arrays) for key, pair in table.items() if pair.name in arrays}
    )


def _back(pair: Pair, arrays: Mapping[str, Array]) -> Array:
    values = arrays[pair.name]
    return np.ascontiguousarray(pair.back(values if pair.row is None else values[pair.row]))


def _pair(leaf: Leaf, name: str, around: Shape | None) -> Pair:
    variable = _VARIABLES[type(leaf.layer)][forward(name)]
    if isinstance(leaf.layer, Recurrent | Cell):
        back = "_reverse" if name.endswith("_reverse") else ""
        return _recurrent(leaf, f"{leaf.path}/{variable}{back}", forward(name), variable)
    if isinstance(leaf.layer, L.MultiHeadAttention) and variable.endswith("kernel"):
        return Pair(f"{leaf.path}/{variable}", np.transpose, np.transpose)
    moves = _kernel(leaf, around) if variable == "kernel" else (_same, _same)
    return Pair(f"{leaf.path}/{variable}", *moves)


def _same(values: Array) -> Array:
    return values


def _kernel(leaf: Leaf, around: Shape | None) -> tuple[Move, Move]:
    if isinstance(leaf.layer, L.DepthwiseConv2D):
        channels = known(leaf.in_shapes[0][-1:])[0]
        return _depthwise(channels)
    if isinstance(leaf.layer, L.Dense):
        return _dense(None if around is None else known(around))
    return _conv()


def forward(name: str) -> str:
    """The name of the same array of a cell, where it is one of a recurrent layer's ways."""
    return name.removesuffix("_reverse").removesuffix("_l0")


def _recurrent(leaf: Leaf, name: str, array: str, variable: str) -> Pair:
    if isinstance(leaf.layer, L.GRU | L.GRUCell):
        row = ("bias_ih", SECOND_BIAS).index(array) if variable == "bias" else None
        return Pair(name, *_swapped(variable == "bias"), row)
    if variable == "bias":
        return Pair(name, _same, _same)
    return Pair(name, np.transpose, np.transpose)


def _swapped(vector: bool) -> tuple[Move, Move]:
    """The gates r, z, n along the first axis, and Keras's z, r, n along the last."""

    def there(values: Array) -> Array:
        return swap(values).T

    def back(values: Array) -> Array:
        return swap(values.T)

    def swap(values: Array) -> Array:
        first, second, third = np.split(values, 3)
        return np.concatenate([second, first, third])

    return (swap, swap) if vector else (there, back)


def _conv() -> tuple[Move, Move]:
    """(filters, channels, k...) and (k..., channels, filters)."""

    def there(values: Array) -> Array:
        return np.moveaxis(values, (0, 1), (-1, -2))

    def back(values: Array) -> Array:
        return np.moveaxis(values, (-1, -2), (0, 1))

    return there, back


def _depthwise(channels: int) -> tuple[Move, Move]:
    """(channels * m, 1, kh, kw) and (kh, kw, channels, m)."""

    def there(values: Array) -> Array:
        return values.reshape(channels, -1, *values.shape[2:]).transpose(2, 3, 0, 1)

    def back(values: Array) -> Array:
        return values.transpose(2, 3, 0, 1).reshape(-1, 1, *values.shape[:2])

    return there, back


def _dense(around: tuple[int, ...] | None) -> tuple[Move, Move]:
    """(units, features) and (features, units); behind a flattened map the features stand
    channels-first on the neutral side and channels-last on Keras's."""
    if around is None or len(around) < 2:
        return np.transpose, np.transpose
    first = (around[-1], *around[:-1])

    def there(values: Array) -> Array:
        maps = np.moveaxis(values.reshape(len(values), *first), 1, -1)
        return maps.reshape(len(values), -1).T

    def back(values: Array) -> Array:
        maps = np.moveaxis(values.T.reshape(values.shape[1], *around), -1, 1)
        return maps.reshape(values.shape[1], -1)

    return there, back


_KERNEL = {"weight": "kernel", "bias": "bias"}
_AFFINE = {"weight": "gamma", "bias": "beta"}
_RECURRENT = {"weight_ih": "kernel", "weight_hh": "recurrent_kernel", "bias_ih": "bias"}
_ATTENTION = {
    "in_proj_weight": "in_proj_kernel",
    "in_proj_bias": "in_proj_bias",
    "out_proj.weight": "out_proj_kernel",
    "out_proj.bias": "out_proj_bias",
}
_VARIABLES: dict[type, dict[str, str]] = {
    L.Dense: _KERNEL,
    L.Conv1D: _KERNEL,
    L.Conv2D: _KERNEL,
    L.DepthwiseConv2D: _KERNEL,
    L.BatchNormalization: {
        **_AFFINE,
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
    L.LayerNormalization: _AFFINE,
    L.GroupNormalization: _AFFINE,
    L.Embedding: {"weight": "embeddings"},
    L.SimpleRNN: _RECURRENT,
    L.LSTM: _RECURRENT,
    L.GRU: {**_RECURRENT, SECOND_BIAS: "bias"},
    L.SimpleRNNCell: _RECURRENT,
    L.LSTMCell: _RECURRENT,
    L.GRUCell: {**_RECURRENT, SECOND_BIAS: "bias"},
    L.MultiHeadAttention: _ATTENTION,
    L.PositionEmbedding: {"weight": "embeddings"},
    L.SinePositionEncoding: {},
}
