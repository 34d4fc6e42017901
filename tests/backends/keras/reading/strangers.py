"""Models that have no description, each for one reason; `test_refused.py` names it."""

import keras
import numpy as np
from keras import layers, ops


def _chain(*parts, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *parts], name="chain")


def unknown_layer():
    return _chain(layers.Conv2DTranspose(3, 2, name="up"), layers.Rescaling(0.5, name="later"))


def scaled():
    return _chain(layers.Rescaling(1 / 255, name="scale"), layers.Flatten())


def channels_first():
    return _chain(layers.ZeroPadding2D(1, data_format="channels_first", name="pad"))


def unknown_activation():
    return _chain(layers.Dense(3, activation="exponential", name="fc"))


def own_activation():
    def wave(x):
        return ops.sin(x)

    return _chain(layers.Dense(3, activation=wave, name="fc"))


def other_axis():
    return _chain(layers.LayerNormalization(axis=1, name="ln"))


def half_affine():
    return _chain(layers.BatchNormalization(scale=False, name="bn"))


def odd_relu():
    return _chain(layers.ReLU(max_value=3, name="r"))


def trained_dropout():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dropout(0.5, name="mc")(x, training=True))


def with_a_number():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(x) * 2.0)


def whole_numbers():
    return _chain(layers.Embedding(5, 2, name="emb"), shape=(4,))


def of_words():
    x = keras.Input((4,), dtype="int32", name="words")
    return keras.Model(x, layers.Embedding(5, 2)(x))


class Twice(layers.Layer):
    def call(self, x):
        return x * 2


def own_layer():
    return _chain(layers.Dense(2), Twice(name="mine"))


def function_layer():
    return _chain(layers.Lambda(lambda x: x * 2, name="double"))


def inside():
    inner = keras.Sequential([keras.Input((4,)), layers.PReLU(name="p")], name="inner")
    return _chain(layers.Dense(4), inner, shape=(4,))


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.fc = layers.Dense(2)

    def build(self, shape):
        self.fc.build(shape)

    def call(self, x):
        return self.fc(x)


def subclassed():
    model = Net()
    model(np.ones((1, 3)))
    return model


def across_models():
    fc = layers.Dense(4, name="fc")
    inner = keras.Sequential([keras.Input((4,)), fc], name="inner")
    x = keras.Input((4,))
    return keras.Model(x, inner(fc(x)))


def no_shape():
    return keras.Sequential([layers.Dense(3)], name="open")


def failing():
    return _chain(layers.Conv2D(4, 30))


def nothing():
    return 3
