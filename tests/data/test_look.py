"""Looking at a path: it says what is there, and training by its settings works."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from trimaran.data.look import look, suggest_for_images
from trimaran.data.prepare import prepare
from trimaran.data.settings import DataSettings
from trimaran.errors import DataError

RNG = np.random.default_rng(0)


def folder(root: Path, size: tuple[int, int] = (28, 28), grey: bool = True) -> Path:
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for k in range(5):
            shape = size if grey else (*size, 3)
            Image.fromarray(RNG.integers(0, 256, shape, np.uint8)).save(root / name / f"{k}.png")
    return root


def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": RNG.normal(size=50), "price": RNG.normal(size=50)})


def test_folder_of_small_grey_pictures(tmp_path: Path) -> None:
    found = look(folder(tmp_path / "pets"))
    assert (found.kind, found.task, found.model) == ("images", "classify", "mnist-cnn")
    assert found.details["classes"] == {"cat": 5, "dog": 5} and found.details["rows"] == 10
    text = " ".join(found.sentences)
    assert "pets: 10 pictures, all 28x28" in text and "cat: 5, dog: 5" in text
    assert "20% of the rows for test" in text
    assert prepare(found.settings, 0).inputs == {"input": (28, 28, 1)}


def test_few_large_pictures_become_small(tmp_path: Path) -> None:
    found = look(folder(tmp_path / "pets", (100, 80), grey=False))
    assert found.settings.image_size == 64 and found.model == "cifar10-cnn"
    assert prepare(found.settings, 0).inputs == {"input": (64, 64, 3)}


def test_broken_picture_is_told_before_training(tmp_path: Path) -> None:
    path = folder(tmp_path / "pets")
    (path / "cat" / "3.png").write_bytes(b"x")
    text = " ".join(look(path).sentences)
    assert "1 are unreadable, so training will refuse to start" in text and "3.png" in text
    text = " ".join(look(path, base=DataSettings(on_bad="drop")).sentences)
    assert "so they are left out" in text


def test_csv_of_pictures(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "l.csv").write_text(
        "path,label\n" + "".join(f"cat/{k}.png,{k % 2}\n" for k in range(5))
    )
    found = look(tmp_path / "l.csv")
    assert found.kind == "images" and found.details["classes"] == {"0": 3, "1": 2}
    assert any(s.startswith("The target is the column 'label'") for s in found.sentences)


def test_table(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    found = look(tmp_path / "t.csv", target="price")
    assert (found.kind, found.task, found.model) == ("table", "regress", "mlp")
    assert found.details == {"rows": 50, "columns": ["a"], "target": "price"}
    assert any("the task is regress" in s for s in found.sentences)
    assert prepare(found.settings, 0).task == "regress"
    with pytest.raises(DataError, match="columns a, price; say which one to predict"):
        look(tmp_path / "t.csv")


def reviews(path: Path, labels: list[str]) -> Path:
    words = [f"review number {k} of the film" for k in range(len(labels))]
    pd.DataFrame({"text": words, "label": labels}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("on_bad", ["drop", "refuse"])
def test_a_missing_label_is_no_class(tmp_path: Path, on_bad: str) -> None:
    path = reviews(tmp_path / "r.csv", ["pos"] * 5 + [""] + ["neg"] * 4)
    found = look(path, base=DataSettings(on_bad=on_bad))
    assert found.kind == "texts" and found.details["classes"] == {"neg": 4, "pos": 5}
    assert any("label': 2 classes (neg: 4, pos: 5)" in s for s in found.sentences)


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ("auto", "Its words are numbered by the training texts; "),
        ("bpe", "Its parts of words are numbered by the training texts; "),
        ("characters", "Its characters are numbered by the training texts; "),
        ("bytes", "Its texts are read byte by byte; "),
    ],
)
def test_what_a_token_is_is_told(tmp_path: Path, tokens: str, told: str) -> None:
    path = reviews(tmp_path / "r.csv", ["pos", "neg"] * 5)
    found = look(path, base=DataSettings(tokens=tokens))
    assert any(sentence.startswith(told) for sentence in found.sentences)


@pytest.mark.parametrize("pictures", [True, False])
def test_npz(tmp_path: Path, pictures: bool) -> None:
    x = RNG.integers(0, 256, (40, 28, 28), np.uint8) if pictures else RNG.normal(size=(40, 3))
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 2)
    found = look(tmp_path / "a.npz")
    assert found.kind == ("images" if pictures else "arrays")
    assert found.model == ("mnist-cnn" if pictures else "mlp")
    assert sum(len(r) for r in prepare(found.settings, 0).splits.values()) == 40


def test_own_splits_are_announced(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder(tmp_path / split)
    text = " ".join(look(tmp_path).sentences)
    assert "Its own test split is kept; the seed draws 20% of the rows for validation" in text


@pytest.mark.parametrize(
    ("shape", "rows", "model"),
    [
        ((8, 8, 1), 1797, "mlp"),
        ((28, 28, 1), 60000, "mnist-cnn"),
        ((32, 32, 3), 50000, "cifar10-cnn"),
        ((64, 64, 3), 500, "cifar10-cnn"),
        ((128, 128, 3), 5000, "resnet18"),
    ],
)
def test_suggestions(shape: tuple[int, int, int], rows: int, model: str) -> None:
    assert suggest_for_images(shape, rows)[0] == model


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; expected a folder"):
        look(tmp_path / "none")
