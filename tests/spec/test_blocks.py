from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec import Composite, Input, Repeat, Sequential, Symbol, functional, sequential
from trimaran.spec.layers import Dense


@dataclass(frozen=True)
class Double(Composite):
    """Twice the features, `times` times."""

    times: int = 1

    def build(self, x: Symbol) -> Any:
        return Repeat(Dense(x.channels), self.times)(Dense(x.channels * 2)(x))


def test_a_block_is_a_value() -> None:
    assert Double(2) == Double(2) != Double(3)
    assert Sequential([Dense(1)]) == Sequential((Dense(1),))


def test_a_block_is_not_changed_by_its_trace() -> None:
    block = Double(2)
    functional(x := Input((3,)), block(x))
    assert block == Double(2) and type(block.times) is int


def test_blocks_nest_and_repeat() -> None:
    model = sequential([Repeat(Double(2), 2)], (3,))
    assert [leaf.path for leaf in model.leaves] == [
        f"repeat1.{i}.{name}" for i in (0, 1) for name in ("dense1", "repeat1.0", "repeat1.1")
    ]
    assert [leaf.out_shape for leaf in model.leaves] == [(6,), (3,), (3,), (6,), (3,), (3,)]


def test_no_layers_change_nothing() -> None:
    model = sequential([Sequential([]), Repeat(Dense(9), 0), Dense(2)], (3,))
    assert [leaf.path for leaf in model.leaves] == ["dense1"]


def test_a_block_without_build_is_told() -> None:
    @dataclass(frozen=True)
    class Empty(Composite):
        pass

    with pytest.raises(DescriptionError, match="Empty has no build method; write build"):
        Empty()(Input((3,)))
