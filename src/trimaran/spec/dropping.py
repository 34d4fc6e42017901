"""What a layer drops at random while it trains."""

from __future__ import annotations

from trimaran.spec.graph import Leaf
from trimaran.spec.layer import Shape
from trimaran.spec.layers.attention import MultiHeadAttention
from trimaran.spec.layers.core import Dropout


def dropping(leaf: Leaf) -> tuple[str, float, Shape]:
    """(path, rate, shape without the batch) of the entries: those of a Dropout's output, and under
    the path with ".drop" behind the weights of an attention. The rate of other layers is 0."""
    if isinstance(leaf.layer, MultiHeadAttention):
        return f"{leaf.path}.drop", leaf.layer.dropout, leaf.layer.seen(*leaf.in_shapes)
    rate = leaf.layer.rate if isinstance(leaf.layer, Dropout) else 0.0
    return leaf.path, rate, leaf.out_shape
