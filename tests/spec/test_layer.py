from __future__ import annotations

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec.initializers import Constant
from trimaran.spec.layer import Illegal, Layer, Parameter, count, known, pair, require, whole
from trimaran.spec.layers import LAYERS, Dense


def test_require_tells_expectation_value_and_remedy() -> None:
    require(True, "a", "b", "c")
    with pytest.raises(Illegal, match=r"^expected 3 axes, got \(2,\); Reshape it$"):
        require(False, "3 axes", (2,), "Reshape it")


def test_known_refuses_an_unknown_size() -> None:
    assert known((2, 3)) == (2, 3)
    with pytest.raises(Illegal, match=r"sizes that are all known, got \(None, 3\)"):
        known((None, 3), "Flatten")


def test_pair_spreads_an_int_and_refuses_others() -> None:
    assert pair(3, 2, "kernel_size") == (3, 3)
    assert pair([1, 2], 2, "kernel_size") == (1, 2)
    for wrong in ((1, 2, 3), (1.5, 2), (1,)):
        with pytest.raises(DescriptionError, match="kernel_size: expected an int or 2 ints"):
            pair(wrong, 2, "kernel_size")


def test_whole_and_count() -> None:
    assert [whole(v) for v in (1, 0, -1, 2.0, "3")] == [True, False, False, False, False]
    assert count((None, 3, 4)) == 12
    assert Parameter("w", (2, 3), Constant(0.0)).size == 6


def test_settings_leave_the_wiring_out() -> None:
    assert "name" not in Dense(3, name="d").settings()
    assert Dense(3).settings()["units"] == 3


@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_layers_are_frozen_values_one_step_below_their_base(kind: str) -> None:
    layer = LAYERS[kind]
    assert layer.__name__ == kind and layer.__doc__
    depth = [base for base in layer.__mro__ if issubclass(base, Layer)]
    assert len(depth) <= 3  # the layer, at most one shared base, Layer
    assert layer.__dataclass_params__.frozen  # type: ignore[attr-defined]
