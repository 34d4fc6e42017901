"""The description as JSON, with a version and a digest; a round trip changes nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any

from trimaran.errors import DescriptionError
from trimaran.spec.graph import Call, Graph, Port
from trimaran.spec.initializers import (
    Constant,
    Gates,
    Initializer,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
)
from trimaran.spec.layer import Layer
from trimaran.spec.layers import LAYERS
from trimaran.spec.model import Model
from trimaran.spec.named import Int, parse, show

FORMAT = "trimaran-model"
VERSION = 1
_INITIALIZERS = {
    c.__name__: c for c in (Constant, Gates, Normal, Orthogonal, Uniform, VarianceScaling)
}


def to_json(model: Model) -> dict[str, Any]:
    """The model as JSON values."""
    body = {"name": model.name, "graph": _graph(model.graph)}
    return {"format": FORMAT, "version": VERSION, "digest": _digest(body), **body}


def digest(model: Model) -> str:
    """SHA-256 of the description: equal digests are equal models."""
    return str(to_json(model)["digest"])


def from_json(data: Any, where: str = "model.json") -> Model:
    """The inverse of `to_json`.

    Raises:
        DescriptionError: not a model, another version, a changed digest, or a broken rule.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DescriptionError(f"{where} does not hold a Trimaran model; pass a run's model.json.")
    if data.get("version") != VERSION:
        raise DescriptionError(
            f"{where} has version {data.get('version')!r}, and this Trimaran reads {VERSION}; "
            "use the Trimaran that wrote it."
        )
    body = {"name": data.get("name"), "graph": data.get("graph")}
    if _digest(body) != data.get("digest"):
        raise DescriptionError(
            f"{where} was changed after it was written (its digest differs); restore the file."
        )
    model = Model(data["name"], _read_graph(data["graph"], where))
    model.graph.values  # noqa: B018 (holds the legality rules)
    return model


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _graph(graph: Graph) -> dict[str, Any]:
    return {
        "kind": graph.kind,
        "inline": graph.inline,
        "arguments": {name: _value(value) for name, value in graph.arguments},
        "inputs": [
            {"name": p.name, "shape": _value(p.shape), "dtype": p.dtype} for p in graph.inputs
        ],
        "layers": [[name, _op(op)] for name, op in graph.layers],
        "calls": [{"layer": call.layer, "inputs": list(call.inputs)} for call in graph.calls],
        "outputs": [[name, value] for name, value in graph.outputs],
        "guards": list(graph.guards),
        "flags": list(graph.flags),
    }


def _op(op: Layer | Graph) -> dict[str, Any]:
    if isinstance(op, Graph):
        return {"graph": _graph(op)}
    settings = {name: _value(value) for name, value in op.settings().items()}
    return {"layer": type(op).__name__, **settings}


def _value(value: Any) -> Any:
    match value:
        case Int():
            return {"int": int(value), "as": show(value.expr)}
        case tuple() | list():
            return [_value(item) for item in value]
        case Constant() | Gates() | Normal() | Orthogonal() | Uniform() | VarianceScaling():
            own = {f.name: _value(getattr(value, f.name)) for f in fields(value)}
            return {"initializer": type(value).__name__, **own}
    return value


def _read_graph(data: dict[str, Any], where: str) -> Graph:
    return Graph(
        kind=data["kind"],
        inline=data["inline"],
        arguments=tuple((name, _read(value)) for name, value in data["arguments"].items()),
        inputs=tuple(Port(p["name"], _read(p["shape"]), p["dtype"]) for p in data["inputs"]),
        layers=tuple((name, _read_op(op, f"{where}: {name}")) for name, op in data["layers"]),
        calls=tuple(Call(call["layer"], tuple(call["inputs"])) for call in data["calls"]),
        outputs=tuple((name, value) for name, value in data["outputs"]),
        guards=tuple(data["guards"]),
        flags=tuple(data["flags"]),
    )


def _read_op(data: dict[str, Any], where: str) -> Layer | Graph:
    if "graph" in data:
        return _read_graph(data["graph"], where)
    kind = data["layer"]
    if kind not in LAYERS:
        raise DescriptionError(f"{where}: layer {kind!r} is unknown to this Trimaran; upgrade it.")
    settings = {name: _read(value) for name, value in data.items() if name != "layer"}
    try:
        return LAYERS[kind](**settings)
    except TypeError as error:
        raise DescriptionError(f"{where} ({kind}): {error}.") from None


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(item) for item in value)
    if isinstance(value, dict) and "as" in value:
        return Int(value["int"], parse(value["as"]))
    if isinstance(value, dict):
        return _read_initializer(value)
    return value


def _read_initializer(value: dict[str, Any]) -> Initializer:
    own = {name: _read(item) for name, item in value.items() if name != "initializer"}
    made: Initializer = _INITIALIZERS[value["initializer"]](**own)
    return made
