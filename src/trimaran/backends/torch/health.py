"""Gradient health of a PyTorch network, measured around one update.

Costs one more forward pass and a copy of the weights, so the loop asks for it about twice an
epoch. What the numbers mean is judged in `training.health`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from trimaran.training.health import LayerHealth

_RELU = ("relu", "relu_", "relu6", "threshold")
_FLAT = {"sigmoid": (0.02, 0.98), "sigmoid_": (0.02, 0.98), "tanh": (-0.98, 0.98)}
_FLAT["tanh_"] = _FLAT["tanh"]


class Watch:
    """The weights before an update, and what the activations do; `layers` after the update."""

    def __init__(self, network: nn.Module, inputs: Iterable[Tensor]) -> None:
        self._weights = layer_weights(network)
        self._before = {name: w.detach().clone() for name, w in self._weights.items()}
        self._units = watch_units(network, inputs)

    @torch.no_grad()
    def layers(self, gradients: Mapping[str, float]) -> tuple[LayerHealth, ...]:
        """The health of every layer with a weight, in the order of the network's attributes."""
        found = []
        for name, weight in self._weights.items():
            before = self._before[name]
            size = float(torch.linalg.vector_norm(before))
            change = float(torch.linalg.vector_norm(weight - before))
            units = self._units.get(name, {})
            update = change / size if size else 0.0
            gradient = gradients.get(name, 0.0)
            health = LayerHealth(
                name, gradient, weight.numel(), update, units.get("dead"), units.get("saturated")
            )
            found.append(health)
        return tuple(found)


def layer_weights(network: nn.Module) -> dict[str, Tensor]:
    """The trained weight of each layer by its path: matrices and kernels, no biases or scales."""
    return {
        key.rpartition(".")[0] or key: parameter
        for key, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.ndim > 1
    }


@torch.no_grad()
def gradient_sizes(network: nn.Module) -> dict[str, float]:
    """The root mean square of each layer's weight gradient, as it stands after a backward pass."""
    return {
        name: float(torch.linalg.vector_norm(weight.grad)) / weight.numel() ** 0.5
        for name, weight in layer_weights(network).items()
        if weight.grad is not None
    }


@torch.no_grad()
def watch_units(network: nn.Module, inputs: Iterable[Tensor]) -> dict[str, dict[str, float]]:
    """Layer path -> {"dead": part} or {"saturated": part} of the activation that follows it.

    One forward pass in inference mode, so it draws no random numbers and moves no statistics.
    Activations are seen as functions, because emitted source calls most of them so.
    """
    watcher = _Watcher()
    hooks = [
        module.register_forward_hook(watcher.mark(name))
        for name, module in network.named_modules()
        if any(p.ndim > 1 for p in module.parameters(recurse=False))
    ]
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with watcher:
            call: Any = network.logits if hasattr(network, "logits") else network
            call(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    return watcher.found


class _Watcher(TorchFunctionMode):
    """Notes the outputs of activation functions under the layer that ran last before them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = ""
        self.found: dict[str, dict[str, float]] = {}

    def mark(self, name: str) -> Callable[..., None]:
        def passed(module: nn.Module, args: Any, output: Any) -> None:
            self.layer = name

        return passed

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if self.layer and self.layer not in self.found:
            if name in _RELU:
                self.found[self.layer] = {"dead": _dead(out)}
            elif name in _FLAT:
                self.found[self.layer] = {"saturated": _saturated(out, *_FLAT[name])}
        return out


def _dead(out: Tensor) -> float:
    """The part of units (channels, or features) that are 0 for every row and position."""
    axis = 1 if out.ndim in (2, 4) else out.ndim - 1
    others = [i for i in range(out.ndim) if i != axis]
    return float((out.amax(others) <= 0).double().mean())


def _saturated(out: Tensor, low: float, high: float) -> float:
    return float(((out < low) | (out > high)).double().mean())
