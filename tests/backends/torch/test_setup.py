from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from trimaran.backends.torch.setup import Setup, freeze, set_up
from trimaran.data.augment import Augment
from trimaran.data.batches import Rows
from trimaran.errors import RecipeError, TrainingError
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
Net = Callable[..., nn.Module]
Splits = dict[str, Rows]


def made(network: nn.Module, splits: Splits, **settings: object) -> Setup:
    return set_up(network, OBJECTIVE, splits, Training.from_json(settings), Execution())


@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [
        (("conv",), {"conv.weight", "conv.bias"}),
        (("*.bias",), {"conv.bias", "norm.bias", "deep.bias", "out.bias"}),
        (("conv*", "norm"), {"conv.weight", "conv.bias", "norm.weight", "norm.bias"}),
        ((), set()),
    ],
)
def test_freezing_by_pattern(
    convolutional: Net, patterns: tuple[str, ...], frozen: set[str]
) -> None:
    network = convolutional()
    freeze(network, patterns)
    assert {k for k, p in network.named_parameters() if not p.requires_grad} == frozen


def test_a_frozen_normalization_keeps_its_statistics(convolutional: Net, splits: Splits) -> None:
    setup = made(convolutional(), splits, freeze=["norm"])
    setup.train_mode()
    assert setup.network.training and not setup.network.norm.training  # type: ignore[union-attr]
    setup = made(convolutional(), splits)
    setup.train_mode()
    assert setup.network.norm.training  # type: ignore[union-attr]


def test_bad_patterns_are_named(convolutional: Net, splits: Splits) -> None:
    with pytest.raises(TrainingError, match="'cnv'.*did you mean 'conv'"):
        made(convolutional(), splits, freeze=["cnv"])
    with pytest.raises(TrainingError, match="No weight is left"):
        made(convolutional(), splits, freeze=["*"])


def test_balanced_class_weights_weigh_each_class_alike(plain: Net, splits: Splits) -> None:
    setup = made(plain(), splits, class_weights="balanced")
    weights = setup.criterion.losses["output"].class_weights
    assert weights is not None
    counts = np.bincount(splits["train"].targets["output"])
    np.testing.assert_allclose(np.array(weights) * counts, 70 / 3)
    assert setup.judge.losses["output"].class_weights is None


def test_settings_reach_the_loss(plain: Net, splits: Splits) -> None:
    setup = made(plain(), splits, class_weights=[1, 2, 3], label_smoothing=0.1)
    assert setup.criterion.losses["output"].class_weights == (1, 2, 3)
    assert setup.criterion.losses["output"].label_smoothing == 0.1
    assert setup.judge.losses["output"].label_smoothing == 0.1
    with pytest.raises(TrainingError, match="2 numbers.*3 classes"):
        made(plain(), splits, class_weights=[1, 2])


def test_a_lonely_last_row_joins_only_under_normalization(
    plain: Net, convolutional: Net, rows: Callable[..., Rows]
) -> None:
    splits = {"train": rows(33, 0)}
    assert [len(i) for i in made(plain(), splits, batch_size=16).order(0)] == [16, 16, 1]
    assert [len(i) for i in made(convolutional(), splits, batch_size=16).order(0)] == [16, 17]


def test_the_horizon_counts_updates(plain: Net, splits: Splits) -> None:
    horizon = made(plain(), splits, batch_size=8, accumulate=4, epochs=5).horizon
    assert (horizon.per_epoch, horizon.steps) == (3, 15)


def test_augmentation_from_a_mapping(plain: Net, splits: Splits) -> None:
    setup = made(plain(), splits, augment={"flip": True})
    assert setup.train.change.augment == Augment(flip=True)
    assert made(plain(), splits, augment={}).train.change.augment is None
    with pytest.raises(RecipeError, match="flp"):
        made(plain(), splits, augment={"flp": True})


def test_kernels_are_channels_last_and_float64_stays(
    plain: Net, convolutional: Net, splits: Splits
) -> None:
    kernel = made(convolutional(), splits).network.conv.weight  # type: ignore[union-attr]
    assert isinstance(kernel, torch.Tensor)
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert made(plain().double(), splits).train.form.dtype == torch.float64


def test_a_missing_train_split_is_named(plain: Net, splits: Splits) -> None:
    with pytest.raises(TrainingError, match="'train'"):
        made(plain(), {"validation": splits["validation"]})


def test_one_hot_targets_are_weighed_by_their_class(plain: Net, splits: Splits) -> None:
    train = splits["train"]
    hot = replace(train, targets={"output": np.eye(3, dtype=np.float32)[train.targets["output"]]})
    objective = Objective({"output": Loss("categorical_crossentropy")})
    training = Training(class_weights="balanced")
    setup = set_up(plain(), objective, {"train": hot}, training, Execution())
    sparse = made(plain(), splits, class_weights="balanced")
    a, b = (s.criterion.losses["output"].class_weights for s in (setup, sparse))
    assert a == b
