"""Models of sequences as users write them; `test_layers.py` takes them too."""

import keras
from keras import layers
from users import random


def sentences():
    """Keras's own input of floats, which only an Embedding reads."""
    return random(
        keras.Sequential(
            [
                keras.Input((9,)),
                layers.Embedding(11, 4),
                layers.SimpleRNN(3, return_sequences=True, activation="relu"),
                layers.TimeDistributed(layers.Dense(4, activation="tanh"), name="each"),
                layers.LSTM(3, use_bias=False),
                layers.Dense(2, activation="softmax"),
            ]
        )
    )


def padded_sentences():
    words = keras.Input((8,), dtype="int32", name="words")
    x = layers.Embedding(11, 4, mask_zero=True)(words)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(x)
    x = layers.LayerNormalization()(x)
    y = layers.Bidirectional(layers.LSTM(2), name="ends")(x)
    y = layers.Concatenate()([y, layers.GlobalAveragePooling1D()(x)])
    return random(keras.Model(words, layers.Dense(2)(y)))


def translator():
    """The states of an encoder, from which a decoder begins."""
    source, target = keras.Input((5, 3), name="source"), keras.Input((4, 2), name="target")
    _, h, c = layers.LSTM(3, return_state=True, name="encoder")(source)
    x = layers.LSTM(3, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    x = layers.GRU(3, return_sequences=True, name="more")(x, initial_state=h)
    return random(keras.Model([source, target], layers.Dense(4)(x)))


def attentive():
    """To itself, causally, and to another sequence, by position and by name."""
    x, memory = keras.Input((6, 4), name="x"), keras.Input((5, 4), name="memory")
    y = layers.MultiHeadAttention(2, 3, dropout=0.1, name="own")(x, x, use_causal_mask=True)
    y = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.MultiHeadAttention(1, 4, use_bias=False, name="cross")(y, value=memory, key=memory)
    return random(keras.Model([x, memory], layers.Dense(2)(y)))


def padded_attention():
    """Keras hands the padding on by itself."""
    words = keras.Input((8,), dtype="int32")
    x = layers.Embedding(11, 4, mask_zero=True)(words)
    x = layers.MultiHeadAttention(2, 2)(x, x)
    return random(keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(x))))
