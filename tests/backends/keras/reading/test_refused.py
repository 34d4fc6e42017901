"""What has no description is refused in one sentence that names the first such layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimaran.errors import ConversionError, RunError

FILE = Path(__file__).parent / "strangers.py"
SAID = {
    "unknown_layer": r"Layer 'up' \(Conv2DTranspose\): this layer has no description; use UpSamp",
    "scaled": r"Layer 'scale' \(Rescaling\): .* take it off and scale the rows",
    "channels_first": r"Layer 'pad' \(ZeroPadding2D\): data_format=\"channels_first\" has no",
    "unknown_activation": r"Layer 'fc' \(Dense\): the activation 'exponential' has no",
    "own_activation": r"Layer 'fc' \(Dense\): the activation 'wave' has no description; use one",
    "other_axis": r"Layer 'ln' \(LayerNormalization\): axis=\[1\] has no description",
    "half_affine": r"Layer 'bn' \(BatchNormalization\): .*scale and center both or neither",
    "odd_relu": r"Layer 'r' \(ReLU\): only the plain ReLU",
    "trained_dropout": r"Layer 'mc' \(Dropout\): it is called with training=True",
    "with_a_number": r"\(Multiply\): it is called with 2.0",
    "whole_numbers": r"Layer 'emb' \(Embedding\): this layer has no description",
    "of_words": r"Layer 'words' \(InputLayer\): an input of int32",
    "own_layer": r"Layer 'mine' \(Twice\): .*not Keras's own",
    "function_layer": r"Layer 'double' \(Lambda\): this layer has no description",
    "inside": r"Layer 'inner.p' \(PReLU\): .* use LeakyReLU",
    "subclassed": r"^Net is a subclassed Keras model",
    "across_models": r"Layer 'fc' \(Dense\) is used in two models, as (inner.)?fc and",
    "no_shape": r"Sequential 'open' does not know the shape of its input",
    "failing": r"strangers.py line \d+: failing failed \(ValueError",
    "nothing": r"^int is no Keras model",
    "absent": r"strangers.py defines no 'absent'",
}


@pytest.mark.parametrize("name", SAID)
def test_it_is_named(bring, name: str) -> None:
    with pytest.raises(ConversionError, match=SAID[name]) as refused:
        bring(f"{FILE}:{name}")
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def test_every_stranger_is_told_of() -> None:
    defined = {line[4:-3] for line in FILE.read_text().splitlines() if line.startswith("def ")}
    assert {name for name in defined if "(" not in name} == set(SAID) - {"absent"}


def test_a_file_that_is_not_there(bring, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such file"):
        bring(str(tmp_path / "none.keras"))
