"""One rule per Keras layer: what it becomes in a description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.backends.keras.reading import sequences
from trimaran.backends.keras.reading.words import (
    FUNCTIONS,
    Config,
    Refused,
    activation,
    channels_last,
    initializer,
    last_axis,
    refuse,
    tuples,
)
from trimaran.spec import layers as L
from trimaran.spec.layer import Layer, Shape
from trimaran.spec.layers.core import finite

Rule = Callable[[Config, tuple[Shape, ...]], tuple[tuple[str, Layer], ...]]
"""(its config, the shapes of its inputs) → the layers that it becomes, one after another, each
with an ending for its name: ("", layer) keeps the name. No layer at all is the identity."""


def _alone(layer: Layer | None) -> tuple[tuple[str, Layer], ...]:
    return (("", layer),) if layer is not None else ()


def _weighted(config: Config, kernel: str = "kernel_initializer") -> dict[str, Any]:
    """What layers with a kernel share."""
    refuse(
        bool(config.get("lora_rank")),
        "its LoRA matrices have no description; merge them into the kernel first",
    )
    return {
        "activation": activation(config["activation"]),
        "use_bias": config["use_bias"],
        kernel: initializer(config.get(kernel), "glorot_uniform"),
        "bias_initializer": initializer(config.get("bias_initializer"), "zeros"),
    }


def _dense(config: Config, shapes: tuple[Shape, ...]) -> Any:
    return _alone(L.Dense(config["units"], **_weighted(config)))


def _windows(config: Config) -> dict[str, Any]:
    channels_last(config)
    return {
        "kernel_size": tuples(config["kernel_size"]),
        "strides": tuples(config["strides"]),
        "padding": config["padding"],
        "dilation_rate": tuples(config["dilation_rate"]),
    }


def _conv(kind: Callable[..., Layer]) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        own = {**_windows(config), **_weighted(config)}
        return _alone(kind(config["filters"], **own, groups=config["groups"]))

    return rule


def _depthwise(config: Config, shapes: tuple[Shape, ...]) -> Any:
    own = _weighted(config, "depthwise_initializer")
    times = config["depth_multiplier"]
    return _alone(L.DepthwiseConv2D(**_windows(config), depth_multiplier=times, **own))


def _separable(config: Config, shapes: tuple[Shape, ...]) -> Any:
    """A depthwise convolution without a bias, then a 1x1 convolution that has it."""
    first = L.DepthwiseConv2D(
        **_windows(config),
        depth_multiplier=config["depth_multiplier"],
        use_bias=False,
        depthwise_initializer=initializer(config.get("depthwise_initializer"), "glorot_uniform"),
    )
    own = _weighted(config, "pointwise_initializer")
    own["kernel_initializer"] = own.pop("pointwise_initializer")
    return (("depthwise", first), ("pointwise", L.Conv2D(config["filters"], 1, **own)))


def _norm(kind: Callable[..., Layer], *more: str) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        last_axis(config, len(shapes[0]) + 1)
        refuse(
            bool(config.get("rms_scaling")),
            "rms_scaling=True has no description; leave it out and train again",
        )
        given = {name: config[name] for name in ("epsilon", "center", "scale", *more)}
        return _alone(kind(**given))

    return rule


def _pool(kind: Callable[..., Layer]) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        channels_last(config)
        size, strides = tuples(config["pool_size"]), tuples(config["strides"])
        return _alone(kind(size, strides, config["padding"]))

    return rule


def _global(kind: Callable[..., Layer]) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        channels_last(config)
        return _alone(kind(keepdims=config["keepdims"]))

    return rule


def _border(kind: Callable[..., Layer], argument: str) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        channels_last(config)
        return _alone(kind(tuples(config[argument])))

    return rule


def _up(kind: Callable[..., Layer], *more: str) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        channels_last(config)
        return _alone(kind(tuples(config["size"]), *(config[name] for name in more)))

    return rule


def _plain(kind: Callable[[], Layer]) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        channels_last(config)
        return _alone(kind())

    return rule


def _function(name: str) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        return _alone(FUNCTIONS[name](config))

    return rule


def _entrywise(name: str) -> Rule:
    def rule(config: Config, shapes: tuple[Shape, ...]) -> Any:
        return _alone(L.Activation(name))

    return rule


def _dropout(config: Config, shapes: tuple[Shape, ...]) -> Any:
    refuse(
        config.get("noise_shape") is not None,
        "a noise_shape has no description; leave it out",
    )
    return _alone(L.Dropout(float(config["rate"])))


def _rescaling(config: Config, shapes: tuple[Shape, ...]) -> Any:
    given = [config["scale"], config["offset"]]
    refuse(
        not all(map(finite, given)),
        "only one finite number as scale, and one as offset, has a description; scale channels "
        "apart in the rows themselves: preprocessing is saved with the run",
    )
    return _alone(L.Rescaling(*given))


def _negated(config: Config, shapes: tuple[Shape, ...]) -> Any:
    return _alone(L.Rescaling(-1.0))


def _concatenate(config: Config, shapes: tuple[Shape, ...]) -> Any:
    return _alone(L.Concatenate(config["axis"]))


def _reshape(config: Config, shapes: tuple[Shape, ...]) -> Any:
    return _alone(L.Reshape(tuples(config["target_shape"])))


def _permute(config: Config, shapes: tuple[Shape, ...]) -> Any:
    return _alone(L.Permute(tuples(config["dims"])))


def _identity(config: Config, shapes: tuple[Shape, ...]) -> Any:
    return ()


def _average_of_padded(config: Config, shapes: tuple[Shape, ...]) -> Any:
    """The layer that Trimaran's own Keras source defines for a mean without the padding."""
    kind = L.AveragePooling1D if len(config["padding"]) == 1 else L.AveragePooling2D
    given = (tuples(config[name]) for name in ("pool_size", "strides", "padding"))
    return _alone(kind(*given))


RULES: dict[str, Rule] = {
    "Activation": _function("Activation"),
    "Add": _plain(L.Add),
    "AveragePooling1D": _pool(L.AveragePooling1D),
    "AveragePooling2D": _pool(L.AveragePooling2D),
    "BatchNormalization": _norm(L.BatchNormalization, "momentum"),
    "Concatenate": _concatenate,
    "Bidirectional": sequences.bidirectional,
    "Conv1D": _conv(L.Conv1D),
    "Conv2D": _conv(L.Conv2D),
    "Cropping1D": _border(L.Cropping1D, "cropping"),
    "Cropping2D": _border(L.Cropping2D, "cropping"),
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _dropout,
    "ELU": _function("ELU"),
    "Embedding": sequences.embedding,
    "Flatten": _plain(L.Flatten),
    "GRU": sequences.recurrent(L.GRU),
    "GlobalAveragePooling1D": _global(L.GlobalAveragePooling1D),
    "GlobalAveragePooling2D": _global(L.GlobalAveragePooling2D),
    "GlobalMaxPooling1D": _global(L.GlobalMaxPooling1D),
    "GlobalMaxPooling2D": _global(L.GlobalMaxPooling2D),
    "GroupNormalization": _norm(L.GroupNormalization, "groups"),
    "Identity": _identity,
    "LSTM": sequences.recurrent(L.LSTM),
    "LayerNormalization": _norm(L.LayerNormalization),
    "LeakyReLU": _function("LeakyReLU"),
    "MaxPooling1D": _pool(L.MaxPooling1D),
    "MaxPooling2D": _pool(L.MaxPooling2D),
    "MultiHeadAttention": sequences.attention,
    "Multiply": _plain(L.Multiply),
    "Permute": _permute,
    "ReLU": _function("ReLU"),
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "SimpleRNN": sequences.recurrent(L.SimpleRNN),
    "Softmax": _function("Softmax"),
    "Subtract": _plain(L.Subtract),
    "UpSampling1D": _up(L.UpSampling1D),
    "UpSampling2D": _up(L.UpSampling2D, "interpolation"),
    "ZeroPadding1D": _border(L.ZeroPadding1D, "padding"),
    "ZeroPadding2D": _border(L.ZeroPadding2D, "padding"),
}
RULES["TimeDistributed"] = sequences.timed(RULES)
"""Layers of keras.layers by their class."""

OPERATIONS: dict[str, Rule] = {
    "Add": _plain(L.Add),
    "Multiply": _plain(L.Multiply),
    "Negative": _negated,
    "Relu": _entrywise("relu"),
    "Subtract": _plain(L.Subtract),
    "Sigmoid": _entrywise("sigmoid"),
    "Tanh": _entrywise("tanh"),
}
"""Operations of keras.ops on tensors alone (x + y, x * y, -x, ops.relu) by their class; those with
a number are in `numbers`."""

OURS: dict[str, Rule] = {
    "trimaran>AveragePooling": _average_of_padded,
    "trimaran>BatchNormalization": RULES["BatchNormalization"],
}
"""Layers that Trimaran's own Keras source defines, by their registered name."""

_CHANGES = ("Brightness", "Contrast", "Crop", "Flip", "Rotation", "Shear", "Translation", "Zoom")

REMEDIES = {
    **{
        f"Random{change}": "leave it out: a recipe changes training pictures by training.augment"
        for change in _CHANGES
    },
    "Average": "use Add, and scale by the number of its inputs in the layer behind it",
    "Conv2DTranspose": "use UpSampling2D and a Conv2D (another network, to be trained anew)",
    "GaussianNoise": "leave it out: it does nothing in evaluation",
    "Normalization": "let Trimaran fit it: preprocessing is saved with the run, not in the model",
    "PReLU": "use LeakyReLU",
    "SpatialDropout2D": "use Dropout",
}
"""What to do about some layers that have no description."""


def rule_of(kind: str, module: str | None, registered: str | None) -> Rule:
    """The rule of a layer by what its config says of its class; raises `Refused`."""
    if registered in OURS:
        return OURS[registered]
    if str(module).startswith("keras.src.ops"):
        table, whose = OPERATIONS, f"operation keras.ops.{kind.lower()}"
    else:
        table, whose = RULES, "layer"
    own = str(module).startswith("keras")
    if own and kind in table:
        return table[kind]
    near = (
        REMEDIES.get(kind, "build this part of layers that have one")
        if own
        else ("it is not Keras's own; build this part of Keras's layers")
    )
    raise Refused(f"this {whose} has no description; {near}")
