"""resnet18 in Keras 3, 11,689,512 parameters.

input (N, 224, 224, 3) -> output (N, 1000)

Written by Trimaran from the description 141b18d7d02b.
"""

import keras
from keras import layers


@keras.saving.register_keras_serializable("trimaran")
class BatchNormalization(layers.BatchNormalization):
    """Batch normalization whose running variance is the unbiased one."""

    def call(self, inputs, training=None, mask=None):
        before = self.momentum * self.moving_variance
        outputs = super().call(inputs, training=training, mask=mask)
        if training and self.trainable:
            after = self.moving_variance
            rows = keras.ops.cast(keras.ops.size(inputs) // inputs.shape[-1], after.dtype)
            after.assign(after + (after - before) / (rows - 1))
        return outputs


@keras.saving.register_keras_serializable("trimaran")
class LowPadding(layers.Layer):
    """Pads a map with minus infinity, which no maximum picks."""

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x):
        pads = [[0, 0], *self.padding, [0, 0]]
        return keras.ops.pad(x, pads, constant_values=-float("inf"))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def kaiming_normal():
    """Normal with variance 2 / fan_out."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def torch_bias(fan_in):
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def torch_uniform():
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def basic_block(x, width, stride, name):
    y = layers.ZeroPadding2D(1, name=f"{name}.conv1.pad")(x)
    y = layers.Conv2D(
        width,
        3,
        strides=stride,
        use_bias=False,
        kernel_initializer=kaiming_normal(),
        name=f"{name}.conv1",
    )(y)
    y = BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.bn1")(y)
    y = layers.Activation("relu", name=f"{name}.relu1")(y)
    y = layers.Conv2D(
        width,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=kaiming_normal(),
        name=f"{name}.conv2",
    )(y)
    y = BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.bn2")(y)
    x = layers.Add(name=f"{name}.add1")([y, x])
    return layers.Activation("relu", name=f"{name}.relu2")(x)


def basic_block_downsample(x, width, stride, name):
    y = layers.ZeroPadding2D(1, name=f"{name}.conv1.pad")(x)
    y = layers.Conv2D(
        width,
        3,
        strides=stride,
        use_bias=False,
        kernel_initializer=kaiming_normal(),
        name=f"{name}.conv1",
    )(y)
    y = BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.bn1")(y)
    y = layers.Activation("relu", name=f"{name}.relu1")(y)
    y = layers.Conv2D(
        width,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=kaiming_normal(),
        name=f"{name}.conv2",
    )(y)
    y = BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.bn2")(y)
    x = layers.Conv2D(
        width,
        1,
        strides=stride,
        use_bias=False,
        kernel_initializer=kaiming_normal(),
        name=f"{name}.downsample.0",
    )(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.downsample.1")(x)
    x = layers.Add(name=f"{name}.add1")([y, x])
    return layers.Activation("relu", name=f"{name}.relu2")(x)


def build():
    """The network with fresh weights."""
    inputs = keras.Input((224, 224, 3), name="input")
    x = layers.ZeroPadding2D(3, name="conv1.pad")(inputs)
    x = layers.Conv2D(
        64, 7, strides=2, use_bias=False, kernel_initializer=kaiming_normal(), name="conv1"
    )(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")(x)
    x = layers.Activation("relu", name="relu")(x)
    x = LowPadding([[1, 1], [1, 1]], name="maxpool.pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="maxpool")(x)
    for i in range(2):
        x = basic_block(x, width=64, stride=1, name=f"layer1.{i}")
    x = basic_block_downsample(x, width=128, stride=2, name="layer2.0")
    x = basic_block(x, width=128, stride=1, name="layer2.1")
    x = basic_block_downsample(x, width=256, stride=2, name="layer3.0")
    x = basic_block(x, width=256, stride=1, name="layer3.1")
    x = basic_block_downsample(x, width=512, stride=2, name="layer4.0")
    x = basic_block(x, width=512, stride=1, name="layer4.1")
    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    x = layers.Dense(
        1000, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(512), name="fc"
    )(x)
    outputs = layers.Activation("softmax", name="softmax1")(x)
    return keras.Model(inputs, outputs, name="resnet18")
