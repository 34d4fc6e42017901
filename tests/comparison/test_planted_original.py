"""Faults planted in the user's own Keras model: the ladder fails at the right rung and layer."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from trimaran.backends.keras.original import Original, original
from trimaran.backends.keras.reading.files import read_file
from trimaran.backends.protocol import Translation
from trimaran.comparison.ladder import climb
from trimaran.comparison.problem import Problem, invented
from trimaran.comparison.rung import Rung
from trimaran.comparison.side import Side
from trimaran.steps.parity import side
from trimaran.training.optimizers import optimizer
from trimaran.training.settings import Training

HONEST = """
import keras
from keras import layers, ops

class Own(keras.Model):
    def call(self, x, training=None):
        y = super().call(x, training=training)
        return y

def build():
    x = keras.Input((6, 5, 2))
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name="bn")(conv(x))
    y = layers.LeakyReLU(negative_slope=0.1, name="leaky")(y)
    y = layers.Dropout(0.5, name="drop")(y)
    y = layers.Flatten(name="flat")(y)
    y = layers.Dense(4, activation="softmax", name="head")(y)
    return Own(x, y)
"""
TRANSPOSED = """
    own = conv.convolution_op
    conv.convolution_op = lambda x, kernel: own(x, ops.swapaxes(kernel, 0, 1))
    return Own(x, y)"""
FAULTS = {
    "transposed kernel": ("\n    return Own(x, y)", TRANSPOSED, "forward", "conv"),
    "another epsilon than was read": ("epsilon=1e-3", "epsilon=1e-2", "forward", "bn"),
    "another slope": ("negative_slope=0.1", "negative_slope=0.2", "forward", "leaky"),
    "dropout without 1/(1-p)": ("Dropout(0.5", "Dropout(1e-9", "forward", "drop"),
    "a gradient a thousandth too steep": (
        "return y\n", "return y + (y - ops.stop_gradient(y)) * 1e-3\n", "gradients", "head"
    ),
    "another momentum than was read": ("momentum=0.9", "momentum=0.8", "one update", "bn"),
}  # fmt: skip
"""Right text, wrong text, the rung that breaks, the layer it names."""


def _framework(number: int) -> str:
    return ("tensorflow", "jax")[number % 2]


def _file(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(text)
    return f"{path}:build"


def _rungs(read: Translation, own: Original) -> list[Rung]:
    """The ladder of the user's model beside PyTorch."""
    rows, objective = invented(read.model, 16)
    training = Training(optimizer=optimizer("adam"), batch_size=8, seed=0)
    problem = Problem(read.model, read.weights, rows, objective, training, steps=3)
    return list(climb(problem, [Side("original", own.build, own.engine, own.masks), side("torch")]))


@pytest.mark.parametrize(
    ("framework", "name"), [(_framework(i), name) for i, name in enumerate(FAULTS)]
)
def test_a_fault_in_the_original_breaks_the_right_rung(
    framework: str, name: str, tmp_path: Path
) -> None:
    """The description is read from the honest file, and the fault stands in the other one."""
    if find_spec("keras") is None or find_spec(framework) is None:
        pytest.skip(f'{framework} is not installed: pip install "trimaran[keras]"')
    right, wrong, rung, layer = FAULTS[name]
    assert HONEST.count(right) == 1
    read = read_file(_file(tmp_path, "honest", HONEST), framework).translation
    faulty = _file(tmp_path, "faulty", HONEST.replace(right, wrong))
    found = _rungs(read, original(faulty, read.model, framework))[-1]
    assert (found.ok, found.name, found.first_layer) == (False, rung, layer)


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_the_honest_file_climbs_to_the_top(framework: str, tmp_path: Path) -> None:
    if find_spec("keras") is None or find_spec(framework) is None:
        pytest.skip(f'{framework} is not installed: pip install "trimaran[keras]"')
    what = _file(tmp_path, "honest", HONEST)
    read = read_file(what, framework).translation
    found = _rungs(read, original(what, read.model, framework))
    assert [rung.name for rung in found] == [
        "init", "forward", "loss", "gradients", "one update", "updates from shared states",
        "free run", "evaluation",
    ]  # fmt: skip
    assert all(rung.ok for rung in found)
