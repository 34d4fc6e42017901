"""A Transformer over patches of a series (PatchTST, Nie et al. 2023), of its small size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimaran.spec import Composite, Input, Model, Symbol, functional
from trimaran.spec.blocks import Repeat
from trimaran.spec.layer import Shape
from trimaran.spec.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling1D,
    LayerNormalization,
    MultiHeadAttention,
    Permute,
    PositionEmbedding,
    Reshape,
)
from trimaran.zoo.parts import TORCH, linear, own_columns, side_by_side, window_sizes

PATCH, STRIDE = 16, 8
"""Steps of a patch, and from one patch to the next."""
FEATURES, HEADS, WIDE, BLOCKS, DROPPED = 16, 4, 128, 3, 0.3


@dataclass(frozen=True)
class PatchBlock(Composite):
    """An encoder's block that normalizes over the batch, which suits series better than over the
    features (Zerveas et al. 2021)."""

    num_heads: int
    intermediate_dim: int
    dropout: float

    def build(self, *inputs: Any) -> Any:
        (x,) = inputs
        y = MultiHeadAttention(self.num_heads, name="attention")(x)
        x = BatchNormalization(0.9, 1e-5, name="bn1")(x + Dropout(self.dropout, name="drop1")(y))
        y = Dense(self.intermediate_dim, "gelu", name="wide")(x)
        y = Dense(x.channels, name="narrow")(Dropout(self.dropout, name="drop2")(y))
        return BatchNormalization(0.9, 1e-5, name="bn2")(x + Dropout(self.dropout, name="drop3")(y))


def patchtst(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """Patches of each column by itself, in three blocks whose weights all columns share.

    Mean and deviation of the window are taken off each column and given back to what is told
    (Kim et al. 2022, without their scale). Unlike the paper's, the blocks read normalized patches,
    their scores are not added up from block to block, and a window that patches do not fill begins
    with its mean instead of ending with copies of its last value. What is known ahead is not read.
    """
    length, _ = window_sizes("patchtst", input_shape, columns)
    past = Input(input_shape)
    x = own_columns(past, columns)
    mean = GlobalAveragePooling1D(keepdims=True, name="mean")(x)
    x = x - mean
    rows = LayerNormalization(1e-5, center=False, scale=False, name="norm")(Permute((2, 1))(x))
    # The mean of x · x / s is s² / s, the deviation.
    deviation = GlobalAveragePooling1D(keepdims=True, name="deviation")(x * Permute((2, 1))(rows))
    x = _patches(rows, columns, length)
    x = PositionEmbedding(int(x.shape[1] or 0), name="places")(x)
    x = Dropout(DROPPED, name="drop")(BatchNormalization(0.9, 1e-5, name="bn")(x))
    x = Repeat(PatchBlock(HEADS, WIDE, DROPPED), BLOCKS, name="blocks")(x)
    x = Reshape((columns, -1))(x)
    told = [
        Permute((2, 1))(linear(horizon, f"head{k}")(x))
        for k in ([""] if levels == 1 else range(levels))
    ]
    scaled = side_by_side(told) * side_by_side([deviation] * levels)
    return functional(past, scaled + side_by_side([mean] * levels), "patchtst")


def _patches(rows: Symbol, columns: int, length: int) -> Symbol:
    """(columns, length) → (columns, patches, FEATURES); the last patch ends where the window
    ends."""
    size = min(PATCH, length)
    patches = Conv2D(
        FEATURES,
        (1, size),
        (1, STRIDE),
        padding=((0, 0), (-(length - size) % STRIDE, 0)),
        kernel_initializer=TORCH,
        bias_initializer=TORCH,
        name="patches",
    )
    found: Symbol = patches(Reshape((columns, length, 1))(rows))
    return found
