"""`trimaran convert` with a Keras model on the left: a file, or a Python file that makes one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from trimaran.backends.keras.reading.files import read_file
from trimaran.cli import main
from trimaran.steps.brought import deviation, rows
from trimaran.steps.conversion import is_keras

SCRIPT = """
from pathlib import Path
import keras
from keras import layers

def build():
    x = keras.Input((8, 6, 3))
    y = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv-1")(x)
    y = layers.BatchNormalization()(y)
    y = layers.Dense(3, activation="softmax", name="head")(layers.Flatten()(y))
    model = keras.Model(x, y, name="my net")
    model.save(Path(__file__).with_name("net.keras"))
    return model

def shared():
    x = keras.Input((3,))
    again = layers.Dense(3, activation="softmax")
    return keras.Model(x, again(layers.Dense(3)(again(x))))

def strange():
    return keras.Sequential([keras.Input((4,)), layers.GaussianNoise(0.1, name="noise")])
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("keras", "jax"):
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    path = tmp_path_factory.mktemp("convert") / "own.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("name", ["own.py:build", "net.keras"])
def test_a_keras_model_becomes_pytorch_source(
    script: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The written source and weights, without Trimaran, give the model's own outputs."""
    what, out = str(script.with_name(name)), script.with_name(f"{name[:3]}_torch.py")
    assert main(["convert", what, "--to", "torch", "-o", str(out), "--no-parity", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "my_net" and told["file"] == str(out)
    space: dict = {"__name__": "written"}
    exec(compile(out.read_text(), str(out), "exec"), space)
    network = space["build"]().eval()
    network.load_state_dict(load_file(told["weights"]))
    import torch

    original = read_file(str(script.with_name("net.keras")))
    given = rows(original.translation)
    maps = torch.from_numpy(given["input"]).permute(0, 3, 1, 2)
    ours = network(maps).detach().numpy()
    if name == "net.keras":  # the other one drew weights of its own
        assert deviation(original.forward(given)["output"], ours) <= 1e-5
    np.testing.assert_allclose(ours.sum(-1), 1, rtol=1e-6)


def test_what_cannot_be_converted_is_one_sentence(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", f"{script}:strange", "--to", "torch"]) == 2
    assert "Layer 'noise' (GaussianNoise): this layer has no" in capsys.readouterr().err
    assert main(["convert", f"{script}:build", "--input", "3,8,6"]) == 2
    assert "leave --input and --weights out" in capsys.readouterr().err
    assert main(["convert", str(script.with_name("none.keras"))]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_file_that_imports_pytorch_is_pytorchs(tmp_path: Path) -> None:
    for text, keras in (
        ("import keras", True),
        ("import keras, torch", False),
        ("import os", False),
    ):
        (tmp_path / "m.py").write_text(text)
        assert is_keras(f"{tmp_path / 'm.py'}:build") is keras
    assert is_keras("a/b.keras") and not is_keras("package.module:Net")


def test_the_original_climbs_first(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A `.keras` file says float32 in every layer, and climbs in float64."""
    if find_spec("tensorflow") is None:
        pytest.skip('tensorflow is not installed: pip install "trimaran[keras]"')
    what, out = str(script.with_name("net.keras")), str(script.with_name("climb_torch.py"))
    words = ["convert", what, "--to", "torch", "-o", out, "--steps", "2", "--json"]
    assert main([*words, "--precision", "float64"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["ok"] and value["backends"] == ["original", "torch", "tensorflow", "jax"]
    assert "batch_normalization) keeps the biased variance" in value["note"]
    for backend in ("torch", "tensorflow", "jax"):
        own = [r["name"] for r in value["rungs"] if r["backends"] == ["original", backend]]
        assert own[-4:] == ["one update", "updates from shared states", "free run", "evaluation"]


def test_what_cannot_climb_is_told_and_the_others_climb(
    script: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimaran.steps import conversion

    monkeypatch.setattr(conversion, "_installed", lambda name: name != "jax")
    out = str(script.with_name("shared_torch.py"))
    words = ["convert", f"{script}:shared", "--to", "torch", "-o", out, "--steps", "1"]
    assert main([*words, "--precision", "float64"]) == 0
    told = capsys.readouterr().out
    assert "Its outputs are equal; the ladder starts at PyTorch." in told
    assert "the ladder: torch against tensorflow" in told
