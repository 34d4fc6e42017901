"""The rule of channels: tags of values, and which Dense weights are stored channels-first."""

from __future__ import annotations

from typing import Any

from trimaran.spec import Input, Symbol, functional, sequential
from trimaran.spec.layers import (
    Activation,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNormalization,
    MaxPooling2D,
    Permute,
    Rescaling,
    Reshape,
)
from trimaran.spec.layout import FIRST, LAST, layouts

MAP = (8, 8, 3)


def tags(*layers: Any, shape: Any = MAP) -> tuple[str, ...]:
    return layouts(sequential(list(layers), shape)).values


def flat(*layers: Any, shape: Any = MAP) -> dict[int, Any]:
    return layouts(sequential(list(layers), shape)).flat


def test_maps_run_channels_first_and_vectors_have_no_order() -> None:
    assert tags(Conv2D(4, 3, activation="relu"), MaxPooling2D(2), Flatten(), Dense(2)) == (
        *(FIRST,) * 4,
        LAST,
        LAST,
    )
    assert tags(Dense(3), BatchNormalization(), shape=(4,)) == (LAST,) * 3
    assert tags(Rescaling(2.0), LayerNormalization(), Rescaling(2.0)) == (FIRST, FIRST, LAST, LAST)


def test_what_observes_order_is_channels_last() -> None:
    layers = [Conv2D(4, 3), LayerNormalization(), Activation("softmax"), Dense(5), Conv2D(2, 1)]
    assert tags(*layers) == (FIRST, FIRST, LAST, LAST, LAST, FIRST)
    assert tags(Permute((2, 1, 3)), Reshape((64, 3))) == (FIRST, LAST, LAST)
    assert tags(Conv1D(4, 3), Dense(2), shape=(9, 3)) == (LAST, FIRST, LAST)


def test_merging_prefers_channels_first() -> None:
    x = Input(MAP)
    model = functional(x, Conv2D(3, 1)(x) + LayerNormalization()(x))
    assert layouts(model).values == (FIRST, FIRST, LAST, FIRST)


def test_a_flattened_map_is_stored_channels_first_for_dense_readers() -> None:
    assert flat(Conv2D(4, 3), Flatten(), Dense(2)) == {2: (6, 6, 4)}
    behind = flat(Conv2D(4, 3), Flatten(), Dropout(0.5), Activation("relu"), Dense(2))
    assert behind == dict.fromkeys((2, 3, 4), (6, 6, 4))
    scaled = flat(Conv2D(4, 3), Rescaling(2.0), Flatten(), Rescaling(1.0, -0.5), Dense(2))
    assert scaled == dict.fromkeys((3, 4), (6, 6, 4))


def test_other_readers_keep_the_descriptions_order() -> None:
    assert flat(Conv2D(4, 3), Flatten()) == {}  # an output is read by the user
    assert flat(Conv2D(4, 3), Flatten(), Activation("softmax"), Dense(2)) == {}
    assert flat(Conv2D(4, 3), Flatten(), LayerNormalization(), Dense(2)) == {}
    assert flat(Conv2D(4, 3), LayerNormalization(), Flatten(), Dense(2)) == {}  # already last
    assert flat(Flatten(), Dense(2), shape=(9, 3)) == {}


def both(read: Any) -> dict[int, Any]:
    x = Input(MAP)
    y: Symbol = Flatten()(Conv2D(4, 3)(x))
    return layouts(functional(x, {"a": Dense(2)(y), "b": read(y)})).flat


def test_one_other_reader_is_enough() -> None:
    assert both(Dense(3)) == {2: (6, 6, 4)}
    assert both(LayerNormalization()) == {}
    assert both(Activation("relu")) == {}  # its output leaves the model


def test_a_shared_dense_cannot_have_two_orders() -> None:
    x, dense = Input((6, 6, 1)), Dense(36)
    y = dense(Flatten()(x))
    assert layouts(functional(x, dense(y))).flat == {}
