from __future__ import annotations

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Symbol, functional, sequential
from trimaran.spec.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from trimaran.spec.model import camel


def test_counts_of_the_chapters_mlp() -> None:
    """784-128-64-10 by hand: (784 + 1)·128 + (128 + 1)·64 + (64 + 1)·10."""
    layers = [Dense(128, activation="relu"), Dense(64, activation="relu"), Dense(10)]
    model = sequential(layers, (784,))
    assert model.size == 785 * 128 + 129 * 64 + 65 * 10
    assert model.flops == 2 * (784 * 128 + 128 * 64 + 64 * 10) + 202 + 192
    assert model.activation_bytes == 4 * (128 + 128 + 64 + 64 + 10)
    assert model.shapes == ((784,), (128,), (128,), (64,), (64,), (10,))


def test_buffers_are_parameters_that_are_not_counted() -> None:
    model = sequential([BatchNormalization()], (5, 5, 3))
    assert list(model.parameters) == [
        f"bn1.{n}" for n in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ]
    assert model.size == 6


def test_where_the_input_shape_comes_from() -> None:
    forms = [
        sequential([Dense(2)], (4,)),
        sequential([Dense(2, input_shape=(4,))]),
        sequential([Input((4,)), Dense(2)]),
    ]
    assert {form.inputs[0].shape for form in forms} == {(4,)}
    assert len({str(form) for form in forms}) == 1
    with pytest.raises(DescriptionError, match="the input's shape is unknown; give the first"):
        sequential([Dense(2)])
    with pytest.raises(DescriptionError, match="an Input can only stand first"):
        sequential([Input((4,)), Dense(2), Input((4,))])


def test_names_of_inputs_and_outputs() -> None:
    a, b = Input((4,)), Input((4,))
    one, two = Dense(2, name="cat", activation="softmax")(a), Dense(2, name="dog")(b)
    model = functional([a, b], [one, two])
    assert [port.name for port in model.inputs] == ["input1", "input2"]
    assert [name for name, _ in model.outputs] == ["cat", "dog"]
    alone = functional(a, Dense(2)(a))
    assert (alone.inputs[0].name, alone.outputs[0][0]) == ("input", "output")


def softmax(x: Symbol) -> Symbol:
    made: Symbol = Activation("softmax")(x)
    return made


def test_heads_are_peeled_only_where_nothing_else_reads_the_logits() -> None:
    x = Input((4,))
    logits = Dense(3)(x)
    assert functional(x, softmax(logits)).heads == {"output": "softmax"}
    assert functional(x, Activation("sigmoid")(logits)).heads == {"output": "sigmoid"}
    assert functional(x, Activation("tanh")(logits)).heads == {}
    assert functional(x, logits).heads == {}
    assert functional(x, {"p": softmax(logits), "z": logits}).heads == {}
    again = softmax(logits)
    assert functional(x, {"p": again, "d": Dense(2)(again)}).heads == {}
    both = functional(x, {"p": softmax(Dense(3)(x)), "q": softmax(Dense(2)(x))})
    assert both.heads == {"p": "softmax", "q": "softmax"}


def test_unknown_sizes_pass_where_they_can_and_are_refused_where_not() -> None:
    model = sequential([Conv2D(4, 3), MaxPooling2D(2), Dropout(0.5)], (None, 9, 1))
    assert model.output_shape("output") == (None, 3, 4)
    with pytest.raises(DescriptionError, match=r"^flatten1 \(Flatten\): expected sizes that are"):
        sequential([Conv2D(4, 3), Flatten()], (None, 9, 1))


def test_camel() -> None:
    assert camel("mnist-cnn") == "MnistCnn"
    assert camel("2-layer") == "Net2Layer"
    assert camel("---") == "Model"
