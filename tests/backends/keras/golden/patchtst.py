"""patchtst in Keras 3, 80,208 parameters.

input (N, 336, 7) -> output (N, 96, 7)

Written by Trimaran from the description 044dade97285.
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
class MultiHeadAttention(layers.Layer):
    """softmax(Q K^T / sqrt(d)) V in several heads; one kernel projects to Q, K and V."""

    def __init__(
        self,
        num_heads,
        key_dim=None,
        use_bias=True,
        use_causal_mask=False,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.key_dim = num_heads, key_dim
        self.use_bias, self.use_causal_mask = use_bias, use_causal_mask
        self.drop = layers.Dropout(dropout, name=f"{self.name}.drop")
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, query_shape, value_shape=None):
        features = query_shape[-1]
        width = self.num_heads * self.key_dim if self.key_dim else features
        arrays = {"in_proj": (features, 3 * width), "out_proj": (width, features)}
        for name, shape in arrays.items():
            kernel = self.add_weight(shape, self._drawn(width, features), name=f"{name}_kernel")
            bias = None
            if self.use_bias:
                bias = self.add_weight(shape[-1:], self.bias_initializer, name=f"{name}_bias")
            setattr(self, name, (kernel, bias))

    def _drawn(self, width, features):
        """Each projection is drawn as a matrix of its own."""
        if isinstance(self.kernel_initializer, keras.initializers.GlorotUniform):
            limit = (6 / (width + features)) ** 0.5
            return keras.initializers.RandomUniform(-limit, limit)
        config = self.kernel_initializer.get_config()
        return self.kernel_initializer.__class__.from_config(config)

    def call(self, query, value=None, query_mask=None, value_mask=None):
        q, k, v = self.project(query, query if value is None else value)
        seen, keys = None, query_mask if value is None else value_mask
        if self.use_causal_mask:
            time, other = keras.ops.shape(q)[2], keras.ops.shape(k)[2]
            seen = keras.ops.arange(time)[:, None] >= keras.ops.arange(other)
        if keys is not None:  # padding is not seen
            keys = keys[:, None, None]
            seen = keys if seen is None else keras.ops.logical_and(seen, keys)
        y = self.attend(q, k, v, seen)
        return y if query_mask is None else keras.ops.where(query_mask[..., None], y, 0.0)

    def project(self, x, memory, at=0.0):
        """Q of x, K and V of memory, each (batch, heads, time, d); x begins at step `at`."""
        kernel, bias = self.in_proj
        q, k, v = map(keras.ops.matmul, (x, memory, memory), keras.ops.split(kernel, 3, axis=1))
        if bias is not None:  # K's adds the same to all scores: softmax takes it away
            bq, _, bv = keras.ops.split(bias, 3)
            q, v = q + bq, v + bv
        return [self.split(part) for part in (q, k, v)]

    def split(self, x):
        """(batch, time, width) -> (batch, heads, time, d)."""
        shape = (-1, keras.ops.shape(x)[1], self.num_heads, x.shape[-1] // self.num_heads)
        return keras.ops.transpose(keras.ops.reshape(x, shape), (0, 2, 1, 3))

    def merge(self, x):
        """The inverse of split."""
        shape = (-1, keras.ops.shape(x)[2], x.shape[1] * x.shape[3])
        return keras.ops.reshape(keras.ops.transpose(x, (0, 2, 1, 3)), shape)

    def attend(self, q, k, v, seen):
        """The heads' answers side by side, (batch, time, features)."""
        scores = keras.ops.matmul(q, keras.ops.transpose(k, (0, 1, 3, 2))) * q.shape[-1] ** -0.5
        if seen is not None:
            scores = keras.ops.where(seen, scores, -float("inf"))
        heads = keras.ops.matmul(self.drop(keras.ops.softmax(scores)), v)
        kernel, bias = self.out_proj
        y = keras.ops.matmul(self.merge(heads), kernel)
        return y if bias is None else y + bias

    def compute_output_shape(self, query_shape, value_shape=None):
        return query_shape

    def get_config(self):
        names = ("num_heads", "key_dim", "use_bias", "use_causal_mask")
        own = {name: getattr(self, name) for name in names} | {"dropout": self.drop.rate}
        drawn = {
            name: keras.initializers.serialize(getattr(self, name))
            for name in ("kernel_initializer", "bias_initializer")
        }
        return {**super().get_config(), **own, **drawn}


@keras.saving.register_keras_serializable("trimaran")
class PositionEmbedding(layers.Layer):
    """Adds to each step the row of its position."""

    def __init__(self, sequence_length, embeddings_initializer="random_uniform", **kwargs):
        super().__init__(**kwargs)
        self.sequence_length = sequence_length
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, x_shape):
        shape = (self.sequence_length, x_shape[-1])
        self.embeddings = self.add_weight(shape, self.embeddings_initializer, name="embeddings")

    def call(self, x):
        steps = keras.ops.arange(keras.ops.shape(x)[-2])
        return x + keras.ops.take(self.embeddings, steps, axis=0)

    def compute_output_shape(self, x_shape):
        return x_shape

    def get_config(self):
        drawn = keras.initializers.serialize(self.embeddings_initializer)
        own = {"sequence_length": self.sequence_length, "embeddings_initializer": drawn}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("trimaran")
class RowAttention(MultiHeadAttention):
    """Attention of sequences beside each other, (batch, rows, time, features), each to itself."""

    def build(self, query_shape):
        super().build(query_shape)

    def call(self, query):
        shape = keras.ops.shape(query)
        rows = keras.ops.reshape(query, (-1, *shape[2:]))
        return keras.ops.reshape(super().call(rows), shape)

    def compute_output_shape(self, query_shape):
        return query_shape


def torch_bias(fan_in):
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def torch_uniform():
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def patch_block(x, in_channels, num_heads, intermediate_dim, name):
    y = RowAttention(num_heads, name=f"{name}.attention")(x)
    y = layers.Dropout(0.3, name=f"{name}.drop1")(y)
    x = layers.Add(name=f"{name}.add1")([x, y])
    x = BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.bn1")(x)
    y = layers.Dense(intermediate_dim, activation="gelu", name=f"{name}.wide")(x)
    y = layers.Dropout(0.3, name=f"{name}.drop2")(y)
    y = layers.Dense(in_channels, name=f"{name}.narrow")(y)
    y = layers.Dropout(0.3, name=f"{name}.drop3")(y)
    x = layers.Add(name=f"{name}.add2")([x, y])
    return BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}.bn2")(x)


def build():
    """The network with fresh weights."""
    inputs = keras.Input((336, 7), name="input")
    x = layers.GlobalAveragePooling1D(keepdims=True, name="mean")(inputs)
    y = layers.Subtract(name="subtract1")([inputs, x])
    z = layers.Permute((2, 1), name="permute1")(y)
    z = layers.LayerNormalization(epsilon=1e-05, center=False, scale=False, name="norm")(z)
    permute2_out = layers.Permute((2, 1), name="permute2")(z)
    y = layers.Multiply(name="multiply1")([y, permute2_out])
    y = layers.GlobalAveragePooling1D(keepdims=True, name="deviation")(y)
    z = layers.Reshape((7, 336, 1), name="reshape1")(z)
    z = layers.Conv2D(
        16,
        (1, 16),
        strides=(1, 8),
        kernel_initializer=torch_uniform(),
        bias_initializer=torch_bias(16),
        name="patches",
    )(z)
    z = PositionEmbedding(41, name="places")(z)
    z = BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn")(z)
    z = layers.Dropout(0.3, name="drop")(z)
    for i in range(3):
        z = patch_block(z, 16, num_heads=4, intermediate_dim=128, name=f"blocks.{i}")
    z = layers.Reshape((7, 656), name="reshape2")(z)
    z = layers.Dense(
        96, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(656), name="head"
    )(z)
    z = layers.Permute((2, 1), name="permute3")(z)
    y = layers.Multiply(name="multiply2")([z, y])
    outputs = layers.Add(name="add1")([y, x])
    return keras.Model(inputs, outputs, name="patchtst")
