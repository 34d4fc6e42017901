"""Models that have no description, each for one reason; `test_refused.py` names it."""

import keras
import numpy as np
from keras import layers, ops


def _chain(*parts, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *parts], name="chain")


def unknown_layer():
    return _chain(layers.Conv2DTranspose(3, 2, name="up"), layers.GaussianNoise(0.5, name="later"))


def normalized():
    return _chain(layers.Normalization(mean=0.5, variance=2.0, name="norm"), layers.Flatten())


def scaled_apart():
    return _chain(layers.Rescaling([0.5, 1.0, 2.0], name="scale"), layers.Flatten())


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


def below_a_number():
    x = keras.Input((4,))
    return keras.Model(x, 2.0 / layers.Dense(2)(x))


def to_a_number():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(x) ** 2)


def recurrent_map():
    return _chain(layers.ConvLSTM1D(2, 3, name="map"), shape=(4, 5, 2))


def of_marks():
    x = keras.Input((4,), dtype="bool", name="marks")
    return keras.Model(x, layers.Flatten()(x))


def reset_before():
    return _chain(layers.GRU(2, reset_after=False, name="gru"), shape=(4, 3))


def dropping():
    return _chain(layers.LSTM(2, dropout=0.2, name="lstm"), shape=(4, 3))


def hard_gates():
    return _chain(layers.LSTM(2, recurrent_activation="hard_sigmoid", name="lstm"), shape=(4, 3))


def summed():
    both = layers.Bidirectional(layers.GRU(2), merge_mode="sum", name="both")
    return _chain(both, shape=(4, 3))


def by_picture():
    return _chain(layers.TimeDistributed(layers.Conv2D(2, 3), name="by"), shape=(4, 5, 5, 2))


def two_tables():
    x = keras.Input((4, 3))
    return keras.Model(x, layers.MultiHeadAttention(1, 2, name="mha")(x, x, layers.Dense(3)(x)))


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
