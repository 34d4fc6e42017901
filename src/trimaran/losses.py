"""The losses under Keras's names and default arguments: `from trimaran import losses`.

`from_logits=True` says that the model ends in logits. A model that ends in the matching softmax
or sigmoid trains on the logits below it either way. Means have the sum of the sample weights as
their denominator (Keras divides by the number of rows).
"""

from __future__ import annotations

from trimaran.tasks.loss import Loss


def SparseCategoricalCrossentropy(from_logits: bool = False) -> Loss:  # noqa: N802 (Keras's name)
    """Cross-entropy of whole class numbers, (N,)."""
    return Loss("sparse_categorical_crossentropy", from_logits)


def CategoricalCrossentropy(  # noqa: N802 (Keras's name)
    from_logits: bool = False, label_smoothing: float = 0.0
) -> Loss:
    """Cross-entropy of one-hot rows, (N, classes)."""
    return Loss("categorical_crossentropy", from_logits, label_smoothing)


def BinaryCrossentropy(  # noqa: N802 (Keras's name)
    from_logits: bool = False, label_smoothing: float = 0.0
) -> Loss:
    """Cross-entropy of 0 and 1, (N,) or (N, units)."""
    return Loss("binary_crossentropy", from_logits, label_smoothing)


def MeanSquaredError() -> Loss:  # noqa: N802 (Keras's name)
    """The mean of the squares of the differences."""
    return Loss("mean_squared_error", False)


def MeanAbsoluteError() -> Loss:  # noqa: N802 (Keras's name)
    """The mean of the differences' sizes."""
    return Loss("mean_absolute_error", False)


def Huber() -> Loss:  # noqa: N802 (Keras's name)
    """Squared up to a difference of 1, linear beyond."""
    return Loss("huber", False)


__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
]
