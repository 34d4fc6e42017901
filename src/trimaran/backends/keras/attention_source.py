"""What a Keras source with attention defines."""

_STEP = '''@keras.saving.register_keras_serializable("trimaran")
class BASEStep(BASE):
    """One step: its key and value take the oldest's place where all are filled, and its query
    sees all that are."""

    def build(self, x_shape, keys_shape, values_shape, at_shape):
        super().build(x_shape)

    def call(self, x, keys, values, at):
        q, k, v = self.project(x, x, at)
        room = keras.ops.shape(keys)[1]
        places = keras.ops.cast(keras.ops.arange(room), at.dtype)
        here = (places == at % keras.ops.cast(room, at.dtype))[..., None]
        keys = keras.ops.where(here, self.merge(k), keys)
        values = keras.ops.where(here, self.merge(v), values)
        seen = (places <= at)[:, None, None]
        y = self.attend(q, self.split(keys), self.split(values), seen)
        return y, keys, values, at + 1

    def compute_output_shape(self, x_shape, keys_shape, values_shape, at_shape):
        return x_shape, keys_shape, values_shape, at_shape'''

HELPERS = {
    "MultiHeadAttention": '''@keras.saving.register_keras_serializable("trimaran")
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
        return {**super().get_config(), **own, **drawn}''',
    "PositionEmbedding": '''@keras.saving.register_keras_serializable("trimaran")
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
        return {**super().get_config(), **own}''',
    "PositionEmbeddingStep": '''@keras.saving.register_keras_serializable("trimaran")
class PositionEmbeddingStep(PositionEmbedding):
    """One step and the row of its position."""

    def build(self, x_shape, at_shape):
        super().build(x_shape)

    def call(self, x, at):
        rows = keras.ops.take(self.embeddings, keras.ops.cast(at, "int32"), axis=0)
        return x + rows, at + 1

    def compute_output_shape(self, x_shape, at_shape):
        return x_shape, at_shape''',
    "RotaryAttention": '''@keras.saving.register_keras_serializable("trimaran")
class RotaryAttention(MultiHeadAttention):
    """Attention to the own sequence whose queries and keys are turned by their positions."""

    def project(self, x, memory, at=0.0):
        kernel, bias = self.in_proj
        parts = keras.ops.matmul(x, kernel)
        parts = parts if bias is None else parts + bias
        q, k, v = (self.split(part) for part in keras.ops.split(parts, 3, axis=-1))
        return turned(q, at), turned(k, at), v''',
    "RowAttention": '''@keras.saving.register_keras_serializable("trimaran")
class RowAttention(MultiHeadAttention):
    """Attention of sequences beside each other, (batch, rows, time, features), each to itself."""

    def build(self, query_shape):
        super().build(query_shape)

    def call(self, query):
        shape = keras.ops.shape(query)
        rows = keras.ops.reshape(query, (-1, *shape[2:]))
        return keras.ops.reshape(super().call(rows), shape)

    def compute_output_shape(self, query_shape):
        return query_shape''',
    "MultiHeadAttentionStep": _STEP.replace("BASE", "MultiHeadAttention"),
    "RotaryAttentionStep": _STEP.replace("BASE", "RotaryAttention"),
    "SinePositionEncoding": '''@keras.saving.register_keras_serializable("trimaran")
class SinePositionEncoding(layers.Layer):
    """Adds to step t, at feature j, sin or cos of t / longest^(2 (j // 2) / features)."""

    def __init__(self, max_wavelength=10000.0, **kwargs):
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength

    def call(self, x, at=0.0):
        exact = "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
        features = keras.ops.cast(keras.ops.arange(x.shape[-1]), exact)
        longest = keras.ops.cast(self.max_wavelength, exact)
        speeds = keras.ops.power(longest, -2 * keras.ops.floor(features / 2) / x.shape[-1])
        steps = keras.ops.cast(keras.ops.arange(keras.ops.shape(x)[-2]), exact)
        angles = (steps + keras.ops.cast(at, exact))[..., None] * speeds
        even = features % 2 == 0
        waves = keras.ops.where(even, keras.ops.sin(angles), keras.ops.cos(angles))
        return x + keras.ops.cast(waves, x.dtype)

    def compute_output_shape(self, x_shape, at_shape=None):
        return x_shape

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}''',
    "SinePositionEncodingStep": '''@keras.saving.register_keras_serializable("trimaran")
class SinePositionEncodingStep(SinePositionEncoding):
    """One step with the sines of its position."""

    def call(self, x, at):
        return super().call(x, at), at + 1

    def compute_output_shape(self, x_shape, at_shape):
        return x_shape, at_shape''',
    "turned": '''def turned(x, at=0.0):
    """Rotary positions: features i and i + d/2 of step t turned by the angle t / 10000^(2i/d)."""
    half, time = x.shape[-1] // 2, keras.ops.shape(x)[2]
    exact = "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
    steps = keras.ops.cast(keras.ops.arange(time), exact) + keras.ops.cast(at, exact)
    places = keras.ops.cast(keras.ops.arange(half), exact)
    speeds = keras.ops.power(keras.ops.cast(10000.0, exact), -places / half)
    angles = keras.ops.reshape(steps, (-1, 1, time, 1)) * speeds
    cos, sin = (keras.ops.cast(f(angles), x.dtype) for f in (keras.ops.cos, keras.ops.sin))
    a, b = x[..., :half], x[..., half:]
    return keras.ops.concatenate((a * cos - b * sin, b * cos + a * sin), axis=-1)''',
}
