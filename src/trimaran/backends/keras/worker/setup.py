"""Everything of a run that stands still while it trains, made ready once."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import keras
import numpy as np

from trimaran.backends.keras.worker import health
from trimaran.backends.keras.worker.built import Built
from trimaran.backends.keras.worker.hooks import Around, layers_of
from trimaran.backends.keras.worker.losses import on_logits
from trimaran.backends.keras.worker.memory import Form, Held, Tree, converted, gathered
from trimaran.backends.keras.worker.names import Names, named
from trimaran.backends.keras.worker.source import Source, built
from trimaran.backends.keras.worker.tracing import Traced, normalizes
from trimaran.errors import TrainingError
from trimaran.spec.model import Model
from trimaran.training.engine import Objectives
from trimaran.training.optimizers import first_slot
from trimaran.training.settings import Training


@dataclass(frozen=True)
class Work:
    """What is to be learned: a description, its source and weights, by what, and in which type.

    precision: "float32", "float64", or "bfloat16" for the mixed policy
    """

    model: Model
    source: Source
    weights: Mapping[str, np.ndarray]
    objectives: Objectives
    training: Training
    precision: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Setup:
    """The prepared parts.

    place: of resident rows and a batch, before they go into a traced step
    many, part, apply, score, tap: the traced steps of `tracing.Traced`
    counts: of batches that normalizations saw
    layers: path -> Keras name of the weight whose health is told
    """

    names: Names
    objectives: Objectives
    training: Training
    dtype: str
    counts: dict[str, int]
    layers: Mapping[str, str]
    needs_two_rows: bool
    span: int
    place: Callable[[Tree, Tree], tuple[Tree, Tree]]
    many: Callable[[Tree, Tree, Tree, int], tuple[Tree, Any]]
    part: Callable[..., Any]
    apply: Callable[..., Any]
    score: Callable[..., Any]
    tap: Callable[..., Any]
    runtime: ModuleType

    @property
    def slots(self) -> tuple[str, ...]:
        return self.training.optimizer.slots_used()

    @property
    def trained(self) -> int:
        """How many numbers are trained."""
        return sum(int(np.prod(self.names.shapes[key])) for key in self.names.trained)


def runtime() -> ModuleType:
    """How the framework of this process runs traced steps."""
    return importlib.import_module(
        f"trimaran.backends.keras.worker.on_{keras.backend.backend()}.runtime"
    )


def set_up(work: Work, train: Held, validation: Held | None) -> Setup:
    """Builds the network and prepares everything around it.

    Raises `TrainingError` where network and settings do not fit together.
    """
    here, names = runtime(), named(work.model, work.training.freeze)
    if not names.trained:
        raise TrainingError("No weight is left to train; take patterns out of freeze.")
    layers = {
        key.rpartition(".")[0]: names.table[key].name
        for key in names.trained
        if len(names.shapes[key]) > 1
    }
    traced = _traced(work, names, train, validation, tuple(layers.values()))
    network = traced.trained.network
    convolves = any(isinstance(layer, _CONVOLUTIONS) for layer in layers_of(network))
    shared = work.training.batch_size if convolves else 0
    return Setup(
        names,
        work.objectives,
        work.training,
        traced.form.dtype,
        names.counts(work.weights),
        layers,
        any(normalizes(layer) and layer.trainable for layer in layers_of(network)),
        here.span_of(shared) if train.resident else 1,
        here.placed(shared),
        here.program(functools.partial(traced.step, here.gradient), shared),
        here.traced(functools.partial(traced.part, here.gradient)),
        here.traced(traced.apply),
        here.traced(traced.score),
        here.traced(_tap(work.model, traced)),
        here,
    )


_CONVOLUTIONS = tuple(
    getattr(keras.layers, kind) for kind in ("Conv1D", "Conv2D", "DepthwiseConv2D")
)


def _traced(
    work: Work, names: Names, train: Held, validation: Held | None, layers: tuple[str, ...]
) -> Traced:
    peel = on_logits(work.objectives.train) and bool(work.model.heads)
    judge = built(work.model, work.source, names.still, peel)
    trained = judge
    if work.precision == "bfloat16":
        trained = _mixed(work, names, peel)
    return Traced(
        trained,
        judge,
        work.objectives,
        work.training,
        Form(work.inputs, keras.config.floatx()),
        train.affine,
        validation.affine if validation else {},
        layers,
        names.stacked,
    )


def _mixed(work: Work, names: Names, peel: bool) -> Built:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return built(work.model, work.source, names.still, peel)
    finally:
        keras.config.set_dtype_policy(before)


def first(work: Work, names: Names) -> Tree:
    """The state before the first update."""
    dtype, optimizer, here = keras.config.floatx(), work.training.optimizer, runtime()
    trained = frozenset(names.trained_names)
    state: Tree = {"weights": {}, "others": {}, "slots": {}, "averages": {}}
    for name, values in names.to_keras(work.weights).items():
        given = values.astype(dtype, copy=False)
        if name not in trained:
            state["others"][name] = here.put(given)
            continue
        state["weights"][name] = here.put(given)
        state["slots"][name] = {
            slot: here.put(np.full_like(given, first_slot(optimizer, slot)))
            for slot in optimizer.slots_used()
        }
        if work.training.ema:
            state["averages"][name] = here.put(given)
    return state


def _tap(model: Model, traced: Traced) -> Callable[..., Any]:
    """What the activations answer to a batch, by the layer before them, as a function to trace."""
    own = traced.judge.hooks.layers
    # An activation that is written into its layer has no name: there, the layer's output is it.
    wanted = {
        layer: path if path in own else layer for layer, (_, path) in health.watched(model).items()
    }

    def tap(weights: Tree, others: Tree, resident: Tree, batch: Tree) -> Any:
        inputs = converted(gathered(batch, resident)["inputs"], traced.form, traced.affine)
        around = Around(listen=frozenset(wanted.values()))
        traced.judge.outputs(weights, others, inputs, None, around)
        return {layer: around.heard[path] for layer, path in wanted.items()}

    return tap
