"""The objective of a run with what its settings add: label smoothing and class weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError
from trimaran.tasks.loss import CROSS_ENTROPIES, Loss, Objective
from trimaran.training.engine import Objectives
from trimaran.training.settings import Training


def objectives(objective: Objective, training: Training, train: Rows | Stream) -> Objectives:
    """Training rows are weighed by class; validation is judged without that."""
    return Objectives(_objective(objective, training, train), _objective(objective, training, None))


def _objective(objective: Objective, training: Training, train: Rows | Stream | None) -> Objective:
    losses = {}
    for name, loss in objective.losses.items():
        if loss.kind in CROSS_ENTROPIES and training.label_smoothing:
            loss = replace(loss, label_smoothing=training.label_smoothing)
        if train is not None and training.class_weights is not None:
            loss = _weighted(name, loss, training, train)
        losses[name] = loss
    return replace(objective, losses=losses)


def _weighted(name: str, loss: Loss, training: Training, train: Rows | Stream) -> Loss:
    if loss.kind not in CROSS_ENTROPIES:
        return loss
    target = train.targets[name]
    one_hot = loss.kind == "categorical_crossentropy"
    classes = (target.argmax(-1) if one_hot else target.reshape(len(target))).astype(np.int64)
    most = target.shape[-1] if one_hot else int(classes.max(initial=1)) + 1
    if training.class_weights == "balanced":
        counts = np.bincount(classes, minlength=most)
        present = np.count_nonzero(counts)
        weights = len(classes) / (present * np.maximum(counts, 1))
        return replace(loss, class_weights=tuple(weights.tolist()))
    given = training.class_weights
    assert isinstance(given, tuple)
    if len(given) < most:
        raise TrainingError(
            f"class_weights has {len(given)} numbers, but the output {name!r} has {most} classes; "
            f"give one for each, or 'balanced'."
        )
    return replace(loss, class_weights=given)
