"""Skip connections: from where a tensor was taken to where it is joined, counted by the model."""

from __future__ import annotations

import pytest

from trimaran import zoo
from trimaran.report.wiring import Wiring, wiring
from trimaran.spec import Input, Model, functional, layers

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def wired(model: Model) -> Wiring:
    found = wiring(model)
    assert found is not None
    return found


def dense(units: int, name: str) -> layers.Dense:
    return layers.Dense(units, name=name)


@pytest.mark.parametrize("name", RESNETS)
def test_every_add_has_its_arc_and_every_parameter_its_box(name: str) -> None:
    model = zoo.build(name)
    found = wired(model)
    boxes = [*found.stops, *(arc.box for arc in found.arcs if arc.box is not None)]
    assert sum(box.parameters for box in boxes) == model.size
    adds = [i for i, box in enumerate(found.stops) if box.kind == "Add"]
    assert [arc.target for arc in found.arcs] == adds
    kinds = [type(leaf.layer).__name__ for leaf in model.leaves]
    assert len(adds) == kinds.count("Add")


def test_the_arcs_of_resnet18_go_around_one_block_each() -> None:
    found = wired(zoo.build("resnet18"))
    for arc in found.arcs:
        assert arc.target == arc.source + 2 and found.stops[arc.source + 1].kind == "Block"
    around = [found.stops[arc.source + 1].path for arc in found.arcs]
    assert around == [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
    projected = [arc.box.path if arc.box else None for arc in found.arcs]
    assert projected == [
        *(None, None, "layer2.0.downsample.0", None),
        *("layer3.0.downsample.0", None, "layer4.0.downsample.0", None),
    ]
    details = {box.path: box.detail for box in found.stops}
    assert details["layer1.0"] == "Conv2D 3×3 → 3×3"
    assert details["layer2.0"] == "Conv2D 3×3 stride 2 → 3×3"


def test_nested_arcs_start_where_their_tensor_was_made() -> None:
    x = Input((4,))
    a = dense(4, "a")(x)
    b = dense(4, "b")(a)
    c = dense(4, "c")(b) + b
    y = dense(4, "d")(c) + a
    found = wired(functional(x, dense(1, "e")(y), "nested"))
    assert [box.path for box in found.stops if box.kind != "Add"] == [
        "input", "a", "b", "c", "d", "e",
    ]  # fmt: skip
    ends = [(found.stops[arc.source].path, arc.target) for arc in found.arcs]
    assert ends == [("b", 4), ("a", 6)]


def test_a_tensor_taken_before_its_activation_ends_its_box() -> None:
    x = Input((4,))
    a = dense(4, "a")(x)
    y = dense(4, "b")(layers.Activation("relu", name="late")(a)) + a
    found = wired(functional(x, y, "early"))
    assert [box.path for box in found.stops][:4] == ["input", "a", "late", "b"]
    assert (found.arcs[0].source, found.arcs[0].target) == (1, 4)


def test_joining_a_tensor_with_itself_and_the_input_are_arcs() -> None:
    x = Input((4,))
    a = dense(4, "a")(x)
    found = wired(functional(x, (a + a) + x, "twice"))
    assert [(arc.source, arc.target) for arc in found.arcs] == [(1, 2), (0, 3)]


@pytest.mark.parametrize("name", ["mnist-cnn", "vgg16", "mlp"])
def test_what_joins_nothing_has_no_wiring(name: str) -> None:
    assert wiring(zoo.build(name)) is None


def test_what_no_column_can_show_has_no_wiring() -> None:
    x, z = Input((4,), name="x"), Input((4,), name="z")
    both = functional([x, z], dense(1, "a")(x + z), "two inputs")
    a = dense(4, "a")(x)
    b = dense(4, "b")(x)  # a branch that forks beside the column
    forked = dense(4, "d")(dense(4, "c")(a) + b) + b
    assert wiring(both) is None and wiring(functional(x, forked, "forked")) is None
