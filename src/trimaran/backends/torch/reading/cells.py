"""Recurrent cells: one step, with the states in and the states out."""

from __future__ import annotations

from typing import Any

from trimaran.backends.torch.reading.nodes import Key, Ref
from trimaran.backends.torch.reading.site import Site
from trimaran.backends.torch.reading.values import Value
from trimaran.spec import layers as L
from trimaran.spec.initializers import Uniform

KINDS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "gru_cell": (L.GRUCell, {}),
    "lstm_cell": (L.LSTMCell, {"unit_forget_bias": False}),
    "rnn_relu_cell": (L.SimpleRNNCell, {"nonlinearity": "relu"}),
    "rnn_tanh_cell": (L.SimpleRNNCell, {}),
}


def cell(site: Site) -> bool:
    """The layer; of an LSTM's cell the parts, h and c, are taken by what follows."""
    kind, own = KINDS[site.node.op]
    path, units, bias = _arrays(site)
    drawn = Uniform(units**-0.5)
    layer = kind(
        units, use_bias=bias, kernel_initializer=drawn, recurrent_initializer=drawn,
        bias_initializer=drawn, **own,
    )  # fmt: skip
    made, behind = site.several(layer, site.value(site["input"]), *_states(site), path=path)
    if behind:
        site.reading.parts[site.node.name] = (made, *behind)
    else:
        site.reading.values[site.node.name] = made
    return True


def _arrays(site: Site) -> tuple[str, int, bool]:
    """The path of the module that holds the arrays, its units, and whether it has biases."""
    biases = [site[name] for name in ("b_ih", "b_hh")]
    bias = biases[0] is not None
    given = [site["w_ih"], site["w_hh"], *(biases if bias else [])]
    keys = [key.text if isinstance(key, Key) else "" for key in given]
    path, names = keys[1].rpartition(".")[0], ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    site.require(
        bool(path) and keys == [f"{path}.{name}" for name in names[: len(keys)]],
        "its arrays are not those of a cell inside the module",
        "use nn.RNNCell, nn.LSTMCell or nn.GRUCell, held by a module of your own",
    )
    return path, int(site.reading.traced.arrays[keys[1]][1]), bias


def _states(site: Site) -> list[Value]:
    given = site["hx"] if isinstance(site["hx"], list) else [site["hx"]]
    zeros = [isinstance(ref, Ref) and ref.name in site.reading.states for ref in given]
    site.require(
        not any(zeros), "it begins from zeros that it makes itself",
        "take the states as inputs of forward; over a sequence, nn.LSTM and its like take these "
        "steps in one call",
    )  # fmt: skip
    return [site.value(ref) for ref in given]
