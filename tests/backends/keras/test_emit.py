"""The emitted Keras source: golden files, legibility, three styles of the same network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.plain_keras import UNDRAWN

from trimaran import zoo
from trimaran.backends.keras.emit import emit
from trimaran.backends.keras.styles import is_chain
from trimaran.errors import DescriptionError
from trimaran.spec import Composite, Input, Model, functional
from trimaran.spec import layers as L
from trimaran.spec.initializers import Uniform

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", zoo.ZOO)
def test_golden(name: str) -> None:
    """The source changes only where its golden file is changed with it."""
    assert emit(zoo.build(name)) == (GOLDEN / f"{name.replace('-', '_')}.py").read_text()


@pytest.mark.parametrize("style", ["functional", "subclass"])
@pytest.mark.parametrize("name", ["mnist-cnn", "resnet18"])
def test_golden_styles(name: str, style: str) -> None:
    path = GOLDEN / f"{name.replace('-', '_')}_{style}.py"
    assert emit(zoo.build(name), style) == path.read_text()


def test_golden_files_are_ruff_clean() -> None:
    for arguments in (["check", "--select", "E,F,I,UP,B,C4,SIM,PIE,RET"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--line-length", "100"]
        ran = subprocess.run([*command, str(GOLDEN)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", zoo.ZOO)
def test_emitting_twice_gives_the_same_bytes(name: str) -> None:
    assert emit(zoo.build(name)) == emit(zoo.build(name))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152"])
def test_a_resnet_is_as_long_as_its_blocks(name: str) -> None:
    assert emit(zoo.build(name)).count("\n") <= 150


def test_a_plain_chain_is_sequential_and_nothing_else_is() -> None:
    assert "keras.Sequential(" in emit(zoo.build("mnist-cnn"))
    assert is_chain(zoo.build("vgg16")) is ("keras.Sequential(" in emit(zoo.build("vgg16")))
    with pytest.raises(DescriptionError, match="resnet18 is no plain chain.*functional"):
        emit(zoo.build("resnet18"), "sequential")
    with pytest.raises(DescriptionError, match="no style 'sequentail'"):
        emit(zoo.build("mnist-cnn"), "sequentail")


class Twin(Composite):
    """A block that is called twice."""

    def build(self, *inputs: Any) -> Any:
        (x,) = inputs
        return L.Activation("tanh")(L.Dense(4, name="inner")(x))


def shared() -> Model:
    """A layer and a block that are shared, several inputs and outputs, one read twice."""
    a, b = Input((4,), name="left"), Input((4,), name="right")
    twin, dense = Twin(name="twin"), L.Dense(4, name="same")
    x, y = twin(dense(a)), twin(dense(b))
    first = L.Activation("softmax", name="probs")(L.Dense(3, name="logits")(x + y))
    return functional([a, b], {"first": first, "second": L.Dense(1, name="number")(x)}, "shared")


def test_numbers_are_arguments_of_keras_own_layer():
    x = Input((4,))
    text = emit(functional(x, L.Dense(1)(L.Rescaling(-1, 1 / 3)(x / 255))))
    assert 'layers.Rescaling(0.00392156862745098, name="rescale1")' in text
    assert f'layers.Rescaling(-1.0, {1 / 3}, name="rescale2")' in text


CODE = (
    UNDRAWN
    + """
import json, sys
sys.path.insert(0, sys.argv[1])
import keras, numpy as np
found = {}
for name in sys.argv[2:]:
    model = __import__(name).build()
    rng = np.random.default_rng(0)
    keep = model.name + "/"
    for variable in sorted(model.weights, key=lambda v: v.path.removeprefix(keep)):
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    x = [rng.normal(size=(2, *i.shape[1:])).astype("float32") for i in model.inputs] \
        if hasattr(model, "inputs") and model.inputs else None
    if x is None:
        x = [rng.normal(size=(2, 28, 28, 1)).astype("float32")]
    y = model(x if len(x) > 1 else x[0])
    y = y if isinstance(y, dict) else {"output": y}
    y = {name: np.array(values).tolist() for name, values in y.items()}
    paths = sorted(v.path.removeprefix(keep).replace("/", ".") for v in model.weights)
    found[name] = [paths, y]
assert "trimaran" not in sys.modules
print(json.dumps(found))
"""
)


def ran(folder: Path, framework: str, texts: dict[str, str]) -> Any:
    """Paths and outputs of the texts' networks, run where Trimaran is not imported."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    made = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), *texts],
        capture_output=True,
        text=True,
        env={
            "KERAS_BACKEND": framework,
            "PATH": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "XLA_FLAGS": os.environ["XLA_FLAGS"],
        },
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def test_the_styles_are_one_network(framework: str, tmp_path: Path) -> None:
    """The files stand alone, name their weights alike, and compute the same."""
    model = zoo.build("mnist-cnn")
    texts = {style: emit(model, style) for style in ("sequential", "functional", "subclass")}
    found = ran(tmp_path, framework, texts)
    assert found["sequential"] == found["functional"] == found["subclass"]
    assert "conv1.kernel" in found["functional"][0]


def test_what_is_shared_is_made_once(framework: str, tmp_path: Path) -> None:
    model = shared()
    texts = {"plain": emit(model), "instrumented": emit(model, instrumented=True)}
    found = ran(tmp_path, framework, texts)
    assert found["plain"] == found["instrumented"]
    paths, outputs = found["plain"]
    assert paths.count("twin.inner.kernel") == 1 and paths.count("same.kernel") == 1
    assert set(outputs) == {"first", "second"}


def test_the_last_layer_makes_the_outputs_however_long_its_line_is():
    x = Input((4,))
    wide = {"kernel_initializer": Uniform(1 / 3), "bias_initializer": Uniform(1 / 7)}
    made = functional(x, L.Dense(10, **wide, name="the_last_of_all")(L.Dense(3)(x)), "long-lines")
    text = emit(made, "functional")
    assert "outputs = layers.Dense(\n" in text and "outputs = x\n" not in text
