from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from trimaran.backends.torch.setup import Setup, _settle_group_norms, freeze, set_up
from trimaran.data.batches import Rows
from trimaran.errors import TrainingError
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.execution import Execution
from trimaran.training.objectives import objectives
from trimaran.training.settings import Training

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
Net = Callable[..., nn.Module]
Splits = dict[str, Rows]


def made(network: nn.Module, splits: Splits, **settings: object) -> Setup:
    training = Training.from_json(settings)
    both = objectives(OBJECTIVE, training, splits["train"])
    return set_up(network, both, splits, training, Execution())


def test_a_group_norm_of_the_input_does_not_end_the_process() -> None:
    """PyTorch's own backward pass does, channels_last; a random model found it."""

    network = nn.GroupNorm(2, 4)
    seen = []
    network.register_forward_hook(lambda m, given, made: seen.append(given[0]))
    for _ in range(2):
        _settle_group_norms(network)
    assert len(network._forward_pre_hooks) == 1
    pictures = torch.rand(2, 4, 5, 5).to(memory_format=torch.channels_last)
    network(pictures).sum().backward()
    network(pictures.requires_grad_()).sum().backward()
    with torch.no_grad():
        network(pictures)
    assert [x.is_contiguous() for x in seen] == [True, False, False]
    assert network.weight.grad is not None and pictures.grad is not None


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
