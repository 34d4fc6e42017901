"""CIFAR-10's two layouts give the same arrays, damage is named, the decoded copy is only a copy."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from trimaran.data.sources import cifar
from trimaran.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 32, 32, 3), np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 10


def archive(path: Path, labels: np.ndarray = LABELS, cut: int = 0) -> Path:
    """Two rows in each of the six batches, planes in the order of the publication."""
    with tarfile.open(path, "w:gz") as tar:
        for k, name in enumerate((*cifar._TRAIN, *cifar._TEST)):
            rows = b"".join(
                bytes([labels[r]]) + IMAGES[r].transpose(2, 0, 1).tobytes()
                for r in (2 * k, 2 * k + 1)
            )
            rows = rows[: len(rows) - cut]
            info = tarfile.TarInfo(name)
            info.size = len(rows)
            tar.addfile(info, io.BytesIO(rows))
    return path


def webp(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "WEBP", lossless=True)
    return out.getvalue()


def parquet(path: Path, rows: slice, encoded: list[bytes] | None = None) -> Path:
    pictures = encoded or [webp(i) for i in IMAGES[rows]]
    table = pa.table({"image": pictures, "label": LABELS[rows].astype(np.int64)})
    pq.write_table(table, path)
    return path


def tables(folder: Path) -> list[Path]:
    names = [*(f"train-{k}.parquet" for k in range(5)), "test.parquet"]
    return [parquet(folder / n, slice(2 * k, 2 * k + 2)) for k, n in enumerate(names)]


def same(parts: cifar.Parts) -> None:
    np.testing.assert_array_equal(parts["train_images"], IMAGES[:10])
    np.testing.assert_array_equal(parts["train_labels"], LABELS[:10])
    np.testing.assert_array_equal(parts["test_images"], IMAGES[10:])
    np.testing.assert_array_equal(parts["test_labels"], LABELS[10:])


def test_both_layouts_agree(tmp_path: Path) -> None:
    same(cifar.read_cifar([archive(tmp_path / "cifar-10-binary.tar.gz")]))
    same(cifar.read_cifar(tables(tmp_path)))


def test_decoded_copy_is_used_and_renewed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tables(tmp_path)
    same(cifar.read_cifar(paths))
    (kept,) = (cache / "decoded").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(cifar, "read_parquet", None)  # decoding again would fail
        same(cifar.read_cifar(paths))
    kept.write_bytes(kept.read_bytes()[:5000])  # damaged: decode again
    same(cifar.read_cifar(paths))
    parquet(paths[-1], slice(0, 2))  # another file: another copy
    np.testing.assert_array_equal(cifar.read_cifar(paths)["test_images"], IMAGES[:2])
    (left,) = (cache / "decoded").iterdir()  # the copy of the replaced file is gone
    assert left != kept


def test_damaged_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data_batch_1.bin has 6145 bytes.*multiple of 3073"):
        cifar.read_binary(archive(tmp_path / "a.tar.gz", cut=1))
    wrong = LABELS.copy()
    wrong[3] = 77
    with pytest.raises(DataError, match="data_batch_2.bin row 1 has the label 77"):
        cifar.read_binary(archive(tmp_path / "b.tar.gz", wrong))
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "c.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="c.tar.gz cannot be read"):
        cifar.read_binary(tmp_path / "c.tar.gz")


def test_damaged_picture_is_named_with_its_row(tmp_path: Path) -> None:
    good = webp(IMAGES[0])
    bad = parquet(tmp_path / "t.parquet", slice(0, 2), [good, good[: len(good) // 2]])
    with pytest.raises(DataError, match=r"t.parquet row 1 is not a readable picture"):
        cifar.read_parquet([bad], bad)
    small = webp(IMAGES[0][:16])
    bad = parquet(tmp_path / "s.parquet", slice(0, 2), [good, small])
    with pytest.raises(DataError, match=r"s.parquet row 1 is a picture of shape \(16, 32, 3\)"):
        cifar.read_parquet([bad], bad)
    (tmp_path / "n.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="n.parquet cannot be read"):
        cifar.read_parquet([tmp_path / "n.parquet"], bad)


@pytest.mark.data
def test_real_test_part(data_root: Path, tmp_path: Path) -> None:
    few = parquet(tmp_path / "train-0.parquet", slice(2))
    parts = cifar.read_parquet([few], data_root / "cifar10" / "test.parquet")
    assert parts["test_images"].shape == (10000, 32, 32, 3)
    assert np.bincount(parts["test_labels"]).tolist() == [1000] * 10
