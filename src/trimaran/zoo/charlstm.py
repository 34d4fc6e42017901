"""The character model of the chapter's exercise 2, and the same with gated recurrent units."""

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Layer, Model, functional
from trimaran.spec.layer import Shape
from trimaran.spec.layers import GRU, LSTM, Activation, Embedding
from trimaran.zoo.parts import linear


def charlstm(input_shape: Shape, classes: int) -> Model:
    """The listing: embed 64, LSTM 256, fc; one distribution over the characters at each step."""
    layer = LSTM(256, return_sequences=True, name="lstm")
    return _characters("charlstm", layer, input_shape, classes)


def chargru(input_shape: Shape, classes: int) -> Model:
    """The listing with a GRU of equal width."""
    return _characters("chargru", GRU(256, return_sequences=True, name="gru"), input_shape, classes)


def _characters(name: str, recurrent: Layer, input_shape: Shape, classes: int) -> Model:
    """Of sequences of any length."""
    if len(input_shape) != 1:
        raise DescriptionError(
            f"{name}: expected a sequence of token numbers (length,), got input_shape="
            f"{input_shape}; use it for text, and another model for this data."
        )
    tokens = Input((None,), dtype="int32")
    x = Embedding(classes, 64, embeddings_initializer="unit_normal", name="embed")(tokens)
    x = linear(classes, "fc")(recurrent(x))
    return functional(tokens, Activation("softmax")(x), name)
