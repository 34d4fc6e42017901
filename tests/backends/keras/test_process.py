"""The worker's pipe, when Python's garbage collector speaks up in the middle of a message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trimaran.backends.keras import process
from trimaran.backends.keras.build import KerasBackend
from trimaran.errors import RunError
from trimaran.spec import layers, sequential
from trimaran.weights import draw

MODEL = sequential([layers.Dense(2)], (3,))


def test_a_network_may_be_forgotten_in_the_middle_of_an_answer(
    keras: KerasBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (keras.build(MODEL, draw(MODEL, 0), "float32") for _ in range(2))
    rows, whole = {"input": np.ones((2, 3), np.float32)}, process.receive
    wanted = other.forward(rows).outputs["output"]

    def interrupted(pipe: Any) -> Any:
        one._worker.forget(one._number)
        return whole(pipe)

    monkeypatch.setattr(process, "receive", interrupted)
    np.testing.assert_array_equal(other.forward(rows).outputs["output"], wanted)
    monkeypatch.undo()
    np.testing.assert_array_equal(other.forward(rows).outputs["output"], wanted)
    with pytest.raises(RunError, match="KeyError"):
        one.forward(rows)
