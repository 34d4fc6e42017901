"""A Keras model of somebody's own as a description with weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.keras.reading.blocks import Origins, Place, trace
from trimaran.backends.keras.reading.given import Answer, Given, answer, live
from trimaran.backends.keras.reading.names import identifiers
from trimaran.backends.keras.reading.nodes import Value, Wiring, name_of, wiring
from trimaran.backends.keras.reading.weights import neutral
from trimaran.backends.protocol import Translation
from trimaran.errors import ConversionError, DescriptionError
from trimaran.spec.layer import Shape
from trimaran.spec.model import Model, functional
from trimaran.spec.trace import Input, Symbol

Array = np.ndarray


@dataclass(frozen=True)
class Original:
    """A model that was brought, and itself: `forward` gives the outputs of the user's own model in
    evaluation, both sides under the description's names."""

    translation: Translation
    forward: Callable[[Mapping[str, Array]], dict[str, Array]]


def from_keras(model: Any) -> Original:
    """A Sequential or functional Keras 3 model of this process; see `trimaran.from_keras`."""
    given = live(model)
    return original(given, answer(model, given.config))


def original(given: Given, ask: Answer) -> Original:
    """A model that was taken apart, beside what answers for it."""
    wired = wiring(given.config)
    names = {
        ours: name_of(entry) for ours, (entry, _) in zip(_inputs(wired), wired.inputs, strict=True)
    }
    translation = translate(given)
    outputs = [name for name, _ in translation.model.outputs]

    def forward(rows: Mapping[str, Array]) -> dict[str, Array]:
        found = ask({names[ours]: values for ours, values in rows.items()})
        return dict(zip(outputs, found, strict=True))

    return Original(translation, forward)


def translate(given: Given) -> Translation:
    """The description of a model that was taken apart.

    Raises:
        ConversionError: a layer has no description; the text names the first.
    """
    origins: Origins = {}
    model = described(given.config, origins)
    return Translation(model, neutral(model, given.variables, origins))


def described(config: Mapping[str, Any], origins: Origins) -> Model:
    """The description of a config, and in `origins` where its layers' variables are."""
    wired, name = wiring(config), re.sub(r"[^\w-]+", "_", str(config["name"]))
    inputs = _inputs(wired)
    made = trace(wired, tuple(inputs.values()), Place("", (), origins))
    try:
        return functional(inputs, _outputs(wired, made), name)
    except DescriptionError as refused:
        raise ConversionError(f"Keras model {name!r}: {refused}") from None


def _inputs(wired: Wiring) -> dict[str, Symbol]:
    names = identifiers(name_of(entry) for entry, _ in wired.inputs)
    found = {}
    for entry, value in wired.inputs:
        name = names[name_of(entry)] if len(wired.inputs) > 1 else "input"
        found[name] = Input(_shape(entry), name=name, dtype=_kind(wired, entry, value))
    return found


def _kind(wired: Wiring, entry: Mapping[str, Any], value: Value) -> str:
    """Whole numbers, also where Keras's input is of floats and an Embedding alone reads it."""
    readers = [call.entry["class_name"] for call in wired.calls if value in call.inputs]
    tokens = "int" in str(entry["config"].get("dtype", "float32")) or set(readers) == {"Embedding"}
    return "int32" if tokens else "float32"


def _shape(entry: Mapping[str, Any]) -> Shape:
    config = entry["config"]
    dtype = str(config.get("dtype", "float32"))
    if "float" not in dtype and "int" not in dtype:
        raise ConversionError(
            f"Layer {name_of(entry)!r} (InputLayer): an input of {dtype} has no description; give "
            "the model real numbers (float32) or whole ones (int32)."
        )
    return tuple(config.get("batch_shape") or config["batch_input_shape"])[1:]


def _outputs(wired: Wiring, made: list[Symbol]) -> dict[str, Symbol]:
    if len(made) == 1 and wired.outputs[0][0] is None:
        return {"output": made[0]}
    given = [key or value[0] for key, value in wired.outputs]
    if len(set(given)) < len(given):
        given = [f"output{number + 1}" for number in range(len(made))]
    names = identifiers(given)
    return {names[key]: symbol for key, symbol in zip(given, made, strict=True)}
