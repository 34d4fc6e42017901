"""Feature maps (Figure 3): what the convolutions of a network see in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trimaran.backends.protocol import Network
from trimaran.explain.drawing import FORWARD, arrow, box, figure, heads, image, text
from trimaran.spec import Leaf, Model
from trimaran.spec.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Features:
    """One row's way through a network.

    Args:
        picture: the input, (height, width, channels).
        maps: layer path → (height, width, channels), in forward order.
        scores: the output's values, for example class probabilities.
    """

    picture: Array
    maps: Mapping[str, Array]
    scores: Array


def map_paths(model: Model, limit: int = 6) -> tuple[str, ...]:
    """The layers worth a look: each convolution (after its normalization and activation) and each
    pooling; of more than `limit`, that many spread evenly from the first to the last. None where
    the model reads no picture."""
    if not any(len(port.shape) == 3 for port in model.inputs):
        return ()
    found: list[str] = []
    for leaf in model.leaves:
        if isinstance(leaf.layer, Conv2D | DepthwiseConv2D):
            found.append(_finished(model, leaf).path)
        elif isinstance(leaf.layer, MaxPooling2D | AveragePooling2D):
            found.append(leaf.path)
    paths = list(dict.fromkeys(found))
    if len(paths) <= limit:
        return tuple(paths)
    return tuple(paths[round(i * (len(paths) - 1) / (limit - 1))] for i in range(limit))


def _finished(model: Model, leaf: Leaf) -> Leaf:
    """The last of the normalizations and activations that alone read the one before."""
    readers = [other for other in model.leaves if leaf.output in other.inputs]
    if len(readers) == 1 and isinstance(readers[0].layer, BatchNormalization | Activation):
        return _finished(model, readers[0])
    return leaf


def features(
    network: Network, inputs: Mapping[str, Array], row: int = 0, paths: Sequence[str] = ()
) -> Features:
    """The feature maps of one row of a batch, by default at `map_paths`, for a network that reads
    pictures."""
    paths = tuple(paths) or map_paths(network.model)
    name = next(port.name for port in network.model.inputs if len(port.shape) == 3)
    one = {key: array[row : row + 1] for key, array in inputs.items()}
    found = network.forward(one, paths)
    scores = found.outputs[network.model.outputs[0][0]][0]
    return Features(one[name][0], {path: found.taps[path][0] for path in paths}, scores)


def tiles(maps: Array, columns: int = 8, limit: int = 32) -> Array:
    """The first `limit` channels side by side, each stretched to 0..255, with white lines between.

    Args:
        maps: (height, width, channels).

    Returns:
        uint8 of shape (rows·(height + 1) - 1, columns·(width + 1) - 1).
    """
    shown = np.moveaxis(maps[..., :limit], -1, 0)
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    height, width = maps.shape[:2]
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 255, np.uint8)
    for i, one in enumerate(shown):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = grey(one)
    return sheet


def grey(array: Array) -> Array:
    """An array stretched to 0..255; a constant one is black."""
    low, high = float(array.min()), float(array.max())
    return np.asarray(np.rint((array - low) * (255.0 / max(high - low, 1e-12))), dtype=np.uint8)


SIDE, GAP, TOP = 150.0, 34.0, 46.0


def draw(found: Features, classes: Sequence[str] = (), columns: int = 6, limit: int = 36) -> str:
    """Picture → feature maps → scores, as an SVG document."""
    stages = [("input", _picture(found.picture))]
    stages += [(path, tiles(maps, columns, limit)) for path, maps in found.maps.items()]
    parts = [heads()]
    for i, (name, pixels) in enumerate(stages):
        left = 20 + i * (SIDE + GAP)
        parts += _stage(left, name, _size(found, i), pixels)
        parts += [_arrow(left)]
    left = 20 + len(stages) * (SIDE + GAP)
    parts += _scores(left, found.scores.ravel(), classes)
    width = left + SIDE + 40
    return figure(width, TOP + SIDE + 40, "Feature extraction and classification", parts)


def _size(found: Features, i: int) -> str:
    shape = found.picture.shape if i == 0 else list(found.maps.values())[i - 1].shape
    return " × ".join(map(str, shape))


def _picture(picture: Array) -> Array:
    return grey(picture if picture.shape[-1] == 3 else picture.mean(axis=-1))


def _stage(left: float, name: str, size: str, pixels: Array) -> list[str]:
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    return [
        text(left + SIDE / 2, 20, name),
        text(left + SIDE / 2, 36, size, colour="#5d6d7e"),
        image(left + (SIDE - width * scale) / 2, TOP, width * scale, height * scale, pixels),
    ]


def _arrow(left: float) -> str:
    x, y = left + SIDE + 5, TOP + SIDE / 2
    return arrow(f"M{x:g} {y:g}H{x + GAP - 10:g}", FORWARD)


def _scores(left: float, scores: Array, classes: Sequence[str], limit: int = 10) -> list[str]:
    """The highest scores as bars, in class order."""
    best = np.sort(np.argsort(-scores, kind="stable")[:limit])
    largest = max(float(np.abs(scores).max()), 1e-12)
    pitch = SIDE / len(best)
    parts = [text(left + SIDE / 2, 20, "output")]
    for i, at in enumerate(best):
        y = TOP + i * pitch
        label = classes[at] if at < len(classes) else str(at)
        length = abs(float(scores[at])) / largest * (SIDE - 70)
        parts.append(text(left + 34, y + pitch / 2 + 4, label, "end"))
        parts.append(box(left + 40, y + 1, max(length, 0.5), max(pitch - 3, 1)))
        place = left + 46 + length
        parts.append(text(place, y + pitch / 2 + 4, f"{float(scores[at]):.2f}", "start"))
    return parts
