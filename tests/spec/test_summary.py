"""The table that a person reads, as a golden text."""

from __future__ import annotations

from trimaran import spec
from trimaran.spec.layers import BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D

GOLDEN = """\
small
─────────────────────────────────────────────────────────────
layer     kind                output        parameters  FLOPs
─────────────────────────────────────────────────────────────
input     Input               (·, 8, 8, 1)
conv1     Conv2D              (·, 6, 6, 4)          40  2,736
relu1     relu                (·, 6, 6, 4)                144
bn1       BatchNormalization  (·, 6, 6, 4)           8    288
pool1     MaxPooling2D        (·, 3, 3, 4)                144
flatten1  Flatten             (·, 36)
dense1    Dense               (·, 5)               185    365
dense2    Dense               (·, 5)                30     55
dense2    Dense               (·, 5)            shared     55
dense3    Dense               (·, 2)                12     22
softmax1  softmax             (·, 2)                        2
─────────────────────────────────────────────────────────────
275 trainable parameters, 9 statistics and counters
3,811 FLOPs and 2,092 bytes of activations per row"""


def test_summary_shows_every_call_and_the_totals() -> None:
    shared = Dense(5)
    start = spec.Input((8, 8, 1))
    x = BatchNormalization()(Conv2D(4, 3, activation="relu")(start))
    x = Dense(5)(Flatten()(MaxPooling2D(2)(x)))
    x = shared(shared(x))
    model = spec.functional(start, Dense(2, activation="softmax")(x), "small")
    assert spec.summary(model) == GOLDEN


def test_unknown_sizes_are_dots() -> None:
    model = spec.sequential([Dense(3)], (None, 4), "steps")
    assert "(·, ·, 3)" in spec.summary(model)
