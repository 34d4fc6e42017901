"""What the arguments of Keras's layers say, in a description's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimaran.spec import layers as L
from trimaran.spec.initializers import (
    INITIALIZERS,
    Constant,
    Initializer,
    Normal,
    Uniform,
    VarianceScaling,
)
from trimaran.spec.layers.core import ACTIVATIONS

Config = Mapping[str, Any]


class Refused(Exception):
    """A use of a layer that has no description: why, and the remedy, before its name is known."""


def refuse(holds: bool, why: str) -> None:
    """Raise `Refused` where it holds."""
    if holds:
        raise Refused(why)


def tuples(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(tuples(item) for item in value) if isinstance(value, list | tuple) else value


def channels_last(config: Config) -> None:
    """Hold that maps stand channels-last."""
    refuse(
        config.get("data_format") == "channels_first",
        'data_format="channels_first" has no description, since every map is channels-last; build '
        'the model with data_format="channels_last" (its weights are the same)',
    )


def last_axis(config: Config, rank: int, what: str = "axis") -> None:
    """Hold that the layer works on the last axis; `rank` counts the batch."""
    axis = config.get("axis", -1)
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    refuse(
        axes not in ([-1], [rank - 1]),
        f"{what}={axis} has no description, only the last axis has; Permute the axes around it",
    )


def activation(given: Any) -> str | L.Activation | None:
    """An activation argument: its name, or the layer that was given as one."""
    if given in (None, "linear"):
        return None
    if isinstance(given, str):
        return _known_activation(given)
    kind = given.get("class_name")
    if kind in FUNCTIONS and str(given.get("module")).startswith("keras"):
        return FUNCTIONS[kind](given["config"])
    name = given.get("config") if isinstance(given.get("config"), str) else kind
    return _known_activation(str(name))


def _known_activation(name: str) -> str:
    canonical = {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)
    refuse(
        canonical not in ACTIVATIONS,
        f"the activation {name!r} has no description; use one of {', '.join(ACTIVATIONS)}",
    )
    return canonical


def named_activation(config: Config) -> L.Activation | None:
    """The layer Activation; None is the identity."""
    found = activation(config["activation"])
    return L.Activation(found) if isinstance(found, str) else found


def relu(config: Config) -> L.Activation:
    """The layer ReLU in the three forms that have a name."""
    top, slope = config.get("max_value"), config.get("negative_slope") or 0.0
    odd = bool(config.get("threshold")) or (top is not None and (float(top) != 6.0 or slope))
    refuse(
        bool(odd),
        "only the plain ReLU, max_value=6 and negative_slope alone have a description; use one "
        "of these",
    )
    if top is not None:
        return L.Activation("relu6")
    return L.Activation("leaky_relu", float(slope)) if slope else L.Activation("relu")


def _leaky(config: Config) -> L.Activation:
    return L.Activation("leaky_relu", float(config["negative_slope"]))


def _elu(config: Config) -> L.Activation:
    return L.Activation("elu", float(config["alpha"]))


def softmax(config: Config) -> L.Activation:
    """The layer Softmax over the last axis."""
    refuse(
        config.get("axis", -1) not in (-1, [-1]),
        f"axis={config.get('axis')} has no description, only the last axis (-1) has; Permute the "
        "axes around it",
    )
    return L.Activation("softmax")


FUNCTIONS = {
    "Activation": named_activation,
    "ELU": _elu,
    "LeakyReLU": _leaky,
    "ReLU": relu,
    "Softmax": softmax,
}
"""Layers that are an activation function."""

_BY_CLASS = {
    "GlorotNormal": "glorot_normal",
    "GlorotUniform": "glorot_uniform",
    "HeNormal": "he_normal",
    "HeUniform": "he_uniform",
    "LecunNormal": "lecun_normal",
    "LecunUniform": "lecun_uniform",
    "Ones": "ones",
    "Zeros": "zeros",
}


def initializer(given: Any, default: str) -> str | Initializer:
    """The initial distribution, or `default` where a description has no word for it: the weights
    come along, so it matters only to a model that is drawn anew."""
    if isinstance(given, str):
        return given if given in INITIALIZERS else default
    if not isinstance(given, Mapping):
        return default
    kind, own = str(given["class_name"]), given.get("config") or {}
    made = _BY_CLASS.get(kind) or _scaled(kind, own)
    return default if made is None else made


def _scaled(kind: str, own: Config) -> Initializer | None:
    if kind == "Constant" and isinstance(own.get("value"), int | float):
        return Constant(float(own["value"]))
    if kind in ("RandomNormal", "TruncatedNormal") and own.get("mean") == 0:
        return Normal(float(own["stddev"]), kind == "TruncatedNormal")
    if kind == "RandomUniform" and own.get("minval") == -own.get("maxval", 0):
        return Uniform(float(own["maxval"]))
    if kind == "VarianceScaling":
        distribution = {"untruncated_normal": "normal"}.get(own["distribution"], "")
        return VarianceScaling(
            float(own["scale"]), own["mode"], distribution or str(own["distribution"])
        )
    return None
