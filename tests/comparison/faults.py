"""A side of the ladder with a fault planted in it: PyTorch, changed in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from trimaran.backends.torch import build
from trimaran.backends.torch.build import TorchBackend, TorchNetwork
from trimaran.backends.torch.loop import engine
from trimaran.backends.torch.masks import in_own_layout
from trimaran.comparison.side import Side
from trimaran.data.batches import Rows
from trimaran.spec import Model
from trimaran.training.engine import Engine, Objectives
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

Arrays = Mapping[str, np.ndarray]
Change = Callable[[nn.Module], None]


@dataclass(frozen=True)
class Fault:
    """What is wrong on one side.

    network: changes the built module;  training, objectives: other settings than were asked for
    weights: changes arrays on their way in
    """

    network: Change | None = None
    training: Callable[[Training], Training] | None = None
    objectives: Callable[[Objectives], Objectives] | None = None
    weights: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]] | None = None
    rate: Callable[[float, int], float] | None = None
    masks: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]] | None = None


class _Late:
    """An engine that asks for another rate than it was told."""

    def __init__(self, inner: Any, rate: Callable[[float, int], float]) -> None:
        self._inner, self._rate = inner, rate

    def update(self, updates: Any, watch: bool = False) -> Any:
        changed = [replace(u, rate=self._rate(u.rate, u.number)) for u in updates]
        return self._inner.update(changed, watch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def side(fault: Fault | None = None, name: str = "planted") -> Side:
    """PyTorch with the fault."""
    wrong = fault or Fault()

    def module(model: Model, weights: Arrays, precision: str, instrumented: bool) -> nn.Module:
        given = wrong.weights(dict(weights)) if wrong.weights else weights
        made = build.module(model, given, precision, instrumented)
        if wrong.network:
            wrong.network(made)
        return made

    def built(model: Model, weights: Arrays, precision: str) -> TorchNetwork:
        network = TorchBackend().build(model, weights, precision)
        network.module = module(model, weights, precision, True)
        return network

    @contextmanager
    def opened(
        model: Model,
        weights: Arrays,
        precision: str,
        objectives: Objectives,
        splits: Mapping[str, Rows],
        training: Training,
    ) -> Iterator[Engine]:
        settings = wrong.training(training) if wrong.training else training
        goals = wrong.objectives(objectives) if wrong.objectives else objectives
        network = module(model, weights, precision, False)
        with engine(network, goals, splits, settings, Execution(threads=1)) as made:
            yield _Late(made, wrong.rate) if wrong.rate else made  # type: ignore[misc]

    def masks(model: Model, given: Arrays) -> dict[str, np.ndarray]:
        own = in_own_layout(model, given)
        return wrong.masks(own) if wrong.masks else own

    return Side(name, built, opened, masks)


def replaced(path: str, change: Callable[[nn.Module], nn.Module]) -> Change:
    """The module at `path` exchanged."""

    def apply(network: nn.Module) -> None:
        parent, _, name = path.rpartition(".")
        holder = network.get_submodule(parent)
        setattr(holder, name, change(getattr(holder, name)))

    return apply


class Around(nn.Module):
    """A module with something done to its input or output."""

    def __init__(self, inner: nn.Module, before: Any = None, after: Any = None) -> None:
        super().__init__()
        self.inner, self.before, self.after = inner, before, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.before(x) if self.before else x
        x = self.inner(x)
        return self.after(x) if self.after else x
