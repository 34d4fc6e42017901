from __future__ import annotations

from typing import Any

import pytest
import torch

from trimaran.spec.layer import Illegal
from trimaran.spec.layers import BatchNormalization, GroupNormalization, LayerNormalization

CASES = [
    (BatchNormalization(), (5, 5, 6), torch.nn.BatchNorm2d(6)),
    (BatchNormalization(), (6,), torch.nn.BatchNorm1d(6)),
    (
        BatchNormalization(center=False, scale=False),
        (6,),
        torch.nn.BatchNorm1d(6, affine=False),
    ),
    (LayerNormalization(), (5, 6), torch.nn.LayerNorm(6)),
    (LayerNormalization(center=False), (5, 6), torch.nn.LayerNorm(6, bias=False)),
    (GroupNormalization(3), (5, 5, 6), torch.nn.GroupNorm(3, 6)),
    (GroupNormalization(-1), (5, 5, 6), torch.nn.GroupNorm(6, 6)),
]


@pytest.mark.parametrize(("layer", "shape", "twin"), CASES)
def test_arrays_are_those_of_torchs_state_dict(layer: Any, shape: Any, twin: Any) -> None:
    layer.check(shape)
    assert layer.output(shape) == shape
    own = {p.name: (p.shape, p.dtype, p.trainable) for p in layer.parameters(shape)}
    trained = dict(twin.named_parameters())
    theirs = {
        name: (tuple(t.shape), str(t.dtype).removeprefix("torch."), name in trained)
        for name, t in twin.state_dict().items()
    }
    assert list(own.items()) == list(theirs.items())


@pytest.mark.parametrize(("layer", "shape", "twin"), CASES)
def test_arrays_start_as_in_torch(layer: Any, shape: Any, twin: Any) -> None:
    for parameter in layer.parameters(shape):
        start = twin.state_dict()[parameter.name]
        assert (start == parameter.initial.value).all()


@pytest.mark.parametrize(
    ("layer", "shape", "told"),
    [
        (BatchNormalization(), (5, None), "a known number of channels"),
        (BatchNormalization(center=False), (5,), "scale and center both or neither"),
        (BatchNormalization(momentum=1.0), (5,), r"momentum in \[0, 1\), got 1.0"),
        (LayerNormalization(scale=False), (5,), "scale where there is center"),
        (LayerNormalization(), (None,), "a known last axis"),
        (BatchNormalization(epsilon=-1), (4,), "an epsilon of 0 or more, got -1; 1e-3 is usual"),
        (LayerNormalization(epsilon=float("nan")), (4,), "an epsilon of 0 or more"),
        (GroupNormalization(2, epsilon=float("inf")), (4,), "an epsilon of 0 or more"),
        (GroupNormalization(4), (5, 5, 6), "channels that 4 groups divide, got 6; change groups"),
        (GroupNormalization(0), (5, 5, 6), "channels that 0 groups divide"),
        (GroupNormalization(2, scale=False), (5, 6), "scale and center both or neither"),
    ],
)
def test_illegal(layer: Any, shape: Any, told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(shape)


def test_cost_grows_with_the_entries() -> None:
    assert BatchNormalization().flops((2, 3)) == 12
    assert LayerNormalization().flops((2, 3)) == GroupNormalization(3).flops((2, 3)) == 48
