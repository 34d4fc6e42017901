"""From a recipe's `model:` block and the data's shapes to a description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from trimaran import runs, zoo
from trimaran.data.batches import Rows
from trimaran.data.prepared import Output, Prepared
from trimaran.data.series.target import Forecast
from trimaran.data.stream import Stream
from trimaran.data.texts.field import PaddedText
from trimaran.errors import RecipeError
from trimaran.files import read_json
from trimaran.recipe import ModelSettings, Recipe
from trimaran.spec import Model, from_json
from trimaran.spec.model import fits
from trimaran.spec.padding import leaves_padding_out
from trimaran.steps.beginning import located
from trimaran.tasks import Loss, Objective
from trimaran.tasks.loss import PINBALL


def describe(settings: ModelSettings, prepared: Prepared) -> Model:
    """The model for this data.

    Raises:
        RecipeError: the model's input or output does not fit the data.
        DescriptionError: the architecture cannot take rows of that shape.
    """
    if settings.spec:
        model = from_json(read_json(Path(settings.spec)), settings.spec)
    else:
        model = _from_zoo(settings, prepared)
    _fits(model, prepared)
    return model


def _from_zoo(settings: ModelSettings, prepared: Prepared) -> Model:
    shape, output = prepared.inputs["input"], prepared.outputs["output"]
    if settings.input_shape is not None and settings.input_shape != shape:
        raise RecipeError(
            f"model.input_shape is {settings.input_shape}, but the rows of {prepared.name} have "
            f"the shape {shape}; leave it out, or set data.image_size and data.channels."
        )
    units = output.size if settings.classes is None else settings.classes
    if units != output.size and not (units == 1 and output.size == 2):
        raise RecipeError(
            f"model.classes is {units}, but {prepared.name} has {output.size} classes; leave it "
            "out."
        )
    name = settings.zoo or suggestion(prepared)
    if output.kind == "series":
        if name in zoo.ZOO and zoo.ZOO[name].horizon is None:
            near = ", ".join(key for key, entry in zoo.ZOO.items() if entry.horizon)
            raise RecipeError(
                f"model.zoo is {name!r}, which forecasts no series; take one of {near}."
            )
        return zoo.build(
            name, shape, units // output.levels, horizon=output.steps, levels=output.levels
        )
    if name in zoo.ZOO and zoo.ZOO[name].horizon:
        raise RecipeError(f"model.zoo is {name!r}, which forecasts series; set task=forecast.")
    tokens = _tokens(name, prepared)
    return zoo.build(name, shape, units, head=output.kind != "number", tokens=tokens)


def _tokens(name: str, prepared: Prepared) -> int | None:
    """How many tokens the texts have, where the data are texts.

    Raises `RecipeError` for an architecture that reads no texts, or nothing else.
    """
    field = prepared.preprocess.inputs["input"]
    tokens = field.tokenizer.size if isinstance(field, PaddedText) else None
    reads = name in zoo.ZOO and zoo.ZOO[name].tokens is not None
    if reads != (tokens is not None) and name in zoo.ZOO:
        kinds = [key for key, entry in zoo.ZOO.items() if entry.tokens]
        given = f"reads texts, but {prepared.name} holds none; leave model.zoo out"
        missing = f"reads no texts; take one of {', '.join(kinds)}"
        raise RecipeError(f"model.zoo is {name!r}, which {given if reads else missing}.")
    return tokens


def suggestion(prepared: Prepared) -> str:
    """The architecture of the zoo for rows of this shape."""
    from trimaran.data.look import suggest_for_images

    shape = prepared.inputs["input"]
    if prepared.outputs["output"].kind == "tokens":
        return "charlstm"
    if isinstance(prepared.preprocess.inputs["input"], PaddedText):
        return "text-lstm"
    if prepared.outputs["output"].kind == "series":
        return "dlinear"
    if len(shape) != 3:
        return "mlp"
    return suggest_for_images((shape[0], shape[1], shape[2]), len(prepared.splits["train"]))[0]


def settle(recipe: Recipe, prepared: Prepared, model: Model) -> Recipe:
    """The recipe with what the data decided written out."""
    chosen = recipe.model
    if not chosen.spec:
        chosen = replace(
            chosen,
            zoo=model.name,
            input_shape=tuple(prepared.inputs[model.inputs[0].name]),
            classes=int(model.output_shape(model.outputs[0][0])[-1] or 1),
        )
    if chosen.weights:
        chosen = replace(chosen, weights=located(chosen.weights))
    return replace(recipe, task=prepared.task, model=chosen)


def _fits(model: Model, prepared: Prepared) -> None:
    ports = {port.name: tuple(port.shape) for port in model.inputs}
    given = {name: tuple(shape) for name, shape in prepared.inputs.items()}
    if set(ports) != set(given) or not all(fits(ports[name], given[name]) for name in given):
        raise RecipeError(
            f"The model {model.name} takes {_ports(ports)}, but {prepared.name} gives "
            f"{_ports(dict(prepared.inputs))}; choose another model or other data."
        )
    for name, output in prepared.outputs.items():
        if name not in dict(model.outputs):
            raise RecipeError(f"The model {model.name} has no output named {name!r}.")
        if output.kind == "series" and model.output_shape(name)[0] != output.steps:
            raise RecipeError(
                f"The model {model.name} does not tell {output.steps} steps, as the data "
                "asks; choose another model or horizon."
            )
        units = model.output_shape(name)[-1]
        if units not in _widths(output):
            raise RecipeError(
                f"The model {model.name} ends in {units} units, but {prepared.name} needs "
                f"{' or '.join(map(str, _widths(output)))}; choose another model or other data."
            )


def trimmed(model: Model, splits: Mapping[str, Rows | Stream]) -> dict[str, Rows | Stream]:
    """The splits to train on: lengths of rows are told only of inputs whose padding the model
    leaves out, since a batch is cut to the longest of them."""
    places = {port.name: value for value, port in enumerate(model.inputs)}
    found: dict[str, Rows | Stream] = {}
    for name, rows in splits.items():
        known = rows.lengths if isinstance(rows, Rows) else {}
        kept = {k: v for k, v in known.items() if leaves_padding_out(model, places[k])}
        found[name] = replace(rows, lengths=kept) if isinstance(rows, Rows) else rows
    return found


def objective(model: Model, prepared: Prepared) -> Objective:
    """What the model learns: cross-entropy for classes and tokens, squared error for numbers,
    the pinball loss for quantiles.

    A cross-entropy whose head the model ends in works on the logits below it.
    """
    losses = {}
    for name, output in prepared.outputs.items():
        kind = "mean_squared_error"
        if output.kind == "tokens":
            kind = "sparse_categorical_crossentropy"
        elif output.kind == "classes":
            binary = model.output_shape(name)[-1] == 1
            kind = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
        target = prepared.preprocess.outputs[name]
        if isinstance(target, Forecast) and target.quantiles:
            losses[name] = Loss(PINBALL, levels=target.quantiles)
            continue
        losses[name] = Loss(kind).on(model.heads.get(name))
    return Objective(losses, inputs=tuple(port.name for port in model.inputs))


def _widths(output: Output) -> tuple[int, ...]:
    binary = output.kind == "classes" and output.size == 2
    return (output.size, 1) if binary else (output.size,)


def _ports(ports: dict[str, tuple[int | None, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in ports.items())


def described(name: str, shape: str | None = None, classes: int | None = None) -> Model:
    """The model of a zoo name, of a run, or of a model.json.

    Args:
        shape: another input than the zoo's reference, as "28,28,1".
        classes: another number of classes than the zoo's reference.

    Raises:
        TrimaranError: there is no such thing, or it has its shapes already.
    """
    if name in zoo.ZOO or not (Path(name).exists() or name == "latest"):
        return zoo.build(name, _shape(shape), classes)
    if shape or classes:
        raise RecipeError(f"{name} has its shapes already; choose them for names of the zoo.")
    if Path(name).is_file():
        return from_json(read_json(Path(name)), name)
    return runs.find(name).model


def trained(name: str) -> Mapping[str, np.ndarray]:
    """The weights of a run.

    Raises:
        RecipeError: the name is not that of a run, but of a description, which has none.
    """
    if name in zoo.ZOO or Path(name).is_file():
        raise RecipeError(f"{name} is a description and has no weights; name a run.")
    return runs.find(name).weights


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        raise RecipeError(f"--input-shape is {text!r}; write it as 28,28,1.") from None
