"""Layers that an emitted source defines where Keras has none that does exactly this."""

from trimaran.backends.keras import attention_source

_CELL = '''@keras.saving.register_keras_serializable("trimaran")
class KIND(layers.KIND):
    """One step, the state in and the state out."""

    def build(self, x_shape, h_shape):
        super().build(x_shape)

    def call(self, x, h):
        return super().call(x, [h])[0]

    def compute_output_shape(self, x_shape, h_shape):
        return h_shape'''

HELPERS = {
    **attention_source.HELPERS,
    "kaiming_normal": '''def kaiming_normal():
    """Normal with variance 2 / fan_out."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")''',
    "torch_bias": '''def torch_bias(fan_in):
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)''',
    "torch_uniform": '''def torch_uniform():
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")''',
    "BatchNormalization": '''@keras.saving.register_keras_serializable("trimaran")
class BatchNormalization(layers.BatchNormalization):
    """Batch normalization whose running variance is the unbiased one."""

    def call(self, inputs, training=None, mask=None):
        before = self.momentum * self.moving_variance
        outputs = super().call(inputs, training=training, mask=mask)
        if training and self.trainable:
            after = self.moving_variance
            rows = keras.ops.cast(keras.ops.size(inputs) // inputs.shape[-1], after.dtype)
            after.assign(after + (after - before) / (rows - 1))
        return outputs''',
    "AveragePooling": '''@keras.saving.register_keras_serializable("trimaran")
class AveragePooling(layers.Layer):
    """Average pooling of a padded map, the padding left out of the mean."""

    def __init__(self, pool_size, strides, padding, **kwargs):
        super().__init__(**kwargs)
        self.pool_size, self.strides, self.padding = pool_size, strides, padding

    def call(self, x):
        pads = [[0, 0], *self.padding, [0, 0]]
        ones = keras.ops.pad(keras.ops.ones_like(x[:1, ..., :1]), pads)
        total = self._pool(keras.ops.pad(x, pads))
        return total / self._pool(ones)

    def _pool(self, x):
        return keras.ops.average_pool(x, self.pool_size, self.strides, data_format="channels_last")

    def get_config(self):
        own = {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}
        return {**super().get_config(), **own}''',
    "LowPadding": '''@keras.saving.register_keras_serializable("trimaran")
class LowPadding(layers.Layer):
    """Pads a map with minus infinity, which no maximum picks."""

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x):
        pads = [[0, 0], *self.padding, [0, 0]]
        return keras.ops.pad(x, pads, constant_values=-float("inf"))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}''',
    "StillEmbedding": '''@keras.saving.register_keras_serializable("trimaran")
class StillEmbedding(layers.Embedding):
    """A table in which the row of one number does not learn."""

    def __init__(self, *args, padding_index, **kwargs):
        super().__init__(*args, **kwargs)
        self.padding_index = padding_index

    def call(self, x):
        rows = super().call(x)
        still = keras.ops.expand_dims(x == self.padding_index, -1)
        return keras.ops.where(still, keras.ops.stop_gradient(rows), rows)

    def get_config(self):
        return {**super().get_config(), "padding_index": self.padding_index}''',
    "GRUCell": _CELL.replace("KIND", "GRUCell"),
    "LSTMCell": '''@keras.saving.register_keras_serializable("trimaran")
class LSTMCell(layers.LSTMCell):
    """One step, the states in and the states out."""

    def build(self, x_shape, h_shape, c_shape):
        super().build(x_shape)

    def call(self, x, h, c):
        return tuple(super().call(x, [h, c])[1])

    def compute_output_shape(self, x_shape, h_shape, c_shape):
        return h_shape, c_shape''',
    "SimpleRNNCell": _CELL.replace("KIND", "SimpleRNNCell"),
    "OneHot": '''@keras.saving.register_keras_serializable("trimaran")
class OneHot(layers.Layer):
    """Each number as a row with a 1 at its place."""

    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth

    def call(self, x):
        return keras.ops.one_hot(x, self.depth, dtype=self.compute_dtype)

    def compute_output_shape(self, x_shape):
        return (*x_shape, self.depth)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}''',
    "StepMask": '''@keras.saving.register_keras_serializable("trimaran")
class StepMask(layers.Layer):
    """Which steps of a sequence hold data, from each row's number of them, or from marks for each
    that are 0 in the padding; a row of padding alone keeps its first step."""

    def call(self, x, steps):
        ops = keras.ops
        count = steps if len(steps.shape) == 1 else ops.sum(ops.cast(steps != 0, "int32"), axis=1)
        order = ops.arange(ops.shape(x)[1], dtype="int32")
        return order < ops.maximum(ops.cast(count, "int32"), 1)[:, None]

    def compute_mask(self, inputs, previous=None):
        return None  # it is a mask, and has none''',
    "MaskSteps": '''@keras.saving.register_keras_serializable("trimaran")
class MaskSteps(layers.Layer):
    """Zeros where the mask says that there is padding."""

    def call(self, x, mask):
        return keras.ops.where(mask[..., None], x, 0.0)

    def compute_mask(self, inputs, previous=None):
        return previous''',
    "MaskedMaxPooling": '''@keras.saving.register_keras_serializable("trimaran")
class MaskedMaxPooling(layers.Layer):
    """The largest entry of each channel over the steps that hold data."""

    def __init__(self, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = keepdims

    def call(self, x, mask):
        low = keras.ops.where(mask[..., None], x, -float("inf"))
        return keras.ops.max(low, axis=1, keepdims=self.keepdims)

    def compute_mask(self, inputs, previous=None):
        return None  # no steps are left

    def get_config(self):
        return {**super().get_config(), "keepdims": self.keepdims}''',
}
