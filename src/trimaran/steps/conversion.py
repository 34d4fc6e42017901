"""Somebody's own model on the left, source of another framework on the right, held equal.

What is on the left is told apart here alone: `LEFT` tries each framework's reader in turn.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.backends.protocol import Translation
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import Rung
from trimaran.comparison.side import Side
from trimaran.errors import ConversionError, RecipeError
from trimaran.files import write_json, write_text
from trimaran.spec import Model, to_json
from trimaran.spec.model import camel
from trimaran.steps.brought import hold
from trimaran.steps.implementation import source
from trimaran.steps.parity import BACKENDS, PRECISIONS, Climb, Subject, ladder
from trimaran.steps.weightfiles import KERAS, has_keras, write_weights
from trimaran.weights import load, save

TO = ("keras", "torch")


@dataclass(frozen=True)
class Asked:
    """What stands on the left, as it was named: `what` is FILE.py:NAME, module:NAME or a file;
    `shapes` are those of its inputs in its own order of axes, without the batch; `weights` a
    safetensors file of its state dict."""

    what: str
    shapes: tuple[tuple[int, ...], ...] = ()
    weights: str | None = None


@dataclass(frozen=True)
class Left:
    """The model that was brought. `side` is the model itself, as the first side of a ladder; None
    where it cannot be trained beside the others. `note` says that, or what was adapted to."""

    translation: Translation
    side: Side | None
    note: str = ""

    @property
    def model(self) -> Model:
        """The description."""
        return self.translation.model


@dataclass(frozen=True)
class Written:
    """The files of a conversion; `keras` are the weights as Keras loads them, and `stood` files of
    those names that were there before."""

    source: Path
    description: Path
    weights: Path
    lines: int
    keras: Path | None = None
    stood: tuple[Path, ...] = ()

    @property
    def files(self) -> list[Path]:
        """All of them."""
        found = [self.source, self.description, self.weights]
        return found if self.keras is None else [*found, self.keras]

    @property
    def over(self) -> list[Path]:
        """Those that were written over a file."""
        return [path for path in self.files if path in self.stood]


def from_pytorch(asked: Asked) -> Left:
    """A network in a Python file or module."""
    if not asked.shapes:
        raise RecipeError(
            f"{asked.what}: the input's shape is not known; give it as PyTorch has it, without the "
            "batch, such as --input 3,224,224 (once for each input)."
        )
    weights = _state(asked.weights) if asked.weights else None
    module = import_module("trimaran.backends.torch.bring").bring(asked.what, weights)
    found = import_module("trimaran.backends.torch.original").original(module, asked.shapes)
    return Left(found.translation, Side("original", found.build, found.engine, found.masks))


def _state(path: str) -> Mapping[str, np.ndarray]:
    if Path(path).suffix != ".safetensors":
        raise RecipeError(
            f"{path}: weights are read from .safetensors alone, since a pickle can run any code; "
            "save them with safetensors.torch.save_file(model.state_dict(), FILE)."
        )
    return load(path)


def is_python(what: str) -> bool:
    """Whether the name is FILE.py:NAME, module:NAME, or a Python file without a name."""
    head = what.rpartition(":")[0] or what
    return head.endswith(".py") or (":" in what and not Path(what).exists())


def from_keras(asked: Asked) -> Left:
    """A Keras model in a `.keras` file, or made by a Python file. Its outputs are compared with
    the description's before anything else."""
    if asked.shapes or asked.weights:
        raise RecipeError(
            f"{asked.what}: a Keras model knows the shapes of its inputs and holds its weights; "
            "leave --input and --weights out."
        )
    found = import_module("trimaran.backends.keras.reading.files").read_file(asked.what)
    hold(found.translation, found.forward)
    translation = _named(found.translation, asked.what)
    room, model = import_module("trimaran.backends.keras.original"), translation.model
    try:
        own = room.original(asked.what, model)
    except ConversionError as refused:
        note = f"{refused} Its outputs are equal; the ladder starts at PyTorch. {_padding(model)}"
        return Left(translation, None, note.rstrip())
    side = Side("original", own.build, own.engine, own.masks)
    return Left(translation, side, f"{own.note} {_padding(model)}".strip())


# What Keras calls a model that was given no name.
_UNNAMED = re.compile(r"(sequential|functional|model)(_\d+)?")


def _named(found: Translation, what: str) -> Translation:
    """After its file, where Keras has named it."""
    if not what.endswith(".keras") or not _UNNAMED.fullmatch(found.model.name):
        return found
    name = base_name(what)
    graph = replace(found.model.graph, kind=camel(name))
    return replace(found, model=Model(name, graph))


def _padding(model: Model) -> str:
    """Where the two agree on padded rows, if the model reads some."""
    if not any(getattr(leaf.layer, "masked", False) for leaf in model.leaves):
        return ""
    return (
        "Its rows are read as padded behind their last step, where both agree; Keras skips a 0 "
        "wherever it stands, so pad with padding='post' before you compare or go on training."
    )


def is_keras(what: str) -> bool:
    """Whether the name is FILE.keras, or FILE.py:NAME where the file imports Keras and no
    PyTorch."""
    head, _, name = what.rpartition(":")
    if what.endswith(".keras"):
        return True
    if not (name and head.endswith(".py") and Path(head).is_file()):
        return False
    named = set(_imports(Path(head)))
    return "torch" not in named and bool(named & {"keras", "tensorflow"})


def _imports(path: Path) -> Iterator[str]:
    """The packages that a Python file imports; none where it cannot be read."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


LEFT: Sequence[tuple[Callable[[str], bool], Callable[[Asked], Left]]] = (
    (is_keras, from_keras),
    (is_python, from_pytorch),
)
"""(whether it is such a thing, its reader), asked in this order."""


def left(asked: Asked) -> Left:
    """The model on the left, as a description that is known to compute the same.

    Raises:
        RecipeError, ConversionError, RunError: it is nothing that can be read; the text says why.
    """
    for fits, read in LEFT:
        if fits(asked.what):
            return read(asked)
    raise ConversionError(
        f"{asked.what!r} is no model that can be read; give a PyTorch network as FILE.py:NAME or "
        "package.module:NAME, or a Keras model as FILE.keras or FILE.py:NAME."
    )


def write(found: Left, to: str, style: str | None, output: str | None, own: str) -> Written:
    """Write source, description and weights; `own` is what the user named, after which they are
    called where no `output` is named, and whose file is never replaced."""
    text = source(found.model, to, style)
    path = Path(output or f"{base_name(own)}_{to}.py")
    base = path.stem if output else base_name(own)
    if path.exists() and Path(own.rpartition(":")[0] or own).resolve() == path.resolve():
        raise RecipeError(f"{path} is the file that is converted; choose another with -o.")
    description, weights = path.with_name(f"{base}.json"), path.with_name(f"{base}.safetensors")
    maybe = (path, description, weights, path.with_name(f"{base}{KERAS}"))
    stood = tuple(file for file in maybe if file.exists())
    write_text(path, text)
    write_json(description, to_json(found.model))
    save(weights, found.translation.weights)
    keras = None
    if to == "keras" and has_keras():
        keras = path.with_name(f"{base}{KERAS}")
        write_weights(keras, found.model, text, found.translation.weights, to)
    return Written(path, description, weights, text.count("\n"), keras, stood)


def base_name(own: str) -> str:
    """What files are called after NAME of FILE.py:NAME, or after the stem of FILE.keras, in small
    letters; _ stands for what a Python module's name may not have."""
    name = Path(own).stem if own.endswith(".keras") else own.rpartition(":")[2]
    return re.sub(r"\W", "_", name).lower()


# Sizes beyond which a ladder of the usual length is a matter of hours, or of all memory.
_LARGE_FLOPS, _LARGE_SIZE, _HUGE_SIZE = 5e8, 5_000_000, 60_000_000


def climb_for(
    found: Left, steps: int | None = None, given: Mapping[str, Any] | None = None
) -> Climb:
    """A ladder that fits the model's size, unless `given` says otherwise: ten updates of Adam in
    both precisions; for a large one two of plain SGD in float64, whose rounding explains no
    deviation; in float32 where float64 would fill the memory."""
    model = found.model
    large = model.flops > _LARGE_FLOPS or model.size > _LARGE_SIZE
    huge = model.size > _HUGE_SIZE
    chosen: dict[str, Any] = {
        "backends": tuple(name for name in BACKENDS if _installed(name)),
        "steps": (2 if large else 10) if steps is None else steps,
        "optimizers": ("sgd",) if large else ("adam",),
        "precisions": ("float32",) if huge else ("float64",) if large else PRECISIONS,
        "batch_size": 2 if large else 8,
        "original": found.side.name if found.side else "",
    }
    return Climb(**{**chosen, **(given or {})})


def _installed(name: str) -> bool:
    return name == "torch" or all(find_spec(part) is not None for part in ("keras", name))


def climbed(found: Left, given: Climb) -> Iterator[tuple[Problem, Rung]]:
    """Every rung, the user's own model first where it can be."""
    subject = Subject(found.model, found.translation.weights)
    yield from ladder(subject, given, found.side)
