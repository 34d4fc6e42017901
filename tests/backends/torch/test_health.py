from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trimaran.backends.torch.health import Watch, gradient_sizes, layer_weights, watch_units
from trimaran.training.health import diagnose


class Mixed(nn.Module):
    """A ReLU as a function, a tanh as a module, a sigmoid as a method, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 8)
        self.squash = nn.Tanh()
        self.third = nn.Linear(8, 8)
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squash(self.second(self.drop(F.relu(self.first(x)))))
        return self.norm(self.third(x)).sigmoid()


def test_planted_dead_and_saturated_units_are_measured() -> None:
    network = Mixed()
    with torch.no_grad():
        network.first.bias[:6] = -1e3  # 6 of 8 units never fire
        network.second.bias.fill_(50.0)
    copies = {k: v.clone() for k, v in network.state_dict().items()}
    x, random = torch.randn(16, 4), torch.get_rng_state()
    found = watch_units(network, [x])
    assert found["first"] == {"dead": 0.75}
    assert found["second"] == {"saturated": 1.0}
    assert 0 <= found["third"]["saturated"] < 1
    # Looking leaves no trace: no statistics, no mode, no random numbers.
    assert all(torch.equal(copies[k], v) for k, v in network.state_dict().items())
    assert network.training and network.drop.training
    assert torch.equal(random, torch.get_rng_state())
    assert not any(m._forward_hooks for m in network.modules())


def test_sizes_and_updates_are_the_norms(plain: Callable[..., nn.Module]) -> None:
    network = plain()
    x = torch.randn(5, 2, 6, 6)
    watch = Watch(network, [x])
    network.logits(x).square().sum().backward()  # type: ignore[operator]
    sizes = gradient_sizes(network)
    before = {k: w.detach().clone().numpy() for k, w in layer_weights(network).items()}
    with torch.no_grad():
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.01 * parameter.grad)
    for layer in watch.layers(sizes):
        weight = layer_weights(network)[layer.layer]
        assert weight.grad is not None
        grad, old = weight.grad.numpy(), before[layer.layer]
        assert layer.gradient == pytest.approx(np.sqrt((grad**2).mean()), rel=1e-5)
        change = np.linalg.norm(0.01 * grad) / np.linalg.norm(old)
        assert layer.update == pytest.approx(change, rel=1e-3)
        assert layer.size == old.size
    assert list(sizes) == ["hidden", "out"]


def deep(activation: type[nn.Module], layers: int = 10) -> nn.Sequential:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for _ in range(layers):
        linear = nn.Linear(32, 32)
        if activation is nn.ReLU:
            nn.init.kaiming_normal_(linear.weight)
        parts += [linear, activation()]
    return nn.Sequential(*parts, nn.Linear(32, 2))


@pytest.mark.parametrize(
    ("activation", "expected"), [(nn.Sigmoid, ["vanishing"]), (nn.ReLU, []), (nn.Tanh, [])]
)
def test_a_deep_sigmoid_network_is_diagnosed(
    activation: type[nn.Module], expected: list[str]
) -> None:
    network = deep(activation)
    x = torch.randn(64, 32)
    watch = Watch(network, [x])
    F.cross_entropy(network(x), torch.arange(64) % 2).backward()
    found = diagnose(watch.layers(gradient_sizes(network)))
    assert [d.what for d in found] == expected
    assert all(d.layer == "0" for d in found)


def test_frozen_layers_are_not_judged(plain: Callable[..., nn.Module]) -> None:
    network = plain()
    network.hidden.requires_grad_(False)  # type: ignore[union-attr]
    assert list(layer_weights(network)) == ["out"]
