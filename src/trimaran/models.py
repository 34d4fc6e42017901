"""Keras's way of working: `Sequential([...])`, `Model(inputs, outputs)`, compile, fit, evaluate.

    from trimaran import layers, models

    model = models.Sequential([layers.Dense(64, activation="relu", input_shape=(100,)),
                               layers.Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=5, validation_split=0.2)

A model is a description (`model.description`) and its weights; the network that trains is the
source that `model.to_source()` shows. Words and defaults are Keras's, with these differences:
weighted means divide by the sum of the weights; a `fit` starts with a fresh optimizer state; the
initial weights come from `seed`; saving makes a folder of JSON and safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trimaran import callbacks as rules
from trimaran import spec
from trimaran.data.batches import Rows
from trimaran.errors import DescriptionError, RunError, TrainingError
from trimaran.files import read_json, write_json
from trimaran.fitting import feeding
from trimaran.fitting import fit as fitting
from trimaran.fitting.compiled import ByOutput, Compiled
from trimaran.fitting.history import History, history_of
from trimaran.fitting.watching import watch
from trimaran.steps.implementation import source
from trimaran.tasks.loss import Loss
from trimaran.training.optimizers import Optimizer
from trimaran.training.settings import Training
from trimaran.weights import check, draw
from trimaran.weights import load as load_arrays
from trimaran.weights import save as save_arrays

DESCRIPTION, WEIGHTS, SETTINGS = "model.json", "model.safetensors", "compiled.json"


class Model:
    """A model between symbolic inputs and outputs (Keras's functional style).

    Args:
        inputs: an `Input`, a list of them, or a mapping by name; outputs likewise.
        name: becomes the class of the emitted source.
        seed: of the initial weights, the shuffling and the dropout.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str = "model", seed: int = 0) -> None:
        self.name, self.seed = name, seed
        self._described: spec.Model | None = spec.functional(inputs, outputs, name)
        self._start()

    def _start(self) -> None:
        self._weights: dict[str, np.ndarray] | None = None
        self._network: Any = None
        self._compiled: Compiled | None = None
        self._fits = 0

    @property
    def description(self) -> spec.Model:
        """The frozen description.

        Raises `DescriptionError` while the input's shape is unknown.
        """
        if self._described is None:
            self._described = self._describe(None)
        return self._described

    def _describe(self, input_shape: spec.Shape | None) -> spec.Model:
        raise DescriptionError(f"{self.name} has no description.")

    def compile(
        self,
        optimizer: str | Optimizer | Mapping[str, Any] = "rmsprop",
        loss: str | Loss | ByOutput | None = None,
        metrics: ByOutput | None = None,
        loss_weights: ByOutput | None = None,
        training: Training | Mapping[str, Any] | None = None,
        backend: str = "torch",
    ) -> None:
        """Say how the model learns. Names and default arguments of optimizers are Keras's.

        Args:
            metrics: "accuracy", "mae" or "mse"; a list, or for several outputs one for each.
            training: more settings of a recipe's `training:` block, such as
                {"precision": "float32", "clip_norm": 1.0, "schedule": "cosine"}.
            backend: what computes: "torch", "tensorflow" or "jax".

        Raises:
            RecipeError: an unknown name, or a loss or metric that the outputs cannot have.
        """
        if loss is None:
            raise TrainingError(f"{self.name}: compile needs a loss, such as loss='mse'.")
        given = training or {}
        settings = given if isinstance(given, Training) else Training.from_json(given)
        settings = replace(settings, optimizer=optimizer)  # type: ignore[arg-type]
        wanted = (metrics,) if isinstance(metrics, str) else metrics or ()
        compiled = Compiled(loss, wanted, loss_weights, settings, backend)
        if self._described is not None:
            compiled.objective(self._described)
        self._compiled, self._network = compiled, None

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[rules.Callback] | rules.Callback | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
    ) -> History:
        """Train on arrays in memory; see Keras's `fit`, whose meaning this has.

        Args:
            x: (N, ...) channels-last, or several inputs in a list or by name; y likewise.
            verbose: 0 says nothing, 1 shows a live bar (a cell in a notebook), 2 a line per epoch.
            validation_split: this share of the rows, the *last* ones before any shuffling, is
                scored after each epoch and not trained on.
            validation_data: (x, y) or (x, y, sample_weight) to be scored instead.
            class_weight: class number → weight of its rows in training.
            sample_weight: (N,) weights of at least 0.

        Raises:
            DataError: arrays that do not fit the model; the text says how to mend them.
            TrainingError: not compiled, or a loss that is not finite.
            KeyboardInterrupt: after Ctrl-C; the weights are those of the last update.
        """
        compiled = self._settled(x)
        train = self._rows(x, y, sample_weight)
        splits = {"train": train}
        if validation_data is not None:
            splits["validation"] = self._rows(*validation_data)
        elif validation_split:
            splits["train"], splits["validation"] = feeding.split_last(train, validation_split)
        if class_weight is not None:
            splits["train"] = feeding.class_weighted(splits["train"], class_weight)
        # A model's several fits shuffle differently; the step keeps them apart from other seeds.
        seed = (self.seed + self._fits * (2**31 - 1)) % 2**63
        settings = replace(
            rules.applied(callbacks, compiled.training),
            batch_size=batch_size, epochs=epochs, shuffle=shuffle, seed=seed,
        )  # fmt: skip
        return self._train(compiled, settings, splits, verbose)

    def _train(
        self, compiled: Compiled, settings: Training, splits: dict[str, Rows], verbose: str | int
    ) -> History:
        objective = compiled.objective(self.description)
        job = fitting.Job(self.description, objective, settings, compiled.backend)
        tell, close = watch(verbose)
        try:
            fitted = fitting.fit(job, self._arrays(), splits, tell)
        finally:
            close()
        self._keep(fitted.weights)
        self._fits += 1
        if fitted.stopped.reason == "interrupted":
            raise KeyboardInterrupt
        return history_of(fitted, compiled, self.description)

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int = 512,
        verbose: str | int = 0,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss, or [loss, metrics...] in the order of `compile`, or with `return_dict` a dict.

        Nothing is printed; `verbose` is taken because Keras's scripts give it.
        """
        compiled = self._settled(x)
        rows = self._rows(x, y, sample_weight)
        objective = compiled.objective(self.description)
        job = fitting.Job(self.description, objective, compiled.training, compiled.backend)
        found = fitting.evaluate(job, self._arrays(), rows, batch_size)
        scores = compiled.renamed(self.description, found)
        if return_dict:
            return scores
        return list(scores.values()) if len(scores) > 1 else scores["loss"]

    def predict(self, x: Any, batch_size: int = 512, verbose: str | int = 0) -> Any:
        """The output for every row, float32, with its softmax or sigmoid; a dict by name if there
        are several outputs. Nothing is printed; see `evaluate`."""
        self._build(x)
        rows = feeding.rows_of(self.description, x)
        if self._network is None:
            backend = self._compiled.backend if self._compiled else fitting.TORCH
            self._network = fitting.network(self.description, self._arrays(), backend=backend)
        found = fitting.predict(self._network, rows, batch_size)
        return found if len(found) > 1 else next(iter(found.values()))

    def _settled(self, x: Any) -> Compiled:
        if self._compiled is None:
            raise TrainingError(f"{self.name} is not compiled; call compile(loss=...) first.")
        self._build(x)
        return self._compiled

    def _build(self, x: Any) -> None:
        """Describe a model whose input shape was left to the first data."""

    def _rows(self, x: Any, y: Any = None, weights: Any = None) -> Rows:
        assert self._compiled is not None
        losses = self._compiled.objective(self.description).losses
        return feeding.rows_of(self.description, x, y, losses, weights)

    def _arrays(self) -> dict[str, np.ndarray]:
        if self._weights is None:
            self._weights = draw(self.description, self.seed)
        return self._weights

    def _keep(self, weights: dict[str, np.ndarray]) -> None:
        self._weights, self._network = weights, None

    def get_weights(self) -> dict[str, np.ndarray]:
        """Copies of all arrays by their key in `model.safetensors`, in PyTorch's layouts."""
        return {key: array.copy() for key, array in self._arrays().items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take these arrays; `RunError` unless they are those of this model."""
        check(self.description, weights)
        self._keep({key: np.array(weights[key]) for key in self.description.parameters})

    def count_params(self) -> int:
        """Numbers in all arrays, trained or statistics, as Keras counts them."""
        arrays = self.description.parameters.values()
        return sum(array.size for array in arrays if array.dtype == "float32")

    def summary(self) -> None:
        """Print the layers with output shapes, parameters and operations."""
        print(spec.summary(self.description))

    def to_source(self, to: str = "torch", style: str | None = None) -> str:
        """The model as source that imports the framework alone; it is what `fit` trains.

        style: of Keras's source "sequential", "functional" or "subclass"; by default what fits
        """
        return source(self.description, to, style)

    def save(self, path: str | Path) -> None:
        """Write a folder: model.json, model.safetensors, and compiled.json where it is compiled.

        Raises `RunError` where it cannot be written.
        """
        folder = Path(path)
        if folder.suffix in (".keras", ".h5", ".hdf5", ".pt", ".pth"):
            raise RunError(
                f"{folder}: a model is saved as a folder of JSON and safetensors; give a path "
                f"without {folder.suffix}."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{folder} cannot be made ({error.strerror}); choose another.") from None
        save_arrays(folder / WEIGHTS, self._arrays())
        write_json(folder / DESCRIPTION, spec.to_json(self.description))
        if self._compiled is not None:
            write_json(folder / SETTINGS, self._compiled.to_json())

    def __repr__(self) -> str:
        if self._described is None:
            return f"<{type(self).__name__} {self.name}, input shape unknown>"
        return f"<{type(self).__name__} {self.name}, {self.count_params():,} parameters>"

    def _repr_html_(self) -> str | None:
        from trimaran.notebook import model_page

        return None if self._described is None else model_page(self._described)


class Sequential(Model):
    """A chain of layers, as a list or by `add`.

    The input's shape comes from an `Input` in front, the first layer's `input_shape`, or else the
    first data.
    """

    def __init__(
        self, layers: Sequence[Any] | None = None, name: str = "model", seed: int = 0
    ) -> None:
        self.name, self.seed = name, seed
        self.layers: list[Any] = []
        self._described = None
        self._start()
        for layer in layers or ():
            self._append(layer)
        self._describe_early()

    def add(self, layer: Any) -> None:
        """Put a layer at the end. Weights that were trained stay as they are."""
        self._append(layer)
        self._change()

    def pop(self) -> None:
        """Take the last layer away."""
        if not self.layers:
            raise DescriptionError(f"{self.name} has no layer to take away.")
        self.layers.pop()
        self._change()

    def _append(self, layer: Any) -> None:
        if not isinstance(layer, spec.Layer | spec.Symbol):
            hint = "list its layers" if isinstance(layer, Model) else "make one, as in Dense(10)"
            raise DescriptionError(
                f"{self.name}: a Sequential holds layers, got {type(layer).__name__}; {hint}."
            )
        self.layers.append(layer)

    def _change(self) -> None:
        before, self._described, self._network = self._weights, None, None
        self._describe_early()
        if before is None:
            return
        self._weights = {
            key: before[key] if key in before and before[key].shape == array.shape else array
            for key, array in draw(self.description, self.seed).items()
        }

    def _describe_early(self) -> None:
        """A wrong layer is named when it is added, where the input's shape is known."""
        first = self.layers[0] if self.layers else None
        if isinstance(first, spec.Symbol) or getattr(first, "input_shape", None) is not None:
            self._described = self._describe(None)

    def _describe(self, input_shape: spec.Shape | None) -> spec.Model:
        return spec.sequential(self.layers, input_shape, self.name)

    def _build(self, x: Any) -> None:
        if self._described is None:
            self._described = self._describe(tuple(np.asarray(x).shape[1:]))


def load_model(path: str | Path) -> Model:
    """The model in a folder that `save` wrote, or in the folder of a run (its network alone: the
    run's `predict` also prepares raw data).

    Raises `RunError` or `DescriptionError` for files that are missing, damaged or of two models.
    """
    folder = Path(path)
    description = spec.from_json(read_json(folder / DESCRIPTION), str(folder / DESCRIPTION))
    weights = load_arrays(folder / WEIGHTS)
    check(description, weights, str(folder / WEIGHTS))
    model = from_description(description)
    model._keep({key: weights[key] for key in description.parameters})
    if (folder / SETTINGS).is_file():
        model._compiled = Compiled.from_json(read_json(folder / SETTINGS))
    return model


def from_description(description: spec.Model, seed: int = 0) -> Model:
    """A model of this description: one of the zoo's, for example."""
    model = Model.__new__(Model)
    model.name, model.seed, model._described = description.name, seed, description
    model._start()
    return model


__all__ = [
    "History",
    "Model",
    "Sequential",
    "from_description",
    "load_model",
]
