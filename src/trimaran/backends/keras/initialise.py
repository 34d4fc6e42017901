"""Initial distributions as Keras's arguments."""

from __future__ import annotations

from math import sqrt

from trimaran.spec.initializers import (
    INITIALIZERS,
    Constant,
    Initializer,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
)
from trimaran.spec.layer import Parameter

NAMES = {
    INITIALIZERS[name]: name
    for name in (
        "zeros", "ones", "random_normal", "truncated_normal", "random_uniform", "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
    )
}  # fmt: skip
"""Those that Keras has under a name of their own."""

OWN = {
    INITIALIZERS["kaiming_normal_fan_out"]: "kaiming_normal",
    INITIALIZERS["torch_uniform"]: "torch_uniform",
}
"""Those that the source defines as a function (an initializer draws the same numbers twice if it
is used twice, so each layer gets its own)."""

_DISTRIBUTIONS = {"normal": "untruncated_normal"}


def argument(keyword: str, parameter: Parameter | None, default: str) -> str | None:
    """`keyword=...` for the parameter, or None where Keras draws so by itself.

    A bias that is scaled by its layer's fan is told by its limits, since Keras would count the
    bias's own.
    """
    if parameter is None or NAMES.get(parameter.initial) == default:
        return None
    matrix = parameter.name.startswith("weight")
    if parameter.initial in NAMES and (matrix or not _scaled(parameter)):
        return f'{keyword}="{NAMES[parameter.initial]}"'
    if parameter.initial in OWN and matrix:
        return f"{keyword}={OWN[parameter.initial]}()"
    return f"{keyword}=keras.initializers.{_made(parameter)}"


def _scaled(parameter: Parameter) -> bool:
    return isinstance(parameter.initial, VarianceScaling)


def _made(parameter: Parameter) -> str:
    initial: Initializer = parameter.initial
    match initial:
        case Constant(value):
            return f"Constant({value!r})"
        case Normal(stddev, truncated):
            return f"{'TruncatedNormal' if truncated else 'RandomNormal'}(stddev={stddev!r})"
        case Uniform(limit):
            return f"RandomUniform({-limit!r}, {limit!r})"
        case Orthogonal(gain):
            return f"Orthogonal(gain={gain!r})"
        case VarianceScaling(scale, mode, distribution) if parameter.name.startswith("weight"):
            name = _DISTRIBUTIONS.get(distribution, distribution)
            return f'VarianceScaling({scale!r}, "{mode}", "{name}")'
    assert isinstance(initial, VarianceScaling)
    return _by_limit(initial, parameter.fan)


def _by_limit(initial: VarianceScaling, fan: tuple[int, int]) -> str:
    sizes = {"fan_in": fan[0], "fan_out": fan[1], "fan_avg": sum(fan) / 2}
    variance = initial.scale / max(sizes[initial.mode], 1)
    if initial.distribution == "uniform":
        limit = sqrt(3 * variance)
        return f"RandomUniform({-limit!r}, {limit!r})"
    if initial.distribution == "normal":
        return f"RandomNormal(stddev={sqrt(variance)!r})"
    return f"TruncatedNormal(stddev={sqrt(variance) / 0.87962566103423978!r})"
