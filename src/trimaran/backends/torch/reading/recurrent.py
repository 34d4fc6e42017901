"""Recurrent layers, and the states between them.

PyTorch keeps the states of all ways in one tensor, (ways, batch, units). Here it is the values of
the single ways, which leave it by an index (`h[-1]`); what else is done to it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimaran.backends.torch.reading import cells
from trimaran.backends.torch.reading.nodes import Key, Node, Ref
from trimaran.backends.torch.reading.shaping import END, full, whole_slice
from trimaran.backends.torch.reading.site import Site
from trimaran.backends.torch.reading.values import States, Value
from trimaran.spec import layers as L
from trimaran.spec.initializers import Uniform

KINDS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "gru": (L.GRU, {}),
    "lstm": (L.LSTM, {"unit_forget_bias": False}),
    "rnn_relu": (L.SimpleRNN, {"nonlinearity": "relu"}),
    "rnn_tanh": (L.SimpleRNN, {}),
}


@dataclass(frozen=True)
class Uses:
    """What of a recurrent layer's result is read: every step, the last step, h, c."""

    every: bool
    last: bool
    h: bool
    c: bool


STILL_ZEROS = ("alias", "clone", "contiguous", "detach", "expand", "slice", "to")
"""Of zeros to begin from, these make zeros to begin from."""


def states(site: Site) -> bool:
    """Whether the operation makes, or takes apart, states; what it makes is then known."""
    rule, known = STATES.get(site.node.op), site.reading.states
    first = site.node.refs[0].name if site.node.refs else ""
    if first in known and known[first] is None and site.node.op in STILL_ZEROS:
        return _zeros(site)
    makes = site.node.op in ("zeros", "new_zeros", "zeros_like")
    return rule is not None and bool(site.node.refs or makes) and bool(rule(site))


def _recurrent(site: Site) -> bool:
    site.require(
        "batch_sizes" not in site.node.arguments, "it reads packed rows",
        "read padded rows as they are, or describe the padding: "
        "trimaran.layers.Embedding(mask_zero=True)",
    )  # fmt: skip
    both, bias = site["bidirectional"], site["has_biases"]
    site.require(
        site["num_layers"] == 1, "it has several layers", "use nn.LSTM itself, or its like"
    )
    path, (rows, _) = _arrays(site, both, bias)
    kind, own = KINDS[site.node.op]
    units, uses = rows // kind.GATES, _uses(site)
    drawn = Uniform(units**-0.5)
    every = uses.every or (both and uses.last)
    begun = _begun(site, kind.STATES)
    layer = kind(
        units, return_sequences=every, bidirectional=both, use_bias=bias,
        return_state=uses.c or (both and uses.h) or (every and (uses.h or uses.last) and not both),
        kernel_initializer=drawn, recurrent_initializer=drawn, bias_initializer=drawn, **own,
    )  # fmt: skip
    made, behind = site.several(layer, _input(site), *begun, path=path)
    _keep(site, layer, made, behind)
    return True


def _keep(site: Site, layer: Any, made: Value, behind: tuple[Value, ...]) -> None:
    """The parts of the result under the node's name."""
    reading, first = site.reading, bool(site["batch_first"])
    axes = (1, 2) if first else (0, 2)
    every = Value(made.number, made.shape, axes, 0 if first else 1)
    kinds = [States(behind[i :: layer.STATES]) for i in range(layer.STATES)]
    last = Value(made.number, made.shape, (1,))
    if not layer.return_state:
        kinds = [States((last,))]
    reading.parts[site.node.name] = (every if layer.return_sequences else None, *kinds)
    if not layer.bidirectional:
        reading.lasts[site.node.name] = kinds[0].values[0]
    elif layer.return_state and not layer.return_sequences:
        reading.ends[tuple(value.number for value in kinds[0].values)] = last


def _arrays(site: Site, both: bool, bias: bool) -> tuple[str, tuple[int, ...]]:
    """The path of the module that holds the arrays, and the shape of its first."""
    names = [f"{kind}_{w}_l0{way}" for way in ("", "_reverse")[: 1 + both]
             for kind in ("weight", "bias")[: 1 + bias] for w in ("ih", "hh")]  # fmt: skip
    keys = [key.text if isinstance(key, Key) else "" for key in site["params"]]
    path = keys[0].rpartition(".")[0]
    site.require(bool(path), "it belongs to the outermost module",
                 "put the layer into a module of your own")  # fmt: skip
    site.require(
        keys == [f"{path}.{name}" for name in names], "its arrays are not those of PyTorch's layer",
        "use nn.RNN, nn.LSTM or nn.GRU without proj_size",
    )  # fmt: skip
    return path, site.reading.traced.arrays[keys[0]]


def _input(site: Site) -> Value:
    """(time, features), from (batch, time, features) or, where PyTorch has it so, (time, batch,
    features)."""
    first = bool(site["batch_first"])
    value = site.value(site["input"], anywhere=True)
    site.require(
        value.batch == (0 if first else 1),
        f"it has batch_first={first}, but the batch stands {('first', 'second')[value.batch]}",
        f"make it with batch_first={not first}, or transpose what it reads",
    )
    axes = (1, 2) if first else (0, 2)
    value = full(site, value, 2) if first else value
    site.require(set(value.axes) == set(axes), "it takes no sequence", "give (time, features)")
    return site.arranged(value, axes)


def _begun(site: Site, count: int) -> list[Value]:
    """The states that it begins from, way by way; none where they are zeros."""
    given = site["hx"] if isinstance(site["hx"], list) else [site["hx"]]
    names = [ref.name for ref in given if isinstance(ref, Ref)]
    known = site.reading.states
    if all(name in known and known[name] is None for name in names):
        return []
    found = [known.get(name) for name in names]
    site.require(
        len(found) == count and all(found), "it begins from a tensor that is no layer's states",
        "begin from the states of another recurrent layer, or from h.unsqueeze(0)",
    )  # fmt: skip
    return [value for way in zip(*(s.values for s in found if s), strict=True) for value in way]


def _uses(site: Site) -> Uses:
    traced = site.reading.traced
    parts = {node.arguments["1"]: node for node in traced.readers(site.node.name)}
    read = [i in parts and _is_read(site, parts[i]) for i in range(3)]
    first = parts.get(0)
    every, last = _steps_read(site, first) if first is not None and read[0] else (False, False)
    return Uses(every, last, read[1], read[2])


def _is_read(site: Site, node: Node) -> bool:
    traced = site.reading.traced
    return bool(traced.readers(node.name)) or traced.returned(node.name)


def _steps_read(site: Site, node: Node) -> tuple[bool, bool]:
    """(whether every step of the sequence is read, whether the last is by itself)."""
    traced = site.reading.traced
    every, last = traced.returned(node.name), False
    for reader in traced.readers(node.name):
        if whole_slice(reader):
            more = _steps_read(site, reader)
            every, last = every or more[0], last or more[1]
        elif _takes_last(site, reader):
            last = True
        else:
            every = True
    return every, last


def _takes_last(site: Site, node: Node) -> bool:
    """Whether it is `out[:, -1]`, or `out[-1]` with the time first."""
    if node.op != "select":
        return False
    sizes = site.sizes(node.refs[0].name)
    time = 1 if sizes[0] is None else 0
    last = node.arguments["index"] in (-1, int(sizes[time] or 0) - 1)
    return last and bool(node.arguments["dim"] == time)


# States ---------------------------------------------------------------------------------------


def _zeros(site: Site) -> bool:
    site.reading.states[site.node.name] = None
    return True


def _part(site: Site) -> bool:
    """One of the results of a recurrent layer."""
    reading, source = site.reading, site["0"]
    parts = reading.parts.get(source.name) if isinstance(source, Ref) else None
    if parts is None:
        return False
    part = parts[site["1"]]
    if isinstance(part, States):
        reading.states[site.node.name] = part
    elif part is not None:
        reading.values[site.node.name] = part
    if site["1"] == 0 and source.name in reading.lasts:
        reading.lasts[site.node.name] = reading.lasts[source.name]
    return True


def _taken(site: Site) -> States | None:
    refs = site.node.refs
    return site.reading.states.get(refs[0].name) if refs else None


def _select(site: Site) -> bool:
    reading, found = site.reading, _taken(site)
    if found is not None:
        site.require(site["dim"] == 0, "it takes states apart", "take h[-1]")
        reading.values[site.node.name] = found.values[site["index"]]
        return True
    ref = site.node.refs[0]
    if ref.name not in reading.lasts or not _takes_last(site, site.node):
        return False
    reading.values[site.node.name] = reading.lasts[ref.name]
    return True


def _slice(site: Site) -> bool:
    reading, found, (ref, *_) = site.reading, _taken(site), site.node.refs
    if found is not None:
        if site["dim"] == 0:
            end = None if site["end"] in (None, END) else site["end"]
            found = States(found.values[site["start"] or 0 : end])
        else:
            site.require(whole_slice(site.node), "it takes states apart", "take h[-1] first")
        reading.states[site.node.name] = found
        return True
    if ref.name in reading.lasts and whole_slice(site.node):
        reading.lasts[site.node.name] = reading.lasts[ref.name]
        return ref.name not in reading.values
    return False


def _squeeze(site: Site) -> bool:
    found = _taken(site)
    if found is None or site.node.arguments.get("dim", 0) != 0 or len(found.values) != 1:
        return False
    site.reading.values[site.node.name] = found.values[0]
    return True


def _unsqueeze(site: Site) -> bool:
    """A row of numbers as a state to begin from."""
    if site["dim"] != 0 or site.rank() != 1:
        return False
    site.reading.states[site.node.name] = States((site.x(),))
    return True


def _joined(site: Site) -> bool:
    reading, known = site.reading, site.reading.states
    refs = [ref for ref in site["tensors"] if isinstance(ref, Ref)]
    given = [known.get(ref.name) for ref in refs]
    if site["dim"] != 0 or not all(given):
        values_ = [reading.values.get(ref.name) for ref in refs]
        end = reading.ends.get(tuple(value.number for value in values_ if value))
        if end is None or site["dim"] not in (1, -1) or site.node.shape != (None, *end.shape):
            return False
        reading.values[site.node.name] = end
        return True
    values = tuple(value for each in given if each for value in each.values)
    site.reading.states[site.node.name] = States(values)
    return True


STATES = {
    "cat": _joined,
    "getitem": _part,
    "new_zeros": _zeros,
    "select": _select,
    "slice": _slice,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "zeros": _zeros,
    "zeros_like": _zeros,
    **dict.fromkeys(KINDS, _recurrent),
    **dict.fromkeys(cells.KINDS, cells.cell),
}
