"""Tracing: identity, hierarchy, names, and errors that tell the exact path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran import spec
from trimaran.errors import DescriptionError
from trimaran.spec import Composite, Input, Repeat, Sequential, Symbol, functional, sequential
from trimaran.spec.layers import (
    Activation,
    Add,
    Concatenate,
    Conv2D,
    Dense,
    Flatten,
    MaxPooling2D,
    Rescaling,
)


def paths(model: spec.Model) -> list[str]:
    return [leaf.path for leaf in model.leaves]


def test_an_activation_becomes_a_leaf_of_its_own() -> None:
    model = sequential([Dense(3, activation="relu"), Dense(2, activation="linear")], (4,))
    assert paths(model) == ["dense1", "relu1", "dense2"]
    assert model.leaves[0].layer == Dense(3)
    assert model.leaves[1].layer == Activation("relu")


def test_the_same_object_is_shared_and_equal_objects_are_not() -> None:
    layer, x = Dense(4), Input((4,))
    shared = functional(x, layer(layer(x)))
    assert paths(shared) == ["dense1", "dense1"]
    assert list(shared.parameters) == ["dense1.weight", "dense1.bias"]
    assert shared.size == 20
    apart = functional(x, Dense(4)(Dense(4)(x)))
    assert apart.size == 40


def test_a_shared_layer_has_one_activation_per_call() -> None:
    layer, x = Dense(4, activation="tanh"), Input((4,))
    assert paths(functional(x, layer(layer(x)))) == ["dense1", "tanh1", "dense1", "tanh2"]


def test_repeat_copies_even_named_and_nested_layers() -> None:
    named = sequential([Repeat(Dense(4, name="d"), 3)], (4,))
    assert paths(named) == ["repeat1.0", "repeat1.1", "repeat1.2"]
    assert named.size == 60
    nested = sequential([Repeat(Sequential([Dense(4), Dense(4)]), 2)], (4,))
    assert paths(nested) == ["repeat1.0.0", "repeat1.0.1", "repeat1.1.0", "repeat1.1.1"]
    assert nested.size == 80


def test_repeat_keeps_what_is_shared_inside_each_copy() -> None:
    layer = Dense(4)
    model = sequential([Repeat(Sequential([layer, layer]), 2)], (4,))
    assert model.size == 40
    assert len(model.leaves) == 4


def test_sequential_blocks_are_named_by_position_and_may_be_called_twice() -> None:
    block = Sequential([Dense(4, activation="relu"), Dense(4)], name="mlp")
    x = Input((4,))
    model = functional(x, block(block(x)))
    assert paths(model) == ["mlp.0", "mlp.1", "mlp.2"] * 2
    assert model.size == 40


@dataclass(frozen=True)
class Shortcut(Composite):
    """`y + x`, with a projection where the width changes: a question about a number."""

    width: int

    def build(self, x: Symbol) -> Any:
        y = Dense(self.width * 2, activation="relu")(x)
        y = Dense(self.width)(y)
        if x.channels != self.width:
            x = Dense(self.width, name="project")(x)
        return y + x


@dataclass(frozen=True)
class Stage(Composite):
    widths: tuple[int, ...]

    def build(self, x: Symbol) -> Any:
        for width in self.widths:
            x = Shortcut(width)(x)
        return x


def test_blocks_within_blocks() -> None:
    model = sequential([Stage((4, 6), name="stage")], (4,))
    assert paths(model) == [
        "stage.shortcut1.dense1",
        "stage.shortcut1.relu1",
        "stage.shortcut1.dense2",
        "stage.shortcut1.add1",
        "stage.shortcut2.dense1",
        "stage.shortcut2.relu1",
        "stage.shortcut2.dense2",
        "stage.shortcut2.project",
        "stage.shortcut2.add1",
    ]
    one, two = (graph for path, graph in spec.graph.walk(model.graph) if "shortcut" in path)
    assert one.guards == ("(in_channels == width) is True",)
    assert two.guards == ("(in_channels == width) is False",)
    inside = dict(spec.graph.walk(model.graph))["stage"]
    assert [str(spec.named.show(dict(g.arguments)["width"].expr)) for _, g in inside.layers] == [
        "widths[0]",
        "widths[1]",
    ]


@dataclass(frozen=True)
class Twin(Composite):
    """Two tensors in, two out."""

    units: int = 3

    def build(self, left: Symbol, right: Symbol) -> Any:
        return Dense(self.units)(left), Dense(right.channels)(right)


def test_a_block_with_several_inputs_and_outputs() -> None:
    a, b = Input((4,), name="a"), Input((5,), name="b")
    one, two = Twin()([a, b])
    model = functional([a, b], {"first": one, "second": Concatenate()([one, two])})
    assert [port.name for port in model.inputs] == ["a", "b"]
    assert model.outputs == (("first", 2), ("second", 4))
    assert model.output_shape("second") == (8,)
    (graph,) = (op for _, op in model.graph.layers if isinstance(op, spec.Graph))
    assert [port.name for port in graph.inputs] == ["left", "right"]
    assert spec.named.show(graph.table["dense2"].units.expr) == "right_channels"  # type: ignore


@dataclass(frozen=True)
class Through(Composite):
    def build(self, x: Symbol) -> Any:
        return x


def test_a_block_may_return_what_it_was_given() -> None:
    x = Input((4,))
    model = functional(x, Dense(2)(Through()(x)))
    assert model.leaves[0].inputs == (0,)


def test_calls_that_lead_nowhere_are_left_out() -> None:
    x = Input((4,))
    Dense(9)(x)
    assert paths(functional(x, Dense(2)(x))) == ["dense1"]


def test_operators_are_layers() -> None:
    x = Input((4,))
    assert paths(functional(x, (x + x) * x)) == ["add1", "multiply1"]


@pytest.mark.parametrize(
    ("make", "scale", "offset"),
    [
        (lambda x: x * 2, 2.0, 0.0),
        (lambda x: 0.5 * x, 0.5, 0.0),
        (lambda x: x / 255, 1 / 255, 0.0),
        (lambda x: x + 3, 1.0, 3.0),
        (lambda x: 3 + x, 1.0, 3.0),
        (lambda x: x - 1.5, 1.0, -1.5),
        (lambda x: 1 - x, -1.0, 1.0),
        (lambda x: -x, -1.0, 0.0),
    ],
)
def test_operators_with_a_number_rescale(make: Any, scale: float, offset: float) -> None:
    x = Input((4,))
    (leaf,) = functional(x, make(x)).leaves
    assert leaf.path == "rescale1" and leaf.layer == Rescaling(scale, offset)


def test_there_is_no_quotient_of_tensors() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        Input((4,)) / Input((4,))


BAD = MaxPooling2D(9)


@dataclass(frozen=True)
class Branches(Composite):
    """Fails at its third convolution, on the second branch."""

    def build(self, x: Symbol) -> Any:
        left = Conv2D(2, 1)(Conv2D(2, 1)(x))
        return Add()([left, Conv2D(2, 9)(x)])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda x: BAD(Conv2D(2, 1)(x)), r"^pool1 \(MaxPooling2D\): expected a window \(9, 9\)"),
        (lambda x: BAD(MaxPooling2D(1)(x)), r"^pool2 \(MaxPooling2D\)"),
        (lambda x: MaxPooling2D(9, name="last")(x), r"^last \(MaxPooling2D\)"),
        (lambda x: Sequential([Conv2D(2, 1), BAD])(x), r"^sequential1\.1 \(MaxPooling2D\)"),
        (
            lambda x: Sequential([Conv2D(2, 1, activation="relu"), BAD], name="features")(x),
            r"^features\.2 \(MaxPooling2D\)",
        ),
        (lambda x: Repeat(MaxPooling2D(2), 4)(x), r"^repeat1\.3 \(MaxPooling2D\).*got \(1, 1\)"),
        (lambda x: Branches()(x), r"^branches1\.conv3 \(Conv2D\)"),
        (
            lambda x: Sequential([Branches(name="b")], name="s")(x),
            r"^s\.b\.conv3 \(Conv2D\)",
        ),
        (lambda x: Dense(3)(Flatten()(x)) + x, r"^add1 \(Add\): expected tensors of equal rank"),
    ],
)
def test_legality_errors_tell_the_exact_path(make: Callable[[Any], Any], told: str) -> None:
    with pytest.raises(DescriptionError, match=told):
        make(Input((8, 8, 1)))


@given(st.lists(st.booleans(), max_size=6), st.booleans())
def test_errors_tell_the_path_that_the_layer_would_have(active: list[bool], block: bool) -> None:
    before = [Dense(4, activation="relu" if on else None) for on in active]

    def chain(last: Dense) -> spec.Model:
        layers = [*before, last]
        return sequential([Sequential(layers, name="s")] if block else layers, (4,))

    path = chain(Dense(4)).leaves[-1].path
    with pytest.raises(DescriptionError) as caught:
        chain(Dense(0))
    assert str(caught.value).startswith(f"{path} (Dense)")


def test_true_flags_name_the_variant() -> None:
    @dataclass(frozen=True)
    class Gate(Composite):
        wide: bool = False

        def build(self, x: Symbol) -> Any:
            return Dense(8 if self.wide else 4)(x)

    graphs = [op for _, op in sequential([Gate(), Gate(True)], (4,)).graph.layers]
    assert [graph.flags for graph in graphs] == [(), ("wide",)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda x: Dense(3)(5), "Dense: expected symbolic tensors, got int; start from Input"),
        (lambda x: Dense(3)([]), "Dense: expected symbolic tensors"),
        (lambda x: x + "1", "Add: expected symbolic tensors, got str"),
        (lambda x: x * True, "Multiply: expected symbolic tensors, got bool"),
        (lambda x: x / 0, r"rescale1 \(Rescaling\): expected a finite number as scale, got inf"),
        (lambda x: "1" - x, r"rescale1 \(Rescaling\): expected a finite number as offset, got '1'"),
        (lambda x: Dense(3)([x, x]), "Dense: expected 1 tensor, got 2; join them first"),
        (lambda x: Composite()(x), "Composite has no build method"),
        (
            lambda x: functional(x, Dense(3, name="a")(Dense(3, name="a")(x))),
            "two layers are called 'a'",
        ),
        (lambda x: functional(x, Dense(3, name="a.b")(x)), "layer name 'a.b': expected letters"),
        (lambda x: functional({"my input": x}, Dense(3)(x)), "input name 'my input'"),
        (lambda x: functional(x, {"class": Dense(3)(x)}), "output name 'class'"),
        (lambda x: functional(Input((4,)), Dense(3)(x)), r"an output depends on Input\(4,\)"),
    ],
)
def test_wiring_errors(make: Callable[[Any], Any], told: str) -> None:
    with pytest.raises(DescriptionError, match=told):
        make(Input((4,)))


def test_a_shared_layer_needs_equal_sizes() -> None:
    layer, x = Dense(4), Input((3,))
    with pytest.raises(DescriptionError, match="^dense1: the same layer is called on inputs of"):
        functional(x, layer(layer(x)))
    block = Shortcut(4)
    with pytest.raises(DescriptionError, match="^shortcut1: the same layer is called on inputs"):
        functional(x, block(block(x)))


def test_a_layer_cannot_be_shared_between_blocks_in_silence() -> None:
    layer = Dense(4)
    chain = [Sequential([layer]), Sequential([layer])]
    with pytest.raises(DescriptionError, match="sequential2 and sequential1 use the same Dense"):
        sequential(chain, (4,))
    with pytest.raises(DescriptionError, match="use the same Dense object"):
        sequential([layer, Sequential([layer])], (4,))
    relu = Activation("relu")  # without weights there is nothing to share
    assert len(sequential([Sequential([relu]), Sequential([relu])], (4,)).leaves) == 2


def test_a_closure_over_a_foreign_tensor_is_refused() -> None:
    outside = Dense(4)(Input((4,)))

    @dataclass(frozen=True)
    class Leaky(Composite):
        def build(self, x: Symbol) -> Any:
            return x + outside

    with pytest.raises(DescriptionError, match="keep a block to the tensors it is given"):
        Leaky()(Input((4,)))
