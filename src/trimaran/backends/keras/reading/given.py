"""A Keras model as plain values: its config, its variables, and how to ask it for outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.keras.reading.sequences import joined, own_arrays
from trimaran.errors import ConversionError

Path = tuple[str, ...]
Variables = Mapping[str, np.ndarray]
Answer = Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]
"""The model's outputs, in the order of its config, for rows by the name of the Keras input."""


@dataclass(frozen=True)
class Given:
    """`config` is what `to_json` writes; `variables` are by the layer's path (the names of the
    models around it, then its own) and their own name; `kind` is the model's class."""

    kind: str
    config: Mapping[str, Any]
    variables: Mapping[Path, Variables]


def live(model: Any) -> Given:
    """A model of this process.

    Raises:
        ConversionError: it is no Keras model, was never built, or has no config that tells its
            layers.
    """
    kind = type(model).__name__
    if not _is_model(model):
        raise ConversionError(
            f"{kind} is no Keras model; pass a keras.Sequential, or a keras.Model(inputs, outputs)."
        )
    config = _config(model, kind)
    if "layers" not in config:
        raise ConversionError(
            f"{kind} is a subclassed Keras model, whose config tells no layers: what its call() "
            "does cannot be read from it; write it in the functional style, "
            "keras.Model(inputs, outputs)."
        )
    return Given(kind, config, dict(_variables(model)))


def answer(model: Any, config: Mapping[str, Any]) -> Answer:
    """How to ask a live model, as in evaluation."""

    def ask(rows: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return [plain(tensor) for tensor in called(model, config, rows, training=False)]

    return ask


def called(
    model: Any, config: Mapping[str, Any], rows: Mapping[str, Any], training: bool | None = None
) -> list[Any]:
    """The model's outputs in the order of its config, for tensors by the name of the input."""
    given = _filled(config["input_layers"], rows) if "input_layers" in config else None
    made = model(next(iter(rows.values())) if given is None else given, training=training)
    return list(_flat(made))


def parts(model: Any, around: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every layer and operation with its path, models inside opened."""
    for part in getattr(model, "operations", model.layers):
        path = (*around, str(part.name))
        if _is_model(part):
            yield from parts(part, path)
        else:
            yield path, part


def _is_model(part: Any) -> bool:
    return hasattr(part, "layers") and hasattr(part, "to_json")


def plain(tensor: Any) -> np.ndarray:
    """Any framework's tensor as an array."""
    held = tensor.detach().cpu() if hasattr(tensor, "detach") else tensor
    return np.asarray(held)


def is_reference(value: Any) -> bool:
    """Whether the value names a tensor: [layer, node, output]."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:])
    )


def _filled(structure: Any, rows: Mapping[str, np.ndarray]) -> Any:
    """The inputs in the structure that the model's own have."""
    if is_reference(structure):
        return rows[structure[0]]
    if isinstance(structure, Mapping):
        return {key: _filled(value, rows) for key, value in structure.items()}
    return [_filled(value, rows) for value in structure]


def _flat(made: Any) -> Iterator[Any]:
    if isinstance(made, Mapping):
        for key in sorted(made):
            yield from _flat(made[key])
    elif isinstance(made, list | tuple):
        for value in made:
            yield from _flat(value)
    else:
        yield made


def _config(model: Any, kind: str) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = json.loads(model.to_json())["config"]
    except (NotImplementedError, TypeError, ValueError) as refused:
        raise ConversionError(
            f"{kind}{_unreadable(model)} gives no config that could be read "
            f"({_first_line(refused)}); use Keras's own layers, or give it a get_config()."
        ) from None
    return config


def _unreadable(model: Any) -> str:
    """The first layer whose config cannot be had."""
    for layer in model.layers:
        try:
            layer.get_config()
        except Exception:
            return f": its layer {layer.name!r} ({type(layer).__name__})"
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _variables(model: Any) -> Iterator[tuple[Path, dict[str, np.ndarray]]]:
    """The variables of every layer."""
    seen: dict[int, Path] = {}
    for path, layer in parts(model):
        own = getattr(layer, "weights", ())
        before = seen.setdefault(id(layer), path)
        if before != path and own:
            raise ConversionError(
                f"Layer {layer.name!r} ({type(layer).__name__}) is used in two models, as "
                f"{'.'.join(before)} and as {'.'.join(path)}, but weights can be shared only "
                "within one; give each a layer of its own, or call the inner model twice."
            )
        yield path, joined({k: _array(v) for k, v in own_arrays(layer).items()})


def _array(variable: Any) -> np.ndarray:
    values = plain(variable.value if hasattr(variable, "value") else variable)
    return values if values.dtype == np.float64 else values.astype(np.float32)
