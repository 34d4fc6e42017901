"""The blocks of Transformers (Vaswani et al. 2017, fig. 1), of attention and two Dense layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimaran.errors import DescriptionError
from trimaran.spec.blocks import Composite
from trimaran.spec.initializers import Initializer
from trimaran.spec.layers import Dense, Dropout, LayerNormalization, MultiHeadAttention


@dataclass(frozen=True)
class TransformerEncoderBlock(Composite):
    """Every step sees all steps, then goes through two Dense layers by itself. Shapes: (time,
    features) → (time, features).

    num_heads: of the attention, which share the features
    intermediate_dim: of the first Dense layer, whose activation is "relu", "gelu" or another
    dropout: rate behind attention and behind the second Dense layer
    normalize: "first", x + f(norm(x)), which trains without a warm-up (Xiong et al. 2020); or
        "last", norm(x + f(x)), as in the paper
    rotary: queries and keys are turned by their positions
    attention_dropout: rate within the weights of attention, where PyTorch's block has `dropout` too
    """

    num_heads: int
    intermediate_dim: int
    dropout: float = 0.0
    activation: str = "relu"
    normalize: str = "first"
    layer_norm_epsilon: float = 1e-5
    rotary: bool = False
    kernel_initializer: str | Initializer = "glorot_uniform"
    attention_dropout: float = 0.0

    def build(self, *inputs: Any) -> Any:
        (x,) = inputs
        x = _around(self, _attention(self, "attention", rotary=self.rotary), x)
        return _mlp(self, x)


@dataclass(frozen=True)
class TransformerDecoderBlock(Composite):
    """The same, but every step sees those up to itself; with a second input, what an encoder gave,
    it then sees all of that."""

    num_heads: int
    intermediate_dim: int
    dropout: float = 0.0
    activation: str = "relu"
    normalize: str = "first"
    layer_norm_epsilon: float = 1e-5
    rotary: bool = False
    kernel_initializer: str | Initializer = "glorot_uniform"
    attention_dropout: float = 0.0

    def build(self, *inputs: Any) -> Any:
        x, *memory = inputs
        x = _around(self, _attention(self, "attention", causal=True, rotary=self.rotary), x)
        if memory:
            x = _around(self, _attention(self, "cross"), x, *memory)
        return _mlp(self, x)


Block = TransformerEncoderBlock | TransformerDecoderBlock


def _around(block: Block, f: Any, x: Any, *memory: Any) -> Any:
    """The residual branch around f: added to x, and normalized before it or behind."""
    if block.normalize not in ("first", "last"):
        raise DescriptionError(
            f'{type(block).__name__}: normalize is {block.normalize!r}; use "first" or "last".'
        )
    norm = LayerNormalization(block.layer_norm_epsilon, name=f"norm_{f.name}")
    if block.normalize == "first":
        return x + _dropped(block, f(norm(x), *memory))
    return norm(x + _dropped(block, f(x, *memory)))


def _dropped(block: Block, x: Any) -> Any:
    return Dropout(block.dropout)(x) if block.dropout else x


def _attention(
    block: Block, name: str, causal: bool = False, rotary: bool = False
) -> MultiHeadAttention:
    return MultiHeadAttention(
        block.num_heads,
        use_causal_mask=causal,
        rotary=rotary,
        dropout=block.attention_dropout,
        kernel_initializer=block.kernel_initializer,
        name=name,
    )


@dataclass(frozen=True)
class _TwoDense:
    """The two Dense layers as one function of x."""

    block: Block
    name: str = "mlp"

    def __call__(self, x: Any) -> Any:
        block, initial = self.block, self.block.kernel_initializer
        wide = Dense(
            block.intermediate_dim, block.activation, kernel_initializer=initial, name="wide"
        )
        return Dense(x.channels, kernel_initializer=initial, name="narrow")(wide(x))


def _mlp(block: Block, x: Any) -> Any:
    return _around(block, _TwoDense(block), x)
