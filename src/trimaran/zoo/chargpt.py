"""A small GPT over characters (Radford et al. 2019), of a size that two cores train.

Where GPT-2 adds a learned vector to each place, this one turns queries and keys by their places (Su
et al. 2021): characters are known by what stands a few places before them, wherever that is.
"""

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Model, functional
from trimaran.spec.blocks import Repeat
from trimaran.spec.initializers import Normal
from trimaran.spec.layer import Shape
from trimaran.spec.layers import Activation, Dense, Embedding, LayerNormalization
from trimaran.spec.transformer import TransformerDecoderBlock

FEATURES, HEADS, BLOCKS = 128, 4, 6
DRAWN = Normal(0.02)


def chargpt(input_shape: Shape, classes: int) -> Model:
    """Six blocks of 128 features in 4 heads, over sequences of any length; one distribution over
    the characters at each step."""
    if len(input_shape) != 1:
        raise DescriptionError(
            f"chargpt: expected a sequence of token numbers (length,), got input_shape="
            f"{input_shape}; use it for text, and another model for this data."
        )
    tokens = Input((None,), dtype="int32")
    x = Embedding(classes, FEATURES, embeddings_initializer=DRAWN, name="embed")(tokens)
    block = TransformerDecoderBlock(
        HEADS, 4 * FEATURES, activation="gelu", rotary=True, kernel_initializer=DRAWN
    )
    x = Repeat(block, BLOCKS, name="blocks")(x)
    x = LayerNormalization(1e-5, name="norm")(x)
    x = Dense(classes, kernel_initializer=DRAWN, name="fc")(x)
    return functional(tokens, Activation("softmax")(x), "chargpt")
