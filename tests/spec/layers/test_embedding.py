"""One-hot numbers: shapes and refusals. Tables stand beside what reads them, in test_recurrent."""

from __future__ import annotations

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec import Input, functional
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import OneHot


def test_a_number_becomes_an_axis_and_nothing_is_learned() -> None:
    text = Input((None,), dtype="int32")
    assert OneHot(5)(text).shape == (None, 5)
    assert OneHot(5)(Input((), dtype="int32")).shape == (5,)
    assert functional(text, OneHot(5)(text)).size == 0


def test_refused() -> None:
    with pytest.raises(DescriptionError, match=r"^onehot1 \(OneHot\): expected int32 numbers"):
        OneHot(5)(Input((4,)))
    with pytest.raises(Illegal, match="depth of 1 or more, got 0; give the number of different"):
        OneHot(0).check((4,))
