"""Starting from a file: whole, with another head, and every way in which a file can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimaran import zoo
from trimaran.errors import RunError
from trimaran.spec import Model, sequential
from trimaran.spec import layers as L
from trimaran.weights.draw import draw
from trimaran.weights.overlay import overlay
from trimaran.weights.store import save


def model(classes: int = 10) -> Model:
    parts = [
        L.Conv2D(8, 3, use_bias=False, name="conv1"),
        L.BatchNormalization(name="bn1"),
        L.GlobalAveragePooling2D(),
        L.Dense(classes, "softmax", name="fc"),
    ]
    return sequential(parts, (8, 8, 3))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole file, of other numbers than those that are drawn over."""
    path = tmp_path_factory.mktemp("weights") / "whole.safetensors"
    save(path, draw(model(), 1))
    return path


def changed(file: Path, tmp_path: Path, **arrays: np.ndarray | None) -> Path:
    """The file with some arrays replaced, or dropped where None is given."""
    held = draw(model(), 1) | {key.replace("__", "."): value for key, value in arrays.items()}
    path = tmp_path / "changed.safetensors"
    save(path, {key: value for key, value in held.items() if value is not None})
    return path


def test_a_whole_file_replaces_every_number(file: Path) -> None:
    found = overlay(model(), draw(model(), 0), file)
    assert found.drawn == ()
    assert all((found.arrays[key] == values).all() for key, values in draw(model(), 1).items())
    assert found.notice == f"The weights start from {file}."


def test_a_head_of_other_classes_is_drawn_anew(file: Path) -> None:
    drawn = draw(model(7), 0)
    found = overlay(model(7), drawn, file)
    assert found.drawn == ("fc.weight", "fc.bias")
    assert (found.arrays["fc.weight"] == drawn["fc.weight"]).all()
    assert (found.arrays["conv1.weight"] == draw(model(), 1)["conv1.weight"]).all()
    assert "its head fc is drawn anew, since the file's has 10 outputs and this model's 7" in (
        found.notice
    )


def test_a_file_without_a_head(file: Path, tmp_path: Path) -> None:
    path = changed(file, tmp_path, fc__weight=None, fc__bias=None)
    found = overlay(model(), draw(model(), 0), path)
    assert found.drawn == ("fc.weight", "fc.bias") and "is missing" in found.notice


def test_counts_that_old_files_lack_are_those_of_a_fresh_model(file: Path, tmp_path: Path) -> None:
    path = changed(file, tmp_path, bn1__num_batches_tracked=None)
    assert overlay(model(), draw(model(), 0), path).arrays["bn1.num_batches_tracked"] == 0


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"conv1__weight": None}, "missing conv1.weight"),
        ({"fc__bias": None}, "missing fc.bias"),
        ({"more": np.zeros(2, np.float32)}, "unexpected more"),
        ({"conv1__weight": np.zeros((8, 3, 5, 5), np.float32)}, "wrong shape conv1.weight"),
        ({"fc__weight": np.zeros((10, 9), np.float32)}, "wrong shape fc.weight"),
        ({"bn1__bias": np.full(8, np.nan, np.float32)}, "bn1.bias holds values that are not fini"),
    ],
)
def test_whatever_else_differs_is_refused_by_name(
    file: Path, tmp_path: Path, arrays: dict[str, np.ndarray | None], said: str
) -> None:
    with pytest.raises(RunError, match=said):
        overlay(model(), draw(model(), 0), changed(file, tmp_path, **arrays))


def test_another_architecture_is_refused(file: Path) -> None:
    lenet = zoo.build("lenet5")
    with pytest.raises(RunError, match="from another model than 'lenet5'"):
        overlay(lenet, draw(lenet, 0), file)


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    small = zoo.build("mlp")
    save(tmp_path / "half.safetensors", draw(small, 1, np.float16))
    found = overlay(small, draw(small, 0), tmp_path / "half.safetensors")
    assert {values.dtype for values in found.arrays.values()} == {np.dtype(np.float32)}
