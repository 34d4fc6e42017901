"""Recurrent layers forwards, and backwards through time (chapter §V; Werbos 1990).

Sequences are (batch, time, features), states (batch, units). Each cell is two functions of one
step; `_forward` and `_backward` walk the steps and add up what every step sends to the weights.
At a step in a row's padding its states stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimaran.backends.reference.activations import sigmoid
from trimaran.backends.reference.arrays import Array, Arrays, Parameters, Rule
from trimaran.backends.reference.steps import split_steps, step_mask, unmoved
from trimaran.spec import Layer
from trimaran.spec.layers import GRU, LSTM, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell

Given = tuple[Array, Array]
"""What the two products W x + b and U h + b' give at one step: (batch, gates · units) each."""


@dataclass(frozen=True)
class Cell:
    """One step.

    `step(layer, (W x + b, U h + b'), states) -> (new states, cache)`;
    `back(layer, cache, δ of the new states) -> (δ of W x + b, δ of U h + b', δ of the states)`,
    where the way through U h itself is left to the walk. The first state is what is given out.
    """

    step: Any
    back: Any


def rnn_step(layer: SimpleRNN, given: Given, states: Arrays) -> tuple[Arrays, Any]:
    """h' = f(W x + U h + b)."""
    z = given[0] + given[1]
    h = np.tanh(z) if layer.nonlinearity == "tanh" else np.maximum(z, 0.0)
    return (h,), h


def rnn_back(layer: SimpleRNN, h: Array, deltas: Arrays) -> tuple[Array, Array, Arrays]:
    """δz = δh' f'(z), with tanh' = 1 - h'² and relu' = 1 where h' > 0."""
    slope = 1.0 - h * h if layer.nonlinearity == "tanh" else (h > 0) * 1.0
    z = deltas[0] * slope
    return z, z, (np.zeros_like(h),)


def lstm_step(layer: LSTM, given: Given, states: Arrays) -> tuple[Arrays, Any]:
    """i, f, o = σ(z), g = tanh(z);  c' = f c + i g;  h' = o tanh c'."""
    i, f, g, o = np.split(given[0] + given[1], 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * states[1] + i * g
    t = np.tanh(c)
    return (o * t, c), (i, f, g, o, t, states[1])


def lstm_back(layer: LSTM, cache: Any, deltas: Arrays) -> tuple[Array, Array, Arrays]:
    """δc' gets δh' o (1 - tanh² c'); then δi = δc' g, δf = δc' c, δg = δc' i, δo = δh' tanh c',
    each times its gate's slope, and δc = δc' f."""
    i, f, g, o, t, before = cache
    h, c = deltas
    c = c + h * o * (1.0 - t * t)
    parts = (
        c * g * i * (1.0 - i),
        c * before * f * (1.0 - f),
        c * i * (1.0 - g * g),
        h * t * o * (1.0 - o),
    )
    z = np.concatenate(parts, axis=1)
    return z, z, (np.zeros_like(h), c * f)


def gru_step(layer: GRU, given: Given, states: Arrays) -> tuple[Arrays, Any]:
    """r, z = σ(Wx + Uh);  n = tanh(Wx + r Uh);  h' = (1 - z) n + z h."""
    (xr, xz, xn), (hr, hz, hn) = (np.split(part, 3, axis=1) for part in given)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    (h,) = states
    return ((1.0 - z) * n + z * h,), (r, z, n, hn, h)


def gru_back(layer: GRU, cache: Any, deltas: Arrays) -> tuple[Array, Array, Arrays]:
    """δn = δh' (1 - z)(1 - n²), δz = δh' (h - n) z (1 - z), δr = δn Uh r (1 - r); the product Uh
    of n gets δn r; h itself gets δh' z."""
    r, z, n, hn, h = cache
    (d,) = deltas
    dn = d * (1.0 - z) * (1.0 - n * n)
    dz = d * (h - n) * z * (1.0 - z)
    dr = dn * hn * r * (1.0 - r)
    own, other = np.concatenate((dr, dz, dn), axis=1), np.concatenate((dr, dz, dn * r), axis=1)
    return own, other, (d * z,)


CELLS = {
    SimpleRNN: Cell(rnn_step, rnn_back),
    LSTM: Cell(lstm_step, lstm_back),
    GRU: Cell(gru_step, gru_back),
}


def _forward(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> tuple[Any, Any]:
    """The way there, and where the layer is bidirectional the way back; their outputs side by
    side, in the sequence's own order."""
    (x, *given), steps = split_steps(layer, inputs)
    mask = step_mask(x, steps)
    made, caches = [], []
    for way in range(layer.ways):
        begun = tuple(given[way * layer.STATES : (way + 1) * layer.STATES])
        along, valid = (x[:, ::-1], mask[:, ::-1]) if way else (x, mask)
        output, states, cache = _walk(layer, _own(layer, parameters, way), (along, valid), begun)
        turned = output[:, ::-1] if way and layer.return_sequences else output
        made.append((turned, states))
        caches.append(cache)
    output, cache = np.concatenate([output for output, _ in made], axis=-1), (caches, steps)
    if not layer.return_state:
        return output, cache
    return (output, *(state for _, states in made for state in states)), cache


def _own(layer: Any, parameters: Parameters, way: int) -> dict[str, Array]:
    """The arrays of one way, named as those of the way there."""
    if layer.cell:
        return {f"{k}_l0": v for k, v in parameters.items()}
    end = "_reverse" if way else "_l0"
    return {k.removesuffix("_reverse"): v for k, v in parameters.items() if k.endswith(end)}


def _walk(
    layer: Any, parameters: Parameters, sequence: Arrays, given: Arrays
) -> tuple[Array, Arrays, Any]:
    """The steps of (x, its mask) from the first to the last: the output, the last states, and the
    cache."""
    x, mask = sequence
    states = given or tuple(np.zeros((len(x), layer.units)) for _ in range(layer.STATES))
    first, second = _bias(parameters, "bias_ih_l0"), _bias(parameters, "bias_hh_l0")
    products = x @ parameters["weight_ih_l0"].T + first
    caches, before, made = [], [], []
    for t in range(x.shape[1]):
        before.append(states[0])
        other = states[0] @ parameters["weight_hh_l0"].T + second
        after, cache = CELLS[type(layer)].step(layer, (products[:, t], other), states)
        here = mask[:, t, None]
        states = tuple(np.where(here, new, old) for new, old in zip(after, states, strict=True))
        caches.append(cache)
        made.append(np.where(here, states[0], 0.0))
    output = np.stack(made, axis=1) if layer.return_sequences else states[0]
    return output, states, (x, mask, before, caches, bool(given))


def _bias(parameters: Parameters, name: str) -> Array | float:
    return parameters.get(name, 0.0)


def _backward(
    layer: Any, parameters: Parameters, cache: Any, gradient: Any
) -> tuple[Arrays, dict[str, Array]]:
    """Each way by itself: its share of δ, and what both send to the sequence added up."""
    output, *last = gradient if layer.return_state else (gradient,)
    caches, steps = cache
    into, begun, found = np.zeros_like(caches[0][0]), list[Array](), dict[str, Array]()
    for way in range(layer.ways):
        delta = output[..., way * layer.units : (way + 1) * layer.units]
        delta = delta[:, ::-1] if way and layer.return_sequences else delta
        after = tuple(last[way * layer.STATES : (way + 1) * layer.STATES])
        own = _own(layer, parameters, way)
        (sent, *states), gradients = _back(layer, own, caches[way], (delta, after))
        into += sent[:, ::-1] if way else sent
        begun += states
        found |= {_named(layer, k, way): v for k, v in gradients.items()}
    return (into, *begun, *unmoved(steps)), found


def _named(layer: Any, name: str, way: int) -> str:
    """The inverse of `_own` for a name."""
    return name.removesuffix("_l0") if layer.cell else f"{name}_reverse" if way else name


def _back(
    layer: Any, parameters: Parameters, cache: Any, given: tuple[Array, Arrays]
) -> tuple[Arrays, dict[str, Array]]:
    """The steps from the last to the first: δh_t = δ from outside + what step t + 1 sends back."""
    x, mask, before, caches, stateful = cache
    output, last = given
    shape = (len(x), layer.units)
    deltas = last or tuple(np.zeros(shape) for _ in range(layer.STATES))
    recurrent = parameters["weight_hh_l0"]
    found = {name: np.zeros_like(array) for name, array in parameters.items()}
    sent = np.zeros((*x.shape[:2], parameters["weight_ih_l0"].shape[0]))
    if not layer.return_sequences:
        deltas = (deltas[0] + output, *deltas[1:])
    for t in reversed(range(x.shape[1])):
        here = mask[:, t, None]
        if layer.return_sequences:
            deltas = (deltas[0] + output[:, t] * here, *deltas[1:])
        own, other, back = CELLS[type(layer)].back(layer, caches[t], deltas)
        own, other = own * here, other * here
        back = (back[0] + other @ recurrent, *back[1:])
        deltas = tuple(np.where(here, new, old) for new, old in zip(back, deltas, strict=True))
        sent[:, t] = own
        found["weight_hh_l0"] += other.T @ before[t]
        if layer.use_bias:
            found["bias_hh_l0"] += other.sum(axis=0)
    found["weight_ih_l0"] = np.einsum("btg,btf->gf", sent, x)
    if layer.use_bias:
        found["bias_ih_l0"] = sent.sum(axis=(0, 1))
    into = sent @ parameters["weight_ih_l0"]
    return ((into, *deltas) if stateful else (into,)), _trained(layer, found)


def _trained(layer: Any, found: dict[str, Array]) -> dict[str, Array]:
    """Without the gradient of a second bias that stays 0."""
    return {k: v for k, v in found.items() if k != "bias_hh_l0" or layer.TWO_BIASES}


def _step(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> tuple[Any, Any]:
    """A cell's step: a sequence of one."""
    x, *states = inputs
    over = replace(layer.over_time(), return_state=True)
    (_, *after), cache = _forward(over, parameters, (x[:, None], *states), training)
    return (tuple(after) if len(after) > 1 else after[0]), cache


def _step_backward(
    layer: Any, parameters: Parameters, cache: Any, gradient: Any
) -> tuple[Arrays, dict[str, Array]]:
    """What the states after the step send back; the output of the sequence sends nothing."""
    deltas = gradient if isinstance(gradient, tuple) else (gradient,)
    over = replace(layer.over_time(), return_state=True)
    nothing = np.zeros_like(deltas[0])
    (into, *states), found = _backward(over, parameters, cache, (nothing, *deltas))
    return (into[:, 0], *states), found


RULES: dict[type[Layer], Rule] = {
    **{kind: Rule(_forward, _backward) for kind in CELLS},
    **{kind: Rule(_step, _step_backward) for kind in (SimpleRNNCell, LSTMCell, GRUCell)},
}
