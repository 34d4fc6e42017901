"""The idx format: round trips of random arrays, and every way a file can be wrong."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trimaran.data.sources.idx import read_idx, read_pair
from trimaran.errors import DataError


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)), st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, array, packed) -> None:
    path = tmp_path_factory.mktemp("idx") / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    np.testing.assert_array_equal(read_idx(path, array.ndim), array)


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(idx(IMAGES))[:-12], "cannot be read"),
        (b"not gzip at all", "cannot be read"),
        (gzip.compress(idx(IMAGES)[:-1]), "should hold 24 values .* has only 23"),
        (gzip.compress(idx(IMAGES) + b"!"), "should hold 24 values .* has more"),
        (gzip.compress(idx(IMAGES[0])), "expected it to start with 00000803, got 00000802"),
        (gzip.compress(b""), "got nothing"),
        (gzip.compress(idx(IMAGES)[:9]), "not an idx file"),
    ],
    ids=["cut", "plain", "short", "long", "flat", "empty", "header"],
)
def test_damage_is_named_with_the_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


def test_flipped_bit_is_found(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(0, 255, (9, 9, 9)))))
    whole[len(whole) // 2] ^= 1
    (tmp_path / "a.gz").write_bytes(whole)
    with pytest.raises(DataError, match="a.gz"):
        read_idx(tmp_path / "a.gz", 3)


def test_labels_must_fit_the_images(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.write_bytes(idx(IMAGES))
    labels.write_bytes(idx(np.array([1, 2, 3])))
    with pytest.raises(DataError, match="2 images, but .* 3 labels"):
        read_pair(images, labels, 10)
    labels.write_bytes(idx(np.array([1, 12])))
    with pytest.raises(DataError, match="labels row 1 has the label 12; expected 0 to 9"):
        read_pair(images, labels, 10)
