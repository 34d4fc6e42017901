"""How far a layer of the reference departs from PyTorch's autograd, on a random case."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, settings
from tests.backends.reference.oracle import ORACLES

from trimaran.backends.reference.layers import backward, forward
from trimaran.spec import layers as L
from trimaran.spec.layers.steps import STEPS

TOLERANCE = 1e-10
quick = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def deviation(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the size of b where that exceeds 1."""
    assert a.shape == b.shape
    return float(np.max(np.abs(a - b) / max(1.0, np.abs(b).max(initial=0.0)), initial=0.0))


def numbers(rng: np.random.Generator, shape: Any, ties: bool) -> np.ndarray:
    """Normal numbers, or quarters from -5 to 5, which tie and meet the kinks of activations."""
    return rng.integers(-20, 21, shape) / 4.0 if ties else rng.normal(size=shape)


def case(layer: L.Layer, shapes: Any, seed: int, ties: bool) -> tuple[Any, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    batch = int(rng.integers(2, 5))
    inputs = tuple(numbers(rng, (batch, *shape), ties) for shape in shapes)
    if isinstance(layer, L.Embedding):
        inputs = (rng.integers(0, layer.input_dim, (batch, *shapes[0])),)
    if isinstance(layer, L.OneHot):
        inputs = (rng.integers(0, layer.depth, (batch, *shapes[0])),)
    if len(shapes) > 1:
        told, whose = layer.kinds(len(shapes)).count(STEPS), getattr(layer, "told", (0,))
        steps = (
            some_steps(rng, batch, (shapes[place], given))
            for place, given in zip(whose, shapes[len(shapes) - told :], strict=False)
        )
        inputs = (*inputs[: len(inputs) - told], *steps)
    parameters = {p.name: rng.normal(size=p.shape) for p in layer.parameters(*shapes)}
    if "running_var" in parameters:
        parameters["running_var"] = parameters["running_var"] ** 2 + 0.1
    return inputs, parameters


def some_steps(rng: np.random.Generator, batch: int, shapes: Any) -> np.ndarray:
    """Numbers of steps from 0, which counts as 1, to all; or marks of them."""
    time, counts = shapes[0][0], rng.integers(0, shapes[0][0] + 1, batch)
    if shapes[-1] == ():
        return counts
    return (np.arange(time) < counts[:, None]) * rng.integers(1, 9, (batch, time))


def listed(output: Any) -> tuple[Any, ...]:
    """What a layer gives, one or several, as a tuple."""
    return output if isinstance(output, tuple) else (output,)


def like(output: Any, seed: int) -> Any:
    """Normal numbers in the form of the output."""
    rng = np.random.default_rng(seed)
    made = tuple(rng.normal(size=array.shape) for array in listed(output))
    return made if isinstance(output, tuple) else made[0]


def largest_deviation(
    layer: L.Layer, shapes: Any, seed: int = 0, training: bool = True, ties: bool = False
) -> dict[str, float]:
    """Of the output, and of each gradient, from PyTorch's."""
    inputs, parameters = case(layer, shapes, seed, ties)
    output, cache = forward(layer, parameters, inputs, training)
    gradient = like(output, seed + 1)
    by_input, by_parameter = backward(layer, parameters, cache, gradient)

    x = [torch.tensor(a, requires_grad=a.dtype == np.float64) for a in inputs]
    p = {key: torch.tensor(a, requires_grad=True) for key, a in parameters.items()}
    y = listed(ORACLES[type(layer)](layer, p, *x, training))
    if any(array.requires_grad for array in y):
        torch.autograd.backward(y, [torch.tensor(g) for g in listed(gradient)])
    found = {
        f"output{i or ''}": deviation(mine, theirs.detach().numpy())
        for i, (mine, theirs) in enumerate(zip(listed(output), y, strict=True))
    }
    for i, (mine, tensor) in enumerate(zip(by_input, x, strict=True)):
        if tensor.requires_grad:
            found[f"input{i}"] = deviation(mine, tensor.grad.numpy())
    reached = {key: tensor.grad for key, tensor in p.items() if tensor.grad is not None}
    assert set(by_parameter) == set(reached)
    for key, grad in reached.items():
        found[key] = deviation(by_parameter[key], grad.numpy())
    return found
