"""chargpt in Keras 3, 1,206,593 parameters.

input (N, ?) -> output (N, ?, 65)

Written by Trimaran from the description 265708af0e13.
"""

import keras
from keras import layers


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
class RotaryAttention(MultiHeadAttention):
    """Attention to the own sequence whose queries and keys are turned by their positions."""

    def project(self, x, memory, at=0.0):
        kernel, bias = self.in_proj
        parts = keras.ops.matmul(x, kernel)
        parts = parts if bias is None else parts + bias
        q, k, v = (self.split(part) for part in keras.ops.split(parts, 3, axis=-1))
        return turned(q, at), turned(k, at), v


def turned(x, at=0.0):
    """Rotary positions: features i and i + d/2 of step t turned by the angle t / 10000^(2i/d)."""
    half, time = x.shape[-1] // 2, keras.ops.shape(x)[2]
    exact = "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
    steps = keras.ops.cast(keras.ops.arange(time), exact) + keras.ops.cast(at, exact)
    places = keras.ops.cast(keras.ops.arange(half), exact)
    speeds = keras.ops.power(keras.ops.cast(10000.0, exact), -places / half)
    angles = keras.ops.reshape(steps, (-1, 1, time, 1)) * speeds
    cos, sin = (keras.ops.cast(f(angles), x.dtype) for f in (keras.ops.cos, keras.ops.sin))
    a, b = x[..., :half], x[..., half:]
    return keras.ops.concatenate((a * cos - b * sin, b * cos + a * sin), axis=-1)


def transformer_decoder_block_rotary(x, in_channels, num_heads, intermediate_dim, name):
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}.norm_attention")(x)
    y = RotaryAttention(
        num_heads,
        use_causal_mask=True,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name=f"{name}.attention",
    )(y)
    x = layers.Add(name=f"{name}.add1")([x, y])
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}.norm_mlp")(x)
    y = layers.Dense(
        intermediate_dim,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        activation="gelu",
        name=f"{name}.wide",
    )(y)
    y = layers.Dense(
        in_channels,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name=f"{name}.narrow",
    )(y)
    return layers.Add(name=f"{name}.add2")([x, y])


def build():
    """The network with fresh weights."""
    inputs = keras.Input((None,), name="input", dtype="int32")
    x = layers.Embedding(
        65, 128, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02), name="embed"
    )(inputs)
    for i in range(6):
        x = transformer_decoder_block_rotary(
            x, 128, num_heads=4, intermediate_dim=512, name=f"blocks.{i}"
        )
    x = layers.LayerNormalization(epsilon=1e-05, name="norm")(x)
    x = layers.Dense(
        65, kernel_initializer=keras.initializers.RandomNormal(stddev=0.02), name="fc"
    )(x)
    outputs = layers.Activation("softmax", name="softmax1")(x)
    return keras.Model(inputs, outputs, name="chargpt")
