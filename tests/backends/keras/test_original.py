"""The user's own Keras network answers and has gradients as what was read from it does."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from trimaran.backends.keras.original import original
from trimaran.backends.keras.reading.files import read_file
from trimaran.comparison.answers import answers
from trimaran.comparison.problem import Problem, invented
from trimaran.comparison.side import Side
from trimaran.errors import ConversionError
from trimaran.steps.parity import side
from trimaran.training.settings import Training

FILE = Path(__file__).parent / "reading" / "users.py"
USERS = re.findall(r"^def ([a-z]\w*)\(\):", FILE.read_text(), re.M)
FRAMEWORK = "tensorflow"
ODD = """
import keras
from pathlib import Path
from keras import layers

def shared_head():
    x = keras.Input((3,))
    again = layers.Dense(3, activation="softmax", name="again")
    return keras.Model(x, again(layers.Dense(3)(again(x))))

def another_each_time():
    runs = Path(__file__).with_name("runs")
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    return keras.Sequential([keras.Input((3,)), layers.Dense(len(runs.read_text()))])
"""


@pytest.fixture(scope="module")
def framework() -> str:
    """Keras on TensorFlow, or a reason to skip."""
    for needed in ("keras", FRAMEWORK):
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    return FRAMEWORK


@pytest.mark.parametrize("name", [name for name in USERS if name != "odd_names"])
def test_a_users_network_stands_beside_pytorch_in_float64(framework: str, name: str) -> None:
    """Whatever its own layers' precision: in a description they have none."""
    read = read_file(f"{FILE}:{name}", framework).translation
    own = original(f"{FILE}:{name}", read.model, framework)
    problem = Problem(read.model, read.weights, *invented(read.model, 8), Training(batch_size=4))
    sides = Side("original", own.build, own.engine, own.masks), side("torch")
    rungs = list(answers(problem, *sides))
    assert [rung.name for rung in rungs] == ["init", "forward", "loss", "gradients"]
    assert all(rung.ok for rung in rungs), rungs


def test_only_keras_own_normalization_is_adapted(framework: str) -> None:
    read = read_file(f"{FILE}:norms", framework).translation
    note = original(f"{FILE}:norms", read.model, framework).note
    assert "(batch_normalization and 1 more) keeps the biased variance" in note
    read = read_file(f"{FILE}:dense", framework).translation
    assert original(f"{FILE}:dense", read.model, framework).note == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("shared_head", "its layer is called elsewhere too"),
        ("another_each_time", "it makes another model each time that it runs"),
    ],
)
def test_what_cannot_train_beside_the_others_is_one_sentence(
    framework: str, tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    what = f"{tmp_path / 'odd.py'}:{name}"
    read = read_file(what, framework).translation
    with pytest.raises(ConversionError, match=why):
        original(what, read.model, framework)


def test_a_name_that_tensorflow_refuses_is_told(framework: str) -> None:
    read = read_file(f"{FILE}:odd_names", framework).translation
    with pytest.raises(ConversionError, match="no layer that is called 'my-net v2'"):
        original(f"{FILE}:odd_names", read.model, framework)
