"""Models as users write them, each a function without arguments; `test_layers.py` takes them all.

Weights are random everywhere, biases and statistics too, so that none of them can be mistaken.
"""

import keras
import numpy as np
from keras import layers


def random(model):
    """The model with every variable drawn anew."""
    draw = np.random.default_rng(0)
    for variable in model.weights:
        values = draw.normal(size=variable.shape) / max(1, np.prod(variable.shape[:-1])) ** 0.5
        if "variance" in variable.name:
            values = draw.uniform(0.5, 2.0, variable.shape)
        variable.assign(values)
    return model


def _chain(*parts, shape=(9, 8, 3), **options):
    return random(keras.Sequential([keras.Input(shape), *parts], **options))


def _graph(shape, wire, **options):
    x = keras.Input(shape)
    return random(keras.Model(x, wire(x), **options))


def dense():
    return _chain(layers.Dense(5, activation="tanh"), layers.Dense(3, use_bias=False), shape=(7,))


def flattened_map_into_dense():
    return _chain(
        layers.Conv2D(4, 3, name="conv"),
        layers.Flatten(name="flat"),
        layers.Dense(6, activation="gelu", name="dense"),
    )


def flattened_behind_dropout_and_activation():
    return _chain(
        layers.Conv2D(4, 3), layers.Flatten(), layers.Dropout(0.5), layers.ReLU(), layers.Dense(6)
    )


def flattened_input():
    return _chain(layers.Flatten(), layers.Dense(6), layers.Softmax())


def flattened_and_returned():
    return _chain(layers.Conv2D(4, 3, name="conv"), layers.Flatten(name="flat"))


def same_with_strides():
    return _chain(
        layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(5, (2, 4), strides=(3, 1), padding="same"),
    )


def dilated_and_grouped():
    return _chain(
        layers.Conv2D(6, 3, dilation_rate=2, padding="same", groups=3), layers.Conv2D(4, 2)
    )


def causal():
    return _chain(layers.Conv1D(4, 3, dilation_rate=2, padding="causal"), shape=(11, 3))


def conv_1d():
    return _chain(
        layers.ZeroPadding1D((1, 2)),
        layers.Conv1D(4, 3, strides=2, padding="same", use_bias=False),
        layers.Cropping1D((1, 0)),
        layers.UpSampling1D(2),
        layers.MaxPooling1D(2, 1),
        layers.AveragePooling1D(2, padding="same"),
        layers.GlobalMaxPooling1D(),
        shape=(12, 3),
    )


def depthwise():
    return _chain(
        layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
        layers.DepthwiseConv2D(2, use_bias=False, activation="silu"),
    )


def separable():
    return _chain(
        layers.SeparableConv2D(5, 3, 1, "same", depth_multiplier=2, activation="elu", name="one"),
        layers.SeparableConv2D(4, 2, use_bias=False),
    )


def borders():
    return _chain(
        layers.ZeroPadding2D(((1, 0), (2, 3))),
        layers.ZeroPadding2D((0, 1)),
        layers.Cropping2D(((0, 1), (1, 0))),
        layers.Conv2D(4, 3, strides=2),
        layers.UpSampling2D((2, 3), interpolation="bilinear"),
        layers.UpSampling2D(2),
    )


def pools():
    return _chain(
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.AveragePooling2D(2, strides=1, padding="same"),
        layers.MaxPooling2D((2, 1)),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Conv2D(2, 1),
        layers.GlobalMaxPooling2D(),
    )


def global_1d():
    return _chain(layers.GlobalAveragePooling1D(), layers.Dense(2), shape=(7, 3))


def norms():
    return _chain(
        layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5),
        layers.GroupNormalization(2),
        layers.GroupNormalization(-1, epsilon=1e-5),
        layers.LayerNormalization(),
        layers.BatchNormalization(axis=3, center=False, scale=False),
        layers.LayerNormalization(center=False),
    )


def vectors_normalized():
    return _chain(
        layers.Dense(4), layers.BatchNormalization(), layers.LayerNormalization(), shape=(5,)
    )


def activations():
    return _chain(
        layers.Activation("selu"),
        layers.LeakyReLU(0.1),
        layers.Dense(3, activation=layers.LeakyReLU(0.25)),
        layers.ELU(0.5),
        layers.ReLU(negative_slope=0.3),
        layers.Activation("linear"),
        layers.Dense(4, activation="swish"),
        layers.ReLU(max_value=6),
        layers.Identity(),
        layers.Dense(3, activation=keras.activations.softmax),
        shape=(5,),
    )


def reordered():
    return _chain(
        layers.Permute((3, 1, 2)), layers.Reshape((6, -1)), layers.Dense(3), layers.Flatten()
    )


def joined():
    def wire(x):
        a, b = layers.Conv2D(4, 3, padding="same")(x), layers.Conv2D(4, 3, padding="same")(x)
        gate = layers.Dense(4, activation="sigmoid")(
            layers.GlobalAveragePooling2D(keepdims=True)(a)
        )
        both = layers.Concatenate()([layers.Add()([a, b]), layers.Multiply()([a, gate]), x])
        tall = layers.Concatenate(axis=1)([both, both])
        return layers.subtract([layers.add([tall, tall, tall]), tall])

    return _graph((6, 5, 3), wire)


def operators():
    def wire(x):
        y = layers.Dense(3, name="y")(x)
        return keras.ops.relu(keras.ops.tanh(x + y) * keras.ops.sigmoid(y) - x)

    return _graph((3,), wire)


def rescaled():
    return _chain(
        layers.Rescaling(1 / 127.5, offset=-1, name="first"),
        layers.Conv2D(4, 3),
        layers.Flatten(),
        layers.Rescaling(2),
        layers.Dense(3),
        layers.Rescaling(-1.0, 0.5, name="last"),
    )


def numbers():
    def wire(x):
        y = layers.Dense(3, name="y")(2 * (x / 127.5) - 1)
        return keras.ops.divide(1 - (y + 0.5) * -x, 4)

    return _graph((3,), wire)


def shared():
    def wire(x):
        again = layers.Dense(4, activation="relu", name="again")
        y = again(x)
        return layers.Add()([again(y), y])

    return _graph((4,), wire)


def odd_names():
    return _chain(
        layers.Dense(3, name="block1.conv-1"),
        layers.Dense(3, name="block1_conv_1"),
        layers.Dense(3, name="2nd"),
        layers.Dense(3, name="class"),
        layers.Dense(3, name="train"),
        layers.Dense(3, name="dense 5 é"),
        shape=(4,),
        name="my-net v2",
    )


def nested_in_functional():
    block = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, activation="relu", name="in-ner"), layers.Dropout(0.1)],
        name="block",
    )
    a, b = keras.Input((4,)), keras.Input((4,))
    two = keras.Model([a, b], [layers.Dense(4, name="left")(a), layers.Add()([a, b])], name="two")

    def wire(x):
        y = block(x, training=False)
        left, right = two([y, block(y)])
        return two([left, right])[1] + left

    return _graph((4,), wire, name="whole")


def nested_in_sequential():
    body = keras.Sequential(
        [keras.Input((9, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D()],
        name="body",
    )
    x = keras.Input((3, 3, 4))
    deep = keras.Model(x, layers.Conv2D(5, 1, name="conv")(x), name="deep")
    head = keras.Sequential([keras.Input((3, 3, 4)), deep, layers.Flatten()], name="head")
    return _chain(body, head, layers.Dense(3))


def several_ports():
    image, tabular = keras.Input((6, 6, 3), name="image"), keras.Input((4,), name="tab-ular")
    x = layers.Flatten()(layers.Conv2D(2, 3, name="conv")(image))
    both = layers.Concatenate()([x, layers.Dense(3)(tabular)])
    label = layers.Dense(5, activation="softmax", name="label")(both)
    return random(keras.Model([image, tabular], [label, layers.Dense(1, name="size")(both)]))


def named_ports():
    a, b = keras.Input((3,), name="b_layer"), keras.Input((3,), name="a_layer")
    made = layers.Dense(2)(a), layers.Dense(4)(b)
    return random(keras.Model({"z": a, "y": b}, {"second": made[0], "first": made[1]}))


def unknown_sizes():
    return _chain(
        layers.Conv2D(4, 3, padding="same"), layers.GlobalAveragePooling2D(), layers.Dense(2),
        shape=(None, None, 3),
    )  # fmt: skip


def built_late():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    model.build((None, 5))
    return random(model)


def half_precision():
    return _chain(layers.Dense(3, dtype="float16"), shape=(4,))
