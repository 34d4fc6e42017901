"""`.keras` files: read in safe mode by the worker, and refused where they are not whole."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from trimaran.backends.keras.reading.files import config_of
from trimaran.errors import ConversionError, RunError
from trimaran.steps import brought


@pytest.fixture(scope="module")
def saved(bring, tmp_path_factory) -> Path:
    """A file that Keras wrote."""
    script = tmp_path_factory.mktemp("keras") / "saving.py"
    script.write_text(
        "import keras\nfrom pathlib import Path\n"
        "def build():\n"
        "    x = keras.Input((6, 6, 3))\n"
        "    y = keras.layers.Conv2D(4, 3, activation='relu', name='conv-1')(x)\n"
        "    model = keras.Model(x, keras.layers.Dense(2)(keras.layers.Flatten()(y)), name='m')\n"
        "    model.save(Path(__file__).with_name('model.keras'))\n"
        "    twice = keras.layers.Lambda(lambda x: x * 2, name='twice')\n"
        "    keras.Sequential([keras.Input((3,)), twice]).save(\n"
        "        Path(__file__).with_name('lambda.keras'))\n"
        "    return model\n"
    )
    bring(f"{script}:build")
    return script.with_name("model.keras")


def test_a_file_comes_in_equal(bring, saved: Path) -> None:
    found = bring(str(saved))
    brought.hold(found.translation, found.forward)
    assert found.translation.weights["conv_1.weight"].shape == (4, 3, 3, 3)


def test_a_lambda_is_refused_before_anything_is_loaded(bring, saved: Path) -> None:
    with pytest.raises(ConversionError, match=r"Layer 'twice' \(Lambda\)"):
        bring(str(saved.with_name("lambda.keras")))


def test_a_cut_off_file(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.keras").write_bytes(saved.read_bytes()[:2000])
    with pytest.raises(RunError, match=r"cut.keras: not a whole .keras file"):
        config_of(str(tmp_path / "cut.keras"))


def test_a_file_without_its_weights(bring, saved: Path, tmp_path: Path) -> None:
    hollow = tmp_path / "hollow.keras"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(hollow, "w") as file:
        for name in ("config.json", "metadata.json"):
            file.writestr(name, whole.read(name))
    with pytest.raises(RunError, match="Keras cannot load it"):
        bring(str(hollow))


def test_a_subclassed_model_in_a_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as file:
        file.writestr("config.json", json.dumps({"class_name": "Net", "config": {"units": 3}}))
    with pytest.raises(ConversionError, match=r"a subclassed model \(Net\)"):
        config_of(str(tmp_path / "net.keras"))
