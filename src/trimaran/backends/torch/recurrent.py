"""Sequences in PyTorch's words: `nn.Embedding`; `nn.LSTM` and its like with Keras's one bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.backends.torch.code import Code, Site
from trimaran.spec import layers as L
from trimaran.spec.layer import Layer

MODULES: dict[type[Layer], str] = {L.SimpleRNN: "RNN", L.LSTM: "LSTM", L.GRU: "GRU"}


def _embedding(layer: L.Embedding, site: Site) -> Code:
    rows = site.numbers.one(layer.input_dim, "input_dim")
    module = f"nn.Embedding({rows}, {site.numbers.one(layer.output_dim, 'output_dim')})"
    return Code("@({0})", module, module)


def _recurrent(layer: Any, site: Site) -> Code:
    one_bias = layer.use_bias and not layer.TWO_BIASES
    call = _step(layer) if _one_step(layer, site) else _call(layer, len(site.shapes) > 1)
    helpers = ("one_step", "with_states")
    needed = [name for name in helpers if call.startswith(name)]
    text = _module(layer, site)
    return Code(
        call,
        f"one_bias({text})" if one_bias else text,
        helpers=tuple([*needed, "one_bias"] if one_bias else needed),
    )


def _module(layer: Any, site: Site) -> str:
    relu = isinstance(layer, L.SimpleRNN) and layer.nonlinearity == "relu"
    given = (
        site.numbers.one(site.shapes[0][-1] or 0, "in_features"),
        site.numbers.one(layer.units, "units"),
        'nonlinearity="relu"' if relu else "",
        "" if layer.use_bias else "bias=False",
        "batch_first=True",
        "bidirectional=True" if layer.bidirectional else "",
    )
    return f"nn.{MODULES[type(layer)]}({', '.join(part for part in given if part)})"


def _one_step(layer: Any, site: Site) -> bool:
    """Whether the sequence is one step between states, as a network that writes has it."""
    alone = site.shapes[0][0] == 1 and len(site.shapes) > 1 and not layer.bidirectional
    return bool(alone and layer.return_sequences and layer.return_state)


def _step(layer: Any) -> str:
    nonlinear = f"rnn_{layer.nonlinearity}" if isinstance(layer, L.SimpleRNN) else ""
    cell = nonlinear or type(layer).__name__.lower()
    states = ", ".join(f"{{{i + 1}}}" for i in range(layer.STATES))
    return f"one_step(torch.{cell}_cell, @, {{0}}, {states})"


def _call(layer: Any, stateful: bool) -> str:
    """The call, over {0} and the states {1}, {2}; a tuple with `return_state`."""
    states = ", ".join(_begun(layer, state) for state in range(layer.STATES))
    begun = (f", ({states})" if layer.STATES > 1 else f", {states}") if stateful else ""
    whole = f"@({{0}}{begun})"
    if layer.return_state:
        return f"with_states({whole}{'' if layer.return_sequences else ', last=True'})"
    if layer.return_sequences:
        return f"{whole}[0]"
    if layer.bidirectional:
        return f"with_states({whole}, last=True)[0]"
    return f"{whole}[0][:, -1]"


def _begun(layer: Any, state: int) -> str:
    """One kind of state of all ways, with the axis of ways that PyTorch puts first."""
    given = [f"{{{1 + way * layer.STATES + state}}}" for way in range(layer.ways)]
    return f"torch.stack(({', '.join(given)}))" if layer.bidirectional else f"{given[0]}[None]"


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.Embedding: _embedding,
    **dict.fromkeys(MODULES, _recurrent),
}
