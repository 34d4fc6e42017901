from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trimaran.backends.keras import wire
from trimaran.backends.keras.wire import Message, receive, send

ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.uint8, np.int64, np.bool_, np.uint32]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    ),
    max_size=4,
)


def sent(message: Message) -> Message:
    pipe = io.BytesIO()
    send(pipe, message)
    pipe.seek(0)
    found = receive(pipe)
    assert found is not None and pipe.read() == b""
    return found


@given(ARRAYS)
def test_arrays_arrive_as_they_were(arrays: dict[str, np.ndarray]) -> None:
    found = sent(Message({"a": [1, "x", None]}, arrays))
    assert found.values == {"a": [1, "x", None]} and list(found.arrays) == list(arrays)
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_large_arrays_go_by_a_file_that_is_gone_afterwards() -> None:
    large = np.random.default_rng(0).normal(size=(300, 400))
    pipe = io.BytesIO()
    send(pipe, Message({}, {"x": large, "y": np.zeros((0, 3)), "t": large.T}))
    assert len(pipe.getvalue()) < 1000
    path = Path(__import__("json").loads(pipe.getvalue())["file"])
    assert path.exists()
    pipe.seek(0)
    found = receive(pipe)
    assert found is not None and not path.exists()
    np.testing.assert_array_equal(found.arrays["t"], large.T)
    assert found.arrays["y"].shape == (0, 3)
    found.arrays["x"][0] = 1  # its own memory, not the sender's


def test_the_end_of_the_stream_is_no_message() -> None:
    assert receive(io.BytesIO(b"")) is None
    assert receive(io.BytesIO(b'{"values"')) is None
    pipe = io.BytesIO()
    send(pipe, Message({}, {"x": np.arange(4)}))
    assert receive(io.BytesIO(pipe.getvalue()[:-1])) is None


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_both_ways_are_the_same(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(wire, "INLINE", limit)
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.float32(3.5)}
    found = sent(Message({}, arrays))
    np.testing.assert_array_equal(found.arrays["a"], arrays["a"])
    assert found.arrays["b"] == np.float32(3.5)
