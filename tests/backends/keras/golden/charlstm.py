"""charlstm in Keras 3, 349,569 parameters.

input (N, ?) -> output (N, ?, 65)

Written by Trimaran from the description 0c6c17d226ea.
"""

import keras
from keras import layers


def torch_bias(fan_in):
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def torch_uniform():
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((None,), name="input", dtype="int32"),
            layers.Embedding(
                65,
                64,
                embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
                name="embed",
            ),
            layers.LSTM(256, return_sequences=True, name="lstm"),
            layers.Dense(
                65, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(256), name="fc"
            ),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="charlstm",
    )
