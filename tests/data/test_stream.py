import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trimaran.data.augment import Augment
from trimaran.data.batches import Affine
from trimaran.data.decode import Decoder, Job
from trimaran.data.duplicates import across
from trimaran.data.order import epoch_order
from trimaran.data.stream import Stream
from trimaran.errors import DataError

READERS = """
import os, signal, time
import numpy as np

def plain(path, size):
    print("a decoder that talks")
    return np.full((size, size, 1), int(path.read_text()), np.uint8)

def fails(path, size):
    if path.name == "3":
        raise ZeroDivisionError("odd file")
    return plain(path, size)

def dies(path, size):
    if path.name == "3":
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(path, size)

def leaves(path, size):
    os._exit(7)

def slow_first(path, size):
    time.sleep(0.3 if path.name == "0" else 0)
    return plain(path, size)

def ragged(path, size):
    return np.zeros((size + (path.name == "2"), size, 1), np.uint8)

def nested(path, shape):
    assert isinstance(shape, tuple) and isinstance(shape[1], tuple)
    return np.zeros(shape[1], np.uint8)
"""


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of decoding functions that a worker can import, as a user's would be."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "readers_of_test_stream.py").write_text(READERS)
    monkeypatch.syspath_prepend(folder)
    import readers_of_test_stream  # type: ignore[import-not-found]

    yield readers_of_test_stream
    del sys.modules["readers_of_test_stream"]


def stream(folder: Path, read: Callable[..., np.ndarray], n: int = 11, workers: int = 2) -> Stream:
    for row in range(n):
        (folder / str(row)).write_text(str(10 * row))
    return Stream(
        paths=tuple(str(folder / str(row)) for row in range(n)),
        decoder=Decoder(read, (6,), (6, 6, 1)),
        targets={"output": np.arange(n)},
        weights=np.linspace(1, 2, n, dtype=np.float32),
        ids=np.arange(100, 100 + n),
        affine={"input": Affine((1 / 255,), (0.0,))},
        workers=workers,
    )


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before, "a worker's thread outlived its test"


@pytest.mark.parametrize("augment", [None, Augment(crop=2, brightness=0.3)])
def test_batches_are_the_same_for_any_number_of_workers(
    tmp_path: Path, readers: ModuleType, augment: Augment | None
) -> None:
    whole = stream(tmp_path, readers.slow_first)
    order = epoch_order(0, 0, len(whole), 3)
    expected = list(replace(whole, workers=0).batches(order, augment, 4, 5))
    assert [b.ids.tolist() for b in expected] == [(100 + i).tolist() for i in order]
    for workers in (1, 3, 9):
        got = list(replace(whole, workers=workers).batches(order, augment, 4, 5))
        assert len(got) == len(order)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_array_equal(a.inputs["input"], b.inputs["input"])
            np.testing.assert_array_equal(a.targets["output"], b.targets["output"])
            np.testing.assert_array_equal(a.weights, b.weights)
            assert a.affine == whole.affine


def test_augmentation_is_that_of_the_row(tmp_path: Path, readers: ModuleType) -> None:
    """Other batches, other workers: each row meets the same change; another epoch, another."""
    whole = stream(tmp_path, readers.plain)
    settings = Augment(brightness=0.3)

    def by_id(size: int, epoch: int) -> dict[int, bytes]:
        batches = whole.batches(epoch_order(1, 2, 11, size), settings, epoch)
        return {
            int(i): image.tobytes()
            for b in batches
            for i, image in zip(b.ids, b.inputs["input"], strict=True)
        }

    assert by_id(2, 0) == by_id(5, 0) != by_id(5, 1)


def test_take_decodes_some_rows(tmp_path: Path, readers: ModuleType) -> None:
    rows = stream(tmp_path, readers.plain).take(np.array([7, 2]))
    assert rows.inputs["input"][:, 0, 0, 0].tolist() == [70, 20]
    assert rows.ids.tolist() == [107, 102]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_file_is_named_when_its_batch_is_due(
    tmp_path: Path, readers: ModuleType, workers: int
) -> None:
    batches = stream(tmp_path, readers.fails, workers=workers).batches(
        [np.arange(3), np.arange(3, 6)]
    )
    assert next(batches).ids.tolist() == [100, 101, 102]
    words = f"{tmp_path / '3'} cannot be decoded .ZeroDivisionError: odd file"
    with pytest.raises(DataError, match=words):
        next(batches)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_missing_file_is_named(tmp_path: Path, readers: ModuleType, workers: int) -> None:
    whole = stream(tmp_path, readers.plain, workers=workers)
    os.remove(whole.paths[5])
    with pytest.raises(DataError, match=r"5 cannot be decoded .FileNotFoundError"):
        list(whole.batches(epoch_order(0, 0, 11, 4)))


@pytest.mark.parametrize("workers", [0, 1])
def test_another_shape_is_refused(tmp_path: Path, readers: ModuleType, workers: int) -> None:
    whole = stream(tmp_path, readers.ragged, workers=workers)
    with pytest.raises(DataError, match=r"2 decodes to uint8 of shape \(7, 6, 1\)"):
        list(whole.batches([np.arange(4)]))


@pytest.mark.parametrize(("reader", "how"), [("dies", "signal 9"), ("leaves", "status 7")])
def test_a_dead_worker_is_reported_and_nothing_hangs(
    tmp_path: Path, readers: ModuleType, reader: str, how: str
) -> None:
    whole = stream(tmp_path, getattr(readers, reader))
    started = time.monotonic()
    with pytest.raises(DataError, match=f"worker . .*{how} at a batch of .* files from"):
        list(whole.batches([np.arange(i, i + 2) for i in range(8)]))
    assert time.monotonic() - started < 30


def test_leaving_early_ends_the_workers(tmp_path: Path, readers: ModuleType) -> None:
    batches = stream(tmp_path, readers.plain).batches([np.arange(3)] * 200)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert not children.exists() or "trimaran.data.worker" not in "".join(
        Path(f"/proc/{pid}/cmdline").read_text() for pid in children.read_text().split()
    )


def test_the_prefetch_is_bounded(tmp_path: Path, readers: ModuleType) -> None:
    """A reader that stops reading stops the decoding: a log of read files stays short."""
    code = Path(readers.__file__ or "")
    code.write_text(
        READERS
        + "def logs(path, size):\n    open(path.parent / 'log', 'a').write('x')\n"
        + "    return plain(path, size)\n"
    )
    readers.logs = lambda: None  # named here, defined where the worker looks
    readers.logs.__module__, readers.logs.__qualname__ = readers.__name__, "logs"
    batches = stream(tmp_path, readers.logs, workers=1).batches([np.arange(1)] * 100)
    next(batches)
    time.sleep(0.5)
    # One was taken, two wait in the queue, one waits for a place there.
    assert 1 <= len((tmp_path / "log").read_text()) <= 4
    batches.close()  # type: ignore[attr-defined]


def test_large_batches_and_long_requests_pass_the_pipes(
    tmp_path: Path, readers: ModuleType
) -> None:
    """Both directions exceed a pipe's 64 KiB many times."""
    whole = stream(tmp_path, readers.plain, workers=2)
    whole = replace(whole, decoder=Decoder(readers.plain, (64,), (64, 64, 1)))
    order = [np.arange(2000) % 11] * 4
    for batch in whole.batches(order):
        assert batch.inputs["input"].shape == (2000, 64, 64, 1)
        np.testing.assert_array_equal(
            batch.inputs["input"][:, 5, 5, 0], 10 * (np.arange(2000) % 11)
        )


def test_decoder_and_job_survive_json(readers: ModuleType) -> None:
    decoder = Decoder(readers.nested, (("a", (2, 3)),), (2, 3))
    again = Decoder.from_json(json.loads(json.dumps(decoder.to_json())))
    assert again == decoder
    job = Job(("p",), (3,), Augment(crop=1), 1, 2)
    assert Job.from_json(json.loads(json.dumps(asdict(job)))) == job


def test_a_function_without_an_address_is_refused(tmp_path: Path) -> None:
    whole = stream(tmp_path, lambda path, size: np.zeros((size, size, 1), np.uint8))
    with pytest.raises(DataError, match="cannot be imported by a worker"):
        list(whole.batches([np.arange(2)]))
    assert len(list(replace(whole, workers=0).batches([np.arange(2)]))) == 1


def test_equal_files_across_streams_are_found(tmp_path: Path, readers: ModuleType) -> None:
    whole = stream(tmp_path, readers.plain)
    (tmp_path / "9").write_text("20")
    parts = {}
    for name, rows in (("train", np.arange(8)), ("test", np.arange(8, 11))):
        parts[name] = replace(
            whole,
            paths=tuple(whole.paths[i] for i in rows),
            targets={"output": whole.targets["output"][rows]},
            weights=None,
            ids=whole.ids[rows],
        )
    (found,) = across(parts)
    assert (found.rows, found.conflicts, found.examples) == (1, 1, ((102, 109),))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers": -1}, "-1 and 2"),
        ({"prefetch": 0}, "2 and 0"),
        ({"ids": np.arange(3)}, "11 rows where 3 ids"),
        ({"targets": {"output": np.arange(4)}}, "target 'output'"),
    ],
)
def test_streams_refuse(
    tmp_path: Path, readers: ModuleType, changes: dict[str, object], words: str
) -> None:
    whole = stream(tmp_path, readers.plain)
    with pytest.raises(DataError, match=words):
        replace(whole, **changes)  # type: ignore[arg-type]
