"""What is minimised: one loss term per output, and how terms, rows and classes weigh.

Every term is a mean with its own denominator,

    weight * sum_i(w_i * l_i) / sum_i(w_i),    w_i = sample weight * weight of the row's class,

over the rows of one update: with accumulation, over all of its batches together. A loss of
several values per row (regression) is their mean, l_i. Names and arguments are Keras's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from trimaran.errors import RecipeError

# Probabilities are kept this far from 0 and 1 before a logarithm, as in Keras.
CLIP = 1e-7

CROSS_ENTROPIES = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)
REGRESSIONS = ("mean_squared_error", "mean_absolute_error", "huber")
KINDS = (*CROSS_ENTROPIES, *REGRESSIONS)
PINBALL = "pinball"
"""The loss of quantiles, which needs their levels."""
SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}

# The head that a cross-entropy matches: training then works on the logits below it.
_HEADS = dict(zip(CROSS_ENTROPIES, ("softmax", "softmax", "sigmoid"), strict=True))

_FIGURES = {
    "sparse_categorical_crossentropy": "accuracy",
    "categorical_crossentropy": "accuracy",
    "binary_crossentropy": "accuracy",
    "mean_squared_error": "mean_absolute_error",
    "mean_absolute_error": "mean_squared_error",
    "huber": "mean_absolute_error",
}
METRICS = ("accuracy", "mean_absolute_error", "mean_squared_error")


@dataclass(frozen=True)
class Loss:
    """The loss of one output.

    With `from_logits` a cross-entropy takes what lies below the softmax or sigmoid; without, it
    takes probabilities: each row of a softmax is divided by its sum, then clipped to
    [CLIP, 1 - CLIP]. `label_smoothing` mixes the target with the uniform distribution (binary:
    with 1/2). `levels` are those of the quantiles that "pinball" learns: the output's last axis
    holds all targets at the first level, then all at the next, and the loss is the mean of
    max(q e, (q - 1) e), e = target - output (Koenker and Bassett, Econometrica 46, 1978).
    `class_weights` are indexed by class number and multiply the row's weight.
    `weight` is that of this output among several.
    """

    kind: str
    from_logits: bool = True
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    weight: float = 1.0
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", SHORT.get(self.kind, self.kind))
        if self.kind not in (*KINDS, PINBALL):
            raise RecipeError(f"There is no loss {self.kind!r}; known are {', '.join(KINDS)}.")
        if (self.kind == PINBALL) != bool(self.levels) or any(not 0 < q < 1 for q in self.levels):
            raise RecipeError(
                f"The loss {self.kind} has the levels {list(self.levels)}; pinball needs some "
                "between 0 and 1, and no other has any."
            )
        if not 0 <= self.label_smoothing < 1:
            raise RecipeError(
                f"label_smoothing must be at least 0 and below 1, but is {self.label_smoothing}."
            )
        if self.kind in (*REGRESSIONS, PINBALL) and (self.label_smoothing or self.class_weights):
            raise RecipeError(f"The loss {self.kind} has no classes to smooth or to weigh.")
        if self.class_weights is not None and not _sound(self.class_weights):
            raise RecipeError(f"Class weights must be finite and >= 0, not {self.class_weights}.")

    def on(self, head: str | None) -> Loss:
        """This loss for a network that ends in `head`: on the logits where the two match."""
        return replace(self, from_logits=head is not None and _HEADS.get(self.kind) == head)

    def to_json(self) -> dict[str, Any]:
        value = asdict(self)
        value["class_weights"] = None if self.class_weights is None else list(self.class_weights)
        value["levels"] = list(self.levels)
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Loss:
        weights = value.get("class_weights")
        plain = {"class_weights": None if weights is None else tuple(weights)}
        return cls(**{**value, **plain, "levels": tuple(value.get("levels", ()))})


@dataclass(frozen=True)
class Objective:
    """What a network with these inputs and outputs learns.

    losses:  output name -> its loss; a network with one output calls it as it likes
    metrics: output name -> figures reported each epoch besides the loss; the default fits the loss
    inputs:  names of the inputs in the order of the network's arguments; () is the data's order
    heads:   output name -> softmax or sigmoid that the network's `logits` leave out although the
             output's loss is defined on what comes after it (a sigmoid with a squared error)
    """

    losses: Mapping[str, Loss]
    metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    heads: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.losses:
            raise RecipeError("An objective needs the loss of at least one output.")
        for name, figures in self.metrics.items():
            unknown = [figure for figure in figures if figure not in METRICS]
            if name not in self.losses or unknown:
                raise RecipeError(
                    f"The metrics {figures} of output {name!r} cannot be measured while training; "
                    f"outputs are {', '.join(self.losses)}, metrics {', '.join(METRICS)}."
                )

    def figures(self, output: str) -> tuple[str, ...]:
        """The names of the metrics of one output; quantiles have none beside their loss."""
        if self.losses[output].kind == PINBALL:
            return ()
        return self.metrics.get(output, (_FIGURES[self.losses[output].kind],))

    def to_json(self) -> dict[str, Any]:
        return {
            "losses": {name: loss.to_json() for name, loss in self.losses.items()},
            "metrics": {name: list(self.figures(name)) for name in self.losses},
            "inputs": list(self.inputs),
            "heads": dict(self.heads),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Objective:
        return cls(
            {name: Loss.from_json(loss) for name, loss in value["losses"].items()},
            {name: tuple(figures) for name, figures in value["metrics"].items()},
            tuple(value["inputs"]),
            dict(value["heads"]),
        )


def _sound(weights: tuple[float, ...]) -> bool:
    return len(weights) > 0 and all(math.isfinite(w) and w >= 0 for w in weights)
