"""Modules go in and come out equal; what has no description is named; faults are caught."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from tests.backends.torch import rewritten
from tests.random_models import models
from tests.strategies import RECURRENT
from torch import Tensor, nn

import trimaran
from trimaran import zoo
from trimaran.backends.keras.emit import emit as keras
from trimaran.backends.torch.build import module
from trimaran.backends.torch.emit import emit
from trimaran.backends.torch.from_torch import reading
from trimaran.backends.torch.reading import rules
from trimaran.backends.torch.reading.example import example_of
from trimaran.backends.torch.reading.site import Site
from trimaran.backends.torch.reading.values import Value
from trimaran.backends.torch.reading.verify import apart
from trimaran.errors import ConversionError, RecipeError
from trimaran.spec import Model, from_json, to_json
from trimaran.spec import layers as L
from trimaran.spec.layers.positions import Positions
from trimaran.weights import draw

MODULES: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "perceptron": (rewritten.Perceptron, (2,)),
    "mlp": (rewritten.Mlp, (1, 8, 8)),
    "lenet5": (rewritten.LeNet5, (1, 28, 28)),
    "cifar": (rewritten.Cifar, (3, 16, 16)),
    "alexnet": (rewritten.AlexNet, (3, 95, 95)),
    "vgg16": (rewritten.Vgg16, (3, 32, 32)),
    "resnet18": (lambda: rewritten.ResNet(rewritten.BasicBlock, [2, 2, 2, 2], 8, 10), (3, 64, 64)),
    "resnet50": (lambda: rewritten.ResNet(rewritten.Bottleneck, [3, 4, 6, 3], 4, 10), (3, 64, 64)),
    "mobile": (rewritten.Mobile, (3, 16, 16)),
    "next": (rewritten.Next, (3, 8, 8)),
    "series": (rewritten.Series, ((2, 16), (4,))),
    "painter": (rewritten.Painter, (3,)),
    "early": (rewritten.Early, (6,)),
}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "alexnet"])
def test_a_module_goes_in_and_comes_out_equal(name: str) -> None:
    """`from_torch` compares outputs itself; here the user's state dict loads into the source."""
    make, shape = MODULES[name]
    torch.manual_seed(0)
    own = make()
    found = trimaran.from_torch(own, shape)
    built = module(found.model, found.weights)
    assert set(built.state_dict()) == set(own.state_dict())
    built.load_state_dict(own.state_dict())
    assert found.model.size == sum(p.numel() for p in own.parameters())
    assert from_json(to_json(found.model)) == found.model


def test_a_difference_is_read() -> None:
    class Difference(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            y = self.fc(x)
            return F.relu(y) - y

    found = trimaran.from_torch(Difference(), (3,))
    assert [type(leaf.layer) for leaf in found.model.leaves][-1] is L.Subtract
    assert repr(found) == "<Brought Difference, 8 parameters in 2 arrays>"
    assert "keras.Model(" in found.to_source("keras", "functional")
    with pytest.raises(RecipeError, match="one style"):
        found.to_source("torch", "functional")


def test_a_map_that_pools_to_its_own_size_or_unevenly() -> None:
    make, _ = MODULES["alexnet"]
    assert trimaran.from_torch(make(), (3, 95, 95)).model.size > 0
    with pytest.raises(
        ConversionError,
        match="adaptive_avg_pool2d in the AdaptiveAvgPool2d avgpool.*differ in size",
    ):
        trimaran.from_torch(make(), (3, 127, 127))


@pytest.mark.parametrize(
    "largest",
    [
        lambda x: F.adaptive_max_pool2d(x, 1).flatten(1),
        lambda x: nn.AdaptiveMaxPool2d((1, 1))(x)[:, :, 0, 0],
        lambda x: x.flatten(2).max(dim=2)[0],
        lambda x: torch.max(x.flatten(2), -1).values,
    ],
)
def test_the_largest_of_a_map_is_a_pooling(largest: Callable[[Tensor], Tensor]) -> None:
    class Largest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return largest(self.conv(x))

    torch.manual_seed(0)
    kinds = {type(leaf.layer) for leaf in trimaran.from_torch(Largest(), (3, 6, 6)).model.leaves}
    assert kinds & {L.GlobalMaxPooling1D, L.GlobalMaxPooling2D}


def test_places_of_the_largest_are_refused() -> None:
    class Places(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            values, places = x.max(dim=2)
            return values * places

    with pytest.raises(ConversionError, match="max in the model's own forward"):
        trimaran.from_torch(Places(), (3, 6))


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnets_have_the_zoos_keys_and_counts(name: str) -> None:
    block, depths = {
        "resnet18": (rewritten.BasicBlock, [2, 2, 2, 2]),
        "resnet50": (rewritten.Bottleneck, [3, 4, 6, 3]),
    }[name]
    with torch.device("meta"):
        own = rewritten.ResNet(block, depths)  # type: ignore[arg-type]
    ours = zoo.build(name).parameters
    assert {k: tuple(v.shape) for k, v in own.state_dict().items()} == {
        k: tuple(p.shape) for k, p in ours.items()
    }


@pytest.fixture(scope="module")
def resnet() -> Model:
    make, shape = MODULES["resnet50"]
    return reading(make(), example_of(shape)).model


def test_repeated_blocks_are_one_class_with_arguments(resnet: Model) -> None:
    text = emit(resnet)
    assert text.count("class ") == 3
    assert "class Bottleneck(nn.Module):\n    def __init__(self, in_channels, filters):" in text
    assert "class BottleneckDownsample(nn.Module):" in text
    assert "nn.Conv2d(filters, filters * 4, 1, bias=False)" in text
    assert "*[Bottleneck(64, filters=16) for _ in range(5)]" in text


def test_repeated_blocks_are_one_function_in_keras(resnet: Model) -> None:
    text = keras(resnet)
    assert [line for line in text.splitlines() if line.startswith("def bottleneck")] == [
        "def bottleneck_downsample(x, filters, strides, name):",
        "def bottleneck(x, filters, name):",
    ]


def test_the_users_module_is_left_as_it_is() -> None:
    own = rewritten.Cifar().train()
    own.features[4].eval()
    own(torch.randn(2, 3, 16, 16)).sum().backward()
    calls: list[int] = []
    own.register_forward_hook(lambda *_: calls.append(1))
    before = copy.deepcopy(own.state_dict())
    gradients = [p.grad.clone() for p in own.parameters() if p.grad is not None]
    example = torch.randn(1, 3, 16, 16)
    kept = example.clone()
    trimaran.from_torch(own, example)
    assert [m.training for m in own.modules()] == [m is not own.features[4] for m in own.modules()]
    assert all(torch.equal(before[k], v) for k, v in own.state_dict().items())
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, own.parameters(), strict=True))  # type: ignore[arg-type]
    assert len(own._forward_hooks) == 1 and torch.equal(example, kept)


# Round trip -----------------------------------------------------------------------------------


def readable(model: Model) -> bool:
    """Whether every layer is written as a module that `from_torch` knows: padding and attention are
    not, nor states of both ways, which are stacked."""
    odd = (L.MultiHeadAttention, L.MaskSteps, Positions)
    return not any(
        isinstance(leaf.layer, odd)
        or getattr(leaf.layer, "masked", False)
        or (isinstance(leaf.layer, RECURRENT) and leaf.layer.bidirectional and leaf.inputs[1:])
        for leaf in model.leaves
    )


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(models(steps=4).filter(readable))
def test_what_is_emitted_is_read_back_equal(model: Model) -> None:
    """Random legal models as PyTorch source, read back: `reading` compares the outputs."""
    text = emit(model)
    assume("def average_pool" not in text)  # a mean that is written as several operations
    weights = draw(model, 0)
    own = module(model, weights)
    shapes = [(s[-1], *s[:-1]) if len(s) == 3 else s for s in (p.shape for p in model.inputs)]
    found = reading(own, example_of(tuple(shapes)))
    assert list(found.model.parameters) == list(model.parameters)
    assert list(found.weights) == list(own.state_dict())
    if len(model.outputs) > 1:  # PyTorch has no name for a single one
        assert [name for name, _ in found.model.outputs] == [name for name, _ in model.outputs]


# Refusals -------------------------------------------------------------------------------------


class Odd(nn.Module):
    """A Linear, and then whatever the test says."""

    def __init__(self, then: Callable[[nn.Module, Tensor], Any], **parts: nn.Module) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.then = then
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.then(self, self.first(x))


def maps(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 1), layer)


REFUSED: dict[str, tuple[nn.Module, Any, str]] = {
    "unknown": (Odd(lambda m, x: torch.erf(torch.cos(x))), (4,), r"cos in .*forward.*_torch.py"),
    "path": (nn.Sequential(nn.Linear(4, 4), nn.PReLU()), (4,), r"in the PReLU 1: .*nn.LeakyReLU"),
    "batch's size": (Odd(lambda m, x: x * x.shape[0]), (4,), "such as the size of the batch"),
    "no number": (Odd(lambda m, x: x * float("nan")), (4,), "a finite number as scale, got nan"),
    "divided by 0": (Odd(lambda m, x: x / 0), (4,), "it divides by 0; give another number"),
    "quotient": (Odd(lambda m, x: x / x), (4,), "by no Python number; multiply by a layer"),
    "rounded": (
        Odd(lambda m, x: torch.div(x, 2, rounding_mode="floor")), (4,), "it rounds the quotient",
    ),
    "reversed": (Odd(lambda m, x: torch.rsub(x, x)), (4,), "tensors in reverse; write y - x"),
    "scaled sum": (Odd(lambda m, x: torch.add(x, x, alpha=2)), (4,), "scales a summand"),
    "parameter": (Odd(lambda m, x: x * m.first.bias), (4,), "the parameter or buffer 'first.bias'"),
    "rows of one": (Odd(lambda m, x: x + m.first.weight[0:1, :]), (4,), "'first.weight'"),
    "constant": (Odd(lambda m, x: x + torch.ones(4)), (4,), "ones"),
    "always drops": (Odd(lambda m, x: F.dropout(x, 0.5)), (4,), "in evaluation too"),
    "rows": (Odd(lambda m, x: x.view(-1, 2)), (4,), "mixes the rows"),
    "rows by mean": (Odd(lambda m, x: x + x.mean(0)), (4,), "across the rows"),
    "batch size": (Odd(lambda m, x: x.view(2, 2, 2)), (4,), "one batch size alone"),
    "values": (Odd(lambda m, x: x if x.sum() > 0 else -x), (4,), "asks a tensor for its values"),
    "softplus": (nn.Sequential(nn.Linear(4, 4), nn.Softplus(beta=2)), (4,), "beta"),
    "gelu": (nn.Sequential(nn.Linear(4, 4), nn.GELU(approximate="tanh")), (4,), "by tanh"),
    "clip": (nn.Sequential(nn.Linear(4, 4), nn.Hardtanh()), (4,), "other limits"),
    "dropout2d": (maps(nn.Dropout2d()), (1, 6, 6), "in the Dropout2d 1.*use nn.Dropout"),
    "statistics": (maps(nn.BatchNorm2d(4, track_running_stats=False)), (1, 6, 6), "own statistics"),
    "momentum": (maps(nn.BatchNorm2d(4, momentum=None)), (1, 6, 6), "momentum is None or 0"),
    "normalized": (maps(nn.LayerNorm([4, 6, 6])), (1, 6, 6), "3 axes at once"),
    "reflect": (maps(nn.ReflectionPad2d(1)), (1, 6, 6), "else than zeros"),
    "ones": (maps(nn.ConstantPad2d(1, 1.0)), (1, 6, 6), "else than zeros"),
    "dilated pool": (maps(nn.MaxPool2d(2, dilation=2)), (1, 6, 6), "dilated"),
    "divisor": (maps(nn.AvgPool2d(2, divisor_override=3)), (1, 6, 6), "divisor"),
    "transposed": (maps(nn.ConvTranspose2d(4, 4, 2)), (1, 6, 6), "use nn.Upsample"),
    "corners": (
        maps(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)), (1, 6, 6),
        "aligns corners",
    ),
    "factor": (maps(nn.Upsample(scale_factor=1.5)), (1, 6, 6), "no whole number"),
    "strided dilation": (maps(nn.Conv2d(4, 2, 3, 2, dilation=2)), (1, 9, 9), "strides or dilation"),
    "alone": (nn.Linear(4, 2), (4,), "outermost module; put the layer into a module"),
    "unused": (Odd(lambda m, x: x, spare=nn.Linear(2, 2)), (4,), "never uses 'spare.weight' and 1"),
    "nested outputs": (Odd(lambda m, x: (x, [x, x])), (4,), "nested outputs"),
    "logits": (Odd(lambda m, x: m.logits(x).softmax(1), logits=nn.Linear(4, 2)), (4,), "rename"),
    "random": (Odd(lambda m, x: m.first(x) if m.training else x), (4,), "in training mode"),
    "types": (Odd(lambda m, x: x.double()), (4,), "type of numbers"),
    "nothing": (nn.Identity(), (4,), "no layer between"),
    "raises": (nn.Sequential(nn.Linear(3, 2)), (4,), "does not take an input of shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_description_is_named(name: str) -> None:
    own, shape, why = REFUSED[name]
    with pytest.raises(ConversionError, match=why) as caught:
        trimaran.from_torch(own, shape)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_tied_weights_are_refused() -> None:
    own = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    own[2].weight = own[0].weight
    with pytest.raises(ConversionError, match=r"2\.weight and 0\.weight are one tensor"):
        trimaran.from_torch(own, (4,))


def test_a_view_that_outlives_a_change_in_place_is_refused() -> None:
    def then(own: nn.Module, x: Tensor) -> Tensor:
        wide = x.unsqueeze(1)
        return F.relu_(x).unsqueeze(1) + wide

    with pytest.raises(ConversionError, match="a view is read later"):
        trimaran.from_torch(Odd(then), (4,))


@pytest.mark.parametrize("example", ["x", (), (0, 3), 5, torch.zeros(2, 4, dtype=torch.bool)])
def test_an_example_that_is_none(example: Any) -> None:
    with pytest.raises(ConversionError, match="the example"):
        trimaran.from_torch(nn.Linear(4, 2), example)


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"expected an nn\.Module, got int"):
        trimaran.from_torch(3, (4,))


# Planted faults: the translation is not believed -----------------------------------------------


def _changed(**settings_: Any) -> Callable[[Site, Value], None]:
    """The last layer with other settings."""

    def change(site: Site, made: Value) -> None:
        last = site.reading.steps[-1]
        site.reading.steps[-1] = replace(last, layer=replace(last.layer, **settings_))

    return change


FAULTS = {
    "batch_norm eps": ("batch_norm", _changed(epsilon=1e-3)),
    "batch_norm momentum": ("batch_norm", _changed(momentum=0.1)),
    "avg_pool": ("avg_pool2d", _changed(strides=(2, 1))),
    "padding": ("conv2d", _changed(padding=((2, 0), (1, 1)))),
    "relu": ("relu", _changed(activation="relu6")),
    "dropped softmax": ("softmax", _changed(activation="log_softmax")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, change = FAULTS[name]
    rule = rules.RULES[op]

    def wrong(site: Site) -> Value:
        made = rule(site)
        change(site, made)
        return made

    monkeypatch.setattr(rules, "RULES", {**rules.RULES, op: wrong})
    with pytest.raises(ConversionError, match=r"computes another|does not run|refuses it|needs"):
        trimaran.from_torch(rewritten.Cifar(), (3, 16, 16))


def test_a_flattening_in_the_wrong_order_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map that no rule stores channels-first, flattened as if it were."""
    from trimaran.backends.torch.reading import read

    monkeypatch.setattr(read, "_wrongly_flattened", lambda reading_, model: frozenset())

    with pytest.raises(ConversionError, match="computes another"):
        trimaran.from_torch(Flattened(), (2, 4, 4))


class Flattened(nn.Module):
    """A flattened map that a sum reads, and no Dense."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 1)
        self.row = nn.Linear(32, 48)

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.conv(x), 1) + self.row(torch.flatten(x, 1))


def test_a_flattened_map_that_no_dense_reads_keeps_its_order() -> None:
    found = trimaran.from_torch(Flattened(), (2, 4, 4))
    assert any(isinstance(leaf.layer, L.Permute) for leaf in found.model.leaves)


def test_the_measure_of_difference() -> None:
    a = torch.tensor([1.0, 2.0])
    assert apart(a, a) == 0 and apart(a, a[:1]) == float("inf")
    assert apart(a + torch.tensor([0.0, float("nan")]), a) == float("inf")
    assert apart(a + 0.2, a) == pytest.approx(0.1)
