from __future__ import annotations

import numpy as np
import pytest

from trimaran.data.batches import Rows
from trimaran.errors import TrainingError
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.engine import Objectives
from trimaran.training.objectives import objectives
from trimaran.training.settings import Training

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
LABELS = np.array([0] * 40 + [1] * 20 + [2] * 10)
ROWS = Rows({"x": np.zeros((70, 2), np.float32)}, {"output": LABELS}, None, np.arange(70))


def made(**settings: object) -> Objectives:
    return objectives(OBJECTIVE, Training.from_json(settings), ROWS)


def test_balanced_class_weights_weigh_each_class_alike() -> None:
    both = made(class_weights="balanced")
    weights = both.train.losses["output"].class_weights
    assert weights is not None
    np.testing.assert_allclose(np.array(weights) * np.bincount(LABELS), 70 / 3)
    assert both.judge.losses["output"].class_weights is None


def test_settings_reach_the_loss() -> None:
    both = made(class_weights=[1, 2, 3], label_smoothing=0.1)
    assert both.train.losses["output"].class_weights == (1, 2, 3)
    assert both.train.losses["output"].label_smoothing == 0.1
    assert both.judge.losses["output"].label_smoothing == 0.1


def test_too_few_class_weights_are_refused() -> None:
    with pytest.raises(TrainingError, match="2 numbers.*3 classes"):
        made(class_weights=[1, 2])
