"""What `trimaran explain` needs besides the explain room: weights, rows and backends to show on."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from trimaran.backends.protocol import Backend
from trimaran.data.batches import Rows
from trimaran.data.prepare import DataSettings, prepare
from trimaran.data.preprocess import INPUT, OUTPUT
from trimaran.data.textfield import TextField
from trimaran.data.texts.field import PaddedText
from trimaran.errors import RecipeError
from trimaran.explain import gradients, perceptron
from trimaran.explain.backprop import Backprop, Batch, backprop
from trimaran.explain.features import Features, features, map_paths
from trimaran.explain.gates import Gates, gates
from trimaran.explain.gradients import Case, Measured
from trimaran.explain.perceptron import Learned
from trimaran.recipe import Layer, load
from trimaran.runs import RunFiles
from trimaran.spec import Model
from trimaran.steps import description
from trimaran.steps.implementation import implementation
from trimaran.steps.otherdata import questions
from trimaran.tasks import Loss, Objective
from trimaran.training.execution import Execution
from trimaran.training.optimizers import SGD
from trimaran.training.settings import Training
from trimaran.weights import check_seed, draw

ROWS = 8
EPOCHS, BATCH, PACE = 30, 32, 0.4
"""Enough for a sound small network to learn the digits, and for a stalled one to show it. The
cases' learning rates, meant for whole batches, are taken times PACE: else ReLU units die."""


def reference() -> Backend:
    """The equations in NumPy, without automatic differentiation."""
    made: Backend = import_module("trimaran.backends.reference.build").BACKEND
    return made


def objective(model: Model) -> Objective:
    """Cross-entropy where the model ends in probabilities, else squared error."""
    losses = {}
    for name, _ in model.outputs:
        head = model.heads.get(name)
        kind = {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}
        losses[name] = Loss(kind.get(head or "", "mean_squared_error")).on(head)
    return Objective(losses)


def sample(model: Model, seed: int) -> Batch:
    """Rows and answers drawn from a seed, in float64: the lesson needs no data."""
    check_seed(seed)
    rng = np.random.default_rng(seed)
    inputs = {p.name: rng.standard_normal((ROWS, *(n or 4 for n in p.shape))) for p in model.inputs}
    targets = {}
    for name, _ in model.outputs:
        units = int(model.output_shape(name)[-1] or 1)
        if model.heads.get(name) == "softmax":
            targets[name] = np.eye(units)[rng.integers(0, units, ROWS)]
        elif model.heads.get(name) == "sigmoid":
            targets[name] = rng.integers(0, 2, (ROWS, units)).astype(np.float64)
        else:
            targets[name] = rng.standard_normal((ROWS, units))
    return Batch(inputs, targets, objective(model).losses)


def chain_rule(model: Model, weights: Mapping[str, np.ndarray] | None, seed: int) -> Backprop:
    """Every δ and ∂L/∂W of a model, by equations, automatic differentiation and differences."""
    arrays = draw(model, seed, np.float64) if weights is None else weights
    backend = implementation("torch").backend
    return backprop(model, arrays, sample(model, seed), reference(), backend, seed=seed)


def gates_of(run: RunFiles, text: str) -> Gates:
    """The gates of a run's first recurrent layer on a text.

    Raises `RecipeError` for a run that reads no texts.
    """
    field = run.preprocess.inputs.get(INPUT)
    if not isinstance(field, TextField | PaddedText):
        raise RecipeError(f"{run.path.name} reads no texts; show the gates of one that does.")
    network = implementation(run.recipe.backend).network(run.model, run.weights)
    tokens = field.apply([text])
    known = tokens[0][tokens[0] != 0] if isinstance(field, PaddedText) else tokens[0]
    steps = field.tokenizer.readable(known.tolist())
    return gates(network, run.weights, {run.model.inputs[0].name: tokens}, steps)


def vanishing(seed: int) -> tuple[Measured, ...]:
    """Deep networks that fail on scikit-learn's digits, and each remedy that cures them."""
    splits = prepare(DataSettings(set="digits", test=0.0), seed).splits
    train = _flat(splits["train"])
    held = _flat(splits["validation"])
    labels = train.targets[OUTPUT][:128]
    shown = {INPUT: train.inputs[INPUT][:128].astype(np.float64)}
    cases = gradients.cases(train.inputs[INPUT].shape[1], 10)
    losses = objective(cases[0].model).losses
    batch = Batch(shown, {OUTPUT: np.eye(10)[labels]}, losses)
    return gradients.study(
        cases,
        batch,
        implementation("torch").backend,
        lambda model: draw(model, seed),
        lambda case, weights: accuracy(case, weights, {"train": train, "validation": held}, seed),
    )


def _flat(rows: Any) -> Rows:
    values = rows.floats(INPUT).reshape(len(rows), -1)
    return Rows({INPUT: values}, rows.targets, rows.weights, rows.ids)


def accuracy(
    case: Case, weights: Mapping[str, np.ndarray], splits: Mapping[str, Rows], seed: int
) -> float:
    """The validation accuracy of a case after a short training by plain SGD; 0 if it blew up."""
    from trimaran.errors import TrainingError
    from trimaran.training.events import Epoch

    backend = implementation("torch")
    training = Training(
        epochs=EPOCHS, batch_size=BATCH, optimizer=SGD(PACE * case.learning_rate),
        clip_norm=case.clip, seed=seed,
    )  # fmt: skip
    goal = Objective({OUTPUT: Loss("sparse_categorical_crossentropy").on("softmax")})
    module = backend.module(case.model, weights)
    last = 0.0
    try:
        for event in backend.fit(module, goal, splits, training, Execution(), None):
            if isinstance(event, Epoch):
                last = event.metrics["val_accuracy"]
    except TrainingError:
        return 0.0
    return last


def perceptrons(seed: int) -> tuple[Learned, ...]:
    """OR and XOR by Rosenblatt's rule, by a perceptron on gradients, and with a hidden layer."""
    return tuple(
        found
        for task in ("or", "xor")
        for found in (
            _by_rule(task),
            _by_gradients(task, "perceptron", seed),
            _by_gradients(task, "xor-mlp", seed),
        )
    )


def _by_rule(task: str) -> Learned:
    rows = prepare(load("perceptron", Layer("the lesson", {"data": {"set": task}})).data, 0)
    x, y = _points(rows.splits["train"])
    answer, passes = perceptron.rosenblatt(x, y)
    return perceptron.learned(task, perceptron.RULE, passes, answer, (x, y))


def _by_gradients(task: str, name: str, seed: int) -> Learned:
    """The recipe of that name on this truth table."""
    changes = Layer("the lesson", {"data": {"set": task}, "training": {"seed": seed}})
    recipe, backend = load(name, changes), implementation("torch")
    prepared = prepare(recipe.data_settings(), seed)
    model = description.describe(recipe.model, prepared)
    module = backend.module(model, draw(model, seed))
    goal = description.objective(model, prepared)
    for _ in backend.fit(module, goal, prepared.splits, recipe.training, Execution(), None):
        pass
    network = backend.network(model, backend.arrays(module))

    def answer(points: np.ndarray) -> np.ndarray:
        given = network.forward({INPUT: points.astype(np.float32)}).outputs[OUTPUT]
        return np.asarray(given[:, -1], np.float64)

    data = _points(prepared.splits["train"])
    words = {"perceptron": "perceptron by gradients", "xor-mlp": "one hidden layer"}
    return perceptron.learned(task, words[name], recipe.training.epochs, answer, data)


def _points(rows: Any) -> tuple[np.ndarray, np.ndarray]:
    return rows.floats(INPUT).astype(np.float64), rows.targets[OUTPUT].astype(np.float64)


def maps(run: RunFiles, picture: Any, row: int) -> Features:
    """What a run's convolutions see in a picture, or in a row of its most independent split."""
    if not map_paths(run.model):
        raise RecipeError(
            f"{run.path}: {run.model.name} has no convolutions, so there are no feature maps."
        )
    if picture is not None:
        inputs, _ = questions(run.preprocess, picture)
        rows = run.preprocess.apply(inputs)
    else:
        splits = prepare(run.recipe.data_settings(), run.recipe.training.seed).splits
        name = next((n for n in ("test", "validation", "train") if n in splits), "train")
        if not 0 <= row < len(splits[name]):
            raise RecipeError(
                f"--row is {row}; the {name} split has rows 0 to {len(splits[name]) - 1}."
            )
        rows, row = splits[name].take(np.array([row])), 0
    network = implementation(run.recipe.backend).network(run.model, run.weights)
    return features(network, {INPUT: rows.floats(INPUT)}, row)
