"""What has no description is refused in one sentence that names the first such layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimaran.errors import ConversionError, RunError

FILE = Path(__file__).parent / "strangers.py"
SAID = {
    "unknown_layer": r"Layer 'up' \(Conv2DTranspose\): this layer has no description; use UpSamp",
    "normalized": r"Layer 'norm' \(Normalization\): this layer has no .*; let Trimaran fit it",
    "scaled_apart": r"Layer 'scale' \(Rescaling\): only one finite number as scale, and one as",
    "channels_first": r"Layer 'pad' \(ZeroPadding2D\): data_format=\"channels_first\" has no",
    "unknown_activation": r"Layer 'fc' \(Dense\): the activation 'exponential' has no",
    "own_activation": r"Layer 'fc' \(Dense\): the activation 'wave' has no description; use one",
    "other_axis": r"Layer 'ln' \(LayerNormalization\): axis=\[1\] has no description",
    "half_affine": r"Layer 'bn' \(BatchNormalization\): .*scale and center both or neither",
    "odd_relu": r"Layer 'r' \(ReLU\): only the plain ReLU",
    "trained_dropout": r"Layer 'mc' \(Dropout\): it is called with training=True",
    "below_a_number": r"\(TrueDivide\): it divides by a tensor, which has no description",
    "to_a_number": r"\(Power\): keras.ops.power with the number 2 has no description",
    "recurrent_map": r"Layer 'map' \(ConvLSTM1D\): this layer has no description",
    "of_marks": r"Layer 'marks' \(InputLayer\): an input of bool",
    "reset_before": r"Layer 'gru' \(GRU\): reset_after=False has no description",
    "dropping": r"Layer 'lstm' \(LSTM\): dropout=0.2 has no description; put a Dropout before",
    "hard_gates": r"Layer 'lstm' \(LSTM\): recurrent_activation='hard_sigmoid' has no",
    "summed": r"Layer 'both' \(Bidirectional\): merge_mode='sum' has no description",
    "by_picture": r"Layer 'by' \(TimeDistributed\): its Conv2D looks at more than the last axis",
    "two_tables": r"Layer 'mha' \(MultiHeadAttention\): its key and value are two tensors",
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
