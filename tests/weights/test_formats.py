"""What a file of weights can be: safetensors and Keras's HDF5, never a pickle, never half."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from trimaran.errors import RunError
from trimaran.weights.formats import digest, read
from trimaran.weights.store import save


def test_safetensors(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", {"w": np.ones(3, np.float32)})
    assert read(tmp_path / "a.safetensors").arrays["w"].tolist() == [1, 1, 1]


def test_a_truncated_file(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", {"w": np.ones(3000, np.float32)})
    (tmp_path / "b.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:5000])
    with pytest.raises(RunError, match="not a whole safetensors file"):
        read(tmp_path / "b.safetensors")


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.bin", "named.safetensors"])
def test_pickles_are_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    """By their ending, and by their first bytes where the ending says otherwise."""
    (tmp_path / name).write_bytes(pickle.dumps({"w": [1.0]}))
    with pytest.raises(RunError, match=r"is a pickle, .*weights_only=True") as refused:
        read(tmp_path / name)
    assert f"torch.load('{name}'" in str(refused.value)


def test_the_way_out_works(tmp_path: Path) -> None:
    """The command that the refusal gives, on a file that PyTorch wrote."""
    import subprocess
    import sys

    import torch

    torch.save({"w": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(RunError) as refused:
        read(tmp_path / "a.pth")
    code = str(refused.value).partition('python -c "')[2].rstrip('"')
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert read(tmp_path / "a.safetensors").arrays["w"].tolist() == [1, 1]


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(RunError, match="holds a whole Keras model"):
        read(tmp_path / "m.keras")
    with pytest.raises(RunError, match="no such file"):
        read(tmp_path / "none.safetensors")
    with pytest.raises(RunError, match="cannot be read"):
        digest(tmp_path / "none.safetensors")


def test_hdf5_in_both_of_keras_layouts(tmp_path: Path) -> None:
    h5py = pytest.importorskip(
        "h5py", reason='h5py is not installed: pip install "trimaran[keras]"'
    )
    kernel, bias = np.ones((3, 2), np.float32), np.zeros(2, np.float32)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"pool", b"fc1"]
        file.create_group("pool").attrs["weight_names"] = np.array([], "S1")
        group = file.create_group("fc1")
        group.attrs["weight_names"] = [b"fc1/W_1:0", b"fc1/b_1:0"]
        group["fc1/W_1:0"], group["fc1/b_1:0"] = kernel, bias
    with h5py.File(tmp_path / "new.weights.h5", "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "fc1"
        group["0"], group["1"] = kernel, bias
    for name in ("old.h5", "new.weights.h5"):
        layers = read(tmp_path / name).layers
        assert list(layers) == ["fc1"]
        assert [array.shape for array in layers["fc1"]] == [(3, 2), (2,)]
    whole = (tmp_path / "old.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="not a whole file of Keras weights"):
        read(tmp_path / "cut.h5")


def test_a_header_that_begins_as_a_pickle_does(tmp_path: Path) -> None:
    """A safetensors file's first byte is the low one of a length: 0x80 happens."""
    for width in range(1, 200):
        save(tmp_path / "a.safetensors", {"w" * width: np.ones(1, np.float32)})
        if (tmp_path / "a.safetensors").read_bytes()[0] == 0x80:
            assert list(read(tmp_path / "a.safetensors").arrays) == ["w" * width]
            return
    pytest.fail("no header of that length was made")
