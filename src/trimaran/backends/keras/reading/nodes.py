"""The calls of a model in the order in which they can be made, from its config alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimaran.backends.keras.reading.given import is_reference
from trimaran.errors import ConversionError

Value = tuple[str, int, int]
"""A tensor: the layer that made it, the how-manieth of its calls, and which of its outputs."""
INPUT = "InputLayer"
HARMLESS = ("training", "mask")
"""Arguments of a call that say nothing where they are None or False: how a model trains is the
recipe's to say."""


ATTENTION = "MultiHeadAttention"
STATES = ("sequence", "inputs", "initial_state")
TENSORS = {
    ATTENTION: ("query", "value", "key"),
    **dict.fromkeys(("Bidirectional", "GRU", "LSTM", "SimpleRNN"), STATES),
}
"""Arguments that are tensors, in their order, of layers that take several."""


@dataclass(frozen=True)
class Call:
    """One use of a layer: its entry in the config, what it reads and what it makes.

    `odd` is an argument that is no tensor and says something, as text, or "". `causal` is that of
    attention. `number` is the plain number of an operation such as x - 1; `first` says that it
    stands first, as in 1 - x.
    """

    entry: Mapping[str, Any]
    inputs: tuple[Value, ...]
    output: Value
    odd: str = ""
    causal: bool = False
    number: float | None = None
    first: bool = False


@dataclass(frozen=True)
class Wiring:
    """The layers between a model's inputs and outputs. Output names are None where the config
    has none."""

    inputs: tuple[tuple[Mapping[str, Any], Value], ...]
    calls: tuple[Call, ...]
    outputs: tuple[tuple[str | None, Value], ...]


def wiring(config: Mapping[str, Any]) -> Wiring:
    """The wiring of a Sequential's or a functional model's config."""
    return _graph(config) if "input_layers" in config else _chain(config)


def name_of(entry: Mapping[str, Any]) -> str:
    """The layer's name."""
    return str(entry.get("name") or entry["config"]["name"])


def _chain(config: Mapping[str, Any]) -> Wiring:
    entries = list(config["layers"])
    if entries and entries[0]["class_name"] == INPUT:
        start = entries.pop(0)
    elif config.get("build_input_shape"):
        start = _start(config["build_input_shape"])
    else:
        raise ConversionError(
            f"Sequential {config['name']!r} does not know the shape of its input; put "
            "keras.Input(shape) in front of it, or call its build(shape) first."
        )
    value = _made(start)
    inputs, calls = ((start, value),), list[Call]()
    for entry in entries:
        calls.append(Call(entry, (value,), _made(entry)))
        value = calls[-1].output
    return Wiring(inputs, tuple(calls), ((None, value),))


def _start(shape: Any) -> Mapping[str, Any]:
    own = {"name": "input", "batch_shape": shape, "dtype": "float32"}
    return {"class_name": INPUT, "config": own}


def _made(entry: Mapping[str, Any], number: int = 0) -> Value:
    return (name_of(entry), number, 0)


def _graph(config: Mapping[str, Any]) -> Wiring:
    entries = {name_of(entry): entry for entry in config["layers"]}
    masks = frozenset(_masks(config["layers"]))
    found = [call for entry in config["layers"] for call in _calls(entry, masks)]
    read = {value[0] for call in found for value in call.inputs}
    waiting = [call for call in found if call.output[0] not in masks - read]
    inputs = tuple((entries[v[0]], v) for _, v in _named(config["input_layers"]))
    outputs = tuple(
        (key, _counted(entries, value)) for key, value in _named(config["output_layers"])
    )
    known = {(value[0], value[1]) for _, value in inputs}
    return Wiring(inputs, tuple(_sorted(waiting, known)), outputs)


def _counted(entries: Mapping[str, Any], value: Value) -> Value:
    """Among a model's outputs, and only there, Keras counts the calls of a functional model from
    1."""
    name, node, index = value
    return (name, node - 1, index) if "input_layers" in entries[name]["config"] else value


def _sorted(waiting: list[Call], known: set[tuple[str, int]]) -> Iterator[Call]:
    """Each call behind those that it reads from, otherwise in the config's order."""
    while waiting:
        later = []
        for call in waiting:
            if all(value[:2] in known for value in call.inputs):
                known.add(call.output[:2])
                yield call
            else:
                later.append(call)
        if len(later) == len(waiting):
            raise ConversionError(
                f"Layer {later[0].output[0]!r} reads a tensor that no layer of the config makes; "
                "build the model again from its inputs."
            )
        waiting = later


def _masks(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The comparisons with 0 by which an Embedding(mask_zero=True) tells the layers behind it which
    steps hold data: a description's layers are told by themselves."""
    tokens = {
        value
        for entry in entries
        if entry["class_name"] == "Embedding" and entry["config"].get("mask_zero")
        for node in entry.get("inbound_nodes", ())
        for value in _tensors(node["args"])
    }
    for entry in entries:
        nodes = entry.get("inbound_nodes", ()) if entry["class_name"] == "NotEqual" else ()
        given = [(tuple(_tensors(n["args"])), list(_constants(n["args"]))) for n in nodes]
        if given and all(set(read) <= tokens and other == [0] for read, other in given):
            yield name_of(entry)


def _is_mask(word: str, value: Any, masks: frozenset[str]) -> bool:
    makers = {name for name, _, _ in _tensors(value)}
    return word == "mask" and bool(makers) and makers <= masks


def _calls(entry: Mapping[str, Any], masks: frozenset[str]) -> Iterator[Call]:
    for place, node in enumerate(entry.get("inbound_nodes", ())):
        if not isinstance(node, Mapping):
            raise ConversionError(
                f"Layer {name_of(entry)!r} is wired as Keras 2 wrote it; load and save the model "
                "with Keras 3."
            )
        told = {k: v for k, v in node["kwargs"].items() if not _is_mask(k, v, masks)}
        named = {k: v for k, v in told.items() if k not in HARMLESS or _says(v)}
        words = TENSORS.get(entry["class_name"], ("inputs",))
        causal = entry["class_name"] == ATTENTION and named.pop("use_causal_mask", False)
        inputs = tuple(_tensors([*node["args"], *(named.pop(word, None) for word in words)]))
        number, first = _number(entry, node["args"])
        constants = _constants(node["args"]) if number is None else ()
        odd = [repr(value) for value in constants]
        odd += [f"{key}={_word(value)}" for key, value in named.items()]
        made = _made(entry, place)
        yield Call(entry, inputs, made, ", ".join(odd), bool(causal), number, first)


def _number(entry: Mapping[str, Any], given: Sequence[Any]) -> tuple[float | None, bool]:
    """The number that an operation of keras.ops takes beside a tensor, and whether it stands
    first."""
    plain = [isinstance(value, int | float) and not isinstance(value, bool) for value in given]
    if str(entry.get("module")).startswith("keras.src.ops") and len(plain) == 2 and sum(plain) == 1:
        return given[plain.index(True)], plain[0]
    return None, False


def _says(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_says(item) for item in value)
    return value not in (None, False)


def _word(value: Any) -> str:
    return "a tensor" if any(_tensors(value)) else repr(value)


def _tensors(value: Any) -> Iterator[Value]:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        name, node, index = value["config"]["keras_history"]
        yield (name, node, index)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _tensors(value[key])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _constants(value: Any) -> Iterator[Any]:
    """What is neither a tensor nor None."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _constants(item)
    elif isinstance(value, Mapping):
        if not any(_tensors(value)):
            yield dict(value)
    elif value is not None:
        yield value


def _named(structure: Any) -> Iterator[tuple[str | None, Value]]:
    """The tensors of a structure, those of a dictionary under its keys."""
    if is_reference(structure):
        name, node, index = structure
        yield None, (name, node, index)
    elif isinstance(structure, Mapping):
        for key in sorted(structure):
            for name, value in _named(structure[key]):
                yield name or str(key), value
    else:
        for item in structure:
            yield from _named(item)
