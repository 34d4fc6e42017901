"""Networks that tell the next steps of a series, all of them at once, from a window of its past.

Each takes (length, channels), of which the first `columns` are to be told, and gives (horizon,
columns) without a head, or with `levels` of quantiles all columns at the first level, then all at
the next. The last value of the window is taken off before and added after
(Zeng et al. call it NLinear), so that a series may stand at a level that training never saw.
"""

from __future__ import annotations

from trimaran.spec import Input, Layer, Model, functional
from trimaran.spec.layer import Shape
from trimaran.spec.layers import (
    GRU,
    LSTM,
    AveragePooling1D,
    Concatenate,
    Cropping1D,
    Dropout,
    Permute,
    Reshape,
)
from trimaran.spec.trace import Symbol
from trimaran.zoo.parts import linear, own_columns, side_by_side, window_sizes

WINDOW = 25
"""Steps of the moving average that parts the trend from the rest."""


def dlinear(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """Trend and rest, each by one linear map over time that all columns share (DLinear, eq. 5-6).

    The moving average leaves out what lies beyond the ends of the window, where the paper repeats
    the last value. What is known ahead is not read.
    """
    length, _ = window_sizes("dlinear", input_shape, columns)
    past = Input(input_shape)
    x = own_columns(past, columns)
    last = Cropping1D((length - 1, 0), name="last")(x)
    x = x - last
    # Never more than the past: of a mean over more steps than there are, the ladder finds that
    # TensorFlow's gradient is another than PyTorch's, JAX's and the reference's.
    half = (min(WINDOW, length) - 1) // 2
    trend = AveragePooling1D(2 * half + 1, 1, padding=half, name="trend")(x)
    rest = x - trend
    told = [
        _over_time(horizon, f"linear_trend{k}", trend)
        + _over_time(horizon, f"linear_rest{k}", rest)
        for k in ([""] if levels == 1 else range(levels))
    ]
    return functional(past, side_by_side(told) + side_by_side([last] * levels), "dlinear")


def series_lstm(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """An LSTM of 64 units over all channels; its last state tells every step at once."""
    return _recurrent("series-lstm", LSTM(64, name="lstm"), input_shape, (columns, horizon, levels))


def series_gru(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """The same with a GRU of 64 units."""
    return _recurrent("series-gru", GRU(64, name="gru"), input_shape, (columns, horizon, levels))


def returns_lstm(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """An LSTM of 32 units for series without a level, such as returns: nothing is taken off."""
    window_sizes("returns-lstm", input_shape, columns)
    past = Input(input_shape)
    x = Dropout(0.2)(LSTM(32, name="lstm")(past))
    units = columns * levels
    told = Reshape((horizon, units))(linear(horizon * units, "fc")(x))
    return functional(past, told, "returns-lstm")


def _recurrent(
    name: str, recurrent: Layer, input_shape: Shape, wanted: tuple[int, int, int]
) -> Model:
    """`wanted` are columns, horizon and levels."""
    columns, horizon, levels = wanted
    length, channels = window_sizes(name, input_shape, columns)
    past = Input(input_shape)
    own = own_columns(past, columns)
    last = Cropping1D((length - 1, 0), name="last")(own)
    x = own - last
    if channels > columns:
        others = Cropping1D((columns, 0))(Permute((2, 1))(past))
        x = Concatenate()([x, Permute((2, 1))(others)])
    x = Dropout(0.2)(recurrent(x))
    units = columns * levels
    told = Reshape((horizon, units))(linear(horizon * units, "fc")(x))
    return functional(past, told + side_by_side([last] * levels), name)


def _over_time(horizon: int, name: str, x: Symbol) -> Symbol:
    """(length, columns) → (horizon, columns)."""
    told: Symbol = Permute((2, 1))(linear(horizon, name)(Permute((2, 1))(x)))
    return told
