"""Faults planted in the Keras source: the ladder fails at the right rung, at the right layer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from tests.comparison.test_planted import MODEL, problem
from tests.comparison.test_planted_recurrent import MODEL as SEQUENCES

from trimaran.backends.keras import build, loop
from trimaran.backends.keras.emit import emit
from trimaran.comparison.ladder import climb
from trimaran.comparison.rung import Rung
from trimaran.steps.parity import side

FAULTS = {
    "wrong epsilon": ("epsilon=1e-05", "epsilon=0.001", "forward", "bn1"),
    "padding on the other sides": ("((1, 0), (0, 1))", "((0, 1), (1, 0))", "forward", "conv1"),
    "channels-first flatten order": (
        'Flatten(name="flat")', 'Flatten("channels_first", name="flat")', "forward", "flat"
    ),
    "another slope": ("LeakyReLU(0.1", "LeakyReLU(0.2", "forward", "leaky"),
    "dropout without 1/(1-p)": ("Dropout(0.5", "Dropout(1e-9", "forward", "drop"),
    "biased running variance": ("/ (rows - 1)", "* 0.0", "one update", "bn1"),
    "momentum complement": ("momentum=0.9", "momentum=0.1", "one update", "bn1"),
    "an initial state that is ignored": (", initial_state=", ", mask=None and ", "forward", "gru"),
    "time that runs backwards": ("SimpleRNN(4", "SimpleRNN(4, go_backwards=True", "forward", "rnn"),
    "gates that are not smooth": (
        "LSTM(4", 'LSTM(4, recurrent_activation="hard_sigmoid"', "forward", "lstm"
    ),
}  # fmt: skip
"""Right text, wrong text, the rung that breaks, the layer it names. (`mask=None and h` is None.)"""
OVER_TIME = ("gru", "rnn", "lstm")


def _framework(number: int) -> str:
    return ("tensorflow", "jax")[number % 2]


@pytest.mark.parametrize(
    ("framework", "name"), [(_framework(i), name) for i, name in enumerate(FAULTS)]
)
def test_a_fault_in_the_source_breaks_the_right_rung(
    framework: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("keras") is None or find_spec(framework) is None:
        pytest.skip(f'{framework} is not installed: pip install "trimaran[keras]"')
    right, wrong, rung, layer = FAULTS[name]
    for room in (build, loop):
        monkeypatch.setattr(room, "emit", _planted(right, wrong))
    given = problem(model=SEQUENCES if layer in OVER_TIME else MODEL, optimizer="adam")
    found: Rung = list(climb(given, [side("torch"), side(framework)]))[-1]
    assert (found.ok, found.name, found.first_layer) == (False, rung, layer)


def _planted(right: str, wrong: str) -> Callable[..., str]:
    def made(*given: Any, **more: Any) -> str:
        text = emit(*given, **more)
        assert right in text
        return text.replace(right, wrong)

    return made
