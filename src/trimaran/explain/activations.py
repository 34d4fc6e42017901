"""The chapter's table of activations (§II), computed: ranges and slopes come from a backend.

Formulas and uses are words; every number is measured on a grid of x from -50 to 50, the slopes by
the backend's own gradients.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trimaran.backends.protocol import Backend
from trimaran.explain.drawing import FAINT, PALETTE, figure, grid, line, text
from trimaran.spec import sequential
from trimaran.spec.layers import Activation
from trimaran.spec.layers.core import ACTIVATIONS

Array = npt.NDArray[Any]

GRID = np.linspace(-50.0, 50.0, 20_001)
AT = (-2.0, 0.0, 2.0)
SHOWN = 4.0

WORDS: dict[str, tuple[str, str, str]] = {
    "relu": ("max(0, x)", "1 if x > 0 else 0", "hidden layers, CNN backbone"),
    "relu6": ("min(max(0, x), 6)", "1 inside (0, 6) else 0", "mobile and quantised CNNs"),
    "leaky_relu": ("x if x > 0 else p·x", "1 if x > 0 else p", "hidden layers, GANs"),
    "elu": ("x if x > 0 else p(eˣ - 1)", "1 if x > 0 else p·eˣ", "hidden layers"),
    "selu": ("λ·elu(x, α)", "λ if x > 0 else λα·eˣ", "self-normalising MLPs"),
    "gelu": ("x·Φ(x)", "Φ(x) + x·φ(x)", "transformers"),
    "silu": ("x·σ(x)", "σ(x)(1 + x(1 - σ(x)))", "EfficientNet, modern CNNs"),
    "mish": ("x·tanh(s), s = softplus(x)", "tanh(s) + x(1 - tanh²(s))σ(x)", "detectors"),
    "sigmoid": ("1/(1 + e⁻ˣ)", "σ(x)(1 - σ(x))", "binary classification, gates"),
    "hard_sigmoid": ("relu6(x + 3)/6", "1/6 inside (-3, 3) else 0", "gates on small devices"),
    "hard_silu": ("x·relu6(x + 3)/6", "x/3 + 1/2 inside (-3, 3)", "MobileNetV3"),
    "log_sigmoid": ("-log(1 + e⁻ˣ)", "σ(-x)", "log-likelihoods"),
    "tanh": ("(eˣ - e⁻ˣ)/(eˣ + e⁻ˣ)", "1 - tanh²(x)", "RNN hidden states"),
    "softplus": ("log(1 + eˣ)", "σ(x)", "positive outputs"),
    "softsign": ("x/(1 + |x|)", "1/(1 + |x|)²", "a slower tanh"),
    "softmax": ("e^xᵢ / Σⱼ e^xⱼ", "yᵢ([i = j] - yⱼ)", "multi-class output"),
    "log_softmax": ("xᵢ - log Σⱼ e^xⱼ", "[i = j] - e^yⱼ", "multi-class log-likelihoods"),
}
"""Name → formula, derivative, use."""


@dataclass(frozen=True)
class Row:
    """One function: words, and what was measured. An end of the range that goes on growing with x
    is None. `slopes` are those at -2, 0 and 2; for the softmaxes they are ∂y₁/∂x₁ of (x, 0)."""

    name: str
    formula: str
    derivative: str
    use: str
    low: float | None
    high: float | None
    slopes: tuple[float, ...]
    steepest: float

    def to_json(self) -> dict[str, Any]:
        """The row, of a stable shape."""
        return asdict(self)


def curve(name: str, backend: Backend, loss: Any, x: Array = GRID) -> tuple[Array, Array]:
    """f(x) and f'(x) by the backend, in float64. `loss` is the mean squared error.

    With the target t = f(x) - ½, of a batch of n rows, L = Σ (f(x) - t)² / n has ∂L/∂f = 1/n; so n
    times the input's gradient is the slope.
    """
    mixes = "softmax" in name
    rows = np.stack([x, np.zeros_like(x)], axis=1) if mixes else x[:, None]
    model = sequential([Activation(name)], (rows.shape[1],), name)
    network = backend.build(model, {}, "float64")
    y = network.forward({"input": rows}).outputs["output"]
    # With two columns the mean over them halves the slope, so the first target is a whole below.
    target = y - np.array([1.0, 0.0] if mixes else [0.5])
    found = network.gradients({"input": rows}, {"output": target}, {"output": loss})
    return y[:, 0], found.inputs["input"][:, 0] * len(x)


def row(name: str, backend: Backend, loss: Any) -> Row:
    """The measured row of one function."""
    y, slope = curve(name, backend, loss)
    slopes = tuple(float(slope[np.abs(GRID - at).argmin()]) for at in AT)
    inner = y[np.abs(GRID) <= GRID[-1] / 2]
    low = None if y.min() < inner.min() - 1.0 else float(y.min())
    high = None if y.max() > inner.max() + 1.0 else float(y.max())
    return Row(name, *WORDS[name], low, high, slopes, float(np.abs(slope).max()))


def rows(backend: Backend, loss: Any) -> tuple[Row, ...]:
    """Every activation of the description."""
    return tuple(row(name, backend, loss) for name in ACTIVATIONS)


def table(found: tuple[Row, ...]) -> str:
    """The rows as text."""
    head = ("function", "formula", "range", "derivative", "f'(-2)", "f'(0)", "f'(2)", "max", "use")
    return grid(
        [
            head,
            *(
                (
                    r.name,
                    r.formula,
                    f"{_end(r.low, '-∞')} … {_end(r.high, '∞')}",
                    r.derivative,
                    *(f"{slope:.3f}" for slope in r.slopes),
                    f"{r.steepest:.3f}",
                    r.use,
                )
                for r in found
            ),
        ]
    )


def _end(value: float | None, unbounded: str) -> str:
    if value is None:
        return unbounded
    return "0" if abs(value) < 1e-6 else f"{value:.3g}"


SIZE, COLUMNS, TOP = 150.0, 5, 24.0


def draw(backend: Backend, loss: Any) -> str:
    """Each function (blue) with its slope (red) from -4 to 4, as an SVG document."""
    parts: list[str] = []
    for i, name in enumerate(ACTIVATIONS):
        left, top = (i % COLUMNS) * SIZE, (i // COLUMNS) * (SIZE + TOP)
        parts += _small(left + 8, top + TOP, name, *curve(name, backend, loss, _axis()))
    height = -(-len(ACTIVATIONS) // COLUMNS) * (SIZE + TOP)
    return figure(COLUMNS * SIZE, height, "Activation functions and their slopes", parts)


def _axis() -> Array:
    return np.linspace(-SHOWN, SHOWN, 161)


def _small(left: float, top: float, name: str, y: Array, slope: Array) -> list[str]:
    side = SIZE - 16

    def place(values: Array) -> list[tuple[float, float]]:
        held = np.clip(values, -SHOWN, SHOWN)
        across = left + side * (_axis() + SHOWN) / (2 * SHOWN)
        down = top + side * (SHOWN - held) / (2 * SHOWN)
        return list(zip(across.tolist(), down.tolist(), strict=True))

    middle = (left + side / 2, top + side / 2)
    return [
        text(middle[0], top - 6, name),
        line([(left, middle[1]), (left + side, middle[1])], FAINT),
        line([(middle[0], top), (middle[0], top + side)], FAINT),
        line(place(slope), PALETTE[0]),
        line(place(y), PALETTE[1]),
    ]
