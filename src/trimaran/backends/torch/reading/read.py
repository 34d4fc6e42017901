"""A module as a description that is known to compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from trimaran.backends.torch.reading.assembly import assembled
from trimaran.backends.torch.reading.example import Example
from trimaran.backends.torch.reading.graph import trace
from trimaran.backends.torch.reading.hierarchy import nested
from trimaran.backends.torch.reading.nodes import Traced
from trimaran.backends.torch.reading.patterns import joined
from trimaran.backends.torch.reading.rules import interpret
from trimaran.backends.torch.reading.site import Reading
from trimaran.backends.torch.reading.strides import spelled
from trimaran.backends.torch.reading.tables import tabled
from trimaran.backends.torch.reading.values import Axes, Step
from trimaran.backends.torch.weights import arrays
from trimaran.errors import ConversionError, DescriptionError
from trimaran.spec.layout import layouts
from trimaran.spec.model import Model


@dataclass(frozen=True)
class Read:
    """The description, the weights, and how the module's own tensors lie.

    `inputs` and `outputs` hold the axes of each (see `values.Value`), `taps` those of what the
    layer at each path makes. `module` is what was read: a copy of the user's, opened (see
    `reading.opened`).
    """

    module: nn.Module
    model: Model
    weights: Mapping[str, np.ndarray]
    inputs: tuple[Axes, ...]
    outputs: Mapping[str, Axes]
    taps: Mapping[str, Axes]


def read(module: nn.Module, example: Example) -> Read:
    """Translate a module in evaluation mode; see `from_torch` for the rules."""
    _hold_untied(module, type(module).__name__)
    traced = joined(trace(module, example.tensors))
    if tabled(module, traced):
        traced = joined(trace(module, example.tensors))
    weights = arrays(module)
    model, reading = described(module, traced)
    _hold_keys(module, model, weights)
    values = [reading.values[entry.node] for entry in traced.outputs]
    leaves = zip(model.leaves, reading.steps, strict=True)
    return Read(
        module,
        model,
        weights,
        tuple(value.axes for value in reading.inputs),
        {entry.name: value.axes for entry, value in zip(traced.outputs, values, strict=True)},
        {leaf.path: step.axes for leaf, step in leaves},
    )


def described(module: nn.Module, traced: Traced) -> tuple[Model, Reading]:
    """The description. A flattening whose order the description's rule does not give is read
    again with its order written out, until all orders hold."""
    explicit: frozenset[str] = frozenset()
    while True:
        reading = interpret(traced, explicit)
        _hold_outputs(reading)
        reading.steps = _reachable(reading)
        if not reading.steps:
            raise ConversionError(
                f"{traced.name}: forward has no layer between its inputs and outputs."
            )
        try:
            root = nested(reading.steps, module)
            spelled(root)
            model = assembled(reading, root)
            model.graph.values  # noqa: B018 (holds every legality rule)
        except DescriptionError as error:
            raise ConversionError(f"{traced.name}: {error}") from None
        wrong = _wrongly_flattened(reading, model)
        if not wrong - explicit:
            return model, reading
        explicit |= wrong


def _hold_outputs(reading: Reading) -> None:
    for entry in reading.traced.outputs:
        value = reading.values.get(entry.node)
        why = "takes states as a whole, (layers, batch, units); return h[-1]"
        if value is not None and value.batch:
            why = "does not have its batch first; transpose it back"
        if value is None or value.batch:
            raise ConversionError(f"{reading.traced.name}: the output {entry.name!r} {why}.")


def _reachable(reading: Reading) -> list[Step]:
    """The steps that the outputs depend on."""
    makers = {value: step for step in reading.steps for value in step.values}
    waiting = [reading.values[entry.node].number for entry in reading.traced.outputs]
    found: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number in makers and number not in found:
            found |= set(makers[number].values)
            waiting += makers[number].inputs
    read = {value for step in reading.steps if step.made in found for value in step.inputs}
    read |= {reading.values[entry.node].number for entry in reading.traced.outputs}
    return [_lean(step, read) for step in reading.steps if step.made in found]


def _lean(step: Step, read: set[int]) -> Step:
    """Without the states behind its output, where nothing reads them."""
    if not step.behind or read & set(step.values[1:]):
        return step
    layer: Any = step.layer
    return replace(step, layer=replace(layer, return_state=False), behind=0)


def _wrongly_flattened(reading: Reading, model: Model) -> frozenset[str]:
    """The nodes whose flattening the description would do in another order."""
    flat = layouts(model).flat
    wrong = set()
    for leaf, step in zip(model.leaves, reading.steps, strict=True):
        name, wanted = reading.flattened.get(step.made, ("", ""))
        if name and wanted != ("first" if leaf.output in flat else "last"):
            wrong.add(name)
    return frozenset(wrong)


def _hold_keys(module: nn.Module, model: Model, weights: Mapping[str, np.ndarray]) -> None:
    """The description's arrays must be the module's own, all of them, each under its key."""
    name = type(module).__name__
    if model.heads and "logits" in model.graph.table:
        raise ConversionError(
            f"{name}: a layer is called 'logits', as is the method of the source that leaves the "
            "last softmax or sigmoid out; rename the layer."
        )
    unused = [key for key in weights if key not in model.parameters]
    if unused:
        raise ConversionError(
            f"{name}: forward never uses {unused[0]!r}"
            f"{f' and {len(unused) - 1} more arrays' if len(unused) > 1 else ''}, so the "
            "description would lose it; take that module out, or use it."
        )
    missing = [key for key in model.parameters if key not in weights]
    if missing:
        raise ConversionError(
            f"{name}: its state dict has no {missing[0]!r}; do not leave arrays out of it."
        )
    for key, parameter in model.parameters.items():
        if tuple(parameter.shape) != weights[key].shape:
            raise ConversionError(
                f"{name}: {key} has the shape {weights[key].shape}, and its layer needs "
                f"{tuple(parameter.shape)}; use the layer's usual shape."
            )


def _hold_untied(module: nn.Module, name: str) -> None:
    seen: dict[int, str] = {}
    for key, parameter in module.named_parameters(remove_duplicate=False):
        first = seen.setdefault(id(parameter), key)
        if first != key:
            raise ConversionError(
                f"{name}: {key} and {first} are one tensor; a description shares weights by "
                "calling one layer twice, so call one module twice, or give each its own weights "
                "(an embedding and the layer that ends a language model, too)."
            )
