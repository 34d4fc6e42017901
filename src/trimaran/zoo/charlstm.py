"""The chapter's two character models, and the second with gated recurrent units."""

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Layer, Model, functional
from trimaran.spec.layer import Shape
from trimaran.spec.layers import GRU, LSTM, RNN, Activation, Embedding, LSTMCell, OneHot
from trimaran.zoo.parts import linear


def charlstm_cell(input_shape: Shape, classes: int) -> Model:
    """The listing of §V: one-hot characters, an LSTMCell of 256, fc. The listing takes one step; in
    training the cell goes over the sequence from states of zeros, and in `generate` by steps."""
    # Of a one-hot row one number alone counts, so the cell's columns begin as an Embedding's rows.
    cell = LSTMCell(256, kernel_initializer="unit_normal")
    layer = RNN(cell, return_sequences=True, name="lstm")
    return _characters("charlstm-cell", OneHot(classes, name="onehot"), layer, input_shape, classes)


def charlstm(input_shape: Shape, classes: int) -> Model:
    """The listing of exercise 2: embed 64, LSTM 256, fc; one distribution over the characters at
    each step."""
    layer = LSTM(256, return_sequences=True, name="lstm")
    return _characters("charlstm", _table(classes), layer, input_shape, classes)


def chargru(input_shape: Shape, classes: int) -> Model:
    """The same with a GRU of equal width."""
    layer = GRU(256, return_sequences=True, name="gru")
    return _characters("chargru", _table(classes), layer, input_shape, classes)


def _table(classes: int) -> Embedding:
    return Embedding(classes, 64, embeddings_initializer="unit_normal", name="embed")


def _characters(
    name: str, vectors: Layer, recurrent: Layer, input_shape: Shape, classes: int
) -> Model:
    """Of sequences of any length."""
    if len(input_shape) != 1:
        raise DescriptionError(
            f"{name}: expected a sequence of token numbers (length,), got input_shape="
            f"{input_shape}; use it for text, and another model for this data."
        )
    tokens = Input((None,), dtype="int32")
    x = linear(classes, "fc")(recurrent(vectors(tokens)))
    return functional(tokens, Activation("softmax")(x), name)
