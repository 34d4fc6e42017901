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


@keras.saving.register_keras_serializable("resnet18")
class BasicBlock(layers.Layer):
    def __init__(self, width, stride, **kwargs):
        super().__init__(**kwargs)
        self.conv1_pad = layers.ZeroPadding2D(1, name="conv1.pad")
        self.conv1 = layers.Conv2D(
            width,
            3,
            strides=stride,
            use_bias=False,
            kernel_initializer=kaiming_normal(),
            name="conv1",
        )
        self.bn1 = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")
        self.relu1 = layers.Activation("relu", name="relu1")
        self.conv2 = layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=kaiming_normal(),
            name="conv2",
        )
        self.bn2 = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn2")
        self.add1 = layers.Add(name="add1")
        self.relu2 = layers.Activation("relu", name="relu2")

    def call(self, x):
        y = self.conv1_pad(x)
        y = self.conv1(y)
        y = self.bn1(y)
        y = self.relu1(y)
        y = self.conv2(y)
        y = self.bn2(y)
        x = self.add1([y, x])
        return self.relu2(x)


@keras.saving.register_keras_serializable("resnet18")
class BasicBlockDownsample(layers.Layer):
    def __init__(self, width, stride, **kwargs):
        super().__init__(**kwargs)
        self.conv1_pad = layers.ZeroPadding2D(1, name="conv1.pad")
        self.conv1 = layers.Conv2D(
            width,
            3,
            strides=stride,
            use_bias=False,
            kernel_initializer=kaiming_normal(),
            name="conv1",
        )
        self.bn1 = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")
        self.relu1 = layers.Activation("relu", name="relu1")
        self.conv2 = layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=kaiming_normal(),
            name="conv2",
        )
        self.bn2 = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn2")
        self.downsample_0 = layers.Conv2D(
            width,
            1,
            strides=stride,
            use_bias=False,
            kernel_initializer=kaiming_normal(),
            name="downsample.0",
        )
        self.downsample_1 = BatchNormalization(momentum=0.9, epsilon=1e-05, name="downsample.1")
        self.add1 = layers.Add(name="add1")
        self.relu2 = layers.Activation("relu", name="relu2")

    def call(self, x):
        y = self.conv1_pad(x)
        y = self.conv1(y)
        y = self.bn1(y)
        y = self.relu1(y)
        y = self.conv2(y)
        y = self.bn2(y)
        x = self.downsample_0(x)
        x = self.downsample_1(x)
        x = self.add1([y, x])
        return self.relu2(x)


@keras.saving.register_keras_serializable("resnet18")
class Resnet18(keras.Model):
    def __init__(self, name="resnet18", **kwargs):
        super().__init__(name=name, **kwargs)
        self.conv1_pad = layers.ZeroPadding2D(3, name="conv1.pad")
        self.conv1 = layers.Conv2D(
            64, 7, strides=2, use_bias=False, kernel_initializer=kaiming_normal(), name="conv1"
        )
        self.bn1 = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")
        self.relu = layers.Activation("relu", name="relu")
        self.maxpool_pad = LowPadding([[1, 1], [1, 1]], name="maxpool.pad")
        self.maxpool = layers.MaxPooling2D(3, strides=2, name="maxpool")
        self.layer1_0 = BasicBlock(width=64, stride=1, name="layer1.0")
        self.layer1_1 = BasicBlock(width=64, stride=1, name="layer1.1")
        self.layer2_0 = BasicBlockDownsample(width=128, stride=2, name="layer2.0")
        self.layer2_1 = BasicBlock(width=128, stride=1, name="layer2.1")
        self.layer3_0 = BasicBlockDownsample(width=256, stride=2, name="layer3.0")
        self.layer3_1 = BasicBlock(width=256, stride=1, name="layer3.1")
        self.layer4_0 = BasicBlockDownsample(width=512, stride=2, name="layer4.0")
        self.layer4_1 = BasicBlock(width=512, stride=1, name="layer4.1")
        self.avgpool = layers.GlobalAveragePooling2D(name="avgpool")
        self.fc = layers.Dense(
            1000, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(512), name="fc"
        )
        self.softmax1 = layers.Activation("softmax", name="softmax1")

    def call(self, x):
        x = self.conv1_pad(x)
        x = self.conv1(x)
        x = self.bn1(x)
        x = self.relu(x)
        x = self.maxpool_pad(x)
        x = self.maxpool(x)
        x = self.layer1_0(x)
        x = self.layer1_1(x)
        x = self.layer2_0(x)
        x = self.layer2_1(x)
        x = self.layer3_0(x)
        x = self.layer3_1(x)
        x = self.layer4_0(x)
        x = self.layer4_1(x)
        x = self.avgpool(x)
        x = self.fc(x)
        return self.softmax1(x)


def build():
    """The network with fresh weights."""
    model = Resnet18()
    model(keras.Input((224, 224, 3), name="input"))
    return model
