"""Models inside a model: each is a block, whose layers are called when the block is traced."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass, replace
from typing import Any

from trimaran.backends.keras.reading.given import Path
from trimaran.backends.keras.reading.names import identifiers
from trimaran.backends.keras.reading.nodes import ATTENTION, Call, Value, Wiring, name_of, wiring
from trimaran.backends.keras.reading.numbers import by_number
from trimaran.backends.keras.reading.rules import rule_of
from trimaran.backends.keras.reading.words import Config, Refused
from trimaran.errors import ConversionError, DescriptionError
from trimaran.spec.blocks import Composite
from trimaran.spec.layer import Layer
from trimaran.spec.model import camel
from trimaran.spec.trace import Symbol

Origins = dict[str, tuple[Path, str]]
"""Where each layer's variables are: its path in the description → its Keras path and the ending
of its name ("" where the Keras layer became one layer)."""


@dataclass(frozen=True)
class Place:
    """A graph being read: its path on both sides, and what is found out on the way."""

    path: str
    keras: Path
    origins: Origins

    def below(self, name: str, keras: str) -> Place:
        """The place of a model inside."""
        return Place(f"{self.path}{name}.", (*self.keras, keras), self.origins)


@dataclass(frozen=True)
class Nested(Composite):
    """A model used as a layer."""

    config: Any = None
    place: Any = None

    def build(self, *inputs: Any) -> Any:
        found = trace(wiring(self.config), inputs, self.place)
        return found[0] if len(found) == 1 else tuple(found)


def trace(wired: Wiring, inputs: tuple[Symbol, ...], place: Place) -> list[Symbol]:
    """Call every layer of the graph on symbolic tensors; the outputs in the config's order.

    Raises:
        ConversionError: the first layer, in the order of the calls, that has no description.
    """
    names = identifiers(name_of(call.entry) for call in wired.calls)
    values: dict[Value, Symbol] = {
        value: symbol for (_, value), symbol in zip(wired.inputs, inputs, strict=True)
    }
    layers: dict[str, tuple[Layer, ...]] = {}
    for call in wired.calls:
        given = tuple(values[value] for value in call.inputs)
        keras = name_of(call.entry)
        try:
            if keras not in layers:
                layers[keras] = _layers(call, given, names, place)
            made = _called(call, layers[keras], given)
        except (Refused, DescriptionError) as refused:
            raise _refusal(call, refused, place) from None
        for index, symbol in enumerate(made):
            values[(*call.output[:2], index)] = symbol
    return [values[value] for _, value in wired.outputs]


def _layers(
    call: Call, given: tuple[Symbol, ...], names: dict[str, str], place: Place
) -> tuple[Layer, ...]:
    """What the layer becomes; made once, so that a layer that is called twice is shared."""
    entry, config = call.entry, call.entry["config"]
    keras = name_of(entry)
    if "layers" in config:
        return (_nested(config, place.below(names[keras], keras), names[keras]),)
    _check_policy(config)
    found = []
    for ending, layer in _parts(call, given):
        name = f"{names[keras]}_{ending}" if ending else names[keras]
        place.origins[f"{place.path}{name}"] = ((*place.keras, keras), ending)
        found.append(replace(layer, name=name))
    return tuple(found)


def _parts(call: Call, given: tuple[Symbol, ...]) -> tuple[tuple[str, Layer], ...]:
    """The layers that one becomes, in turn, each with an ending for its name."""
    entry = call.entry
    if call.number is not None:
        return (("", by_number(entry["class_name"], call.number, call.first)),)
    rule = rule_of(entry["class_name"], entry.get("module"), entry.get("registered_name"))
    return rule(entry["config"], tuple(symbol.shape for symbol in given))


def _called(call: Call, layers: tuple[Layer, ...], given: tuple[Symbol, ...]) -> tuple[Any, ...]:
    if call.odd:
        raise Refused(f"it is called with {call.odd}, which has no description; leave that out")
    if call.entry["class_name"] == ATTENTION:
        given = _attended(given)
        layers = tuple(replace(layer, use_causal_mask=call.causal) for layer in layers)  # type: ignore[call-arg]
    made: Any = given[0] if len(given) == 1 else given
    for layer in layers:
        made = layer(made)
    return tuple(made) if isinstance(made, list | tuple) else (made,)


def _attended(given: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Query and what it attends to; a key of its own is refused."""
    if len(given) == 3 and given[1] is not given[2]:
        raise Refused("its key and value are two tensors, which has no description; give one")
    return given[:1] if given[0] is given[1] else given[:2]


def _nested(config: Config, place: Place, name: str) -> Composite:
    """A block whose class is called after the model: encoder_1 and encoder_2 are Encoders."""
    kind = camel(re.sub(r"_\d+$", "", name))
    made: Callable[..., Composite] = make_dataclass(kind, (), bases=(Nested,), frozen=True)
    return made(config=config, place=place, name=name)


def _check_policy(config: Config) -> None:
    policy = config.get("dtype")
    kind = policy.get("class_name") if isinstance(policy, dict) else ""
    if str(kind).startswith("Quantized") or str(kind).startswith("GPTQ"):
        raise Refused("its quantized weights have no description; convert the unquantized model")


def _refusal(call: Call, refused: Exception, place: Place) -> ConversionError:
    if isinstance(refused, ConversionError):
        return refused
    name = ".".join((*place.keras, name_of(call.entry)))
    text = str(refused).rstrip(".")
    return ConversionError(f"Layer {name!r} ({call.entry['class_name']}): {text}.")


__all__ = ["Nested", "Origins", "Place", "trace"]
