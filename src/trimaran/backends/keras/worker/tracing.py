"""What one update computes, as pure functions that either framework traces.

The state of a run is a tree of arrays by Keras name ("conv1/kernel"): trained `weights`, `others`
(frozen weights and statistics), optimizer `slots` and moving `averages`. A step takes it and gives
the next one, so JAX can reuse its memory and nothing hides in variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from trimaran.backends.keras.worker.built import Built
from trimaran.backends.keras.worker.hooks import Around
from trimaran.backends.keras.worker.losses import by_name, measured, slope
from trimaran.backends.keras.worker.memory import Form, Tree, converted, gathered
from trimaran.data.batches import Affine
from trimaran.training.engine import Objectives
from trimaran.training.settings import Training

Tensor = Any
Gradient = Callable[[Callable[[Tree], tuple[Tensor, Any]], Tree], tuple[Any, Tree]]
"""Of a function to (loss, rest), at weights: the rest, and the loss's gradient."""


@dataclass(frozen=True)
class Traced:
    """The functions of a run; `trained` learns, `judge` is the same in float32 for scoring.

    stacked: names of arrays whose rows are weights of their own (the two biases of a GRU)
    """

    trained: Built
    judge: Built
    objectives: Objectives
    training: Training
    form: Form
    affine: Mapping[str, Affine]
    judge_affine: Mapping[str, Affine]
    layers: tuple[str, ...]
    stacked: frozenset[str] = frozenset()

    def part(
        self, gradient: Gradient, state: Tree, resident: Tree, batch: Tree, slopes: Tree | None
    ) -> tuple[Tree, Tree, list[Tensor]]:
        """A batch's gradients, `others` after it, and its numbers; with `slopes` its rows share the
        denominators of an update."""
        rows = gathered(batch, resident)
        inputs = converted(rows["inputs"], self.form, self.affine)
        objective, dtype = self.objectives.train, self.form.dtype
        around = Around(masks=batch.get("masks", {}))

        def loss(weights: Tree) -> tuple[Tensor, Any]:
            found, others = self.trained.outputs(
                weights, state["others"], inputs, batch["seed"], around
            )
            named = by_name(objective, self.trained.ports, found)
            numbers, sums, totals = measured(
                objective, named, rows["targets"], rows.get("weights"), dtype
            )
            terms = [
                value * (slopes[k] if slopes else slope(objective.losses[k], totals[k]))
                for k, value in sums.items()
            ]
            return sum(terms[1:], terms[0]), (numbers, others)

        (numbers, others), gradients = gradient(loss, state["weights"])
        return gradients, others, numbers

    def apply(self, state: Tree, gradients: Tree, item: Tree) -> tuple[Tree, list[Tensor]]:
        """The state after an update, and the root mean square of each layer's gradient."""
        given = self.training
        gradients = clipped(gradients, given.clip_norm, given.clip_value)
        sizes = [ops.sqrt(ops.mean(ops.square(gradients[name]))) for name in self.layers]
        weights, slots = {}, {}
        for name, w in state["weights"].items():
            weights[name], slots[name] = self._updated(
                name, w, gradients[name], state["slots"][name], item["numbers"]
            )
        averages = {
            name: a + (1 - item["decay"]) * (weights[name] - a)
            for name, a in state["averages"].items()
        }
        after = {**state, "weights": weights, "slots": slots, "averages": averages}
        return after, sizes

    def _updated(self, name: str, w: Tensor, g: Tensor, slots: Tree, n: Tree) -> tuple[Tensor, Any]:
        """One array's update: Muon must not take rows that are stacked for a matrix."""
        update = self.training.optimizer.update
        if name not in self.stacked:
            return update(ops, w, g, slots, n)
        rows = [
            update(ops, w[i], g[i], {slot: values[i] for slot, values in slots.items()}, n)
            for i in range(w.shape[0])
        ]
        after = {slot: ops.stack([own[slot] for _, own in rows]) for slot in slots}
        return ops.stack([row for row, _ in rows]), after

    def step(
        self, gradient: Gradient, state: Tree, resident: Tree, item: Tree
    ) -> tuple[Tree, Tensor]:
        """One update from one batch: the next state, and its numbers as one vector."""
        gradients, others, numbers = self.part(gradient, state, resident, item, None)
        after, sizes = self.apply({**state, "others": others}, gradients, item)
        return after, ops.stack([*numbers, *sizes])

    def score(self, weights: Tree, others: Tree, resident: Tree, batch: Tree) -> Tensor:
        """A validation batch's numbers as one vector, in inference mode."""
        rows = gathered(batch, resident)
        inputs = converted(rows["inputs"], self.form, self.judge_affine)
        objective, dtype = self.objectives.judge, self.form.dtype
        found, _ = self.judge.outputs(weights, others, inputs, None, Around())
        named = by_name(objective, self.judge.ports, found)
        return ops.stack(measured(objective, named, rows["targets"], rows.get("weights"), dtype)[0])


def clipped(gradients: Tree, norm: float | None, value: float | None) -> Tree:
    """Each element to ±value, then all together to a global norm: the factor is
    norm / (found + 1e-6), at most 1, as in torch.nn.utils.clip_grad_norm_."""
    if value is not None:
        gradients = {name: ops.clip(g, -value, value) for name, g in gradients.items()}
    if norm is not None:
        squares = [ops.sum(ops.square(g)) for g in gradients.values()]
        found = ops.sqrt(sum(squares[1:], squares[0]))
        factor = ops.minimum(norm / (found + 1e-6), ops.ones_like(found))
        gradients = {name: g * factor for name, g in gradients.items()}
    return gradients


def normalizes(layer: keras.layers.Layer) -> bool:
    """Whether the layer keeps statistics of its batches."""
    return isinstance(layer, keras.layers.BatchNormalization)
