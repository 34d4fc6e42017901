"""What `compile` was told, and what it means for a described model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trimaran.errors import RecipeError
from trimaran.spec import Model
from trimaran.steps.rooms import ROOMS
from trimaran.tasks.loss import CROSS_ENTROPIES, REGRESSIONS, Loss, Objective
from trimaran.training.naming import nearest
from trimaran.training.settings import Training

METRICS = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "mae": "mean_absolute_error",
    "mean_absolute_error": "mean_absolute_error",
    "mse": "mean_squared_error",
    "mean_squared_error": "mean_squared_error",
}
"""Keras's names of the figures that can be followed while training → Trimaran's."""

ByOutput = Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True)
class Compiled:
    """The arguments of `compile`, checked as far as they can be without the model.

    loss:         a name or `Loss`, or one for each output (a list in order, or by name)
    metrics:      names, or for several outputs a list of names each, or by name
    loss_weights: one number for each output, in order or by name
    training:     everything else: optimizer, schedule, clipping, precision, ...
    backend:      what computes: torch, tensorflow or jax
    """

    loss: str | Loss | ByOutput
    metrics: ByOutput = ()
    loss_weights: ByOutput | None = None
    training: Training = field(default_factory=Training)
    backend: str = "torch"

    def __post_init__(self) -> None:
        if self.backend not in ROOMS:
            raise RecipeError(
                f"The backend is {self.backend!r}; {nearest(str(self.backend), list(ROOMS))}"
            )

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "loss": _plain(self.loss),
            "metrics": _plain(self.metrics),
            "loss_weights": _plain(self.loss_weights),
            "training": self.training.to_json(),
            "backend": self.backend,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Compiled:
        """The inverse of `to_json`."""
        loss = _read(value["loss"])
        training = Training.from_json(value["training"])
        backend = value.get("backend", "torch")  # saved before there was another
        return cls(loss, value["metrics"], value["loss_weights"], training, backend)

    def objective(self, model: Model) -> Objective:
        """The losses and metrics of each output of this model.

        Raises `RecipeError` for losses or metrics that the outputs cannot have.
        """
        names = [name for name, _ in model.outputs]
        losses = {
            name: _loss(name, given, model.heads.get(name))
            for name, given in _each(self.loss, names, "loss").items()
        }
        if self.loss_weights is not None:
            weights = _each(self.loss_weights, names, "loss_weights")
            losses = {k: replace(v, weight=float(weights.get(k, 1.0))) for k, v in losses.items()}
        metrics = {
            name: tuple(dict.fromkeys(_metric(asked, losses[name]) for asked in figures))
            for name, figures in self.figures(model).items()
        }
        kept = {n: h for n, h in model.heads.items() if n in losses and not losses[n].from_logits}
        return Objective(losses, metrics, tuple(port.name for port in model.inputs), kept)

    def figures(self, model: Model) -> dict[str, tuple[str, ...]]:
        """The metrics of each output that has a loss, as they were asked for."""
        names = list(_each(self.loss, [name for name, _ in model.outputs], "loss"))
        if len(names) == 1 and not isinstance(self.metrics, Mapping):
            nested = len(self.metrics) == 1 and not isinstance(self.metrics[0], str)
            return {names[0]: tuple(self.metrics[0] if nested else self.metrics)}
        given = _each(self.metrics, names, "metrics") if self.metrics else {}
        found = {name: given.get(name) or () for name in names}
        return {k: (v,) if isinstance(v, str) else tuple(v) for k, v in found.items()}

    def renamed(self, model: Model, metrics: Mapping[str, float]) -> dict[str, float]:
        """The loop's figures under the names that were asked for: "acc" where that was said."""
        figures = self.figures(model)
        found = {k: v for k, v in metrics.items() if k.endswith("loss")}
        for output, asked in figures.items():
            prefix = f"{output}_" if len(figures) > 1 else ""
            for split in ("", "val_"):
                for name in asked:
                    key = f"{split}{prefix}{METRICS[name]}"
                    if key in metrics:
                        found[f"{split}{prefix}{name}"] = metrics[key]
        return dict(sorted(found.items(), key=lambda item: item[0].startswith("val_")))


def _each(given: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    """What was given for each output."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise RecipeError(f"{what} names no output {name!r}; {nearest(name, list(names))}")
        return {name: given[name] for name in names if name in given}
    if isinstance(given, list | tuple):
        if len(given) != len(names):
            raise RecipeError(
                f"{what} has {len(given)} entries, but the model has the outputs "
                f"{', '.join(names)}; give one for each, or a mapping by name."
            )
        return dict(zip(names, given, strict=True))
    return dict.fromkeys(names, given)


def _loss(name: str, given: str | Loss, head: str | None) -> Loss:
    loss = given if isinstance(given, Loss) else Loss(given, False)
    if head is not None and loss.from_logits and loss.kind in CROSS_ENTROPIES:
        raise RecipeError(
            f"The loss of the output {name!r} takes logits, but that output ends in {head}; take "
            f"from_logits=True away (training works on the logits anyway), or the {head}."
        )
    return loss if loss.from_logits else loss.on(head)


def _metric(asked: str, loss: Loss) -> str:
    if not isinstance(asked, str) or asked not in METRICS:
        raise RecipeError(
            f"The metric {asked!r} cannot be followed while training; "
            f"{nearest(str(asked), list(METRICS))} Others are for trimaran.train to report."
        )
    figure = METRICS[asked]
    if (figure == "accuracy") == (loss.kind in REGRESSIONS):
        fits = "mae or mse" if loss.kind in REGRESSIONS else "accuracy"
        raise RecipeError(f"The metric {asked!r} does not fit the loss {loss.kind}; use {fits}.")
    return figure


def _plain(value: Any) -> Any:
    if isinstance(value, Loss):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Loss.from_json(value) if "kind" in value else {k: _read(v) for k, v in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value
