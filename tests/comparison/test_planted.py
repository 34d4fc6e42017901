"""Each planted fault breaks the ladder at the right rung, and names the right layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.comparison.faults import Fault, side
from torch import nn

from trimaran.comparison.ladder import climb
from trimaran.comparison.problem import Problem, invented
from trimaran.comparison.rung import Rung
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L
from trimaran.training.moments import Adam
from trimaran.training.rules import Array, Numbers, Slots, Updated
from trimaran.training.schedules import Horizon, factor, schedule
from trimaran.training.settings import Training
from trimaran.weights import draw


def network() -> Model:
    """A layer for each fault: uneven padding, a normalization, a flattened map, a square matrix."""
    x = Input((9, 8, 3), name="image")
    y = L.Conv2D(4, (3, 3), strides=2, padding=((1, 0), (0, 1)), name="conv1")(x)
    y = L.Activation("relu", name="relu1")(L.BatchNormalization(0.9, 1e-5, name="bn1")(y))
    y = L.Conv2D(6, 3, padding="same", name="conv2")(y)
    y = L.Activation("leaky_relu", 0.1, name="leaky")(y)
    y = L.Flatten(name="flat")(L.MaxPooling2D(2, name="pool")(y))
    y = L.Activation("tanh", name="tanh1")(L.Dense(6, name="dense1")(y))
    y = L.Dropout(0.5, name="drop")(L.Dense(6, name="dense2")(y))
    return functional(x, L.Activation("softmax", name="head")(L.Dense(5, name="out")(y)), "planted")


MODEL = network()


def problem(precision: str = "float64", model: Model = MODEL, **settings: Any) -> Problem:
    rows, objective = invented(model, 64)
    training = Training.from_json({"batch_size": 16, **settings})
    weights = {
        key: v.astype(precision) if v.dtype.kind == "f" else v for key, v in draw(model, 0).items()
    }
    return Problem(model, weights, rows, objective, training, precision, 6)


def reached(fault: Fault, **settings: Any) -> Rung:
    """The last rung of the ladder beside the fault."""
    return list(climb(problem(**settings), [side(name="torch"), side(fault)]))[-1]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "muon"])
def test_without_a_fault_every_rung_holds(optimizer: str, precision: str) -> None:
    rungs = list(climb(problem(precision, optimizer=optimizer), [side(), side(Fault())], 2))
    assert len(rungs) == 8 and all(rung.ok for rung in rungs)


def test_a_wrong_loss_is_wrong_in_float32_too() -> None:
    """Rounding excuses a loss by as much as the first side departs from its own float64."""
    truth, other = side(name="torch"), side(Fault())

    class Off:
        def __init__(self, network: Any) -> None:
            self.network = network

        def __getattr__(self, name: str) -> Any:
            return getattr(self.network, name)

        def gradients(self, *given: Any) -> Any:
            found = self.network.gradients(*given)
            return replace(found, loss=found.loss * (1 + 2e-5))

    off = replace(other, build=lambda *given: Off(other.build(*given)))
    rung = list(climb(problem("float32"), [truth, off], 2))[-1]
    assert (rung.name, rung.ok, rung.tolerance) == ("loss", False, 1e-5)


def patched(path: str, forward: Callable[[Any, torch.Tensor], torch.Tensor]) -> Fault:
    """The module at `path` computes something else with its parameters."""

    def apply(made: nn.Module) -> None:
        module = made.get_submodule(path)
        module.forward = lambda x: forward(module, x)  # type: ignore[assignment]

    return Fault(network=apply)


def changed(path: str, **attributes: Any) -> Fault:
    def apply(made: nn.Module) -> None:
        for name, value in attributes.items():
            setattr(made.get_submodule(path), name, value)

    return Fault(network=apply)


def _swapped(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, conv.weight.transpose(2, 3), conv.bias, conv.stride, conv.padding)


def _padded_otherwise(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    x = F.pad(x[:, :, 1:, :-1], (1, 0, 0, 1))  # the module's input comes padded
    return F.conv2d(x, conv.weight, conv.bias, conv.stride)


def _channels_last(dense: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    maps = x.reshape(len(x), 6, -1).movedim(1, -1)
    return F.linear(maps.flatten(1), dense.weight, dense.bias)


def _biased(norm: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    if norm.training:
        with torch.no_grad():
            variance, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
            norm.running_mean.lerp_(mean, norm.momentum)  # type: ignore[union-attr,arg-type]
            norm.running_var.lerp_(variance, norm.momentum)  # type: ignore[union-attr,arg-type]
            norm.num_batches_tracked.add_(1)  # type: ignore[union-attr,operator]
        return F.batch_norm(x, None, None, norm.weight, norm.bias, True, 0.0, norm.eps)
    return F.batch_norm(
        x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps
    )


class _Steeper(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return g * 1.001


def _steeper(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    made: torch.Tensor = _Steeper.apply(conv._conv_forward(x, conv.weight, conv.bias))
    return made


@dataclass(frozen=True)
class InsideTheRoot(Adam):
    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        m = self.beta_1 * slots["mean"] + (1 - self.beta_1) * g
        v = self.beta_2 * slots["variance"] + (1 - self.beta_2) * g * g
        below = xp.sqrt(v / n["second"] ** 2 + self.epsilon)
        return w - n["rate"] / n["first"] * m / below, {"mean": m, "variance": v}


@dataclass(frozen=True)
class Uncorrected(Adam):
    def numbers(self, rate: float, t: int) -> dict[str, float]:
        return {"rate": rate, "first": 1.0, "second": 1.0}


def optimizer(kind: type) -> Fault:
    return Fault(training=lambda given: replace(given, optimizer=kind()))


def _heavier(losses: Any) -> Any:
    return {name: replace(loss, weight=16.0) for name, loss in losses.items()}


SUMMED = Fault(
    objectives=lambda o: replace(
        o,
        train=replace(o.train, losses=_heavier(o.train.losses)),
    )
)

HALVED = {"name": "step", "epochs": 0.5, "gamma": 0.5}
"""The six updates are one epoch: after three the rate is halved."""


def _late(rate: float, step: int) -> float:
    """Counts updates from 1 where the schedule counts from 0: halves one update early."""
    return 0.01 * factor(schedule(HALVED), step, Horizon(6, 6))


FAULTS: dict[str, tuple[Fault, dict[str, Any], str, str]] = {
    "transposed kernel": (
        patched("dense2", lambda m, x: F.linear(x, m.weight.T, m.bias)), {}, "forward", "dense2"
    ),
    "swapped convolution axes": (
        patched("conv2", _swapped), {}, "forward", "conv2"
    ),
    "wrong epsilon": (changed("bn1", eps=1e-3), {}, "forward", "bn1"),
    "biased running variance": (patched("bn1", _biased), {}, "one update", "bn1"),
    "momentum complement": (changed("bn1", momentum=0.9), {}, "one update", "bn1"),
    "dropout without 1/(1-p)": (
        Fault(network=lambda n: setattr(n.get_submodule("drop"), "p", 0.0)), {}, "forward", "drop"
    ),
    "channels-last flatten order": (patched("dense1", _channels_last), {}, "forward", "dense1"),
    "padding on the other sides": (patched("conv1", _padded_otherwise), {}, "forward", "conv1"),
    "a gradient a thousandth too steep": (patched("conv2", _steeper), {}, "gradients", "conv2"),
    "sum for mean": (SUMMED, {}, "one update", "conv1"),
    "epsilon inside the root": (
        optimizer(InsideTheRoot), {"optimizer": "adam"}, "one update", "conv1"
    ),
    "missing bias correction": (
        optimizer(Uncorrected), {"optimizer": "adam"}, "one update", "conv1"
    ),
    "decoupled weight decay": (
        Fault(training=lambda t: replace(t, optimizer={"name": "adamw", "weight_decay": 0.1})),
        {"optimizer": {"name": "adam", "weight_decay": 0.1}}, "one update", "conv1",
    ),
    "schedule off by one": (
        Fault(rate=_late), {"optimizer": "sgd", "schedule": HALVED}, "updates from shared states",
        "conv1",
    ),
    "clipping each tensor by itself": (
        Fault(training=lambda t: replace(t, clip_norm=None, clip_value=0.01)),
        {"optimizer": "sgd", "clip_norm": 0.1}, "one update", "conv1",
    ),
    "weights that lost a bit": (
        Fault(weights=lambda w: {**w, "out.bias": w["out.bias"] + 1e-12}), {}, "init", "out"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_the_right_rung(name: str) -> None:
    fault, settings, rung, layer = FAULTS[name]
    found = reached(fault, **settings)
    assert (found.ok, found.name, found.first_layer) == (False, rung, layer)


def test_the_schedule_is_wrong_by_its_count_alone() -> None:
    right = Fault(rate=lambda rate, step: _late(rate, step - 1))
    assert reached(right, optimizer="sgd", schedule=HALVED).ok
