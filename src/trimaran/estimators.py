"""Neural networks as scikit-learn estimators.

They standardise their inputs (and a regressor its targets) by the training rows, so they need no
scaler in front. Labels may be of any kind that scikit-learn takes. `fit` with one `random_state`
gives the same bits on the same machine. Pickling keeps JSON and safetensors, no framework object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as bytes_of_arrays
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from trimaran import spec, zoo
from trimaran.data.batches import Rows
from trimaran.data.splits import TRAIN
from trimaran.fitting import fit as fitting
from trimaran.fitting.feeding import condensed, held_out
from trimaran.fitting.trained import Scale, Trained, fitting_description
from trimaran.spec.layers import Dense
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.events import Event
from trimaran.training.optimizers import Optimizer
from trimaran.training.optimizers import optimizer as optimizer_of
from trimaran.training.settings import Training
from trimaran.training.stopping import EarlyStopping
from trimaran.weights import draw

KEPT = ("n_features_in_", "n_iter_", "history_")
"""Fitted attributes that are JSON values as they stand."""


class _Neural(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share; the constructor only stores.

    Args:
        model: an architecture of the zoo ("mlp", "resnet18"), a description, or None for a
            multi-layer perceptron of `hidden_layer_sizes`.
        hidden_layer_sizes: units of each hidden layer;  activation: its function.
        input_shape: shape of a row for the model, channels-last, where rows are flattened pictures.
        optimizer: a name, or one of `trimaran.optimizers`;  learning_rate: None is its own.
        epochs: passes over the data;  batch_size: rows per update.
        early_stopping: hold out `validation_fraction` of the rows, stop when their loss has not
            improved for `patience` epochs, and keep the best weights.
        training: more settings of a recipe's `training:` block, such as {"clip_norm": 1.0}.
        backend: what trains: "torch", "tensorflow" or "jax". Answers come from PyTorch, in float64,
            whatever trained: a fitted estimator needs Keras no more.
        device: "auto", "cpu", "cuda" or "mps". One CPU thread is used by default, since rows of
            tables are too little work for more; `training={"threads": 4}` changes that.
        random_state: of the initial weights, the order, dropout and the split.

    Attributes:
        history_: figure → its value for each epoch;  n_iter_: epochs that were made.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
        model_: the description of the network;  weights_: its arrays by key.
    """

    def __init__(
        self,
        model: str | spec.Model | None = None,
        *,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        input_shape: tuple[int, ...] | None = None,
        optimizer: str | Optimizer | Mapping[str, Any] = "adam",
        learning_rate: float | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        training: Mapping[str, Any] | None = None,
        backend: str = "torch",
        device: str = "auto",
        random_state: Any = None,
        verbose: bool | int = False,
    ) -> None:
        self.model = model
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.input_shape = input_shape
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.training = training
        self.backend = backend
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @property
    def model_(self) -> spec.Model:
        check_is_fitted(self)
        return self._trained.model

    @property
    def weights_(self) -> dict[str, np.ndarray]:
        check_is_fitted(self)
        return dict(self._trained.weights)

    def __sklearn_is_fitted__(self) -> bool:
        return "_trained" in vars(self)

    def _learn(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, targets: Scale | None
    ) -> None:
        """Train on rows (N, d), class numbers (N,) or values (N, k), and weights above 0."""
        settings = self._settings(int(check_random_state(self.random_state).randint(2**31)))
        inputs = Scale.fit(x, weights, self.input_shape[-1] if self.input_shape else None)
        model = self._describe(x.shape[1], self._units(y))
        rows = Rows(
            {model.inputs[0].name: _shaped(inputs.apply(x).astype(np.float32), model)},
            {model.outputs[0][0]: y if targets is None else targets.apply(y).astype(np.float32)},
            None if np.all(weights == weights[0]) else weights.astype(np.float32),
            np.arange(len(x), dtype=np.int64),
        )
        splits = {TRAIN: rows}
        if self.early_stopping:
            splits = held_out(rows, self.validation_fraction, settings.seed)
        job = fitting.Job(model, self._objective(model), settings, self.backend)
        with self._watching() as watch:
            fitted = fitting.fit(job, draw(model, settings.seed), splits, watch)
        if fitted.stopped.reason == "interrupted":
            raise KeyboardInterrupt  # a search over many fits is meant to end as a whole
        figures = [{"loss": epoch.loss, **epoch.metrics} for epoch in fitted.epochs]
        self.history_ = {name: [f[name] for f in figures] for name in (figures or [{}])[0]}
        self.n_iter_ = len(figures)
        self._hold(Trained(model, fitted.weights, inputs, targets))

    def _hold(self, trained: Trained) -> None:
        # In float64, so that the answer for a row does not depend on the rows beside it.
        self._trained = trained
        self._network = fitting.network(trained.model, trained.weights, "float64")

    def _settings(self, seed: int) -> Training:
        optimizer = optimizer_of(self.optimizer)
        if self.learning_rate is not None:
            optimizer = replace(optimizer, learning_rate=self.learning_rate)
        stop = EarlyStopping("val_loss", self.patience) if self.early_stopping else None
        chosen = {"precision": "float32", "threads": 1, **(self.training or {})}
        return replace(
            Training.from_json(chosen),
            optimizer=optimizer, epochs=self.epochs, batch_size=self.batch_size,
            early_stopping=stop, device=self.device, seed=seed,
        )  # fmt: skip

    def _describe(self, features: int, units: int) -> spec.Model:
        shape = tuple(self.input_shape or (features,))
        if np.prod(shape) != features:
            raise ValueError(
                f"input_shape={shape} needs rows of {int(np.prod(shape))} numbers, but X has "
                f"{features} columns."
            )
        head = self._head()
        if isinstance(self.model, str):
            return zoo.build(self.model, shape, units, head=head is not None)
        if self.model is not None:
            return fitting_description(self.model, shape, units, head)
        hidden = [Dense(int(size), activation=self.activation) for size in self.hidden_layer_sizes]
        return spec.sequential([*hidden, Dense(units, activation=head)], shape, "mlp")

    @contextmanager
    def _watching(self) -> Iterator[Callable[[Event], None]]:
        from trimaran.cli import progress

        if not self.verbose:
            yield progress.silent
            return
        with closing(progress.watch()) as watch:
            yield watch

    def _answers(self, X: Any) -> np.ndarray:  # noqa: N803 (scikit-learn's name)
        """The network's float64 output for every row."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        trained = self._trained
        rows = Rows(
            {trained.model.inputs[0].name: _shaped(trained.inputs.apply(x), trained.model)},
            {}, None, np.arange(len(x)),
        )  # fmt: skip
        return fitting.predict(self._network, rows, 512)[trained.model.outputs[0][0]]

    def __getstate__(self) -> dict[str, Any]:
        hidden = ("_trained", "_network", "classes_", "feature_names_in_", *KEPT)
        state = {key: value for key, value in vars(self).items() if key not in hidden}
        if isinstance(self.model, spec.Model):
            state["model"] = {"description": json.dumps(spec.to_json(self.model))}
        if self.__sklearn_is_fitted__():
            found = {key: vars(self)[key] for key in KEPT}
            for key in ("classes_", "feature_names_in_"):
                if key in vars(self):
                    array = vars(self)[key]
                    found[key] = {"dtype": array.dtype.str, "values": array.tolist()}
            description = json.dumps(spec.to_json(self._trained.model))
            content = bytes_of_arrays(self._trained.arrays())
            state["trained"] = (json.dumps(found), description, content)
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        given = {"backend": fitting.TORCH, **state}  # pickled before there was another
        trained = given.pop("trained", None)
        if isinstance(given["model"], dict):
            given["model"] = spec.from_json(json.loads(given["model"]["description"]))
        self.__dict__.update(given)
        if trained is None:
            return
        found, description, content = trained
        for key, value in json.loads(found).items():
            if key in ("classes_", "feature_names_in_"):
                value = np.array(value["values"], dtype=value["dtype"])
            setattr(self, key, value)
        model = spec.from_json(json.loads(description), "the pickled estimator")
        self._hold(Trained.from_arrays(model, arrays_from_bytes(content)))


class NeuralClassifier(ClassifierMixin, _Neural):  # type: ignore[misc]
    __doc__ = f"""A neural network that tells classes apart.

    {(_Neural.__doc__ or "").partition("only stores.")[2].strip()}
        classes_: the labels, sorted; the columns of `predict_proba`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralClassifier:  # noqa: N803
        """Train on (N, d) numbers and N labels; weights are at least 0.

        Raises:
            ValueError: what scikit-learn's validation refuses, or fewer than two classes.
        """
        x, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        weights = _weights(sample_weight, x)
        self.classes_, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"A classifier needs rows of at least 2 classes, but y has the one class "
                f"{self.classes_[0]!r}."
            )
        x, codes, weights = condensed(x, codes.astype(np.int64), weights, self.batch_size)
        self._learn(x, codes, weights, None)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803 (scikit-learn's name)
        """(N, classes) probabilities, in the order of `classes_`."""
        return self._answers(X)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803 (scikit-learn's name)
        """The likeliest label of every row."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self._answers(X).argmax(axis=1)])

    def _units(self, y: np.ndarray) -> int:
        return len(self.classes_)

    def _head(self) -> str | None:
        return "softmax"

    def _objective(self, model: spec.Model) -> Objective:
        output = model.outputs[0][0]
        return Objective(
            {output: Loss("sparse_categorical_crossentropy").on(model.heads.get(output))}
        )


class NeuralRegressor(RegressorMixin, _Neural):  # type: ignore[misc]
    __doc__ = f"""A neural network that predicts one number per row, or several.

    {(_Neural.__doc__ or "").partition("only stores.")[2].strip()}
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralRegressor:  # noqa: N803
        """Train on (N, d) numbers and targets (N,) or (N, k); weights are at least 0.

        Raises:
            ValueError: what scikit-learn's validation refuses.
        """
        kinds = [np.float64, np.float32]
        x, y = validate_data(self, X, y, dtype=kinds, multi_output=True, y_numeric=True)
        weights = _weights(sample_weight, x)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._vector = y.ndim == 1
        values = np.asarray(y, np.float64).reshape(len(y), -1)
        x, values, weights = condensed(x, values, weights, self.batch_size)
        self._learn(x, values, weights, Scale.fit(values, weights))
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803 (scikit-learn's name)
        """(N,) numbers in the units of y, or (N, k)."""
        answers = self._answers(X)
        assert self._trained.targets is not None
        values = self._trained.targets.undo(answers)
        return values[:, 0] if self._vector else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _units(self, y: np.ndarray) -> int:
        return int(y.shape[1])

    def _head(self) -> str | None:
        return None

    def _objective(self, model: spec.Model) -> Objective:
        return Objective({model.outputs[0][0]: Loss("mean_squared_error", False)})


def _weights(given: Any, x: np.ndarray) -> np.ndarray:
    weights = _check_sample_weight(given, x, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("All sample weights are zero, so there is no row to learn from.")
    return np.asarray(weights)


def _shaped(x: np.ndarray, model: spec.Model) -> np.ndarray:
    return x.reshape(len(x), *(int(size or 1) for size in model.inputs[0].shape))
