"""Readers of texts: the chapter's sentiment network, and one that listens to every step."""

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Model, Symbol, functional
from trimaran.spec.layer import Shape
from trimaran.spec.layers import (
    LSTM,
    Activation,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
)


def text_lstm_last(input_shape: Shape, classes: int, tokens: int) -> Model:
    """The chapter's: embed, LSTM, dense; what it says after a text's last word."""
    given, x = embedded("text-lstm-last", input_shape, tokens)
    return _answered("text-lstm-last", given, LSTM(128, name="lstm")(x), classes)


def text_lstm(input_shape: Shape, classes: int, tokens: int) -> Model:
    """The same, but the largest and the mean of all steps' outputs (Howard and Ruder 2018, §3.3),
    so that early words are not forgotten."""
    given, x = embedded("text-lstm", input_shape, tokens)
    steps = LSTM(128, return_sequences=True, name="lstm")(x)
    pooled = GlobalMaxPooling1D(name="largest")(steps), GlobalAveragePooling1D(name="mean")(steps)
    return _answered("text-lstm", given, Concatenate(name="pooled")(*pooled), classes)


def embedded(name: str, input_shape: Shape, tokens: int) -> tuple[Symbol, Symbol]:
    """The numbers of the tokens, and their vectors, with half of the entries dropped."""
    if len(input_shape) != 1:
        raise DescriptionError(
            f"{name}: expected a text's token numbers (length,), got input_shape={input_shape}; "
            "use it for texts, and another model for this data."
        )
    given = Input((None,), dtype="int32")
    table = Embedding(tokens, 128, embeddings_initializer="random_uniform", mask_zero=True,
                      name="embedding")  # fmt: skip
    return given, Dropout(0.5, name="drop1")(table(given))


def _answered(name: str, given: Symbol, x: Symbol, classes: int) -> Model:
    x = Dense(classes, name="dense")(Dropout(0.5, name="drop2")(x))
    head = Activation("sigmoid" if classes == 1 else "softmax")(x)
    return functional(given, head, name)
