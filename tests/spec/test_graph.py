from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from trimaran import spec
from trimaran.errors import DescriptionError
from trimaran.spec.graph import (
    argument_values,
    channel_names,
    check,
    concrete,
    elements,
    fault,
    name_channels,
    walk,
)
from trimaran.spec.layers import Conv2D, Dense, Flatten
from trimaran.spec.named import Int, Name, show


@dataclass(frozen=True)
class Inner(spec.Composite):
    width: int

    def build(self, x: spec.Symbol) -> Any:
        return Dense(self.width + x.channels)(x)


@dataclass(frozen=True)
class Outer(spec.Composite):
    width: int
    grid: tuple[tuple[int, int], ...] = ((1, 2), (3, 4))

    def build(self, x: spec.Symbol) -> Any:
        return Inner(self.width * 2)(Inner(self.grid[1][0])(x))


def blocks(model: spec.Model) -> dict[str, spec.Graph]:
    return dict(walk(model.graph))


def model() -> spec.Model:
    return spec.sequential([Outer(5), spec.Sequential([Dense(3, activation="relu")])], (4,))


def test_walk_opens_every_block() -> None:
    paths = ["", "outer1", "outer1.inner1", "outer1.inner2", "sequential1"]
    assert list(blocks(model())) == paths


def test_arguments_are_told_in_the_words_of_the_block_around() -> None:
    found = blocks(model())
    assert argument_values(found["outer1"]) == {"width": 5, "grid": ((1, 2), (3, 4))}
    (width,) = dict(found["outer1.inner2"].arguments).values()
    assert (int(width), show(width.expr)) == (10, "width * 2")
    (width,) = dict(found["outer1.inner1"].arguments).values()
    assert show(width.expr) == "grid[1][0]"


def test_inside_a_block_numbers_speak_its_own_names() -> None:
    inner = blocks(model())["outer1.inner2"]
    layer = inner.table["dense1"]
    assert isinstance(layer, Dense) and isinstance(layer.units, Int)
    assert show(layer.units.expr) == "width + in_channels"
    assert int(layer.units) == 17  # width 10, and in_channels 3 + 4 from the first


def test_outputs_are_told_in_the_outer_names() -> None:
    outer = blocks(model())["outer1"]
    (after_first, after_second) = outer.values[1:]
    assert show(after_first[-1].expr) == "grid[1][0] + in_channels"  # type: ignore[union-attr]
    told = show(after_second[-1].expr)  # type: ignore[union-attr]
    assert told == "width * 2 + (grid[1][0] + in_channels)"
    assert model().graph.values[1] == (17,)
    assert type(model().graph.values[1][0]) is int


def test_every_graph_of_a_class_is_equal_where_its_structure_is() -> None:
    """What lets one class be printed for all: equal layers once their names are plain."""
    found = blocks(spec.sequential([Outer(5), Outer(6)], (4,)))
    first, second = found["outer1"], found["outer2"]
    assert [name for name, _ in first.layers] == [name for name, _ in second.layers]
    assert first.calls == second.calls
    assert argument_values(first)["width"] == 5 and argument_values(second)["width"] == 6


def test_leaves_are_plain_and_numbered_over_the_whole_model() -> None:
    leaves = model().leaves
    assert [leaf.path for leaf in leaves] == [
        "outer1.inner1.dense1",
        "outer1.inner2.dense1",
        "sequential1.0",
        "sequential1.1",
    ]
    assert [(leaf.inputs, leaf.output) for leaf in leaves] == [
        ((0,), 1),
        ((1,), 2),
        ((2,), 3),
        ((3,), 4),
    ]
    units = leaves[1].layer.settings()["units"]
    assert units == 17 and type(units) is int
    assert leaves[1].in_shapes == ((7,),) and leaves[1].out_shape == (17,)


def test_elements_and_channel_names() -> None:
    assert elements("a", 3) == {"a": 3}
    assert elements("a", ((1, 2), (3,))) == {"a[0][0]": 1, "a[0][1]": 2, "a[1][0]": 3}
    ports = (spec.Port("left", (3,)), spec.Port("right", (4,)))
    assert channel_names(ports) == ["left_channels", "right_channels"]
    assert channel_names(ports[:1]) == ["in_channels"]
    named = name_channels((None, 5), "in_channels")
    assert named[0] is None and isinstance(named[1], Int)
    assert name_channels((5, None), "in_channels") == (5, None)


def test_check_names_the_path_and_concrete_drops_the_names() -> None:
    assert fault(Dense(3), ((4,),)) is None
    with pytest.raises(DescriptionError, match=r"^stem\.conv1 \(Conv2D\): expected input"):
        check("stem.conv1", Conv2D(1, 3), ((4,),))
    named = Conv2D(Int(4, Name("width")), (Int(3, Name("k")), 3))
    assert concrete(named) == Conv2D(4, 3)
    assert type(concrete(named).settings()["kernel_size"][0]) is int
    plain = Flatten()
    assert concrete(plain) is plain
