"""The worker's pipe, when Python's garbage collector speaks up in the middle of a message, and what
the worker costs."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import numpy as np
import pytest

from trimaran.backends.keras import process, wire
from trimaran.backends.keras.build import KerasBackend
from trimaran.errors import RunError
from trimaran.spec import layers, sequential
from trimaran.weights import draw

MODEL = sequential([layers.Dense(2)], (3,))


def test_a_network_may_be_forgotten_in_the_middle_of_an_answer(
    keras: KerasBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (keras.build(MODEL, draw(MODEL, 0), "float32") for _ in range(2))
    rows, whole = {"input": np.ones((2, 3), np.float32)}, wire.receive
    wanted = other.forward(rows).outputs["output"]

    def interrupted(pipe: Any) -> Any:
        one._worker.forget(one._number)
        return whole(pipe)

    monkeypatch.setattr(wire, "receive", interrupted)
    np.testing.assert_array_equal(other.forward(rows).outputs["output"], wanted)
    monkeypatch.undo()
    np.testing.assert_array_equal(other.forward(rows).outputs["output"], wanted)
    with pytest.raises(RunError, match="KeyError"):
        one.forward(rows)


def test_a_worker_tells_what_its_start_and_its_messages_took(keras: KerasBackend) -> None:
    network = keras.build(MODEL, draw(MODEL, 0), "float32")
    before = network._worker.spent()
    assert 0.1 < before.framework < before.ready < 600
    assert 0 <= before.waited <= time.time() - network._worker._began
    network.forward({"input": np.ones((1_000_000, 3), np.float32)})
    after = network._worker.spent()
    assert (after.framework, after.ready, after.waited) == (
        before.framework,
        before.ready,
        before.waited,
    )
    # Either side copies these 12 MB, and the 8 MB of the answer.
    assert after.transport > before.transport + 1e-3
    assert before.ready in [each.ready for each in process.spent()]


def test_waiting_for_a_message_is_no_transport() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as incoming, open(writing, "wb") as outgoing:
        here = wire.Wire(incoming, outgoing)
        late = threading.Timer(0.3, wire.send, (outgoing, wire.Message({"late": True})))
        late.start()
        found = here.receive()
        late.join()
        assert found is not None and found.values == {"late": True}
        assert 0 < here.seconds < 0.1
