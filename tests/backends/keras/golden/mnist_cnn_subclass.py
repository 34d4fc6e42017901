"""mnist-cnn in Keras 3, 225,034 parameters.

input (N, 28, 28, 1) -> output (N, 10)

Written by Trimaran from the description 528d39475cf0.
"""

import keras
from keras import layers


@keras.saving.register_keras_serializable("mnist-cnn")
class MnistCnn(keras.Model):
    def __init__(self, name="mnist-cnn", **kwargs):
        super().__init__(name=name, **kwargs)
        self.conv1 = layers.Conv2D(32, 3, activation="relu", name="conv1")
        self.pool1 = layers.MaxPooling2D(2, name="pool1")
        self.conv2 = layers.Conv2D(64, 3, activation="relu", name="conv2")
        self.pool2 = layers.MaxPooling2D(2, name="pool2")
        self.flatten1 = layers.Flatten(name="flatten1")
        self.dense1 = layers.Dense(128, activation="relu", name="dense1")
        self.dense2 = layers.Dense(10, name="dense2")
        self.softmax1 = layers.Activation("softmax", name="softmax1")

    def call(self, x):
        x = self.conv1(x)
        x = self.pool1(x)
        x = self.conv2(x)
        x = self.pool2(x)
        x = self.flatten1(x)
        x = self.dense1(x)
        x = self.dense2(x)
        return self.softmax1(x)


def build():
    """The network with fresh weights."""
    model = MnistCnn()
    model(keras.Input((28, 28, 1), name="input"))
    return model
