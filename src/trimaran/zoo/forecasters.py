"""Networks that tell the next steps of a series, all of them at once, from a window of its past.

Each takes (length, channels), of which the first `columns` are to be told, and gives (horizon,
columns) without a head, or with `levels` of quantiles all columns at the first level, then all at
the next. The last value of the window is taken off before and added after
(Zeng et al. call it NLinear), so that a series may stand at a level that training never saw.
"""

from __future__ import annotations

from trimaran.errors import DescriptionError
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
from trimaran.zoo.parts import linear

WINDOW = 25
"""Steps of the moving average that parts the trend from the rest."""


def dlinear(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """Trend and rest, each by one linear map over time that all columns share (DLinear, eq. 5-6).

    The moving average leaves out what lies beyond the ends of the window, where the paper repeats
    the last value. What is known ahead is not read.
    """
    length, _ = _sizes("dlinear", input_shape, columns)
    past = Input(input_shape)
    x = _own(past, columns)
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
    return functional(past, _beside(told) + _beside([last] * levels), "dlinear")


def series_lstm(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """An LSTM of 64 units over all channels; its last state tells every step at once."""
    return _recurrent("series-lstm", LSTM(64, name="lstm"), input_shape, (columns, horizon, levels))


def series_gru(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """The same with a GRU of 64 units."""
    return _recurrent("series-gru", GRU(64, name="gru"), input_shape, (columns, horizon, levels))


def returns_lstm(input_shape: Shape, columns: int, horizon: int, levels: int = 1) -> Model:
    """An LSTM of 32 units for series without a level, such as returns: nothing is taken off."""
    _sizes("returns-lstm", input_shape, columns)
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
    length, channels = _sizes(name, input_shape, columns)
    past = Input(input_shape)
    own = _own(past, columns)
    last = Cropping1D((length - 1, 0), name="last")(own)
    x = own - last
    if channels > columns:
        others = Cropping1D((columns, 0))(Permute((2, 1))(past))
        x = Concatenate()([x, Permute((2, 1))(others)])
    x = Dropout(0.2)(recurrent(x))
    units = columns * levels
    told = Reshape((horizon, units))(linear(horizon * units, "fc")(x))
    return functional(past, told + _beside([last] * levels), name)


def _own(x: Symbol, columns: int) -> Symbol:
    """The first channels, which are to be told."""
    if x.shape[-1] == columns:
        return x
    turned = Permute((2, 1))(x)
    kept: Symbol = Permute((2, 1))(Cropping1D((0, int(x.shape[-1] or 0) - columns))(turned))
    return kept


def _beside(parts: list[Symbol]) -> Symbol:
    """Channels of one after those of the other."""
    if len(parts) == 1:
        return parts[0]
    joined: Symbol = Concatenate()(parts)
    return joined


def _over_time(horizon: int, name: str, x: Symbol) -> Symbol:
    """(length, columns) → (horizon, columns)."""
    told: Symbol = Permute((2, 1))(linear(horizon, name)(Permute((2, 1))(x)))
    return told


def _sizes(name: str, input_shape: Shape, columns: int) -> tuple[int, int]:
    if len(input_shape) != 2 or (input_shape[-1] or 0) < columns:
        raise DescriptionError(
            f"{name}: expected a window (length, channels) with at least the {columns} column(s) "
            f"to tell, got input_shape={input_shape}; use it for series (task=forecast)."
        )
    return int(input_shape[0] or 0), int(input_shape[1] or 0)
