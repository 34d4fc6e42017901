from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trimaran.backends.torch import memory
from trimaran.backends.torch.memory import Change, Form, Source
from trimaran.data.augment import Augment, augment_rows
from trimaran.data.batches import Affine, Rows
from trimaran.data.decode import Decoder
from trimaran.data.order import epoch_order
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError

FORM = Form(("input",), ("output",))
Make = Callable[..., Rows]


def collected(source: Source, order: list[np.ndarray], start: int = 0) -> list[torch.Tensor]:
    return [batch.inputs[0].clone() for batch in source.batches(order, start, epoch=2)]


@pytest.mark.parametrize("chunk", [1, 3000, 1 << 20])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (-0.5, 1.0)])
def test_batches_are_the_rows_converted(
    rows: Make, monkeypatch: pytest.MonkeyPatch, chunk: int, offset: tuple[float, float]
) -> None:
    monkeypatch.setattr(memory, "CHUNK_BYTES", chunk)
    split = replace(rows(50, 0), affine={"input": Affine((1 / 255, 0.1), offset)})
    order = epoch_order(1, 0, 50, 8)
    found = list(Source(split, FORM).batches(order))
    assert [batch.number for batch in found] == list(range(7))
    for index, batch in zip(order, Source(split, FORM).batches(order), strict=True):
        expected = split.take(index)
        nchw = expected.floats().transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(batch.inputs[0].numpy(), nchw)
        np.testing.assert_array_equal(batch.targets["output"].numpy(), expected.targets["output"])
        assert batch.inputs[0].is_contiguous(memory_format=torch.channels_last)
        assert batch.weights is None and len(batch) == len(index)


def test_batches_from_the_middle_are_those_of_the_whole_epoch(
    rows: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CHUNK_BYTES", 8 * 72 * 4 * 3)
    order = epoch_order(1, 0, 50, 8)
    whole = collected(Source(rows(50, 0), FORM), order)
    for start in range(7):
        rest = collected(Source(rows(50, 0), FORM), order, start)
        assert len(rest) == 7 - start
        assert all(torch.equal(a, b) for a, b in zip(rest, whole[start:], strict=True))


def test_augmentation_is_drawn_by_row_and_epoch(rows: Make) -> None:
    change = Change(Augment(flip=True, crop=1), 5)
    order = epoch_order(1, 2, 20, 8)
    source = Source(rows(20, 0), FORM, change)
    for index, found in zip(order, collected(source, order), strict=True):
        expected = augment_rows(rows(20, 0).take(index), change.augment, 5, 2)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.numpy(), expected.floats().transpose(0, 3, 1, 2))


def test_floats_and_vectors_and_whole_numbers() -> None:
    inputs = {
        "vector": np.random.default_rng(0).random((5, 3)).astype(np.float32),
        "words": np.arange(10).reshape(5, 2),
        "bytes": np.arange(5, dtype=np.uint8).reshape(5, 1),
    }
    split = Rows(inputs, {"output": np.zeros((5, 1), np.float32)}, np.ones(5, "f4"), np.arange(5))
    form = Form(("words", "vector", "bytes"), ("output",), dtype=torch.float64)
    (batch,) = Source(split, form).batches([np.array([4, 0])])
    words, vector, numbers = batch.inputs
    assert words.dtype == torch.int64 and words.tolist() == [[8, 9], [0, 1]]
    assert vector.dtype == numbers.dtype == torch.float64 and numbers.tolist() == [[4.0], [0.0]]
    assert batch.weights is not None and batch.weights.tolist() == [1, 1]


def test_read_only_arrays_are_fine(rows: Make) -> None:
    split = rows(10, 0)
    split.inputs["input"].setflags(write=False)
    assert len(collected(Source(split, FORM), [np.arange(10)])) == 1


def test_straight_images_on_request(rows: Make) -> None:
    form = replace(FORM, channels_last=False)
    (batch,) = Source(rows(4, 0), form).batches([np.arange(4)])
    assert batch.inputs[0].is_contiguous()


def test_a_missing_target_is_named(rows: Make) -> None:
    with pytest.raises(TrainingError, match="'other'.*output"):
        Source(rows(3, 0), Form(("input",), ("other",)))


def read_array(path: Path, size: int) -> np.ndarray:
    """What the stream decodes a file with."""
    return np.load(path, allow_pickle=False)[:size]


@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_a_stream_gives_the_batches_of_the_resident_rows(
    rows: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(memory, "CHUNK_BYTES", chunk)
    split = rows(20, 0)
    paths = []
    for number, image in enumerate(split.inputs["input"]):
        paths.append(str(tmp_path / f"{number}.npy"))
        np.save(paths[-1], image)
    decoder = Decoder(read_array, (6,), (6, 6, 2))
    stream = Stream(tuple(paths), decoder, split.targets, None, split.ids, split.affine, workers=0)
    change, order = Change(Augment(flip=True, crop=1), 5), epoch_order(1, 2, 20, 8)
    for start in (0, 2):
        resident = Source(split, FORM, change)
        ours = collected(Source(stream, FORM, change), order, start)
        theirs = collected(resident, order, start)
        assert len(ours) == 3 - start
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
