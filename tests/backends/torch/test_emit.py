"""The emitted source: golden files, legibility, and equal numbers with and without idioms."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from trimaran import zoo
from trimaran.backends.torch import source
from trimaran.backends.torch.build import module, to_torch
from trimaran.backends.torch.emit import emit
from trimaran.backends.torch.weights import assign
from trimaran.comparison.problem import invented
from trimaran.errors import DescriptionError
from trimaran.spec import Composite, Input, Model, Repeat, Sequential, functional, sequential
from trimaran.spec import layers as L
from trimaran.weights.draw import draw

GOLDEN = Path(__file__).parent / "golden"
SMALL = {"alexnet": (64, 64, 3), "alexnet-2012": (67, 67, 3), "vgg16": (32, 32, 3)}


def small(name: str) -> Model:
    """The entry at a size that runs quickly."""
    shape = (32, 32, 3) if name.startswith("resnet") else SMALL.get(name)
    return zoo.build(name, shape, 10 if shape else None)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_golden(name: str) -> None:
    """The source changes only where its golden file is changed with it."""
    assert emit(zoo.build(name)) == (GOLDEN / f"{name.replace('-', '_')}.py").read_text()


def test_golden_files_are_ruff_clean() -> None:
    for arguments in (["check", "--select", "E,F,I,UP,B,C4,SIM,PIE,RET"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--line-length", "100"]
        ran = subprocess.run([*command, str(GOLDEN)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152"])
def test_resnets_fit_on_a_page(name: str) -> None:
    assert emit(zoo.build(name)).count("\n") <= 100


@pytest.mark.parametrize("name", [n for n in zoo.ZOO if n not in ("resnet101", "resnet152")])
def test_idioms_change_no_key_and_no_bit(name: str) -> None:
    model = small(name)
    weights = draw(model, 0)
    x = to_torch(invented(model, 2)[0].floats())
    outputs = []
    for text in (emit(model), emit(model, idioms=False), emit(model, instrumented=True)):
        net = source.network(text)
        assert list(net.state_dict()) == list(model.parameters)
        assign(net, weights, "float32")
        with torch.no_grad():
            outputs.append(net.eval()(x))
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("name", zoo.ZOO)
def test_emitting_twice_gives_the_same_bytes(name: str) -> None:
    assert emit(zoo.build(name)) == emit(zoo.build(name))


def test_the_file_stands_alone(tmp_path: Path) -> None:
    """It imports torch and nothing of ours, and loads the neutral weights."""
    model = zoo.build("mnist-cnn")
    (tmp_path / "net.py").write_text(emit(model))
    check = "assert 'trimaran' not in sys.modules"
    code = f"import sys, net; n = net.build(); {check}; print(len(n.state_dict()))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.strip() == "8", ran.stderr
    assert set(re.findall(r"^(?:import|from) (\w+)", emit(model), re.M)) == {"torch"}


@dataclass(frozen=True)
class Widths(Composite):
    """A block that uses a list of numbers and a division."""

    widths: tuple[int, ...]
    groups: int = 2

    def build(self, x):  # type: ignore[no-untyped-def]
        x = L.Conv2D(self.widths[0], 3, padding=1, groups=x.channels // self.groups)(x)
        return L.Conv2D(self.widths[1] + 1, 1, activation="relu")(x)


def test_named_numbers_are_printed_as_they_are_written() -> None:
    start = Input((8, 8, 4))
    x = Widths((6, 7), name="a")(start)
    y = Widths((8, 3), name="b")(x)
    text = emit(functional(start, y, "pair"))
    assert "nn.Conv2d(in_channels, widths[0], 3, padding=1, groups=in_channels // groups)" in text
    assert "nn.Conv2d(widths[0], widths[1] + 1, 1)" in text
    assert "Widths(4, widths=(6, 7), groups=2)" in text
    assert "Widths(8, widths=(8, 3), groups=2)" in text


@dataclass(frozen=True)
class Flat(Composite):
    """A block whose Dense depends on the size of the map: a number that no field tells."""

    units: int

    def build(self, x):  # type: ignore[no-untyped-def]
        return L.Dense(self.units)(L.Flatten()(x))


def test_a_number_without_a_name_becomes_an_argument() -> None:
    a, b = Input((8, 8, 1), name="a"), Input((4, 4, 1), name="b")
    text = emit(functional([a, b], L.Add()([Flat(3, name="left")(a), Flat(3, name="right")(b)])))
    assert text.count("class Flat(nn.Module)") == 1
    assert "self.dense1 = nn.Linear(in_features, units)" in text
    assert "Flat(units=3, in_features=64)" in text
    assert "Flat(units=3, in_features=16)" in text


def test_a_lie_about_a_number_is_refused() -> None:
    """Planted fault: a block whose printed expression does not give its number."""
    from trimaran.spec.named import Int, Name

    @dataclass(frozen=True)
    class Liar(Composite):
        width: int

        def build(self, x):  # type: ignore[no-untyped-def]
            return L.Dense(Int(5, Name("width")))(x)

    x = Input((3,))
    with pytest.raises(DescriptionError, match="Liar: width gives 4 where the block needs 5"):
        emit(functional(x, Liar(4)(x)))


def test_variants_are_named_by_their_flags() -> None:
    text = emit(zoo.build("resnet50"))
    assert "class Bottleneck(nn.Module)" in text
    assert "class BottleneckDownsample(nn.Module)" in text


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (L.Rescaling(2.0, -1.0), "x = x * 2.0 - 1.0"),
        (L.Rescaling(0.5), "x = x * 0.5"),
        (L.Rescaling(1.0, 0.25), "x = x + 0.25"),
        (L.Rescaling(-1.0), "x = -x"),
        (L.Rescaling(-1.0, 1.0), "x = 1.0 - x"),
        (L.Rescaling(-2.0, 1e-30), "x = x * -2.0 + 1e-30"),
        (L.Rescaling(0.0, 3.0), "x = x * 0.0 + 3.0"),
    ],
)
def test_rescaling_is_an_expression(layer: L.Rescaling, line: str) -> None:
    model = functional(x := Input((8, 8, 3)), L.Conv2D(2, 1)(layer(x)))
    assert f"        {line}\n" in emit(model) and "Rescaling" not in emit(model)


def test_rescaling_by_1_is_no_line() -> None:
    model = functional(x := Input((4,)), L.Dense(2)(L.Rescaling(1.0)(x)))
    assert "    def forward(self, x):\n        return self.dense1(x)\n" in emit(model)


@dataclass(frozen=True)
class Times(Composite):
    """A block that computes with an integer field as a plain number."""

    times: int

    def build(self, x):  # type: ignore[no-untyped-def]
        return L.Dense(3)(self.times * x - 1)


def test_blocks_that_compute_with_other_numbers_are_other_classes() -> None:
    text = emit(functional(x := Input((3,)), Times(5)(Times(2)(Times(2)(x)))))
    assert text.count("class Times") == 2
    assert text.count("x = x * 2.0\n") == text.count("x = x * 5.0\n") == 1


def test_several_inputs_and_outputs() -> None:
    image, table = Input((8, 8, 3), name="image"), Input((5,), name="table")
    x = L.Flatten()(L.Conv2D(4, 3, activation="relu")(image))
    joined = L.Concatenate()([x, L.Dense(6, activation="tanh")(table)])
    outputs = {"kind": L.Dense(3, activation="softmax")(joined), "size": L.Dense(1)(joined)}
    model = functional({"image": image, "table": table}, outputs, "two-by-two")
    net = module(model, draw(model, 0)).eval()
    with torch.no_grad():
        found = net(torch.ones(2, 3, 8, 8), torch.ones(2, 5))
        logits = net.logits(torch.ones(2, 3, 8, 8), torch.ones(2, 5))
    assert found["kind"].sum(1) == pytest.approx(torch.ones(2))
    assert torch.equal(found["size"], logits["size"])
    assert not torch.equal(found["kind"], logits["kind"])


def test_tied_layers_are_one_key() -> None:
    x, tied = Input((4,)), L.Dense(4, name="tied")
    model = functional(x, tied(L.ReLU()(tied(x))))
    assert list(model.parameters) == ["tied.weight", "tied.bias"]
    assert emit(model).count("nn.Linear(") == 1


def test_repeat_is_a_loop_with_weights_of_its_own() -> None:
    model = sequential([Input((4,)), Repeat(L.Dense(4), 3, name="stack")], name="stack-net")
    text = emit(model)
    assert "self.stack = nn.Sequential(*[nn.Linear(4, 4) for _ in range(3)])" in text
    assert len(model.parameters) == 6


def test_a_sequential_that_no_module_chain_can_say() -> None:
    """Uneven padding needs a call before the convolution: the generic rule takes over."""
    inner = Sequential([L.Conv2D(4, 2, padding="same"), L.Flatten(), L.Dense(2)], name="inner")
    model = functional(x := Input((5, 5, 1)), inner(x))
    text = emit(model)
    assert "nn.ModuleDict" in text
    assert "F.pad(x, (0, 1, 0, 1))" in text
    assert list(model.parameters) == list(module(model, draw(model, 0)).state_dict())


def test_a_depthwise_convolution_without_bias_beside_others_that_have_one() -> None:
    """They are one class of PyTorch's, so what initialises it must look for the bias."""
    text = emit(
        sequential(
            [
                L.DepthwiseConv2D(3, use_bias=False, name="a_name_that_makes_its_line_a_long_one"),
                L.Conv2D(4, 1),
            ],
            (8, 8, 3),
        )
    )
    assert source.network(text) is not None
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_pooled_whole_is_not_turned_for_it() -> None:
    """Steps and features stay as an embedding gives them; maps stay channels-first."""
    words = sequential([Input((6,), dtype="int32"), L.Embedding(9, 4), L.GlobalAveragePooling1D()])
    assert "return x.mean(dim=1)" in emit(words) and "transpose" not in emit(words)
    kept = [L.Dense(3), L.GlobalMaxPooling2D(), L.Dense(2)]  # Dense leaves a map channels-last
    turned = sequential([Input((4, 5, 2)), L.Conv2D(3, 3), *kept])
    assert "amax(dim=(1, 2))" in emit(turned)
    plain = sequential([Input((4, 5, 2)), L.Conv2D(3, 3), L.GlobalMaxPooling2D()])
    assert "amax(dim=(2, 3))" in emit(plain)
