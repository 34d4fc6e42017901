from __future__ import annotations

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec.blocks import Repeat
from trimaran.spec.layers import Activation, Conv2D, Dense, Dropout
from trimaran.spec.naming import call_names, check_name, kind_of, snake


def test_ordinals_count_per_kind_and_skip_names_that_are_taken() -> None:
    calls = [Dense(1), Dense(2, name="dense2"), Dense(3), Activation("relu"), Dropout(0.1)]
    names = call_names([(layer, layer) for layer in calls], False)
    assert names == ["dense1", "dense2", "dense3", "relu1", "dropout1"]


def test_one_object_has_one_name_and_equal_objects_have_two() -> None:
    one, two = Dense(1), Dense(1)
    assert one == two
    names = call_names([(one, one), (two, two), (one, one)], False)
    assert names == ["dense1", "dense2", "dense1"]


def test_positions_name_the_layers_of_a_chain() -> None:
    calls = [Conv2D(1, 1), Activation("relu"), Conv2D(1, 1, name="last")]
    assert call_names([(layer, layer) for layer in calls], True) == ["0", "1", "last"]


def test_a_name_given_twice_is_refused() -> None:
    calls = [Dense(1, name="a"), Dense(2, name="a")]
    with pytest.raises(DescriptionError, match="two layers are called 'a'"):
        call_names([(layer, layer) for layer in calls], False)


@pytest.mark.parametrize("name", ["a.b", "3", "my layer", "class", "é", "a-b"])
def test_names_must_be_attributes(name: str) -> None:
    with pytest.raises(DescriptionError, match="expected letters, digits and _"):
        check_name("layer", name)


def test_kinds() -> None:
    assert kind_of(Conv2D(1, 1)) == "conv"
    assert kind_of(Activation("gelu")) == "gelu"
    assert kind_of(Repeat(Dense(1), 2)) == "repeat"
    assert snake("BasicBlock") == "basic_block"
