"""Padded rows answer as each row does alone, cut to its steps, in a model that knows no padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trimaran.backends.protocol import Backend, Gradients
from trimaran.backends.reference import BACKEND, attention, steps
from trimaran.backends.torch.build import TorchBackend
from trimaran.spec import Input, Model, Symbol, functional
from trimaran.spec import layers as L
from trimaran.spec.transformer import TransformerDecoderBlock, TransformerEncoderBlock
from trimaran.tasks.loss import Loss
from trimaran.weights import draw

LENGTHS = {"words": (6, 1, 4, 0), "asked": (2, 5, 1, 3)}
"""Of four rows. A row without any step counts its first one."""
LOSS = {"output": Loss("mse")}


def padded(name: str, size: int, mask: bool) -> tuple[Symbol, Symbol]:
    tokens = Input((None,), name=name, dtype="int32")
    return tokens, L.Embedding(7, size, mask_zero=mask, name=f"table_{name}")(tokens)


def encoder(mask: bool) -> Model:
    """Two blocks behind learned positions, and the mean of all steps."""
    words, x = padded("words", 4, mask)
    x = TransformerEncoderBlock(2, 5, name="first")(L.PositionEmbedding(6, name="place")(x))
    x = TransformerEncoderBlock(1, 5, normalize="last", rotary=True, name="second")(x)
    return functional(words, L.GlobalAveragePooling1D()(x), "encoder")


def answers(mask: bool) -> Model:
    """A causal decoder that sees an encoder's steps, and its last step."""
    words, x = padded("words", 4, mask)
    asked, y = padded("asked", 4, mask)
    x = TransformerEncoderBlock(2, 5, name="encoder")(L.SinePositionEncoding()(x))
    y = TransformerDecoderBlock(2, 5, name="decoder")(L.SinePositionEncoding()(y), x)
    return functional([words, asked], L.LSTM(3, name="last")(y), "answers")


def mixed(mask: bool) -> Model:
    """Attention between layers that look at single steps, at neighbours and at all before."""
    words, x = padded("words", 4, mask)
    asked, y = padded("asked", 4, mask)
    x = L.Conv1D(4, 3, padding="same", name="near")(1 - 2 * x)
    x = x + L.MultiHeadAttention(2, 3, name="cross")(L.LayerNormalization(name="norm")(x), y)
    x = L.GRU(4, return_sequences=True, name="over")(L.Dense(4, name="each")(x))
    x = L.MultiHeadAttention(1, use_causal_mask=True, name="own")(x)
    parts = [L.GlobalMaxPooling1D()(x), L.GlobalAveragePooling1D()(y)]
    return functional([words, asked], L.Concatenate()(parts), "mixed")


MODELS: list[Callable[[bool], Model]] = [encoder, answers, mixed]


def rows(model: Model, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Tokens, in every row as many as `LENGTHS` says."""
    found = {}
    for port in model.inputs:
        length = np.array(LENGTHS[port.name])
        tokens = rng.integers(1, 7, (len(length), max(length)))
        found[port.name] = np.where(np.arange(max(length)) < length[:, None], tokens, 0)
    return {name: tokens.astype(np.int32) for name, tokens in found.items()}


def together(backend: Backend, make: Callable[[bool], Model]) -> float:
    """How far the padded batch departs from its rows alone: outputs, and all gradients' sum."""
    rng = np.random.default_rng(0)
    model, bare = make(True), make(False)
    weights = {
        key: values + 0.3 * rng.normal(size=values.shape) * model.parameters[key].trainable
        for key, values in draw(model, 0, np.float64).items()
    }
    inputs = rows(model, rng)
    network, alone = (backend.build(each, weights, "float64") for each in (model, bare))
    targets = rng.normal(size=(4, *model.shapes[-1]))
    outputs, whole = answered(network, inputs, targets)
    apart, sums = [0.0], dict.fromkeys(whole.parameters, np.zeros(()))
    for row in range(4):
        cut = {k: v[row : row + 1, : max(LENGTHS[k][row], 1)] for k, v in inputs.items()}
        output, found = answered(alone, cut, targets[row : row + 1])
        apart.append(float(np.abs(output - outputs[row]).max()))
        sums = {k: sums[k] + found.parameters[k] / 4 for k in sums}
    apart += [float(np.abs(whole.parameters[k] - v).max()) for k, v in sums.items()]
    return float(np.max(apart))  # not max, which may pass over a NaN


def answered(network: Any, inputs: Any, targets: np.ndarray) -> tuple[np.ndarray, Gradients]:
    output = network.forward(inputs).outputs["output"]
    return output, network.gradients(inputs, {"output": targets}, LOSS)


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("backend", [BACKEND, TorchBackend()], ids=["reference", "torch"])
def test_a_padded_row_is_the_row_alone(backend: Any, make: Callable[[bool], Model]) -> None:
    assert together(backend, make) <= 1e-10


def _longer(x: np.ndarray, told: Any) -> np.ndarray:
    """One step too many."""
    mask = steps.step_mask(x, told)
    return mask | np.roll(mask, 1, axis=1)


FAULTS: dict[str, Callable[..., Any]] = {
    "a mask that is forgotten": lambda x, told: np.ones(x.shape[:2], bool),
    "one step too many": _longer,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("make", MODELS)
def test_a_wrong_mask_is_no_row_alone(
    make: Callable[[bool], Model], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "step_mask", FAULTS[fault])
    assert together(BACKEND, make) > 1e-3
