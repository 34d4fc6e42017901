"""`load_data` as in Keras."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trimaran.data.datasets import fashion_mnist, mnist
from trimaran.errors import DataError


def test_embedded_digits_come_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="NOT the full MNIST"):
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (4000, 28, 28) and x_test.shape == (1000, 28, 28)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert np.bincount(y_test).tolist() == [100] * 10


@pytest.mark.data
def test_real_mnist(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMARAN_DATA", str(data_root))
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and y_train.shape == (60000,)
    assert x_test.shape == (10000, 28, 28) and y_test.shape == (10000,)
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]  # as everybody's first figure shows them
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_fashion_mnist_from_debian_or_a_clear_error() -> None:
    if not Path("/usr/share/datasets/fashion-mnist").is_dir():
        with pytest.raises(DataError, match="fashion-mnist is not on this machine"):
            fashion_mnist.load_data()
        return
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10


def test_importing_the_room_loads_numpy_alone() -> None:
    """Pandas, pyarrow, Pillow, scikit-learn and the network wait until they are needed."""
    code = (
        "import sys, trimaran.data.prepare, trimaran.data.datasets, trimaran.data.look\n"
        "late = {'pandas', 'pyarrow', 'PIL', 'sklearn', 'polars', 'torch', 'mlxtend', 'ssl'}\n"
        "print(sorted(late & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
