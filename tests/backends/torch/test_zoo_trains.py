"""Every architecture of the zoo trains: one epoch of two updates moves every weight, finitely."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran import zoo
from trimaran.backends.torch.build import module
from trimaran.backends.torch.loop import fit
from trimaran.backends.torch.weights import arrays
from trimaran.comparison.problem import invented
from trimaran.data.batches import Rows
from trimaran.spec import Model
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.events import Epoch
from trimaran.training.execution import Execution
from trimaran.training.settings import Training
from trimaran.weights import draw

SMALL = {"alexnet": (64, 64, 3), "alexnet-2012": (67, 67, 3), "vgg16": (32, 32, 3)}
ROWS = 4


def small(name: str) -> Model:
    shape = (32, 32, 3) if name.startswith("resnet") else SMALL.get(name)
    return zoo.build(name, shape, 10 if shape else None)


def rows(model: Model) -> Rows:
    made, _ = invented(model, ROWS)
    y = np.arange(ROWS) % 2
    if len(model.output_shape("output")) > 1 or not model.heads:
        y = made.targets["output"]
    return Rows(made.inputs, {"output": y}, None, np.arange(ROWS))


@pytest.mark.parametrize("name", zoo.ZOO)
def test_it_trains(name: str) -> None:
    model = small(name)
    before = draw(model, 0)
    network = module(model, before)
    head = model.heads.get("output")
    kinds = {"sigmoid": "binary_crossentropy", "softmax": "sparse_categorical_crossentropy"}
    loss = Loss(kinds.get(str(head), "mean_squared_error"))
    events = fit(
        network,
        Objective({"output": loss.on(head)}),
        {"train": rows(model)},
        Training(epochs=1, batch_size=2),
        Execution(threads=1),
    )
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert np.isfinite(epochs[0].loss)
    after = arrays(network)
    moving = [key for key, parameter in model.parameters.items() if parameter.trainable]
    still = [key for key in moving if np.array_equal(before[key], after[key])]
    assert still == []
