"""Initial distributions of parameters, by Keras's names.

Only their description lives here; `trimaran.weights.draw` draws the numbers in NumPy, so that
every backend starts from the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.errors import DescriptionError


@dataclass(frozen=True)
class Constant:
    """Every entry is `value`."""

    value: float


@dataclass(frozen=True)
class Normal:
    """Normal with mean 0; `truncated` redraws what lies beyond two standard deviations."""

    stddev: float = 0.05
    truncated: bool = False


@dataclass(frozen=True)
class Uniform:
    """Uniform on [-limit, limit]."""

    limit: float = 0.05


@dataclass(frozen=True)
class VarianceScaling:
    """Variance `scale / fan`: Glorot and Bengio 2010 (eq. 16), He et al. 2015 (eq. 10).

    `mode` is fan_in, fan_out or fan_avg; `distribution` is uniform, normal or truncated_normal
    (whose standard deviation is corrected for the truncation, as in Keras).
    """

    scale: float
    mode: str
    distribution: str


@dataclass(frozen=True)
class Orthogonal:
    """Orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al. 2014)."""

    gain: float = 1.0


@dataclass(frozen=True)
class Gates:
    """A vector of equal blocks, one per gate, each filled with its value."""

    values: tuple[float, ...]


Initializer = Constant | Normal | Uniform | VarianceScaling | Orthogonal | Gates

INITIALIZERS: dict[str, Initializer] = {
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
    "random_normal": Normal(),
    "unit_normal": Normal(1.0),
    "truncated_normal": Normal(truncated=True),
    "random_uniform": Uniform(),
    "orthogonal": Orthogonal(),
    "glorot_uniform": VarianceScaling(1.0, "fan_avg", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "fan_avg", "truncated_normal"),
    "he_uniform": VarianceScaling(2.0, "fan_in", "uniform"),
    "he_normal": VarianceScaling(2.0, "fan_in", "truncated_normal"),
    "lecun_uniform": VarianceScaling(1.0, "fan_in", "uniform"),
    "lecun_normal": VarianceScaling(1.0, "fan_in", "truncated_normal"),
    # He et al. 2015 as PyTorch's vision models use it: not truncated, fan_out.
    "kaiming_normal_fan_out": VarianceScaling(2.0, "fan_out", "normal"),
    # U(±1/√fan_in), the default of torch.nn.Linear and torch.nn.Conv2d.
    "torch_uniform": VarianceScaling(1.0 / 3.0, "fan_in", "uniform"),
}


def initializer(given: str | Initializer) -> Initializer:
    """The initializer of that name, or the one given.

    Raises:
        DescriptionError: the name is unknown.
    """
    if not isinstance(given, str):
        return given
    if given not in INITIALIZERS:
        known = ", ".join(sorted(INITIALIZERS))
        raise DescriptionError(f"initializer {given!r} is unknown; use one of {known}.")
    return INITIALIZERS[given]
