from __future__ import annotations

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec.initializers import INITIALIZERS, Constant, Normal, initializer


def test_every_name_stands_for_a_value_and_values_pass_through() -> None:
    for name, value in INITIALIZERS.items():
        assert initializer(name) is value
    assert initializer("zeros") == Constant(0.0)
    assert initializer(Normal(0.01)) == Normal(0.01)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DescriptionError, match=r"'glorot' is unknown; use one of .*glorot_uniform"):
        initializer("glorot")
