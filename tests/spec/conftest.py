"""Random legal models, grown layer by layer from a seed: the same seed gives the same model."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from trimaran import spec
from trimaran.errors import DescriptionError
from trimaran.spec import layers


@dataclass(frozen=True)
class Residual(spec.Composite):
    """A block with named integers, a flag, and a question about its numbers."""

    width: int
    sizes: tuple[int, ...] = (3, 1)
    gated: bool = False

    def build(self, x: spec.Symbol) -> Any:
        y = layers.Conv2D(self.width * 2, self.sizes[0], padding=1, activation="relu")(x)
        y = layers.Conv2D(x.channels, self.sizes[1])(y)
        if self.gated and x.channels > self.width:
            y = layers.Activation("sigmoid")(y)
        return y + x


def grow(seed: int) -> spec.Model:
    """A legal model of 1 to 8 random layers, a merge of two branches, and a Dense head."""
    dice = random.Random(seed)
    start = spec.Input((dice.randint(6, 12), dice.randint(6, 12), dice.randint(1, 4)))
    x = start
    for _ in range(dice.randint(1, 8)):
        try:
            x = _layer(dice)(x)
        except DescriptionError:
            continue  # too small for it by now
    side = layers.Conv2D(x.channels, 1)(x)
    x = dice.choice([layers.Add(), layers.Multiply(), layers.Concatenate()])([x, side])
    x = dice.choice([layers.Flatten(), layers.GlobalAveragePooling2D()])(x)
    return spec.functional(start, layers.Dense(3, activation="softmax")(x), f"random-{seed}")


def _layer(dice: random.Random) -> spec.Layer:
    size, pad = dice.randint(1, 3), dice.choice(["valid", "same", 1, ((0, 1), (1, 0))])
    norm = dice.choice(["BatchNormalization", "LayerNormalization"])
    return dice.choice(
        [
            layers.Conv2D(dice.randint(1, 5), size, dice.randint(1, 2), pad, activation="relu"),
            layers.DepthwiseConv2D(size, padding=pad, depth_multiplier=dice.randint(1, 2)),
            layers.MaxPooling2D(2, padding=dice.choice(["valid", "same"])),
            layers.AveragePooling2D(2),
            layers.LAYERS[norm](),
            layers.GroupNormalization(1),
            layers.Activation(dice.choice(["gelu", "tanh", "softmax", "leaky_relu"])),
            layers.Dropout(0.25),
            layers.ZeroPadding2D(((0, 1), (2, 0))),
            layers.Cropping2D(1),
            layers.UpSampling2D(2),
            layers.Permute((2, 1, 3)),
            Residual(dice.randint(1, 3), gated=dice.random() < 0.5),
            spec.Repeat(layers.Dense(dice.randint(1, 4), activation="silu"), 2),
            spec.Sequential([layers.Conv2D(2, 1), layers.Activation("elu")]),
        ]
    )


@pytest.fixture(scope="session")
def random_model() -> Callable[[int], spec.Model]:
    return grow
