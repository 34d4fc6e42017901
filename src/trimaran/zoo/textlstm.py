"""Readers of texts: the chapter's sentiment network, and one that listens to every step."""

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Layer, Model, Symbol, functional
from trimaran.spec.layer import Shape
from trimaran.spec.layers import LSTM, Activation, Dense, Dropout, Embedding, GlobalMaxPooling1D


def text_lstm_last(input_shape: Shape, classes: int, tokens: int) -> Model:
    """The chapter's: embed, LSTM, dense; what it says after a text's last word."""
    x = embedded("text-lstm-last", input_shape, tokens)
    return _answered("text-lstm-last", x, LSTM(128, name="lstm")(x[1]), classes)


def text_lstm(input_shape: Shape, classes: int, tokens: int) -> Model:
    """The same, but the largest of all steps' outputs, so that early words are not forgotten."""
    x = embedded("text-lstm", input_shape, tokens)
    steps: Layer = LSTM(128, return_sequences=True, name="lstm")
    return _answered("text-lstm", x, GlobalMaxPooling1D(name="pool")(steps(x[1])), classes)


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


def _answered(name: str, given: tuple[Symbol, Symbol], x: Symbol, classes: int) -> Model:
    x = Dense(classes, name="dense")(Dropout(0.5, name="drop2")(x))
    head = Activation("sigmoid" if classes == 1 else "softmax")(x)
    return functional(given[0], head, name)
