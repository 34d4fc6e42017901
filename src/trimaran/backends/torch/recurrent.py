"""Sequences in PyTorch's words: `nn.Embedding`; `nn.LSTM`, `nn.LSTMCell` and their like with
Keras's one bias.

Rows that are padded run through the module as they are, and what the padding makes is left out
afterwards: packing them is several times slower on a CPU, and needed only for the states of an
LSTM, whose c the module does not show for each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.backends.torch.code import Code, Site, step_count
from trimaran.spec import layers as L
from trimaran.spec.layer import Layer

MODULES: dict[type[Layer], str] = {L.SimpleRNN: "RNN", L.LSTM: "LSTM", L.GRU: "GRU"}
CELLS: dict[type[Layer], type[Layer]] = {
    L.SimpleRNNCell: L.SimpleRNN,
    L.LSTMCell: L.LSTM,
    L.GRUCell: L.GRU,
}


def module_of(layer: Any) -> str | None:
    """The class of torch.nn that holds the layer's arrays, None where it is no recurrent layer."""
    kind = MODULES.get(CELLS.get(type(layer), type(layer)))
    return f"{kind}Cell" if kind and (type(layer) in CELLS or layer.cell) else kind


def _embedding(layer: L.Embedding, site: Site) -> Code:
    rows = site.numbers.one(layer.input_dim, "input_dim")
    still = "" if layer.padding_index is None else f", padding_idx={layer.padding_index}"
    module = f"nn.Embedding({rows}, {site.numbers.one(layer.output_dim, 'output_dim')}{still})"
    return Code("@({0})", module, module)


def _one_hot(layer: L.OneHot, site: Site) -> Code:
    depth = site.numbers.one(layer.depth, "depth")
    return Code(f"one_hot(self, {{0}}, {depth})", helpers=("one_hot",))


def _cell(layer: Any, site: Site) -> Code:
    states = ", ".join(f"{{{i + 1}}}" for i in range(layer.states))
    call = f"@({{0}}, ({states}))" if layer.states > 1 else f"@({{0}}, {states})"
    return _held(layer.over_time(), site, call, ())


def _recurrent(layer: Any, site: Site) -> Code:
    if layer.masked:
        return _held(layer, site, *_padded(layer, site))
    call = _step(layer) if _one_step(layer, site) else _call(layer, len(site.shapes) > 1)
    helpers = ("one_step", "one_cell_step", "over_steps", "with_states")
    return _held(layer, site, call, tuple(n for n in helpers if f"{n}(" in call))


def _held(layer: Any, site: Site, call: str, needed: tuple[str, ...]) -> Code:
    """The call with the module that holds the arrays."""
    text = _module(layer, site)
    if not layer.use_bias or layer.TWO_BIASES:
        return Code(call, text, helpers=needed)
    return Code(call, f"one_bias({text})", helpers=(*needed, "one_bias"))


def _module(layer: Any, site: Site) -> str:
    relu = isinstance(layer, L.SimpleRNN) and layer.nonlinearity == "relu"
    given = (
        site.numbers.one(site.shapes[0][-1] or 0, "in_features"),
        site.numbers.one(layer.units, "units"),
        'nonlinearity="relu"' if relu else "",
        "" if layer.use_bias else "bias=False",
        "" if layer.cell else "batch_first=True",
        "bidirectional=True" if layer.bidirectional else "",
    )
    return f"nn.{module_of(layer)}({', '.join(part for part in given if part)})"


def _one_step(layer: Any, site: Site) -> bool:
    """Whether the sequence is one step between states, as a network that writes has it."""
    alone = site.shapes[0][0] == 1 and len(site.shapes) > 1 and not layer.bidirectional
    return bool(alone and layer.return_sequences and layer.return_state)


def _step(layer: Any) -> str:
    states = ", ".join(f"{{{i + 1}}}" for i in range(layer.STATES))
    if layer.cell:
        return f"one_cell_step(@, {{0}}, {states})"
    return f"one_step(torch.{_function(layer)}_cell, @, {{0}}, {states})"


def _function(layer: Any) -> str:
    """What PyTorch calls the layer as a function."""
    relu = f"rnn_{layer.nonlinearity}" if isinstance(layer, L.SimpleRNN) else ""
    return relu or type(layer).__name__.lower()


def _padded(layer: Any, site: Site) -> tuple[str, tuple[str, ...]]:
    """The call over padded rows, and the helpers that it needs."""
    count, stateful = step_count(site), len(site.shapes) > 2
    if layer.return_state or (layer.bidirectional and stateful):
        whole = f"packed(@, {{0}}, {count}{_given(layer) if stateful else ''})"
        last = "" if layer.return_sequences else ", last=True"
        one = "" if layer.return_state else "[0]"
        return f"with_states({whole}{last}){one}", ("packed", "with_states")
    end = "zero_padding" if layer.return_sequences else "last_step"
    if not layer.bidirectional:
        run = f"@({{0}}{_given(layer) if stateful else ''})[0]"
        return f"{end}({run}, {count})", (end, "step_mask") if end == "zero_padding" else (end,)
    last = "" if layer.return_sequences else ", last=True"
    helpers = ("both_ways", "last_step", "zero_padding", "step_mask")
    return f"both_ways(torch.{_function(layer)}, @, {{0}}, {count}{last})", helpers


def _given(layer: Any) -> str:
    """The initial state as the module's second argument."""
    states = ", ".join(_begun(layer, state) for state in range(layer.STATES))
    return f", ({states})" if layer.STATES > 1 else f", {states}"


def _call(layer: Any, stateful: bool) -> str:
    """The call, over {0} and the states {1}, {2}; a tuple with `return_state`."""
    run = f"over_steps(torch.{_function(layer)}, @, " if layer.cell else "@("
    whole = f"{run}{{0}}{_given(layer) if stateful else ''})"
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


def pooled(layer: L.GlobalMaxPooling1D | L.GlobalAveragePooling1D, site: Site) -> Code:
    """A global pooling over padded rows."""
    function = "mean_step" if isinstance(layer, L.GlobalAveragePooling1D) else "largest_step"
    kept = "[:, None]" if layer.keepdims else ""
    return Code(f"{function}({{0}}, {step_count(site)}){kept}", helpers=(function, "step_mask"))


def _mask_steps(layer: L.MaskSteps, site: Site) -> Code:
    return Code(f"zero_padding({{0}}, {step_count(site)})", helpers=("zero_padding", "step_mask"))


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.Embedding: _embedding,
    L.MaskSteps: _mask_steps,
    L.OneHot: _one_hot,
    **dict.fromkeys(CELLS, _cell),
    **dict.fromkeys(MODULES, _recurrent),
}
