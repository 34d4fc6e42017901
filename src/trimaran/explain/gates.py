"""The gates of a recurrent layer at work (Figure 4): their values at each step of a real sequence.

The steps are walked by the chapter's equations (§V), from the run's own weights, and held to what
the network itself gives at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trimaran.backends.protocol import Network
from trimaran.errors import RecipeError
from trimaran.explain.drawing import figure, grid, image, text
from trimaran.spec import Leaf, Model
from trimaran.spec.layers import GRU, LSTM, SimpleRNN
from trimaran.spec.layers.recurrent import Recurrent

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
UNITS = 48  # drawn at most
_SIGNED = ("candidate", "cell", "hidden")


@dataclass(frozen=True)
class Gates:
    """One sequence through one layer.

    values: name of a gate or state → (steps, units)
    deviation: the largest difference of the hidden states from the network's own
    """

    layer: str
    kind: str
    steps: tuple[str, ...]
    values: dict[str, Array]
    deviation: float

    def to_json(self) -> dict[str, Any]:
        """The mean of each at each step: all units would be long."""
        means = {name: own.mean(axis=1).round(6).tolist() for name, own in self.values.items()}
        own = {"layer": self.layer, "kind": self.kind, "units": self.values["hidden"].shape[1]}
        return {**own, "steps": list(self.steps), "mean": means, "deviation": self.deviation}


def recurrent_leaf(model: Model) -> Leaf:
    """The first recurrent layer. Raises `RecipeError` where there is none."""
    for leaf in model.leaves:
        if isinstance(leaf.layer, Recurrent):
            return leaf
    raise RecipeError(f"{model.name} has no recurrent layer, so there are no gates to show.")


def gates(
    network: Network, weights: Arrays, inputs: Mapping[str, Array], steps: Sequence[str]
) -> Gates:
    """The gates of the first recurrent layer, on its way from the first step to the last.

    inputs: one row, as the network takes it; steps: what each of its steps is called.
    """
    model = network.model
    leaf = recurrent_leaf(model)
    paths = {other.output: other.path for other in model.leaves}
    source = paths.get(leaf.inputs[0])
    taps = [leaf.path] + ([source] if source else [])
    found = network.forward(inputs, taps).taps
    x = found[source] if source else inputs[model.inputs[leaf.inputs[0]].name]
    mine = {k.rpartition(".")[2]: v for k, v in weights.items() if k.startswith(f"{leaf.path}.")}
    own = {k if "_l0" in k else f"{k}_l0": v for k, v in mine.items()}
    values = _walk(leaf.layer, own, np.asarray(x[0, : len(steps)], np.float64))
    hidden, units = np.asarray(found[leaf.path][0]), values["hidden"].shape[1]
    theirs = hidden[: len(steps), :units] if hidden.ndim == 2 else hidden[None, :units]
    ours = values["hidden"] if hidden.ndim == 2 else values["hidden"][-1:]
    apart = float(np.abs(ours - theirs).max())
    return Gates(leaf.path, type(leaf.layer).__name__, tuple(steps), values, apart)


def _walk(layer: Any, own: Arrays, x: Array) -> dict[str, Array]:
    """(steps, features) → every gate and state, each (steps, units)."""
    step = _STEPS[type(layer)]
    units = own["weight_hh_l0"].shape[1]
    states = {"hidden": np.zeros(units), "cell": np.zeros(units)}
    rows: list[dict[str, Array]] = []
    for row in x:
        first = own["weight_ih_l0"] @ row + own.get("bias_ih_l0", 0.0)
        second = own["weight_hh_l0"] @ states["hidden"] + own.get("bias_hh_l0", 0.0)
        rows.append(step(layer, first, second, states))
        states = {**states, **rows[-1]}
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _lstm(layer: LSTM, first: Array, second: Array, states: Arrays) -> dict[str, Array]:
    """i, f, o = σ(z), g = tanh(z);  c = f c + i g;  h = o tanh c."""
    i, f, g, o = np.split(first + second, 4)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c = f * states["cell"] + i * g
    hidden = o * np.tanh(c)
    return {"input": i, "forget": f, "output": o, "candidate": g, "cell": c, "hidden": hidden}


def _gru(layer: GRU, first: Array, second: Array, states: Arrays) -> dict[str, Array]:
    """r, z = σ(x + h);  n = tanh(x + r h);  h = (1 - z) n + z h."""
    (xr, xz, xn), (hr, hz, hn) = np.split(first, 3), np.split(second, 3)
    r, z = _sigmoid(xr + hr), _sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return {"reset": r, "update": z, "candidate": n, "hidden": (1 - z) * n + z * states["hidden"]}


def _rnn(layer: SimpleRNN, first: Array, second: Array, states: Arrays) -> dict[str, Array]:
    z = first + second
    return {"hidden": np.tanh(z) if layer.nonlinearity == "tanh" else np.maximum(z, 0.0)}


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


Step = Callable[[Any, Array, Array, Arrays], dict[str, Array]]
_STEPS: dict[type[Any], Step] = {LSTM: _lstm, GRU: _gru, SimpleRNN: _rnn}


def table(found: Gates) -> str:
    """Each step with the mean of every gate and state over the units."""
    names = list(found.values)
    rows = [("step", *names)]
    for k, step in enumerate(found.steps):
        rows.append((repr(step)[1:-1] or "·", *(f"{found.values[n][k].mean():.3f}" for n in names)))
    units = found.values["hidden"].shape[1]
    return (
        f"{found.layer} ({found.kind}, {units} units), the mean over units at each step\n"
        f"{grid(rows)}\n"
        f"By the equations; the network's own states differ by at most {found.deviation:.1e}."
    )


LEFT, TOP, CELL, HIGH, APART = 90.0, 84.0, 18.0, 4.0, 16.0


def draw(found: Gates) -> str:
    """A heat map for each gate and state: steps to the right, units downwards. Gates run from 0
    (white) to 1 (blue); the others from negative (orange) over 0 (white) to positive (blue)."""
    units = min(found.values["hidden"].shape[1], UNITS)
    # The units that change the most, in the order of their mean: what they do is seen best.
    spread = found.values["hidden"].std(axis=0)
    chosen = np.sort(np.argsort(-spread, kind="stable")[:units])
    width, height = CELL * len(found.steps), HIGH * units
    parts = [_step(k, step) for k, step in enumerate(found.steps)]
    for number, (name, values) in enumerate(found.values.items()):
        top = TOP + number * (height + APART)
        pixels = _colours(values[:, chosen].T, signed=name in _SIGNED)
        parts += [
            text(LEFT - 10, top + height / 2 + 4, name, "end"),
            image(LEFT, top, width, height, pixels),
        ]
    title = f"{found.layer}: the gates of {units} of its {found.values['hidden'].shape[1]} units"
    parts.append(text(LEFT, 18, title, "start"))
    bottom = TOP + len(found.values) * (height + APART)
    return figure(LEFT + max(width, 260) + 20, bottom, title, parts)


def _step(k: int, step: str) -> str:
    """The name of a step, standing upright above its column."""
    x = LEFT + CELL * (k + 0.65)
    shown = (step if len(step) <= 9 else f"{step[:8]}…").replace("\n", "⏎").replace(" ", "␣")
    words = text(x, TOP - 6, shown, "start")
    return words.replace("<text ", f'<text transform="rotate(-90 {x:g} {TOP - 6:g})" ', 1)


def _colours(values: Array, signed: bool) -> Array:
    """(rows, columns) → uint8 (rows, columns, 3)."""
    blue, orange, white = np.array([42, 111, 196]), np.array([212, 98, 42]), np.full(3, 255)
    scale = max(float(np.abs(values).max()), 1e-12) if signed else 1.0
    share = np.clip(np.abs(values) / scale, 0, 1)[..., None]
    colour = np.where(values[..., None] < 0, orange, blue)
    return np.asarray(np.rint(white + share * (colour - white)), dtype=np.uint8)
